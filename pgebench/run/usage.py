"""What a piece of work costs."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch


@dataclass
class Usage:
    """Resources used inside a ``measured`` block.

    ``wall_s`` and ``cpu_s`` are seconds (CPU: all threads of this process), ``peak_rss_mb`` the highest resident
    memory of the process, ``peak_gpu_mb`` that of the device (0 on the CPU).
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mb: float = 0.0
    peak_gpu_mb: float = 0.0

    def as_dict(self) -> dict[str, float]:
        """The fields, for a record."""
        return asdict(self)


@contextlib.contextmanager
def measured(device: torch.device | None = None) -> Iterator[Usage]:
    """Measure the block; the yielded ``Usage`` is filled when it ends, also by an exception."""
    cost = Usage()
    on_gpu = device is not None and device.type == "cuda"
    _forget_peak()
    if on_gpu:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        if on_gpu:
            torch.cuda.synchronize(device)
            cost.peak_gpu_mb = torch.cuda.max_memory_allocated(device) / 2**20
        cost.wall_s, cost.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        cost.peak_rss_mb = _peak()


def _forget_peak() -> None:
    """Start the high-water mark anew, where the kernel lets us; else the peak is that of the process so far."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float:
    try:
        status = Path(f"/proc/{os.getpid()}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
