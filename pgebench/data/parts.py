"""Parts that are splits: which folders they are, what is said where that is not sure, and that none is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.text import one_line
from pgebench.data.listing import PART_NAMES, SPLITS
from pgebench.data.tree import folders

SHARED = 2
"""Folders that are splits have at least so many classes in common."""


def parts_in(root: Path, images: Mapping[Path, int]) -> tuple[dict[Path, int], list[str]]:
    """The folders that are splits, each with its number, and remarks on the others.

    Args:
        root: the folder above them.
        images: every folder in it, with its number of images.

    Raises:
        ConfigError: none is for training.
        DataError: another one looks like a split that would be drawn.
    """
    parts = {top: PART_NAMES[top.name.lower()] for top in images if top.name.lower() in PART_NAMES}
    if 0 not in parts.values():
        raise ConfigError(f"{root}: loader.parts=true wants the folders train, val and test in it, at least train")
    remarks = []
    for number, split in enumerate(SPLITS):
        if len(same := [top.name for top in parts if parts[top] == number]) > 1:
            remarks.append(f"the folders {' and '.join(same)} are both called like {split}: they are read as one split")
    classes = {folder.name for top in parts for folder in folders(top)}
    lacking = [split for number, split in enumerate(SPLITS) if number not in parts.values()]
    others = [top for top in images if top not in parts]
    for top in others:
        if lacking and classes & {folder.name for folder in folders(top)}:
            raise DataError(
                f"{root}: the folder {one_line(top.name)} ({images[top]} images) holds classes too, but is called "
                f"neither train, val nor test: rename it to {' or '.join(lacking)}, or move it away if "
                f"{' and '.join(lacking)} shall be drawn from train"
            )
    remarks += [
        f"NOT USED: the folder {top.name} with {images[top]} images, which is called neither train, val nor test"
        for top in others
    ]
    return parts, remarks


def refuse_parts(path: str, tops: list[Path]) -> list[str]:
    """Refuse class folders that look like splits; remarks on those that might be.

    Args:
        path: what the user called the data.
        tops: the folders in it.

    Raises:
        DataError: all are called like splits, or one is and holds the same folders as another.
    """
    called = [top for top in tops if top.name.lower() in PART_NAMES]
    if called == tops and len(tops) > 1:
        raise DataError(
            f"{path} holds the folders {', '.join(top.name for top in tops)}: if these are splits and no classes, say "
            "so with loader.parts=true; if they are classes, with loader.parts=false"
        )
    for part in called:
        inside = {folder.name for folder in folders(part)}
        for other in tops:
            shared = inside & {folder.name for folder in folders(other)} if other != part else set()
            if len(shared) >= SHARED:
                both = f"{part.name} and {one_line(other.name)}"
                raise DataError(
                    f"{path} holds the folders {both}, and both hold {_few(shared)}: if these are splits, call them "
                    "train, val and test and say loader.parts=true; if they are classes, say loader.parts=false"
                )
    shared = {folder.name for folder in folders(tops[0])} if len(tops) > 1 else set()
    for top in tops[1:]:
        if len(shared) < SHARED:
            return []
        shared &= {folder.name for folder in folders(top)}
    if len(shared) < SHARED:
        return []
    return [
        f"each of the class folders holds the folders {_few(shared)}: they are no classes, the folders above them are"
    ]


def refuse_empty_split(where: str, split: int, refused: Sequence[str], remedy: str) -> None:
    """Refuse data of which a given split has no image: it would be drawn from the images that are to train.

    Args:
        where: what the user called the data.
        split: its number.
        refused: what of it could not be read, with the reason.
        remedy: what makes it one that is drawn.

    Raises:
        DataError: always.
    """
    why = f" ({one_line(refused[0])})" if refused else ""
    raise DataError(f"{where}: no image of a class is in the given split {SPLITS[split]}{why}; add images, or {remedy}")


def _few(names: set[str]) -> str:
    return one_line(", ".join(sorted(names)[:3])) + (", ..." if len(names) > 3 else "")
