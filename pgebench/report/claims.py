"""Which claims the numbers allow: the predicates behind the words of the verdict."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult

ALPHA = 0.05


@dataclass(frozen=True)
class Finding:
    """One paragraph of the verdict.

    Attributes:
        title: A few words.
        text: One paragraph.
    """

    title: str
    text: str


def real_metrics(league: pd.DataFrame) -> pd.DataFrame:
    """Rows of the league that are metrics and not trivial yardsticks, and have a value."""
    return league[(league["kind"] == "metric") & league[PRIMARY].notna()]


def beats_chance(league: pd.DataFrame) -> pd.DataFrame:
    """Rows better than a shuffled copy of themselves, corrected for the number of metrics."""
    return league[(league["p_holm"] < ALPHA) & (league[PRIMARY] > 0)]


def difference(result: TruthResult, first: str, second: str) -> tuple[float, float, float, float] | None:
    """Difference of weighted tau, first - second, its interval and corrected p-value; None if not compared."""
    for names, sign in (((first, second), 1.0), ((second, first), -1.0)):
        if names in result.by_pair:
            gap, low, high, p = result.by_pair[names]
            low, high = sorted((sign * low, sign * high))
            return sign * gap, low, high, p
    return None


def clearly_better(result: TruthResult, first: str, second: str) -> bool:
    """Whether `first` beats `second` on the same resamples, corrected for all pairs."""
    pair = difference(result, first, second)
    return pair is not None and pair[0] > 0 and pair[3] < ALPHA
