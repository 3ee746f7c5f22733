"""How a result came to be: versions and machine."""

from __future__ import annotations

import importlib.metadata
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from pgebench import __version__
from pgebench.resources import available_cores

PACKAGES = ("torch", "torchvision", "timm", "numpy", "scipy", "pandas", "hydra-core")


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
    """What computes: operating system, processor, cores, memory, accelerator. No host name, no paths."""
    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gb": _memory_gb(),
        "gpu": gpu,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def _memory_gb() -> float | None:
    try:
        line = Path("/proc/meminfo").read_text().splitlines()[0]
        return round(int(line.split()[1]) / 2**20, 1)
    except (OSError, IndexError, ValueError):
        return None
