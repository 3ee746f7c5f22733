"""The same seeds give the same numbers on the same machine: on the CPU always, on a GPU by choice."""

from __future__ import annotations

import os

import torch


def make_deterministic() -> None:
    """Let torch use deterministic algorithms alone in this process, and fail where an operation has none.

    Must come before the first use of CUDA: cuBLAS reads its workspace setting once.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True)
