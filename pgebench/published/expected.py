"""Figures that were worked out from the repositories before their tables were typed in, beside what the tables give.

They use SciPy's weighted tau and a mean of z-scores in the place of pgebench's own: an independent reading of the same
numbers. Where a league says something else, the page says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import weightedtau

from pgebench.analysis.decompose import two_way
from pgebench.analysis.question import QUESTIONS
from pgebench.published.scores import of_metric, oriented_scores
from pgebench.published.tables import PublishedTable

STATIC = "static"
EXPECTED: dict[str, dict[str, float]] = {
    "medmnist_models": {STATIC: 0.451, "sfda": 0.187, "logme": 0.036},
    "medmnist_sources": {
        STATIC: 0.556,
        "lp_fu": 0.523,
        "lp": 0.440,
        "n_leep": 0.411,
        "fu": 0.410,
        "leep": 0.351,
        "logme": 0.335,
        "parc": 0.297,
        "ncti": 0.183,
    },
    "model_spider": {"otce": -0.184},
    "model_spider_zoo": {
        f"{STATIC}, densenet201": 0.786,
        f"{STATIC}, inception_v3": 0.807,
        f"{STATIC}, resnet50": 0.713,
    },
}
"""Table -> ranker, and backbone where there are several -> mean weighted tau over the targets."""


@dataclass(frozen=True)
class Figure:
    """One figure: what was expected, and what SciPy makes of the table now."""

    table: str
    ranker: str
    backbone: str
    expected: float
    scipy: float


def figures(table: PublishedTable) -> Iterator[Figure]:
    """What was expected of a table, worked out again.

    Args:
        table: The table.

    Yields:
        One figure per line of ``EXPECTED``.

    >>> from pgebench.published import load
    >>> [(one.ranker, one.expected, round(one.scipy, 3)) for one in figures(load("medmnist_models"))]
    [('static', 0.451, 0.451), ('sfda', 0.187, 0.187), ('logme', 0.036, 0.036)]
    """
    for name, value in EXPECTED.get(table.name, {}).items():
        ranker, _, backbone = name.partition(", ")
        scores = static_z(table) if ranker == STATIC else of_metric(oriented_scores(table), ranker)
        yield Figure(table.name, ranker, backbone, value, mean_tau(table, scores, backbone))


def mean_tau(table: PublishedTable, scores: pd.DataFrame, backbone: str = "") -> float:
    """Mean of SciPy's weighted tau over the targets that have scores, a source left out for its own target.

    Args:
        table: With its truths.
        scores: Rows (backbone, source), columns the targets that count.
        backbone: The one whose sources are put in order; "" if the rows are all candidates.

    Returns:
        The mean, in [-1, 1].
    """
    taus = []
    for target, score in scores.items():
        both = pd.DataFrame({"score": score, "truth": table.transfers[target]}).dropna()
        one = both[both.index.get_level_values("backbone") == backbone] if backbone else both
        if len(one):
            taus.append(float(weightedtau(one["score"], one["truth"]).statistic))
    return float(np.mean(taus))


def static_z(table: PublishedTable) -> pd.DataFrame:
    """Mean of the z-scores of the other targets.

    A source's value on its own target counts here for the other targets, and does not in the ranker of the league.

    Args:
        table: With its truths.

    Returns:
        Rows (backbone, source), columns targets.
    """
    z = z_scores(table)
    return pd.DataFrame({target: z.drop(columns=target).mean(axis="columns") for target in z})


def z_scores(table: PublishedTable) -> pd.DataFrame:
    """All printed truths, with mean 0 and standard deviation 1 over the candidates of one target and group.

    Args:
        table: With its truths.

    Returns:
        Rows (backbone, source), columns targets.
    """
    grouped = table.accuracy.groupby(level=QUESTIONS[table.about.question].group)
    return (table.accuracy - grouped.transform("mean")) / grouped.transform("std", ddof=0)


def candidate_share(values: pd.DataFrame) -> float:
    """How much of the squared differences between the candidates of one target is a candidate being good for all.

    The report splits the same differences without the luck of few targets, in points: its share is lower.

    Args:
        values: Rows candidates, columns targets, NaN where absent.

    Returns:
        The candidates' share of the sum of squares of a two-way fit, in [0, 1].

    >>> candidate_share(pd.DataFrame([[0.0, 1.0], [2.0, 3.0]]))
    1.0
    """
    left = two_way(values.to_numpy()).interaction
    differences = values.to_numpy() - np.nanmean(values, axis=0)
    return float(1 - np.nansum(left**2) / np.nansum(differences**2))


def places_of(table: PublishedTable, source: str) -> list[int]:
    """The place of a source in each order, 1 for the best; sources on their own target left out.

    Args:
        table: One that asks for sources.
        source: One of its sources.

    Returns:
        One place per backbone and target on which the source has a value.

    >>> from pgebench.published import load
    >>> places = places_of(load("model_spider_zoo"), "imagenet")
    >>> sum(place <= 2 for place in places), len(places)
    (17, 21)
    """
    places = table.transfers.groupby(level="backbone").rank(ascending=False, method="min").xs(source, level="source")
    return [int(place) for place in places.to_numpy().ravel() if np.isfinite(place)]
