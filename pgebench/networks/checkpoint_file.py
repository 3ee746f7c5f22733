"""Checkpoint files: what ``torch.save`` or safetensors wrote, in one file or in shards; none of it is run."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from pgebench.core.errors import ConfigError
from pgebench.core.files import sha256_of
from pgebench.networks.foreign_files import LEGACY, looks_like

INDEX = ".index.json"
"""Ends the name of the file that says which shard holds which tensor."""

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
"""Of the files of which a folder may hold one."""

_ASKED = "give a .safetensors file or a state dict written by torch.save"
_ALONE = "save the state dict alone, with torch.save(network.state_dict(), FILE), where you trust the file"
_MANY = 4


def in_folder(folder: Path) -> Path:
    """The weight file of a folder that has one: the index of its shards, or the only file.

    Raises:
        ConfigError: it has none, or several.
    """
    names = sorted(each.name for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    indexes = [name for name in names if name.lower().endswith(INDEX)]
    found = indexes or [name for name in names if name.lower().endswith(SUFFIXES)]
    if len(found) == 1:
        return folder / found[0]
    if not found:
        raise ConfigError(
            f"backbone.weights={folder}: no weight file is in the folder ({', '.join(SUFFIXES)}); {_ASKED}"
        )
    raise ConfigError(f"backbone.weights={folder}: a folder of several weight files; name one of {first(found)}")


def fingerprint(path: Path) -> str:
    """The sha256 of a file, or of an index with all its shards, in hexadecimal.

    What was hashed is hashed again only after it was written to.

    Raises:
        ConfigError: it cannot be read, or a shard is not there.
    """
    try:
        status = path.stat()
        own = _fingerprint(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ConfigError(f"backbone.weights={path}: cannot be read ({error.strerror})") from error
    if not is_index(path):
        return own
    parts = [own, *(fingerprint(shard) for shard in sorted(set(shards(path).values())))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache(maxsize=256)
def _fingerprint(path: Path, written: int, size: int) -> str:
    return sha256_of(path)


def is_index(path: Path) -> bool:
    """Whether a file's name says that it is the index of shards."""
    return path.name.lower().endswith(INDEX)


def shards(index: Path) -> dict[str, Path]:
    """The file of each tensor that an index names.

    Raises:
        ConfigError: it is no index, or names a file that is not beside it.
    """
    try:
        names = json.loads(index.read_bytes())["weight_map"]
        if not all(isinstance(name, str) for name in names.values()):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"backbone.weights={index}: no index of shards: its weight_map does not give a file for each tensor"
        ) from error
    for name in sorted(set(names.values())):
        # Names, not paths: an index must not reach for other files of the machine.
        if name in ("", ".", "..") or name != PurePosixPath(name).name or name != PureWindowsPath(name).name:
            raise ConfigError(f"backbone.weights={index}: its shard {name!r} is not a file beside it")
        if "\0" in name or not (index.parent / name).is_file():
            raise ConfigError(f"backbone.weights={index}: its shard {name!r} is missing; put it beside the index")
        if is_index(index.parent / name):
            raise ConfigError(f"backbone.weights={index}: its shard {name!r} is an index itself")
    return {tensor: index.parent / name for tensor, name in names.items()}


def content_of(path: Path) -> Any:
    """What a checkpoint file holds: tensors by name, or what a training saved, with tensors somewhere in it.

    What the file says by its first bytes counts, not its name. Objects of classes that are not torch's are read as
    ``Unread``: no class that a file names is imported, no function it names is called.

    Raises:
        ConfigError: it is no such file; the message says what it is instead.
    """
    if not is_index(path):
        return _read(path)
    places = shards(path)
    parts = {shard: _read(shard) for shard in sorted(set(places.values()))}
    found = {}
    for name, shard in places.items():
        part = parts[shard]
        if not isinstance(part, Mapping) or name not in part:
            raise ConfigError(f"backbone.weights={path}: its shard {shard.name!r} lacks the tensor {plain(name)}")
        found[name] = part[name]
    return found


class Unread:
    """Stands for an object of a class that is not torch's: whatever a file does to it has no effect."""

    def __new__(cls, *_: Any, **__: Any) -> Unread:
        """An empty object."""
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """Nothing is kept."""

    def __setstate__(self, state: Any) -> None:
        """Nothing is kept."""


