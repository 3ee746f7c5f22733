"""Given splits: what data say about which images train, validate and test, followed or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import DataError
from pgebench.core.text import unfolded
from pgebench.data.columns import Hole, is_number
from pgebench.data.listing import PART_NAMES, SPLITS

ANEW = "draw all splits anew with loader.split=null"

_PREFIX = re.compile(rf"({'|'.join(sorted(PART_NAMES, key=len, reverse=True))})(?![a-z])")


def given_parts(where: str, name: str, values: Sequence[Any]) -> npt.NDArray[np.uint8] | None:
    """Split numbers from the cells of a column.

    Args:
        where: The dataset, for messages.
        name: Of the column.
        values: Words of ``PART_NAMES`` in any case, or 0, 1, 2, or holes.

    Returns:
        0, 1 or 2 for each value; null if all are holes.

    Raises:
        DataError: A split is called something else, or some rows have none.

    >>> given_parts("x", "split", ["train", "TEST ", "validation", 0, 2.0])
    array([0, 2, 1, 0, 2], dtype=uint8)
    """
    holes = [row for row, value in enumerate(values) if isinstance(value, Hole)]
    if len(holes) == len(values):
        return None
    if holes:
        raise DataError(
            f"{where}: {name} {values[holes[0]].why} in {len(holes)} of {len(values)} rows (row {holes[0]}); fill "
            f"them, or {ANEW}"
        )
    # A truth value is the same key as a number, and no split.
    keys = [str(value) if isinstance(value, bool | np.bool_) else value for value in values]
    known = {key: _part(key) for key in dict.fromkeys(keys)}
    if unknown := [unfolded(str(key)) for key, part in known.items() if part is None]:
        raise DataError(
            f"{where}: a split is called {', '.join(unknown[:5])} in {name}; use {', '.join(SPLITS)} or 0, 1, 2, "
            f"or {ANEW}"
        )
    return np.array([known[key] for key in keys], dtype=np.uint8)


def parts_of_files(files: Sequence[PurePath]) -> Mapping[PurePath, int | None]:
    """The splits that the names of files tell.

    A name begins with the split, as on the Hub. If files do not, a word within their names counts, or else the folder
    they lie in, where this tells several splits apart: one file called ``my_train`` is no given split.

    Args:
        files: Relative to the folder of the dataset.

    Returns:
        Number of the split, or null, for each file.

    >>> list(parts_of_files([PurePath("train-0.parquet"), PurePath("notes.parquet")]).values())
    [0, None]
    >>> list(parts_of_files([PurePath("b/dev/0.parquet"), PurePath("a_test.parquet")]).values())
    [1, 2]
    """
    begins = {file: _begins(file.name) for file in files}
    within = {file: _within(file) if begins[file] is None else begins[file] for file in files}
    several = len({part for part in within.values() if part is not None}) > 1
    return within if several else begins


def _part(value: Any) -> int | None:
    if isinstance(value, str):
        word = value.strip().lower()
        return PART_NAMES.get(word, int(word) if word in ("0", "1", "2") else None)
    return int(value) if is_number(value) and value in (0, 1, 2) else None


def _begins(name: str) -> int | None:
    found = _PREFIX.match(name.lower())
    return PART_NAMES[found[1]] if found else None


def _within(file: PurePath) -> int | None:
    """By the name, or else by the nearest folder whose name tells one split."""
    for name in (file.stem, *reversed(file.parts[:-1])):
        told = {PART_NAMES[word] for word in re.split(r"[^a-z]+", name.lower()) if word in PART_NAMES}
        if len(told) == 1:
            return told.pop()
    return None
