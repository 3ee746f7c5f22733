"""Budget curve: how well a score ranks, and how far it agrees with itself, by the number of images that it saw.

The variations of the factor `IMAGES` score the same pairs on several *draws* of so many training images a class of the
target (`experiment=budget_curve`). The truth is that of the experiment whatever number of images a score saw, so that
nothing but the score changes along the curve. For each metric and number of images:

* *quality*: mean weighted tau beside the truth over draws, lives and targets, with the interval of the league. Images
  belong to a target, so that their luck needs no draws of its own; for a metric that sees no checkpoint (PGE) the
  spread between the draws of images is added all the same, as its own draws are.
* *short*: the quality with the most images minus this one, with an interval on the same resamples.
* *self-agreement*: Kendall's tau-b between the orders that two draws of as many images give the sources of a target,
  mean over pairs of draws, replicates, backbones and targets. Scores that are all equal are no order: 0, as in the
  league. All images can be drawn once only, and have none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.alike import beside
from pgebench.analysis.correlation import PRIMARY, correlations
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.table import FloatArray, Replicates, Table, placed

IMAGES = "images per class"
"""The factor whose levels are numbers of images."""

ALL = math.inf
"""The number of images of a level that takes all there are."""

CLOSE, STEADY = 0.05, 0.9
"""So far may a quality fall short of that with the most images, and so far must two draws agree, for enough images."""

POINTS = ("metric", "images", "draws", PRIMARY, "low", "high", "short", "short_low", "short_high", "agreement")


@dataclass(frozen=True)
class BudgetCurve:
    """Every metric at every number of images.

    Attributes:
        sizes: Numbers of images a class, ascending; `ALL` for all there are.
        draws: How many draws of images there are of each.
        points: One row per metric and number, in this order; columns `POINTS`, `coverage` (share of the cells with a
            truth that have a score) and `error` (of a failed score, else ""). NaN where nothing is known, and `draws`
            counts those in which the metric has a score.
        enough: One row per metric: `metric`, `quality_from` (fewest images from which on the quality is at most `CLOSE`
            below that with the most) and `steady_from` (from which on two draws agree by `STEADY`); NaN for never.
    """

    sizes: tuple[float, ...]
    draws: dict[float, int]
    points: pd.DataFrame
    enough: pd.DataFrame


def images_of(variant: str) -> float | None:
    """The number of images of a record's `variant`; None if it is of another kind.

    Args:
        variant: As records hold it.

    Returns:
        Images a class, or `ALL`.

    >>> images_of("images per class: target.train_per_class=5 target.draw=2")
    5.0
    >>> images_of("images per class: target.train_per_class=null"), images_of("class order: target.permute_labels=1")
    (inf, None)
    """
    found = re.match(rf"{IMAGES}: target\.train_per_class=(\d+|null)(?= |$)", variant)
    return None if found is None else ALL if found[1] == "null" else float(found[1])


def of_curve(records: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which records belong to the curve.

    Args:
        records: With or without the column `variant`.

    Returns:
        Shape (records,).
    """
    if "variant" not in records:
        return np.zeros(len(records), dtype=bool)
    known = [variant for variant in records["variant"].dropna().unique() if images_of(str(variant)) is not None]
    return records["variant"].isin(known).to_numpy(dtype=bool)


def budget_curve(
    records: pd.DataFrame,
    truth: str,
    base: Table,
    arranged: Callable[[pd.DataFrame], Table],
    *,
    resamples: int,
    seed: int,
) -> BudgetCurve | None:
    """Every metric at every number of images that the records hold.

    Args:
        records: Of the experiment and its variations.
        truth: The truth of the experiment that judges.
        base: Table of the experiment itself.
        arranged: From the records of one variation to its table, with the axes of `base`.
        resamples: Draws of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        The curve, or None if the records hold fewer than two numbers of images.
    """
    scores = records[of_curve(records) & (records["stage"] == "score")]
    if scores.empty:
        return None
    tables: dict[float, list[Table]] = {}
    for variant, own in scores.groupby("variant", sort=True):
        size = images_of(str(variant))
        if size is not None:
            tables.setdefault(size, []).append(arranged(own))
    if len(tables) < 2:
        return None
    sizes = tuple(sorted(tables))
    metrics = sorted({name for several in tables.values() for table in several for name in table.replicates})
    drawn = {
        (metric, size): [
            _on_axes(table.replicates[metric], table, base) for table in tables[size] if metric in table.replicates
        ]
        for metric in metrics
        for size in sizes
    }
    points = _points({at: _with_score(several) for at, several in drawn.items()}, base, truth, resamples, seed)
    errors = _errors(scores)
    points["error"] = [errors.get(at, "") for at in drawn]
    return BudgetCurve(
        sizes=sizes,
        draws={size: len(tables[size]) for size in sizes},
        points=points,
        enough=_enough(points, sizes[-1]),
    )


