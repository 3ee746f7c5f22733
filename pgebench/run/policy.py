"""What happens when units fail, and how long they may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rules:
    """How units are run; nothing of it changes a result by more than rounding.

    Args:
        workers: number of jobs that run beside each other, for the record: costs measured with neighbours are higher;
            None if nobody knows, as on a cluster.
        retry: how often a unit that failed is tried again at once.
        minutes: limit on the time of one unit; None for no limit.
        deterministic: whether a GPU may use deterministic algorithms only; the CPU has no others here.
        stop: a file that the first failure leaves, and at whose sight no further unit is started; None to go on.
        together: units of one kind are computed at once where their stage can do that.
    """

    workers: int | None = 1
    retry: int = 0
    minutes: float | None = None
    deterministic: bool = False
    stop: Path | None = None
    together: bool = False


DEFAULT = Rules()
