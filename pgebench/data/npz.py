"""A NumPy archive of images and labels."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.machine import available_memory
from pgebench.data.listing import SPLITS, Listing, numbered


def listing(path: str, images: str = "images", labels: str = "labels", split: str = "split") -> Listing:
    """The arrays ``images`` uint8 (N, H, W), (N, H, W, 3) or (N, H, W, 4) and ``labels`` (N,), numbers or words.

    An array ``split`` (N,) with ``train``, ``val``, ``test`` or 0, 1, 2 is used if it is there, ``class_names`` (C,)
    names the labels 0 to C - 1. Nothing is unpickled: arrays of Python objects are refused.

    Args:
        path: an ``.npz`` file.
        images: name of the array.
        labels: name of the array.
        split: name of the array.

    Returns:
        The images in the order of the arrays.

    Raises:
        ConfigError: no such file or array.
        DataError: the arrays are not as above.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ConfigError(f"{path}: there is no such file")
    try:
        if not zipfile.is_zipfile(file):
            raise DataError(f"{path} cannot be read: it is no .npz archive")
        with np.load(file, allow_pickle=False) as archive:
            _require(path, archive.files, images, labels)
            _check_shape(path, images, file)
            wanted = [name for name in (images, labels, split, "class_names") if name in archive.files]
            arrays: dict[str, npt.NDArray[Any]] = {name: archive[name] for name in wanted}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        remedy = "; save plain arrays, not objects" if "allow_pickle" in str(error) else ""
        raise DataError(f"{path} cannot be read: {error}{remedy}") from error
    pixels = arrays[images]
    if pixels.dtype != np.uint8:
        raise DataError(f"{path}: {images} are {pixels.dtype}; store uint8 values from 0 to 255")
    if len(arrays[labels]) != len(pixels) or arrays[labels].ndim != 1:
        raise DataError(f"{path}: {labels} {arrays[labels].shape} is not one label for each of {len(pixels)} images")
    numbers, class_names = numbered(arrays[labels])
    if "class_names" in arrays:
        class_names = named(path, arrays[labels], arrays["class_names"])
    return Listing(
        where=path,
        names=[str(row) for row in range(len(pixels))],
        labels=numbers,
        class_names=class_names,
        contents=lambda: pixels,
        given=given_parts(path, arrays[split]) if split in arrays else None,
        files=(file,),
    )


def given_parts(where: str, values: npt.NDArray[Any] | Sequence[Any]) -> npt.NDArray[np.uint8]:
    """Split numbers from words or numbers.

    Args:
        where: The dataset, for messages.
        values: ``train``, ``val`` (or ``valid``, ``validation``), ``test``, or 0, 1, 2.

    Returns:
        0, 1 or 2 for each value.

    Raises:
        DataError: A split is called something else.

    >>> given_parts("x", ["train", "test", "validation", 0])
    array([0, 2, 1, 0], dtype=uint8)
    """
    words = {part: number for number, part in enumerate(SPLITS)} | {"validation": 1, "valid": 1}
    known: dict[Any, int] = words | {str(number): number for number in range(len(SPLITS))}
    unknown = sorted({str(value) for value in values} - set(known))
    if unknown:
        raise DataError(f"{where}: a split is called {', '.join(unknown[:5])}; use {', '.join(SPLITS)}")
    return np.array([known[str(value)] for value in values], dtype=np.uint8)


def named(where: str, labels: npt.NDArray[Any], names: npt.NDArray[Any]) -> tuple[str, ...]:
    """The names of the labels that occur; ``names`` holds one for every label from 0.

    Args:
        where: The dataset, for messages.
        labels: Whole numbers.
        names: Words.

    Returns:
        Names in the order of the labels.

    Raises:
        DataError: A label has no name.
    """
    present = np.unique(labels)
    if not np.issubdtype(present.dtype, np.integer) or present[0] < 0 or present[-1] >= len(names):
        raise DataError(f"{where}: {len(names)} class_names do not fit the labels, which must be from 0 on")
    return tuple(str(names[label]) for label in present)


def _require(path: str, found: list[str], *wanted: str) -> None:
    if missing := [name for name in wanted if name not in found]:
        raise ConfigError(
            f"{path} has no array {', '.join(missing)}; it has {', '.join(found)}: name them with loader.images and "
            "loader.labels"
        )


def _check_shape(path: str, images: str, file: Path) -> None:
    """The shape as the archive declares it, before memory is taken for it: a small archive may hold a huge array."""
    with zipfile.ZipFile(file) as archive, archive.open(f"{images}.npy") as member:
        version = np.lib.format.read_magic(member)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = header(member)
    colours = shape[3:] in ((), (3,), (4,))
    if len(shape) not in (3, 4) or not colours or shape[0] == 0:
        raise DataError(f"{path}: {images} has the shape {shape}; it must be (N, H, W), (N, H, W, 3) or (N, H, W, 4)")
    declared, memory = math.prod(shape) * kind.itemsize, available_memory()
    if declared > memory / 2:
        raise DataError(
            f"{path}: {images} takes {declared / 1e9:.0f} GB, more than half of the memory ({memory / 1e9:.0f} GB); "
            "use a folder or parquet files"
        )
