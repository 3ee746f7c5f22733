"""Walk of a folder: what lies in it, whatever links, rights and names it has."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pgebench.core.errors import DataError
from pgebench.data.listing import hidden

_Place = tuple[int, int]

HIDDEN = "hidden"
"""Reason for which a hidden file or folder is left out."""

NO_ORDINARY_FILE = "no ordinary file"
"""Reason for which a pipe, a socket or a device is left out."""


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in the order of the names.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be listed ({error.strerror}): mend its rights") from error


def folders(top: Path) -> list[Path]:
    """The folders in one, none of them hidden."""
    return [entry for entry in entries(top) if not hidden(Path(entry.name)) and is_folder(entry)]


def is_folder(entry: Path) -> bool:
    """Whether it is a folder, or a link to one; what cannot be looked at is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def walk(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """Files below a folder in the order of their paths, each with why it is left out, or nothing.

    A folder that is left out stands for all in it.

    Args:
        folder: where to begin.
        root: the folder above, to which no link may lead back.
    """
    waiting: list[tuple[Path, tuple[_Place, ...]]] = [(folder, (_place(root),))]
    while waiting:
        entry, above = waiting.pop()
        if hidden(Path(entry.name)) and entry != folder:
            yield entry, HIDDEN
        elif not is_folder(entry):
            if reason := no_file(entry):
                yield entry, reason
            else:
                yield entry, ""
        elif (here := _place(entry)) in above:
            yield entry, "a link back to a folder above it"
        else:
            try:
                inside = entries(entry)
            except DataError as error:
                yield entry, str(getattr(error.__cause__, "strerror", error))
            else:
                waiting += [(below, (*above, here)) for below in reversed(inside)]


def count(folder: Path) -> int:
    """Number of files below a folder; links are not followed."""
    number, waiting = 0, [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    number += 1
    return number


def hidden_below(root: Path) -> list[Path]:
    """The hidden files and folders below a folder, relative to it, by name; links to folders are not followed.

    Args:
        root: the folder, which may itself be hidden.
    """
    found: list[Path] = []
    for folder, inside, names in os.walk(root):
        here = Path(folder).relative_to(root)
        found += [here / name for name in (*inside, *names) if hidden(Path(name))]
        inside[:] = [name for name in inside if not hidden(Path(name))]
    return sorted(found)


def refuse_pipes(root: Path) -> None:
    """Refuse a folder that a library reads by itself and that holds what would be waited for.

    Args:
        root: the folder; one that is not there holds nothing.

    Raises:
        DataError: a pipe, a socket or a device lies below it.
    """
    for folder, _, names in os.walk(root):
        for name in names:
            entry = Path(folder) / name
            if no_file(entry) == NO_ORDINARY_FILE:
                raise DataError(f"{entry} is {NO_ORDINARY_FILE} (a pipe, a socket or a device): remove it")


def no_file(entry: Path) -> str:
    """Why what is no folder is no file either; nothing if it is one. Whoever opened a pipe would wait for ever."""
    try:
        if entry.is_file():
            return ""
        return NO_ORDINARY_FILE if entry.exists() else "a link that leads nowhere"
    except OSError as error:
        return str(error.strerror)


def _place(folder: Path) -> _Place:
    """What the same folder has whatever path leads to it."""
    found = folder.stat()
    return found.st_dev, found.st_ino
