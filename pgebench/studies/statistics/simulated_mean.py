"""Simulated mean: one number of the study, with its Monte Carlo error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SimulatedMean:
    """A mean over simulated benchmarks.

    Attributes:
        quantity: What was measured, e.g. `interval` for the coverage of an interval.
        statistic: Of which statistic.
        value: Mean over the benchmarks.
        error: Its standard error over the benchmarks.
        expected: What it should be; NaN if there is no such value.
    """

    quantity: str
    statistic: str
    value: float
    error: float
    expected: float


def simulated_mean(quantity: str, statistic: str, values: Sequence[float], expected: float) -> SimulatedMean:
    """Mean of one number (or one yes or no) per benchmark.

    >>> simulated_mean("interval", "tau", [1.0, 1.0, 0.0, 1.0], 0.95).value
    0.75
    """
    numbers = np.asarray(values, dtype=float)
    error = float(numbers.std(ddof=1) / np.sqrt(numbers.size)) if numbers.size > 1 else float("nan")
    return SimulatedMean(quantity, statistic, float(numbers.mean()), error, expected)
