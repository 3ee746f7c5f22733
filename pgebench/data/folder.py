"""A folder of class folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.text import one_line
from pgebench.data.class_names import alike, refuse_equal
from pgebench.data.listing import Listing, hidden
from pgebench.data.parts import parts_in, refuse_empty_split, refuse_parts
from pgebench.data.picture import OTHER_SUFFIXES, SUFFIXES
from pgebench.data.tree import HIDDEN, count, entries, folders, is_folder, walk


def listing(path: str, parts: bool | None = None) -> Listing:
    """The images ``path/CLASS/**/IMAGE``: every folder in ``path`` is a class; folders inside belong to it.

    Hidden files and folders are not read. Links are followed; one that leads back to a folder above it, or nowhere, is
    left out and named.

    Args:
        path: the folder.
        parts: whether the classes are in ``path/train``, ``path/val`` and ``path/test`` instead, which are the splits;
            a part that is missing is drawn from ``train``. Null is false, but refuses a folder that looks like true.

    Returns:
        The images in the order of their paths.

    Raises:
        ConfigError: no such folder, or ``parts`` is wrong.
        DataError: fewer than two classes, a class or a split without a file that looks like an image, two classes of
            the same name, or folders that look like splits.
    """
    root = Path(path).expanduser()
    if not is_folder(root):
        raise ConfigError(f"{path}: there is no such folder")
    found = _Found(root)
    found.beside(root)
    tops = folders(root)
    splits: dict[Path, int] = {}
    remarks: list[str] = []
    if parts:
        splits, remarks = parts_in(root, {top: _images(top, root) for top in tops})
        found.ignored += [f"{top.name}/ ({_images(top, root)} images)" for top in tops if top not in splits]
        for top in splits:
            found.beside(top)
    elif parts is None:
        remarks = refuse_parts(path, tops)
    classes = (
        [(folder, split) for top, split in splits.items() for folder in folders(top)]
        if parts
        else [(folder, 0) for folder in tops]
    )
    class_names = tuple(sorted({folder.name for folder, _ in classes}))
    if len(class_names) < 2:
        raise DataError(
            f"{path} holds {len(class_names)} class folders: put the images of each class in a folder of its own"
        )
    refuse_equal(path, class_names)
    number = {name: index for index, name in enumerate(class_names)}
    rows = [(file, number[folder.name], split) for folder, split in classes for file in found.images(folder)]
    if empty := sorted(set(class_names) - {class_names[label] for _, label, _ in rows}):
        raise DataError(
            f"{path}: no image in {one_line(', '.join(empty[:5]))}{', ...' if len(empty) > 5 else ''}; remove an empty "
            f"class folder or add images ({', '.join(sorted(SUFFIXES))}){found.of_other_formats(empty)}"
        )
    for top, split in splits.items():
        if split not in {split for _, _, split in rows}:
            damaged = [line for line in found.refused if line.startswith(f"{top.name}/")]
            refuse_empty_split(path, split, damaged, "remove its folder, and it is drawn from train")
    files = tuple(file for file, _, _ in rows)
    return Listing(
        where=path,
        names=[file.relative_to(root).as_posix() for file in files],
        labels=np.array([label for _, label, _ in rows], dtype=np.int64),
        class_names=class_names,
        contents=lambda: files,
        given=np.array([split for _, _, split in rows], dtype=np.uint8) if parts else None,
        files=files,
        refused=tuple(found.refused),
        ignored=tuple(found.ignored),
        remarks=(*remarks, *alike(class_names), *found.remarks()),
    )


@dataclass
class _Found:
    """What lies in a folder; what is left out is noted as it is met."""

    root: Path
    refused: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def beside(self, top: Path) -> None:
        """Note what lies in a folder of folders and is none."""
        for entry in entries(top):
            name = str(entry.relative_to(self.root))
            if hidden(Path(entry.name)):
                self._hide(entry)
            elif not is_folder(entry):
                self.ignored.append(name)

    def images(self, folder: Path) -> Iterator[Path]:
        """The files below a class folder that are called like images."""
        for entry, reason in walk(folder, self.root):
            name = str(entry.relative_to(self.root))
            if reason == HIDDEN:
                self._hide(entry)
            elif reason:
                self.refused.append(f"{name}: {reason}")
            elif entry.suffix.lower() not in SUFFIXES:
                self.ignored.append(name)
            else:
                yield entry

    def of_other_formats(self, classes: Sequence[str]) -> str:
        """The end of a sentence: how many images of formats that are not read are in these classes."""
        kinds = _kinds(name for name in self.ignored if set(Path(name).parts[:-1]) & set(classes))
        return f"; it holds {kinds}: convert them" if kinds else ""

    def remarks(self) -> list[str]:
        """What whoever has such images will want to know."""
        kinds = _kinds(self.ignored)
        return [f"NOT READ: {kinds}; convert them, to JPEG or PNG"] if kinds else []

    def _hide(self, entry: Path) -> None:
        name = str(entry.relative_to(self.root))
        self.ignored.append(f"{name}/ ({count(entry)} files)" if is_folder(entry) else name)


def _kinds(names: Iterable[str]) -> str:
    """How many files have which suffix of an image that is not read."""
    kinds = Counter(suffix for name in names if (suffix := Path(name).suffix.lower()) in OTHER_SUFFIXES)
    return ", ".join(f"{number} {suffix} files" for suffix, number in sorted(kinds.items()))


def _images(top: Path, root: Path) -> int:
    return sum(entry.suffix.lower() in SUFFIXES for entry, reason in walk(top, root) if not reason)
