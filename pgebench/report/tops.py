"""The two noise ceilings that the numbers of the league are held against, under the names that all pages use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pgebench.analysis.correlation import CORRELATIONS, PRIMARY
from pgebench.analysis.judge import TruthResult, top_of

SAME, ANEW = "same checkpoints", "everything anew"


@dataclass(frozen=True)
class Top:
    """A noise ceiling of the truth of one life: one checkpoint per source model, and the transfers from it.

    Attributes:
        name: What is made anew.
        band: Look of the band from `repeat` to `perfect`.
        line: Look of the line at `repeat`.
        repeat: Statistic -> agreement of the truth with a repetition of it.
        perfect: Statistic -> what a perfect score reaches.
    """

    name: str
    band: str
    line: str
    repeat: Mapping[str, float]
    perfect: Mapping[str, float]


def tops(result: TruthResult) -> list[Top]:
    """The ceilings that are known.

    Args:
        result: Of one truth.

    Returns:
        With the same checkpoints first; none if nothing was repeated.
    """
    same = Top(
        SAME,
        "ceiling",
        "repeat",
        {name: result.ceiling[name].repeat for name in CORRELATIONS},
        {name: result.ceiling[name].perfect for name in CORRELATIONS},
    )
    anew = Top(
        ANEW,
        "anew",
        "again",
        {name: result.rerun[name].with_seeds(name, 1) for name in CORRELATIONS},
        {name: result.rerun[name].perfect_with(name, 1) for name in CORRELATIONS},
    )
    return [top for top in (same, anew) if math.isfinite(top.repeat[PRIMARY])]


def ceiling_as_priced(result: TruthResult) -> float:
    """Noise ceiling of the truth that costs are compared with, which has one transfer per pair.

    Args:
        result: Of one truth.

    Returns:
        The weighted tau of two such truths; NaN if nothing was repeated.
    """
    single = result.ceiling[PRIMARY].with_seeds(PRIMARY, 1)
    return single if math.isfinite(single) else top_of(result.ceiling[PRIMARY], result.rerun[PRIMARY])
