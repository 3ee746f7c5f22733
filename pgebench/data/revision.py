"""Revision: the content of a listed dataset as a hash."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pgebench.core.files import sha256_of, write_atomically
from pgebench.core.identity import canonical_json, digest
from pgebench.core.machine import available_cores
from pgebench.core.settings import Reading
from pgebench.data import picture
from pgebench.data.listing import Content, Listing

SETTLED = 2.0
"""Seconds a file must have been left alone: clocks of file systems are too coarse to show a second change at once."""


READER = 2
"""Raised when more is read than before, or split otherwise. What comes out as it did keeps its revision."""


def otherwise(revision: str) -> str:
    """The revision of a content of which this reader makes something else than the first one did."""
    return digest([revision, "reader", READER])


def state_of(files: Iterable[Path]) -> str:
    """What changes whenever a file does: a hash of the sizes, inodes and times of all."""
    state = hashlib.sha256()
    for file in files:
        try:
            found = file.stat()
        except OSError as error:
            state.update(f"{error.errno} ".encode())
        else:
            state.update(canonical_json([*_facts(found)]).encode())
    return state.hexdigest()


def can_be_read(file: Path) -> bool:
    """Whether all bytes of a file can be read now."""
    return not isinstance(_hash(file), _Unreadable)


def revision_of(listing: Listing, reading: Reading, index: Path | None) -> str:
    """sha256 over the names, labels, splits and bytes of all images and over how they are read.

    Where the data lie is not in it: a copy of a folder is the same dataset. Bytes are hashed again whenever a file's
    size, inode, time of modification or time of status change (which no program can set back) is another one; while
    all are the same, the hash comes from ``index``. A file that cannot be read has a hash that says so and is never
    remembered: the next run may be able to.

    Args:
        listing: the dataset.
        reading: how it will be read.
        index: folder of what was hashed before; null to hash all anew.
    """
    facts = {
        "reading": reading.identity(),
        "decoder": picture.VERSION,
        "class_names": listing.class_names,
        "names": list(listing.names),
        "labels": listing.labels.tolist(),
        "given": None if listing.given is None else listing.given.tolist(),
    }
    content = digest(facts)
    known = None if index is None else _untouched(listing.files, index, content)
    if known is not None and (revision := _remembered(known)):
        return revision
    sums = hashlib.sha256(content.encode())
    unreadable = False
    for one in _hashes(listing):
        unreadable |= isinstance(one, _Unreadable)
        sums.update(one)
    revision = sums.hexdigest()
    # What changed while it was hashed must be hashed again.
    if (
        index is not None
        and known is not None
        and not unreadable
        and known == _untouched(listing.files, index, content)
    ):
        write_atomically(known, canonical_json({"revision": revision}).encode())
    return revision


def _untouched(files: tuple[Path, ...], index: Path, content: str) -> Path | None:
    """Where the hash of files in this state is remembered; None if they changed just now, or there are none."""
    if not files:
        return None
    newest, state = 0, hashlib.sha256(content.encode())
    for file in files:
        try:
            found = file.stat()
        except OSError:
            return None
        if not os.access(file, os.R_OK):
            return None
        newest = max(newest, found.st_mtime_ns, found.st_ctime_ns)
        state.update(canonical_json([str(file.absolute()), *_facts(found)]).encode())
    if newest / 1e9 > time.time() - SETTLED:
        return None
    return index / f"{state.hexdigest()}.json"


def _facts(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_size, found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns)


def _remembered(path: Path) -> str | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(path.read_bytes())["revision"])
    return None


class _Unreadable(bytes):
    """The hash of a file that cannot be read now."""


def _hashes(listing: Listing) -> Iterator[bytes]:
    """The hash of each image, read with as many threads as there are cores."""
    with ThreadPoolExecutor(available_cores()) as pool:
        waiting: list[Content] = []
        for content in listing.contents():
            waiting.append(content)
            if len(waiting) == 64:
                yield from pool.map(_hash, waiting)
                waiting.clear()
        yield from pool.map(_hash, waiting)


def _hash(content: Content) -> bytes:
    if isinstance(content, Path):
        try:
            return bytes.fromhex(sha256_of(content))
        except OSError as error:
            return _Unreadable(hashlib.sha256(f"unreadable: {error.strerror}".encode()).digest())
    if isinstance(content, np.ndarray):
        shape = canonical_json(list(content.shape)).encode()
        return hashlib.sha256(shape + np.ascontiguousarray(content).tobytes()).digest()
    return hashlib.sha256(content).digest()
