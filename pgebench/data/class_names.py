"""Names of classes that look alike."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence

from pgebench.core.errors import DataError
from pgebench.core.text import one_line


def refuse_equal(where: str, class_names: Sequence[str]) -> None:
    """Refuse two classes whose names are the same text, written with other code points.

    One of the systems that a folder passed through has written é as one sign and another as e with an accent: nobody
    means two classes by it, and which one an image got into is chance.

    Args:
        where: what the user called the data.
        class_names: one per class.

    Raises:
        DataError: there are two such names.
    """
    for same in _groups(class_names, lambda name: unicodedata.normalize("NFC", name)):
        raise DataError(
            f"{where}: the classes {' and '.join(map(ascii, same))} have the same name {one_line(same[0])}, in two "
            "forms of Unicode: put the images of both into one of the folders"
        )


def alike(class_names: Sequence[str]) -> list[str]:
    """Remarks on classes whose names differ in case, in width or in space alone; they are classes of their own.

    >>> alike(["Ant", "ant", "bee"])
    ["the classes 'Ant' and 'ant' differ in case, width or space alone: they are separate classes"]
    """
    return [
        f"the classes {' and '.join(map(repr, same))} differ in case, width or space alone: they are separate classes"
        for same in _groups(class_names, _folded)
    ]


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _groups(names: Sequence[str], key: Callable[[str], str]) -> list[list[str]]:
    groups = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]
