"""The machine: versions and hardware for the record, and what a job may use of it in the words of each launcher."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import sys
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pgebench.core.errors import ConfigError
from pgebench.core.limits import memory_limit, quota_cores
from pgebench.core.version import __version__

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "pandas", "hydra-core")

ONE_THREAD = MappingProxyType(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
"""Environment of a process that computes beside others: one thread, whatever computes in it."""


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Versions of Python, pgebench and the packages that decide numbers."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            installed[package] = "missing"
    return {"python": platform.python_version(), "pgebench": __version__} | installed


@lru_cache(maxsize=4)
def machine(device: str) -> dict[str, Any]:
    """What computes: system, processor, accelerator, cores and memory that are allowed. No host name, no paths."""
    gpu = _gpu(device) if device.startswith("cuda") else None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gb": _memory_gb(),
        "gpu": gpu,
    }


def _gpu(device: str) -> str:
    import torch  # takes seconds, and commands that compute nothing do without it

    name: str = torch.cuda.get_device_name(device)
    return name


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory_gb() -> float | None:
    memory = available_memory()
    return None if memory == sys.maxsize else round(memory / 2**30, 1)


def available_cores() -> int:
    """The cores that this process may use, at least one.

    The least of what the machine has, the affinity of the process, the quota of its control groups and
    ``LOKY_MAX_CPU_COUNT`` in the environment.

    Raises:
        ConfigError: the environment holds no number.
    """
    import joblib  # and numpy with it, which the help of most commands does without

    try:
        # loky looks at the quota of the root alone, which is that of a container but not of systemd or SLURM.
        return max(1, min(joblib.cpu_count(), quota_cores() or sys.maxsize))
    except ValueError as error:
        text = os.environ.get("LOKY_MAX_CPU_COUNT")
        raise ConfigError(f"LOKY_MAX_CPU_COUNT={text} in the environment: give a whole number of cores") from error


def available_memory() -> int:
    """The bytes of memory that this process may use: the machine's, or what its control groups and its shell grant.

    Returns:
        ``sys.maxsize`` where the system does not say.
    """
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # no POSIX, or one that does not count pages
        whole = sys.maxsize
    return min(whole, memory_limit() or sys.maxsize)


def jobs_at_once(cores: int, gpus: float) -> int:
    """How many jobs that take so many cores and GPUs this machine holds, at least one.

    Args:
        cores: of one job.
        gpus: of one job, 0.5 for two jobs on a GPU; 0 does not limit them.
    """
    by_cores = available_cores() // max(1, cores)
    if gpus <= 0:
        return max(1, by_cores)
    # torch takes seconds to import, and without GPUs to count nothing here needs it.
    import torch

    return max(1, min(by_cores, int(torch.cuda.device_count() / gpus)))


def share(cores: int, jobs: int) -> int:
    """Cores for each of several jobs, at least one.

    >>> share(8, 3), share(2, 4)
    (2, 1)
    """
    return max(1, cores // max(1, jobs))


def whole_gpus(gpus: float) -> int | None:
    """GPUs of a SLURM job, which gets whole ones; None asks for none, on clusters that know no GPUs too.

    >>> whole_gpus(0), whole_gpus(0.5), whole_gpus(2)
    (None, 1, 2)
    """
    return math.ceil(gpus) or None


def memory_bytes(gigabytes: float | None) -> int | None:
    """Memory as Ray counts it; None does not ask for any.

    >>> memory_bytes(2), memory_bytes(None)
    (2147483648, None)
    """
    return None if gigabytes is None else int(gigabytes * 2**30)
