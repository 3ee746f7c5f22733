"""What the kernel allows a process: the quota of its control groups, and the memory that they and the shell grant.

A container (``docker run --cpus=1 --memory=4g``), systemd and SLURM set these limits on a control group; the counts of
the host do not show them. Every group above the process counts, for a limit holds for all that is below it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def quota_cores(tree: Path = Path("/")) -> int | None:
    """The processors that the quotas of this process's control groups amount to.

    Args:
        tree: Root of the file system in which ``proc/self`` and ``sys/fs/cgroup`` are looked at.

    Returns:
        A part of a processor counts as one; None without a quota.
    """
    found = [
        cores
        for group in _groups(tree, "cpu")
        if (cores := quota(_text(group / "cpu.max"))) is not None
        or (cores := quota(f"{_text(group / 'cpu.cfs_quota_us')} {_text(group / 'cpu.cfs_period_us')}")) is not None
    ]
    return min(found, default=None)


def quota(text: str) -> int | None:
    """Processors of a quota and its period, as ``cpu.max`` holds them; None without a limit.

    Args:
        text: Two numbers of microseconds, or ``max`` (-1 in version 1) in place of the first.

    Returns:
        At least 1.

    >>> quota("150000 100000"), quota("5000 100000"), quota("max 100000"), quota("-1 100000"), quota("")
    (2, 1, None, None, None)
    """
    match text.split():
        case [given, period] if given.isdecimal() and period.isdecimal() and int(period):
            return max(1, math.ceil(int(given) / int(period)))
    return None


def memory_limit(tree: Path = Path("/")) -> int | None:
    """The memory that the control groups of this process and its shell (``ulimit -v``) grant.

    Args:
        tree: Root of the file system in which ``proc/self`` and ``sys/fs/cgroup`` are looked at.

    Returns:
        Bytes; None without a limit. Version 1 says "no limit" with a number that no machine has.
    """
    files = ("memory.max", "memory.high", "memory.limit_in_bytes")
    found = [_text(group / name) for group in _groups(tree, "memory") for name in files]
    found.append(address_space(_text(tree / "proc/self/limits")))
    return min((int(text) for text in found if text.isdecimal()), default=None)


def address_space(limits: str) -> str:
    """The soft limit of ``ulimit -v`` in bytes, as text.

    Args:
        limits: What ``/proc/self/limits`` holds.

    Returns:
        A number or ``unlimited``; empty if the line is not there.

    >>> address_space("Max address space         4096                 unlimited            bytes")
    '4096'
    """
    lines = (line.removeprefix("Max address space").split() for line in limits.splitlines() if "address space" in line)
    return next((words[0] for words in lines if words), "")


def _groups(tree: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups above this process that have a controller, those of both versions.

    Inside a container the path may be the host's, of which only the root is there: what is missing holds no files.
    """
    base = tree / "sys/fs/cgroup"
    for line in _text(tree / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inside = PurePosixPath(path.lstrip("/"))
        if not controllers:
            roots = [base, base / "unified"]
        elif controller in controllers.split(","):
            roots = [base / controllers, base / controller]
        else:
            continue
        for root in roots:
            yield from (root / each for each in (inside, *inside.parents) if ".." not in each.parts)


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
