"""The authors' procedure after 25 to 40,000 gradients: how far it agrees with itself, and how well it ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.table import FloatArray, Table
from pgebench.studies.pge.draw_file import DrawnGradients, averaged
from pgebench.studies.pge.evaluate import STATISTIC
from pgebench.studies.pge.products import Products
from pgebench.studies.pge.scoring import Places, scored
from pgebench.studies.pge.truths import TRUTH

KINDS = ("product", "unit")
"""The authors' distance, and that of the directions alone."""

FITTED_AT = 800
"""Gradients from whose agreement that after more of them is foretold."""


@dataclass(frozen=True)
class Point:
    """One place of the curve.

    Attributes:
        draws: Numbers of the draws whose gradients are averaged.
        gradients: How many there are of each dataset.
        products: Of their means.
    """

    draws: tuple[int, ...]
    gradients: int
    products: Products


def points_of(draws: Sequence[DrawnGradients]) -> list[Point]:
    """All places: within each draw after its snapshots, and the first draws together.

    Args:
        draws: In the order in which they are put together.

    Returns:
        By the number of gradients.
    """
    found = [Point((one.draw,), count, _whole(values)) for one in draws for count, values in one.products.items()]
    for last in range(2, len(draws) + 1):
        together = draws[:last]
        numbers = tuple(one.draw for one in together)
        found.append(Point(numbers, sum(one.gradients for one in together), _whole(averaged(together))))
    return sorted(found, key=lambda point: (point.gradients, point.draws))


def _whole(values: FloatArray) -> Products:
    """All tensors as one, at one "restart": every gradient has weights of its own."""
    return Products(values[None, None])


def noise_to_signal(points: Sequence[Point]) -> float:
    """Variance of one gradient over the squared length of the expected one, from the agreement at ``FITTED_AT``.

    The halves of N gradients agree with an expected cosine of 1 / (1 + 2 r / N), where r is that ratio.

    Args:
        points: Of a curve.

    Returns:
        r, from the mean agreement over datasets, and over draws with a snapshot there; NaN where none has one or the
        halves contradict each other.
    """
    agreed = [float(one.products.agreement().mean()) for one in points if one.gradients == FITTED_AT]
    mean = float(np.mean(agreed)) if agreed else float("nan")
    return (1 / mean - 1) * FITTED_AT / 2 if mean > 0 else float("nan")


def foretold(ratio: float, gradients: FloatArray) -> FloatArray:
    """Expected agreement of the halves.

    Args:
        ratio: From ``noise_to_signal``.
        gradients: How many there are.

    Returns:
        Of the same shape.

    >>> foretold(1000.0, np.array([800.0, 40_000.0])).round(2)
    array([0.29, 0.95])
    """
    return np.asarray(1 / (1 + 2 * ratio / gradients))


def curve(points: Sequence[Point], places: Places, table: Table, resamples: int = 1000) -> pd.DataFrame:
    """Agreement and ranking quality at every place.

    Args:
        points: From ``points_of``.
        places: Of sources and targets in the products.
        table: With the truth.
        resamples: Draws of the bootstrap over collections of sources and of targets.

    Returns:
        A row per place: ``gradients``, ``draws``, ``agreement`` (mean cosine of the halves), ``agreement_low`` and
        ``agreement_high`` (quartiles over datasets), ``foretold``, and for each of ``KINDS`` the mean weighted tau over
        targets, its 95 % interval (``_low``, ``_high``) and that without sources of the target's own collection
        (``_far``).
    """
    truth = table.truth[TRUTH]
    ratio = noise_to_signal(points)
    rows = pd.DataFrame(
        {
            "gradients": [point.gradients for point in points],
            "draws": ["+".join(map(str, point.draws)) for point in points],
        }
    )
    agreed = np.array([point.products.agreement() for point in points])
    rows["agreement"] = agreed.mean(axis=1)
    rows["agreement_low"], rows["agreement_high"] = np.quantile(agreed, [0.25, 0.75], axis=1)
    rows["foretold"] = foretold(ratio, rows["gradients"].to_numpy(float))
    for kind in KINDS:
        scores = [scored(point.products, places, kind, truth) for point in points]
        for name, column in _quality(scores, truth, table, resamples).items():
            rows[f"{kind}{name}"] = column
    return rows


def beside(table: Table, metrics: Sequence[str], resamples: int = 1000) -> pd.DataFrame:
    """What other metrics reach on the same pairs.

    Args:
        table: With truth and scores.
        metrics: Names; those that the table lacks are left out. The static ranker is added.
        resamples: Draws of the bootstrap.

    Returns:
        A row per metric: ``metric``, ``tau``, ``tau_low``, ``tau_high``, ``tau_far``; the best first.
    """
    truth = table.truth[TRUTH]
    scores = {name: table.scores[name] for name in metrics if name in table.scores}
    scores["static"] = static_scores(truth)
    found = _quality(list(scores.values()), truth, table, resamples)
    rows = pd.DataFrame({"metric": list(scores)} | {f"tau{name}": column for name, column in found.items()})
    return rows.sort_values("tau", ascending=False, ignore_index=True)


def _quality(scores: Sequence[FloatArray], truth: FloatArray, table: Table, resamples: int) -> dict[str, list[float]]:
    collections = [[table.collection(name) for name in axis] for axis in (table.sources, table.targets)]
    sources, targets = collections
    draws = bootstrap(
        np.stack(scores), truth, sources=sources, targets=targets, resamples=resamples, statistics=(STATISTIC,)
    )[STATISTIC]
    intervals = [draws.interval(number) for number in range(len(scores))]
    far = np.where(table.near, np.nan, 0.0)
    return {
        "": [ranking_quality(score, truth).mean(STATISTIC) for score in scores],
        "_low": [low for low, _ in intervals],
        "_high": [high for _, high in intervals],
        "_far": [ranking_quality(score + far, truth).mean(STATISTIC) for score in scores],
    }
