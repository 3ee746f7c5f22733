"""A folder of images without classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.listing import Listing, hidden
from pgebench.data.picture import SUFFIXES
from pgebench.data.tree import entries, folders, is_folder, no_file, walk

PARTS = ("part 1", "part 2")
"""Names of the groups into which images without classes are put by turns."""

FEWEST = 6
"""Images that two groups need, each with one for training, validation and test."""


def is_unlabelled(path: str) -> bool:
    """Whether a folder holds images, and no folder with images in it that could be a class.

    Args:
        path: Of a folder, or anything else, which is none.
    """
    root = Path(path).expanduser()
    if not is_folder(root):
        return False
    try:
        return any(_is_image(entry) and not no_file(entry) for entry in entries(root)) and not any(
            holds_images(top, root) for top in folders(root)
        )
    except DataError:  # what cannot be listed is refused by whoever reads it
        return False


def holds_images(folder: Path, root: Path) -> bool:
    """Whether a file that is called like an image lies anywhere below a folder.

    Args:
        folder: Where to look.
        root: The folder above, to which no link may lead back.
    """
    return any(_is_image(entry) for entry, reason in walk(folder, root) if not reason)


def listing(path: str) -> Listing:
    """The images that lie in a folder, for metrics that look at no labels.

    Everything that reads a dataset counts on classes: the images are put into two groups by turns, which mean nothing.

    Args:
        path: The folder; hidden files and what lies in folders of it are not read, nor links that lead nowhere, pipes
            and devices.

    Returns:
        The images in the order of their names.

    Raises:
        ConfigError: There is no such folder.
        DataError: It holds too few images.
    """
    root = Path(path).expanduser()
    if not is_folder(root):
        raise ConfigError(f"{path}: there is no such folder")
    called = {entry: no_file(entry) for entry in entries(root) if _is_image(entry)}
    files = tuple(entry for entry, reason in called.items() if not reason)
    if len(files) < FEWEST:
        raise DataError(f"{path}: {len(files)} images without classes; give at least {FEWEST}")
    return Listing(
        where=path,
        names=[file.name for file in files],
        labels=np.arange(len(files)) % len(PARTS),
        class_names=PARTS,
        contents=lambda: files,
        files=files,
        refused=tuple(f"{entry.name}: {reason}" for entry, reason in called.items() if reason),
        ignored=tuple(entry.name for entry in entries(root) if entry not in called),
        remarks=("the images have no classes: they are in two groups by turns, which mean nothing",),
        classless=True,
    )


def _is_image(entry: Path) -> bool:
    return not hidden(Path(entry.name)) and entry.suffix.lower() in SUFFIXES and not is_folder(entry)
