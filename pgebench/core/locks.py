"""Locks between processes that share a store, on one machine or on several."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLease

from pgebench.core.errors import ConfigError

KINDS = ("flock", "soft")
"""``flock``: the kernel's lock, free the moment its process ends. ``soft``: a file that its owner refreshes."""

FORMAT_FILE = "FORMAT"
"""Name of the file of a store that says which layout and which locks it is used with."""

LEASE = 120.0
"""Seconds without a refresh after which a soft lock is taken over, on the clock of the one who waits."""

LOCAL = frozenset(
    ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "squashfs", "tmpfs", "vfat", "xfs", "zfs")
)
"""File systems of one machine. On all others ``flock`` may hold on one machine only, or not at all."""


def kind_of(wanted: str, folder: Path) -> str:
    """The kind of lock that ``lock=NAME`` means in a folder, which need not exist yet.

    Raises:
        ConfigError: no such kind.
    """
    if wanted == "auto":
        return "soft" if (system := file_system(folder)) and system not in LOCAL else "flock"
    if wanted not in KINDS:
        raise ConfigError(f"lock={wanted}: choose from auto, {', '.join(KINDS)}")
    return wanted


def kind_in_use(store: Path, wanted: str = "auto") -> str:
    """The kind of lock that all who share a store use: what its file ``FORMAT`` says, or else what ``wanted`` means.

    Whether ``wanted`` contradicts the store is for ``pgebench.store.format.open_store`` to say.

    Raises:
        ConfigError: no such kind.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError, TypeError, KeyError):
        written = json.loads((store / FORMAT_FILE).read_bytes())["lock"]
        if written in KINDS:
            return str(written)
    return kind_of(wanted, store)


def file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """The type of the file system that a folder is on; None where the system does not say."""
    place = folder.resolve()
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return None
    # A later mount hides an earlier one at the same point; blanks in names are written as \040.
    found = {Path(fields[1].replace("\\040", " ")): fields[2] for fields in lines if len(fields) > 2}
    return next((found[parent] for parent in (place, *place.parents) if parent in found), None)


def lock_file(path: Path, kind: str) -> BaseFileLock:
    """A lock of this kind, not yet taken.

    A soft lock whose process is known to be dead is taken over at once, and one that was not refreshed for ``LEASE``
    seconds by whoever waits for it; neither looks at the time of day.
    """
    if kind == "soft":
        return SoftFileLease(path, lease_duration=LEASE, poll_interval=0.2)
    return FileLock(path, fallback_to_soft=False)
