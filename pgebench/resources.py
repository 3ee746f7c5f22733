"""What a job may use of a machine, in the words of each launcher.

The keys ``job.*`` say it once; the presets in ``conf/launch/`` hand it on through these functions, as resolvers.
"""

from __future__ import annotations

import math
import os


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
