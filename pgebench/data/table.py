"""A listing of a table: the rows that have a label, all columns kept in step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import DataError
from pgebench.core.text import unfolded
from pgebench.data.classes import Classes
from pgebench.data.given import ANEW
from pgebench.data.listing import SPLITS, Content, Listing

NOT_SAID = frozenset({"nan", "none", "null", "nat", "n/a", "na", "<na>", "#n/a"})
"""Words that programs write where a label is missing."""


def table(
    where: str,
    names: Sequence[str],
    classes: Classes,
    contents: Callable[[], Iterable[Content]],
    given: npt.NDArray[np.uint8] | None,
    lacking: Mapping[int, str] | None = None,
    files: tuple[Path, ...] = (),
    ignored: Sequence[str] = (),
    remarks: Sequence[str] = (),
    remedy: str = ANEW,
) -> Listing:
    """The rows with a label and an image; the others are left out and named as refused.

    Args:
        where: What the user called the data.
        names: One for each row.
        classes: Of the rows.
        contents: The images of all rows.
        given: Splits of all rows, or null.
        lacking: Why a row has no image, as far as this is known before images are read.
        files: As in ``Listing``.
        ignored: As in ``Listing``.
        remarks: As in ``Listing``.
        remedy: Against a given split of which no row has a label.

    Returns:
        Images, labels and splits of the same rows.

    Raises:
        DataError: There are no rows, none of them, of a class or of a given split is left.
    """
    if not len(names):
        raise DataError(f"{where} has no rows, so there is no image in it")
    why = {**(lacking or {}), **classes.holes}
    refused = tuple(f"{names[row]}: {why[row]}" for row in sorted(why))
    if len(refused) == len(names):
        raise DataError(f"{where}: none of {len(names)} rows can be used ({refused[0]})")
    kept = np.ones(len(names), dtype=bool)
    kept[list(why)] = False
    counts = np.bincount(classes.numbers[kept], minlength=len(classes.names))
    if empty := [unfolded(classes.names[index]) for index in np.flatnonzero(counts == 0)]:
        raise DataError(
            f"{where}: no image of {', '.join(empty[:3])} can be read; remove the class or mend its images "
            f"({refused[0]})"
        )
    if given is not None:
        for part in sorted(set(given.tolist()) - set(given[kept].tolist())):
            raise DataError(
                f"{where}: no row of the given split {SPLITS[part]} can be used ({int((given == part).sum())} rows; "
                f"{refused[0]}); mend it, or {remedy}"
            )
    if twice := [name for name, times in Counter(classes.names).items() if times > 1]:
        remarks = (*remarks, f"several classes are called {', '.join(twice[:3])}: they are kept apart by their numbers")
    if odd := [name for name in classes.names if name.strip().lower() in NOT_SAID]:
        remarks = (*remarks, f"a class is called {odd[0]}: if this says that there is no label, save an empty cell")
    return Listing(
        where=where,
        names=[name for name, keep in zip(names, kept, strict=True) if keep],
        labels=classes.numbers[kept],
        class_names=classes.names,
        contents=contents if kept.all() else lambda: compress(contents(), kept),
        given=None if given is None else given[kept],
        files=files,
        refused=refused,
        ignored=tuple(ignored),
        remarks=tuple(remarks),
    )
