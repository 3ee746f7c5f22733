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


@dataclass(frozen=True)
class Hanging:
    """A claim of the league that does not hold without something in the table.

    Attributes:
        metric: Of which it is made.
        first: Whether it is that of being first; else that of beating chance.
        without: Rows of `TruthResult.influence` of this metric, each without something that the claim hangs on.
        of: How many things were left out in turn.
    """

    metric: str
    first: bool
    without: pd.DataFrame
    of: int


def hanging(result: TruthResult) -> list[Hanging]:
    """Claims that hang on a single candidate, family of candidates, or target.

    A claim hangs on what it does not hold without:

    * a metric beats chance (`beats_chance`): without it, the corrected p-value is 5 % or more, the number not above 0,
      or nothing is left to rank;
    * a metric is the first of those that are no yardsticks: without it, another one has a higher number.

    Args:
        result: Of one truth.

    Returns:
        The claims that hang on anything: of beating chance in the order of the league, then that of the first place.
    """
    metrics, rows = real_metrics(result.league), result.influence
    # What leaves nothing to rank for any metric tells them not apart.
    told = rows[rows.groupby(["kind", "left_out"])["weighted_tau"].transform("count") > 0]
    found = []
    for name in beats_chance(metrics)["metric"]:
        own = told[told["metric"] == name]
        lost = own[~((own["p_holm"] < ALPHA) & (own["weighted_tau"] > 0))]
        found.append(Hanging(str(name), False, lost, len(own)))
    for name in metrics["metric"].head(1):
        own = told[told["metric"] == name]
        found.append(Hanging(str(name), True, own[~(own["place"] == 1)], len(own)))
    return [one for one in found if len(one.without)]
