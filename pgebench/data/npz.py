"""A NumPy archive of images and labels."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import ConfigError, DataError, PgebenchError
from pgebench.core.machine import available_memory
from pgebench.core.text import unfolded
from pgebench.data.classes import Part, classes
from pgebench.data.columns import cells, check_length, check_pixels
from pgebench.data.given import given_parts
from pgebench.data.listing import Listing
from pgebench.data.table import table

SPLIT = "split"


def listing(path: str, images: str = "images", labels: str = "labels", split: str | None = SPLIT) -> Listing:
    """The arrays ``images`` uint8 (N, H, W), (N, H, W, 3) or (N, H, W, 4) and ``labels`` (N,), numbers or words.

    An array ``split`` (N,) with ``train``, ``val``, ``test`` or 0, 1, 2 is used if it is there, ``class_names`` (C,)
    names the labels 0 to C - 1. Images without a label (NaN, an empty word, -1 where there are names) are left out and
    named. Nothing is unpickled: arrays of Python objects are refused.

    Args:
        path: an ``.npz`` file.
        images: name of the array.
        labels: name of the array.
        split: name of the array; null draws all splits anew.

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
            _check_members(path, archive.files, images, labels, split)
            wanted = [name for name in (images, labels, split, "class_names") if name and name in archive.files]
            _check_declared(path, images, wanted, file)
            arrays: dict[str | None, npt.NDArray[Any]] = {name: archive[name] for name in wanted}
    except PgebenchError:
        raise
    except Exception as error:  # NumPy and zipfile raise whatever a damaged or encrypted archive leads them to
        remedy = "; save plain arrays, not objects" if "allow_pickle" in str(error) else ""
        raise DataError(f"{path} cannot be read: {unfolded(error)}{remedy}") from error
    pixels = arrays[images]
    found = cells(path, labels, arrays[labels])
    check_length(path, labels, len(found), len(pixels))
    given: npt.NDArray[np.uint8] | None = None
    remarks: tuple[str, ...] = ()
    if split in arrays:
        told = cells(path, str(split), arrays[split])
        check_length(path, str(split), len(told), len(pixels))
        given = given_parts(path, str(split), told)
        remarks = () if given is not None else (f"the array {split} is empty: splits are drawn",)
    names = cells(path, "class_names", arrays["class_names"]) if "class_names" in arrays else None
    return table(
        where=path,
        names=[str(row) for row in range(len(pixels))],
        classes=classes(labels, [Part(path, found, names)]),
        contents=lambda: pixels,
        given=given,
        files=(file,),
        remarks=remarks,
    )


def _check_members(path: str, found: list[str], images: str, labels: str, split: str | None) -> None:
    needed = [images, labels, *([split] if split not in (None, SPLIT) else [])]
    if missing := [name for name in needed if name not in found]:
        raise ConfigError(
            f"{path} has no array {', '.join(missing)}; it has {', '.join(found) or 'none'}: name them with "
            "loader.images, loader.labels and loader.split"
        )
    if twice := [name for name in (*needed, split, "class_names") if name is not None and found.count(name) > 1]:
        raise DataError(f"{path} has {found.count(twice[0])} arrays called {twice[0]}; save it again with one")


def _check_declared(path: str, images: str, wanted: list[str], file: Path) -> None:
    """Shapes as the archive declares them, before memory is taken: a small archive may hold a huge array."""
    memory = available_memory()
    with zipfile.ZipFile(file) as archive:
        for name in wanted:
            if f"{name}.npy" not in archive.namelist():
                raise DataError(f"{path}: {name} is no NumPy array; save it with numpy.savez")
            with archive.open(f"{name}.npy") as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, kind = read(member)
            if name == images:
                check_pixels(path, name, shape, kind)
            declared = math.prod(shape) * kind.itemsize
            if declared > memory / 2:
                raise DataError(
                    f"{path}: {name} takes {declared / 1e9:.0f} GB, more than half of the memory ({memory / 1e9:.0f} "
                    "GB); use a folder or parquet files"
                )
