"""Where networks compute, and whether the same seeds give the same numbers there."""

from __future__ import annotations

import os
import re
from multiprocessing import current_process
from typing import Any

import torch

from pgebench.core.errors import ConfigError


def device_of(name: str) -> torch.device:
    """The device that ``device=NAME`` means; ``auto`` is a GPU where there is one.

    Raises:
        ConfigError: no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={name} cannot be used here ({error}); choose device=auto or device=cpu") from error
    return device


def device_of_worker(name: str) -> torch.device:
    """The device of a job: of several GPUs that this process sees, those of joblib's workers take turns.

    Ray and SLURM show a job its own GPUs alone, and a number (``device=cuda:1``) is taken at its word.
    """
    device = device_of(name)
    if device.type != "cuda" or device.index is not None:
        return device
    device = torch.device("cuda", worker_number() % torch.cuda.device_count())
    # What is said of "the" GPU, without a number, means this one from here on.
    torch.cuda.set_device(device)
    return device


def together_on(device: torch.device, together: Any, deterministic: bool) -> bool:
    """Whether ``together=VALUE`` means that several trainings run at once on a device.

    ``auto`` does so on a GPU, unless the same numbers are wanted again: which are still to be trained, and how
    many of them memory holds, decides the order of sums.

    Raises:
        ConfigError: no such value.
    """
    if together == "auto":
        return device.type == "cuda" and not deterministic
    if not isinstance(together, bool):
        raise ConfigError(f"together={together}: choose from auto, true, false")
    return together


def worker_number() -> int:
    """The number of this process among joblib's workers, from 0; 0 outside of them.

    It is the worker's and not the job's: jobs are of different length, and one that follows a short one must not land
    on the GPU of a neighbour.
    """
    number = re.search(r"\d+$", current_process().name)
    return int(number.group()) - 1 if number else 0


def set_deterministic(wanted: bool) -> None:
    """Let torch use deterministic algorithms alone in this process, and fail where an operation has none; or not.

    Must come before the first use of CUDA: cuBLAS reads its workspace setting once. It is set either way, for a
    launcher may give one process the jobs of two sweeps.
    """
    if wanted:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(wanted)
