"""Listing: what a loader finds before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import ConfigError

Content = Path | bytes | npt.NDArray[np.uint8]
"""One image: a file, an encoded file in memory, or pixels (H, W), (H, W, 3) or (H, W, 4)."""

T = TypeVar("T")

SPLITS = ("train", "val", "test")

PART_NAMES = {
    **{"train": 0, "training": 0},
    **{"val": 1, "valid": 1, "validation": 1, "dev": 1},
    **{"test": 2, "testing": 2},
}
"""What data call their splits, in lower case, and the numbers of these splits: folders, files, columns and arrays."""

HIDDEN_NAMES = frozenset(
    {
        *("__MACOSX", "Icon\r"),  # macOS, beside .DS_Store and ._x
        *("$RECYCLE.BIN", "System Volume Information", "Thumbs.db", "ehthumbs.db", "desktop.ini"),  # Windows
        *("@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp"),  # network drives
        *("lost+found",),  # Linux
        *("__pycache__",),
    }
)
"""Files and folders that a system or a program puts among somebody's data, beside those that begin with a dot."""

_HIDDEN = frozenset(name.casefold() for name in HIDDEN_NAMES)


@dataclass(frozen=True, eq=False)
class Listing:
    """Images and labels of a dataset, not decoded yet.

    Args:
        where: what the user called the data, for messages.
        names: one per image, the same wherever the data lie.
        labels: int64 (N,), an index into ``class_names``.
        class_names: one per class; every class has at least one image.
        contents: the images in order; called twice, to hash and to decode.
        given: uint8 (N,), 0 train, 1 val, 2 test; null if the data come without splits.
        files: the files that ``contents`` reads, if it reads nothing else: while they are untouched, they need not be
            hashed again.
        refused: what was recognised as damaged while listing, each with its reason.
        ignored: files that were not taken for images.
        remarks: what a reader of the report should know.
        classless: whether the classes are ours, because the data have none.
    """

    where: str
    names: Sequence[str]
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    contents: Callable[[], Iterable[Content]]
    given: npt.NDArray[np.uint8] | None = None
    files: tuple[Path, ...] = ()
    refused: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    classless: bool = False

    def told(self) -> npt.NDArray[np.int64]:
        """The class of each image according to its data: one for all, if these have none.

        Returns:
            Shape (images,).
        """
        return np.zeros_like(self.labels) if self.classless else self.labels


def numbered(values: Sequence[object] | npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Class numbers without gaps, and the names of the classes in their order.

    Args:
        values: The class of each image, numbers or words.

    Returns:
        A number from 0 for each value, and the classes as words, in the order of their numbers.

    >>> numbered(["cat", "ant", "cat"])
    (array([1, 0, 1]), ('ant', 'cat'))
    """
    names, numbers = np.unique(np.asarray(values), return_inverse=True)
    return numbers.astype(np.int64), tuple(str(name) for name in names)


def ordered_parts(parts: Mapping[str, T]) -> dict[str, T]:
    """What a loader is told about splits: some of train, val and test in this order, or all alone.

    Args:
        parts: What the YAML says under ``loader.parts``.

    Returns:
        The same, in the order of the splits.

    Raises:
        ConfigError: another name.

    >>> ordered_parts({"test": "test", "train": "trainval"})
    {'train': 'trainval', 'test': 'test'}
    """
    if not parts or set(parts) - {*SPLITS, "all"} or ("all" in parts and len(parts) > 1):
        raise ConfigError(f"loader.parts has {', '.join(parts) or 'nothing'}; use {', '.join(SPLITS)}, or all alone")
    return {part: parts[part] for part in (*SPLITS, "all") if part in parts}


def hidden(path: PurePath) -> bool:
    """Whether a file is none of the data: it, or a folder it lies in, begins with a dot or is in ``HIDDEN_NAMES``.

    Every loader asks this of each file it finds, reads no hidden one, and lists it as ignored.

    Args:
        path: Relative to the folder that the user named, which may itself be hidden.

    Returns:
        True if it is not to be read.

    >>> [hidden(PurePath(name)) for name in ("ant/1.png", "ant/._1.png", ".cache/ant/1.png", "ant/@eaDir/1.png")]
    [False, True, True, True]
    """
    return any(part.startswith(".") or part.casefold() in _HIDDEN for part in path.parts)
