"""A folder of class folders as a dataset."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pgebench.errors import ConfigError, DataError
from pgebench.unit import derive_seed

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
LARGEST = 50_000_000
"""Pixels of an image above which it is refused: a few kilobytes can hold a picture that fills the memory."""

HOLDOUT = 0.2


@dataclass(frozen=True, eq=False)
class Folder:
    """Images read from a folder.

    Attributes:
        images: uint8 (N, side, side, 3).
        labels: int64 (N,), an index into ``class_names``.
        split: uint8 (N,); 0 train, 1 val, 2 test.
        class_names: names of the class folders, in alphabetical order.
        revision: sha256 of files, labels and side.
        unreadable: files that were left out, with the reason.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]
    class_names: tuple[str, ...]
    revision: str
    unreadable: tuple[str, ...]


@lru_cache(maxsize=8)
def load(path: str, image_size: int = 64, unreadable: str = "skip") -> Folder:
    """Read ``path/CLASS/IMAGE``: every folder in ``path`` is a class.

    Images are turned as their camera says, put on white where transparent, and resampled to squares. Of an animation
    the first picture counts. The split is random, the same for the same files, with a fifth of each class for
    validation and a fifth for test.

    Args:
        path: the folder.
        image_size: side in pixels.
        unreadable: ``skip`` leaves out files that are no images or are damaged, ``fail`` refuses the folder.

    Returns:
        The dataset.

    Raises:
        ConfigError: no such folder, or an impossible option.
        DataError: fewer than two classes, a class without images, or unreadable files and ``unreadable=fail``.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise ConfigError(f"target={path}: there is no such folder")
    if image_size < 8 or unreadable not in ("skip", "fail"):
        raise ConfigError(f"image_size={image_size}, unreadable={unreadable}: at least 8 pixels, and skip or fail")
    classes = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(classes) < 2:
        raise DataError(
            f"{path} holds {len(classes)} class folders: put the images of each class in a folder of its own"
        )
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    refused: list[str] = []
    digest = hashlib.sha256(f"{image_size} {[entry.name for entry in classes]}".encode())
    for label, folder in enumerate(classes):
        before = len(images)
        for file in _files(folder):
            try:
                images.append(_picture(file, image_size))
            except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
                refused.append(f"{file.relative_to(root)}: {error}")
                continue
            labels.append(label)
            digest.update(hashlib.sha256(file.read_bytes()).digest() + bytes(str(label), "ascii"))
        if len(images) == before:
            raise DataError(
                f"{folder} holds no image that can be read; remove the folder or add images" + _few(refused)
            )
    if refused and unreadable == "fail":
        raise DataError(f"{len(refused)} files in {path} cannot be read{_few(refused)}")
    numbers = np.array(labels, dtype=np.int64)
    return Folder(
        np.stack(images),
        numbers,
        _split(numbers),
        tuple(entry.name for entry in classes),
        digest.hexdigest(),
        tuple(refused),
    )


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
            yield file


def _picture(file: Path, side: int) -> npt.NDArray[np.uint8]:
    with warnings.catch_warnings():
        # Large images have a limit of their own below, and odd metadata says nothing about the pixels.
        warnings.simplefilter("ignore")
        with Image.open(file) as image:
            if image.width * image.height > LARGEST:
                raise ValueError(f"{image.width} x {image.height} pixels are more than {LARGEST}")
            image.draft("RGB", (side, side))  # a JPEG decodes to about this size at once
            picture = ImageOps.exif_transpose(image)
            if picture.mode.startswith(("I", "F")):
                values = np.asarray(picture, dtype=np.float64)
                picture = Image.fromarray((values / max(values.max(), 1) * 255).astype(np.uint8))
            if "A" in picture.getbands() or "transparency" in picture.info:
                coloured = picture.convert("RGBA")
                picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
            resized = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            return np.asarray(resized, dtype=np.uint8)


def _split(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Three fifths of each class for training, at least one image in each part where there are three."""
    split = np.zeros(len(labels), dtype=np.uint8)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        rows = np.random.default_rng(derive_seed("folder split", int(label))).permutation(rows)
        held = max(1, round(HOLDOUT * len(rows))) if len(rows) >= 3 else 0
        split[rows[:held]], split[rows[held : 2 * held]] = 2, 1
    return split


def _few(refused: list[str]) -> str:
    shown = "; ".join(refused[:3])
    return f" ({shown}{'; ...' if len(refused) > 3 else ''})" if refused else ""
