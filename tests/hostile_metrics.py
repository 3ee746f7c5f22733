"""Metrics that do what a metric must not, for the tests of what happens then."""

from __future__ import annotations

import itertools
import math
import os
import signal
import time


def honest(number: float = 1.0) -> float:
    return number


def raises() -> float:
    raise ZeroDivisionError("no spread")


def is_nan() -> float:
    return math.nan


def kills_its_process() -> float:
    """As the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


def hangs() -> float:
    while True:
        time.sleep(0.01)


def hangs_and_swallows_errors() -> float:
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            return 0.0


def hangs_in_c() -> float:
    """Never returns, and holds the interpreter lock all the while."""
    return float(sum(itertools.repeat(0)))
