"""Listing: what a loader finds before anything is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import ConfigError

Content = Path | bytes | npt.NDArray[np.uint8]
"""One image: a file, an encoded file in memory, or pixels (H, W), (H, W, 3) or (H, W, 4)."""

T = TypeVar("T")

SPLITS = ("train", "val", "test")


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