def _points(
    drawn: Mapping[tuple[str, float], Sequence[Replicates]], base: Table, truth: str, resamples: int, seed: int
) -> pd.DataFrame:
    # Every metric at every number stands for one metric of a league, so that all share the resamples.
    names = {at: f"{at[0]} {at[1]}" for at in drawn}
    joined = {names[at]: _together(several, base) for at, several in drawn.items()}
    sides = beside(replace(base, replicates=joined), base.truths[truth])
    found = sides.resampled((PRIMARY,), resamples=resamples, seed=seed)[PRIMARY]
    position, most = {at: i for i, at in enumerate(drawn)}, max(size for _, size in drawn)
    rows = []
    for (metric, size), at in position.items():
        short = (math.nan,) * 3 if size == most else found.difference(position[metric, most], at)[:3]
        agreement = self_agreement(drawn[metric, size])
        quality = sides.quality()[at]
        several = len(drawn[metric, size])
        rows.append((metric, size, several, quality.mean(PRIMARY), *found.interval(at), *short, agreement))
    points = pd.DataFrame(rows, columns=list(POINTS))
    points["coverage"] = [one.coverage for one in sides.quality()]
    return points


def self_agreement(drawn: Sequence[Replicates]) -> float:
    """Mean tau-b between the orders that two draws of images give the sources.

    Args:
        drawn: The scores of each draw; two that did not look at the same checkpoints are not compared.

    Returns:
        In [-1, 1]; NaN with a single draw, or where no two sources are scored in both.

    >>> first, second = np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [3.0], [2.0]])
    >>> round(self_agreement([Replicates(one[None, ..., None], (0,)) for one in (first, second)]), 3)
    0.333
    """
    taus = []
    for one, other in combinations(drawn, 2):
        if one.looked_at == other.looked_at:
            # (backbones, sources, targets, replicates) -> the sources last
            pair = [np.moveaxis(each.values, 1, -1) for each in (one, other)]
            tau = correlations(*pair, wanted=("tau",))["tau"]
            several = np.isfinite(pair).all(axis=0).sum(axis=-1) > 1
            taus.append(np.where(several, np.nan_to_num(tau), np.nan).ravel())
    return float(mean_where_defined(np.concatenate(taus))) if taus else math.nan


def _with_score(drawn: Sequence[Replicates]) -> list[Replicates]:
    return [one for one in drawn if np.isfinite(one.values).any()]


def _together(drawn: Sequence[Replicates], base: Table) -> Replicates:
    """The draws of images as replicates beside each other; none is a score that is nowhere."""
    if not drawn:
        shape = len(base.backbones), len(base.sources), len(base.targets), 1
        return Replicates(np.full(shape, np.nan), (None,))
    seen = tuple(number for one in drawn for number in one.looked_at)
    return Replicates(np.concatenate([one.values for one in drawn], axis=-1), seen)


def _on_axes(found: Replicates, own: Table, base: Table) -> Replicates:
    """Scores of a variation where the experiment has them; what it has not in its axes is left out."""
    axes = [(own.backbones, base.backbones), (own.sources, base.sources), (own.targets, base.targets)]
    return replace(found, values=placed(found.values, axes))


def _errors(scores: pd.DataFrame) -> dict[tuple[str, float], str]:
    """The first error of each metric at each number of images."""
    failed = scores[scores["error"].notna()] if "error" in scores else scores[:0]
    found: dict[tuple[str, float], str] = {}
    for metric, variant, error in failed[["metric", "variant", "error"]].itertuples(index=False, name=None):
        size = images_of(str(variant))
        if size is not None:
            found.setdefault((str(metric), size), str(error))
    return found


def _enough(points: pd.DataFrame, most: float) -> pd.DataFrame:
    rows = []
    for metric, own in points.groupby("metric", sort=False):
        sizes = own["images"].to_numpy(dtype=float)
        quality = own[PRIMARY].to_numpy(dtype=float)
        close = quality >= quality[sizes == most][0] - CLOSE
        agreement = own["agreement"].to_numpy(dtype=float)
        several = np.isfinite(agreement)
        rows.append((metric, _from(sizes, close), _from(sizes[several], agreement[several] >= STEADY)))
    return pd.DataFrame(rows, columns=["metric", "quality_from", "steady_from"])


def _from(sizes: FloatArray, holds: npt.NDArray[np.bool_]) -> float:
    """The first of ascending sizes from which on something holds; NaN if it does not at the last."""
    lost = np.flatnonzero(~holds)
    first = lost[-1] + 1 if len(lost) else 0
    return float(sizes[first]) if first < len(sizes) else math.nan
