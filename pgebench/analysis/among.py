"""Metrics among themselves, beside one truth: which say the same, and what they reach together."""

from __future__ import annotations

from dataclasses import dataclass

from pgebench.analysis.combinations import Combined, combined
from pgebench.analysis.judge import STATIC, TruthResult
from pgebench.analysis.likeness import Likeness, likeness
from pgebench.analysis.static_ranker import static_replicates
from pgebench.analysis.table import Table


@dataclass(frozen=True)
class Among:
    """What is found about metrics among themselves.

    Attributes:
        likeness: How alike they are, yardsticks included.
        combined: What combinations of those that are no yardsticks reach.
    """

    likeness: Likeness
    combined: Combined


def among(table: Table, result: TruthResult, *, resamples: int, seed: int) -> Among:
    """Compare and combine the metrics of a league.

    Args:
        table: That of the league, with composites.
        result: The league.
        resamples: Draws of the bootstrap.
        seed: Of the draws, the same ones as those of the league.

    Returns:
        Both; the league stays as it is.
    """
    scores = {**table.replicates, STATIC: static_replicates(result.transfers)}
    real = result.league.loc[result.league["kind"] == "metric", "metric"].tolist()
    return Among(
        likeness({metric: scores[metric] for metric in result.metrics}, result.transfers),
        combined(table, result.transfers, result.quality, real, resamples=resamples, seed=seed),
    )