def _read(path: Path) -> Any:
    """What one file holds."""
    try:
        kind = None if _is_safetensors(path) else looks_like(path)
        if kind is not None:
            raise ConfigError(f"backbone.weights={path}: cannot be read as weights: it is {kind}")
        if _is_torch(path):
            return _read_torch(path)
        if _is_safetensors(path) or path.suffix.lower() == ".safetensors":
            return load_file(path)
        raise ConfigError(
            f"backbone.weights={path}: cannot be read as weights: neither torch.save nor safetensors wrote it; {_ASKED}"
        )
    except SafetensorError as error:
        raise ConfigError(
            f"backbone.weights={path}: cannot be read as weights: it is a damaged safetensors file "
            f"({plain(str(error))}); download it anew"
        ) from error
    except OSError as error:
        raise ConfigError(f"backbone.weights={path}: cannot be read ({error.strerror or plain(str(error))})") from error


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors do: with the length of a JSON header that fits into it."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") + 8 <= path.stat().st_size


def _is_torch(path: Path) -> bool:
    """Whether a file begins as those of ``torch.save`` do."""
    with path.open("rb") as file:
        return LEGACY in file.read(20) or (_is_zip(path) and not _is_safetensors(path))


def _is_zip(path: Path) -> bool:
    """Whether a file is a zip archive, if only a damaged one."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # which Python raises at an end that speaks of other disks
        return True


@lru_cache(maxsize=256)
def _damaged_part(path: Path, written: int, size: int) -> str | None:
    """The first part of a zip archive whose checksum is not that of its bytes; torch does not look."""
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            if part.CRC == 0:  # torch can leave checksums out
                continue
            try:
                with archive.open(part) as file:
                    while file.read(2**24):
                        pass
            except zipfile.BadZipFile:
                return part.filename
    return None


def _read_torch(path: Path) -> Any:
    """What ``torch.save`` wrote."""
    foreign: list[str] = []
    try:
        zipped = _is_zip(path)
        status = path.stat()
        if zipped and (part := _damaged_part(path, status.st_mtime_ns, status.st_size)):
            raise ConfigError(
                f"backbone.weights={path}: cannot be read as weights: it is damaged, the checksum of {plain(part)} is "
                "wrong; download it anew"
            )
        foreign = sorted(get_unsafe_globals_in_checkpoint(path)) if zipped else []
        if modules := [name for name in foreign if name.startswith("torch.nn.")]:
            raise ConfigError(
                f"backbone.weights={path}: holds a whole network with its code ({first(modules)}), which is not read; "
                f"{_ALONE}"
            )
        stand_ins: list[Any] = [_stand_in(name) for name in foreign if not name.startswith("torch.")]
        with safe_globals(stand_ins):
            # torch would judge a file by such a name.
            if path.suffix.lower() == ".safetensors":
                return torch.load(BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped or None)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        classes = foreign or ([named.group(1)] if named else [])
        what = f"holds objects of {first(classes)}, which are not read" if classes else "is damaged"
        remedy = _ALONE if classes else _ASKED
        raise ConfigError(f"backbone.weights={path}: cannot be read as weights: it {what}; {remedy}") from error
    except ConfigError:
        raise
    # A damaged pickle may fail at any of its instructions, in any way.
    except Exception as error:
        told = f"{type(error).__name__}: {plain(str(error))}" if "weights_only" not in str(error) else "unreadable"
        raise ConfigError(
            f"backbone.weights={path}: cannot be read as weights: it is cut off or damaged ({told}); {_ASKED}"
        ) from error


def _stand_in(name: str) -> type[Unread]:
    """A class under the name of another one."""
    module, _, own = name.rpartition(".")
    return type(own, (Unread,), {"__module__": module})


def plain(text: str, most: int = 100) -> str:
    r"""The first line of a text that is not ours, without signs that are no text.

    >>> plain("\x1b[1mconv1.weight\x1b[0m\n\tmore")
    'conv1.weight'
    """
    line = next(iter(re.sub(r"\x1b\[[0-9;]*m", "", text).strip().splitlines()), "")
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def first(names: list[str], most: int = _MANY) -> str:
    """The first names of many.

    >>> first(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    return ", ".join(plain(name) for name in names[:most]) + (", ..." if len(names) > most else "")
