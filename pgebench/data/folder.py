"""A folder of class folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.listing import Listing
from pgebench.data.picture import SUFFIXES

PART_NAMES = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "test": 2, "testing": 2}


def listing(path: str, parts: bool = False) -> Listing:
    """The images ``path/CLASS/**/IMAGE``: every folder in ``path`` is a class; folders inside belong to it.

    Hidden files and folders are not seen. Links are followed; one that leads back to a folder above it, or nowhere, is
    left out and named.

    Args:
        path: the folder.
        parts: the classes are in ``path/train``, ``path/val`` and ``path/test`` instead, which are the splits; a part
            that is missing is drawn from ``train``.

    Returns:
        The images in the order of their paths.

    Raises:
        ConfigError: no such folder, or ``parts`` is wrong.
        DataError: fewer than two classes, or a class without a file that looks like an image.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise ConfigError(f"{path}: there is no such folder")
    above = _parts(root) if parts else {root: None}
    found = [(folder, part) for top, part in above.items() for folder in _folders(top)]
    class_names = tuple(sorted({folder.name for folder, _ in found}))
    _check_classes(path, class_names, parts)
    files: list[Path] = []
    labels: list[int] = []
    given: list[int] = []
    refused: list[str] = []
    ignored = [str(entry.relative_to(root)) for top in above for entry in _entries(top) if entry.is_file()]
    number = {name: index for index, name in enumerate(class_names)}
    for folder, part in found:
        for file, reason in _walk(folder, (root.resolve(),)):
            name = str(file.relative_to(root))
            if reason:
                refused.append(f"{name}: {reason}")
            elif file.suffix.lower() not in SUFFIXES:
                ignored.append(name)
            else:
                files.append(file)
                labels.append(number[folder.name])
                given.append(part or 0)
    if empty := sorted(set(class_names) - {class_names[label] for label in set(labels)}):
        raise DataError(
            f"{path}: no image in {', '.join(empty[:5])}{', ...' if len(empty) > 5 else ''}; remove an empty class "
            f"folder or add images ({', '.join(sorted(SUFFIXES))})"
        )
    return Listing(
        where=path,
        names=[file.relative_to(root).as_posix() for file in files],
        labels=np.array(labels, dtype=np.int64),
        class_names=class_names,
        contents=lambda: files,
        given=np.array(given, dtype=np.uint8) if parts else None,
        files=tuple(files),
        refused=tuple(refused),
        ignored=tuple(ignored),
    )


def _parts(root: Path) -> dict[Path, int | None]:
    found: dict[Path, int | None] = {
        folder: PART_NAMES[folder.name.lower()] for folder in _folders(root) if folder.name.lower() in PART_NAMES
    }
    if 0 not in found.values():
        raise ConfigError(f"{root}: loader.parts=true wants the folders train, val and test in it, at least train")
    return found


def _check_classes(path: str, class_names: tuple[str, ...], parts: bool) -> None:
    if len(class_names) < 2:
        raise DataError(
            f"{path} holds {len(class_names)} class folders: put the images of each class in a folder of its own"
        )
    if not parts and {name.lower() for name in class_names} <= set(PART_NAMES):
        raise DataError(
            f"{path} holds the folders {', '.join(class_names)}: if these are splits and no classes, say so with "
            "loader.parts=true"
        )


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_dir()]


def _walk(folder: Path, above: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Files below a folder, with why one is left out, or nothing."""
    here = folder.resolve()
    if here in above:
        yield folder, "a link back to a folder above it"
        return
    try:
        entries = _entries(folder)
    except OSError as error:
        yield folder, str(error.strerror)
        return
    for entry in entries:
        if entry.is_dir():
            yield from _walk(entry, (*above, here))
        elif entry.is_file():
            yield entry, ""
        else:
            yield entry, "a link that leads nowhere" if entry.is_symlink() else "no ordinary file"
