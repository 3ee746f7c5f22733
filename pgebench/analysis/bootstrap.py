"""Confidence intervals: a hierarchical bootstrap over targets, sources and truth seeds.

The same draws serve all metrics, so that two metrics can be compared on the same resamples. In each resample the
targets are drawn with replacement, the sources are drawn with replacement (the same draw for every target and
backbone, since a source that is good for everyone is good everywhere), and within each (backbone, target) the seeds
of the truth are drawn with replacement. Backbones are taken as given.

Sources and targets are *crossed*, and drawing both at once counts the part of the variance that lives in single
cells three times (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007). Drawing only targets gives
V_t = B + C, only sources V_s = A + C, and both V_both = A + B + 3 C, where A, B and C belong to sources, targets
and cells. That is solved for the three; each is freed of the bootstrap's bias (a bootstrap of n things is too
narrow by (n - 1) / n, Hesterberg, "What teachers should know about the bootstrap", American Statistician 2015), and
the draws are scaled to A + B + C, times t / z for the degrees of freedom that Satterthwaite's formula gives the
sum. The noise of the seeds is part of C.

How often the intervals hold the true value is measured by `python -m pgebench.studies.statistics`, see
`results/reference/statistics.md`: nominally often where source effect and interaction both matter, too often where a
part is small or absent. Each part is cut at 0, which keeps one half of its noise; and in a rank correlation A holds
*pairs* of sources, which a resample counts more than once. So a table of six by six, or of interaction alone, gets
intervals that are too wide.

The draws are centred on the estimate: drawing seeds adds noise to the truth, which would pull every interval downwards.

Rel@k and regret depend on the best of a *list*; a resample has fewer distinct sources, so its best is worse and its
choice easier. For them the list of sources is held fixed, and their intervals speak about new targets with the same
sources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from pgebench.analysis.correlation import CORRELATIONS, Order, correlate, correlations
from pgebench.analysis.quality import BOUNDS, SELECTIONS, STATISTICS, alike, mean_where_defined
from pgebench.analysis.selection import selection
from pgebench.analysis.table import FloatArray, mean_over_seeds

LEVEL = 0.95
# With fewer sources (or targets) a resample is mostly copies of one: nothing can be learnt by drawing them, and
# they are held fixed. With few of both there is no interval.
FEWEST = 4
# Elements of the largest temporary array (float64).
CHUNK = 2_000_000


@dataclass(frozen=True)
class Resamples:
    """Draws of the mean over targets of one statistic, for all metrics.

    Attributes:
        estimate: Value on the data itself, shape (metrics,).
        full: Targets, sources and seeds drawn, shape (metrics, resamples).
        both: Targets and sources drawn.
        by_target: Only targets drawn.
        by_source: Only sources drawn.
        targets: Number of targets drawn; 0 if they were not drawn.
        sources: Number of sources drawn; 0 if they were not drawn.
        bounds: Lowest and highest possible value.
    """

    estimate: FloatArray
    full: FloatArray
    both: FloatArray
    by_target: FloatArray
    by_source: FloatArray
    targets: int
    sources: int
    bounds: tuple[float, float]

    def calibrated(self, weights: FloatArray) -> tuple[float, FloatArray, float]:
        """Estimate and corrected draws of a linear combination of the metrics.

        Args:
            weights: Shape (metrics,); a one-hot vector for one metric, +1 and -1 for a difference.

        Returns:
            The estimate, the draws (those that are defined; none if nothing could be drawn), and the degrees of freedom
            (NaN without any spread).
        """
        used = weights != 0
        estimate, full, both, by_target, by_source = (
            weights[used] @ values[used]
            for values in (self.estimate, self.full, self.both, self.by_target, self.by_source)
        )
        defined = np.isfinite(full) & np.isfinite(both) & np.isfinite(by_target) & np.isfinite(by_source)
        if not np.isfinite(estimate) or not defined.any():
            return float(estimate), np.empty(0), float("nan")
        error, freedom = self._error(*(float(np.var(v[defined])) for v in (full, both, by_target, by_source)))
        if not np.isfinite(error):
            return float(estimate), np.empty(0), float("nan")
        spread = float(full[defined].std())
        scale = error * _t_over_z(freedom) / spread if spread > 0 else 0.0
        return float(estimate), estimate + (full[defined] - full[defined].mean()) * scale, freedom

    def _error(self, v_full: float, v_both: float, v_target: float, v_source: float) -> tuple[float, float]:
        """Standard error and its degrees of freedom from the variances of the four kinds of draws."""
        s, t = self.sources, self.targets
        if not (s and t):
            # Nothing is crossed: the plain hierarchical bootstrap of targets (or sources) and seeds.
            n = max(s, t)
            return (float(np.sqrt(v_full * n / (n - 1))), n - 1) if n else (float("nan"), float("nan"))
        cell = max(v_both - v_target - v_source, 0.0) * s * t / ((s - 1) * (t - 1))
        parts = [
            (max(v_source * s / (s - 1) - cell, 0.0), s - 1),
            (max(v_target * t / (t - 1) - cell, 0.0), t - 1),
            (cell, (s - 1) * (t - 1)),
        ]
        variance = sum(part for part, _ in parts)
        if variance == 0:
            return 0.0, float("nan")
        return float(np.sqrt(variance)), variance**2 / sum(part**2 / freedom for part, freedom in parts)

    def interval(self, metric: int) -> tuple[float, float]:
        """95 % interval of one metric, cut at the bounds of the statistic; NaN if nothing could be drawn.

        Args:
            metric: Its position.

        Returns:
            Lower and upper end.
        """
        _, draws, _ = self.calibrated(self._one_hot(metric))
        if draws.size == 0:
            return float("nan"), float("nan")
        low, high = np.clip(np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]), *self.bounds)
        return float(low), float(high)

    def difference(self, first: int, second: int) -> tuple[float, float, float, float]:
        """Difference of two metrics: estimate, 95 % interval, two-sided p-value (NaN if nothing could be drawn).

        The p-value comes from a t-test with the standard deviation of the draws: a count of draws could not be smaller
        than 2 / resamples, too coarse for a correction over many pairs.

        Args:
            first: Position of a metric.
            second: Position of the metric that is subtracted.

        Returns:
            Estimate, lower and upper end of the interval, p-value.
        """
        estimate, draws, freedom = self.calibrated(self._one_hot(first) - self._one_hot(second))
        if draws.size == 0:
            return estimate, float("nan"), float("nan"), float("nan")
        widest = self.bounds[1] - self.bounds[0]
        low, high = np.clip(np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]), -widest, widest)
        # The draws were widened by t / z for the interval; the test has its own t.
        error = float(draws.std()) / _t_over_z(freedom)
        if error > 0:
            return estimate, float(low), float(high), float(2 * stdtr(freedom, -abs(estimate) / error))
        # The difference is the same wherever one looks. Certain it is not: a sign test over the targets.
        p = 1.0 if estimate == 0 else min(1.0, 2.0 ** (1 - max(self.targets, 1)))
        return estimate, float(low), float(high), p

    def _one_hot(self, metric: int) -> FloatArray:
        weights = np.zeros(len(self.estimate))
        weights[metric] = 1.0
        return weights


def _t_over_z(freedom: float) -> float:
    """How much longer Student's t is than the normal at the level; 1 without degrees of freedom."""
    if not np.isfinite(freedom):
        return 1.0
    return float(stdtrit(freedom, 0.5 + LEVEL / 2) / ndtri(0.5 + LEVEL / 2))


def bootstrap(
    scores: FloatArray,
    truth: FloatArray,
    *,
    resamples: int = 1000,
    seed: int = 0,
    statistics: tuple[str, ...] = STATISTICS,
) -> dict[str, Resamples]:
    """Resample targets, sources and seeds, for all metrics and statistics at once.

    Args:
        scores: Shape (metrics, backbones, sources, targets), NaN where absent.
        truth: Shape (backbones, sources, targets, seeds), NaN where absent.
        resamples: Number of draws.
        seed: Seed of the draws.
        statistics: Which of `STATISTICS` are wanted.

    Returns:
        The draws for each of `statistics`.

    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random((1, 8, 8, 3))
    >>> draws = bootstrap(truth.mean(-1)[None], truth, resamples=50)
    >>> low, high = draws["tau"].interval(0)
    >>> float(draws["tau"].estimate[0]), low > 0.5, high
    (1.0, True, 1.0)
    """
    rng = np.random.default_rng(seed)
    _, sources, targets, seeds = truth.shape
    draw_sources, draw_targets = sources >= FEWEST, targets >= FEWEST
    target_count = _multiplicity(rng, resamples, targets, draw_targets)
    source_count = _multiplicity(rng, resamples, sources, draw_sources)
    seed_share = _seed_shares(rng, resamples, truth)

    accuracy = mean_over_seeds(truth)
    # With one seed there is nothing to draw, and both draws are the same.
    noisy = _reseeded(truth, accuracy, seed_share) if seeds > 1 else None
    selections = tuple(name for name in SELECTIONS if name in statistics)
    wanted = tuple(name for name in CORRELATIONS if name in statistics)
    shape = len(scores), resamples
    draws = {
        name: Resamples(
            estimate=np.full(len(scores), np.nan),
            full=np.full(shape, np.nan),
            both=np.full(shape, np.nan),
            by_target=np.full(shape, np.nan),
            by_source=np.full(shape, np.nan),
            targets=targets if draw_targets else 0,
            sources=sources if draw_sources and name in CORRELATIONS else 0,
            bounds=BOUNDS[name],
        )
        for name in statistics
    }
    everyone = np.ones((1, targets))
    for m, score in enumerate(scores):
        plain = correlations(np.swapaxes(score, 1, 2), np.swapaxes(accuracy, 1, 2), if_constant=0.0, wanted=wanted)
        plain |= {name: values[0] for name, values in _selected(score, accuracy[None], selections).items()}
        for name, values in plain.items():
            draws[name].estimate[m] = _mean(values[None], everyone)[0]
            draws[name].by_target[m] = _mean(values[None], target_count)
        # The list of sources is held fixed: see above.
        redrawn = {} if noisy is None else _selected(score, noisy, selections)
        for name in selections:
            draws[name].by_source[m] = draws[name].estimate[m]
            draws[name].both[m] = draws[name].by_target[m]
            draws[name].full[m] = _mean(redrawn[name], target_count) if redrawn else draws[name].both[m]
    step = max(1, CHUNK // max(1, accuracy.size * sources))
    for start in range(0, resamples if wanted else 0, step):
        rows = slice(start, start + step)
        chunk = None if noisy is None else noisy[rows]
        for m, quiet, full in _correlated(scores, accuracy, chunk, source_count[rows], wanted):
            for name in wanted:
                draws[name].full[m, rows] = _mean(full[name], target_count[rows])
                draws[name].both[m, rows] = _mean(quiet[name], target_count[rows])
                draws[name].by_source[m, rows] = _mean(quiet[name], everyone)
    return draws


def _multiplicity(rng: np.random.Generator, resamples: int, n: int, draw: bool) -> FloatArray:
    """How often each of n things is drawn, shape (resamples, n)."""
    if not draw:
        return np.ones((resamples, n))
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def _seed_shares(rng: np.random.Generator, resamples: int, truth: FloatArray) -> FloatArray:
    """Share of each seed in each (backbone, target), shape (resamples, backbones, targets, seeds)."""
    backbones, _, targets, seeds = truth.shape
    if seeds == 0:
        return np.zeros((resamples, backbones, targets, 0))
    drawn = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=(resamples, backbones, targets))
    return drawn / seeds


def _reseeded(truth: FloatArray, accuracy: FloatArray, shares: FloatArray) -> FloatArray:
    """Mean accuracy with the drawn seeds, shape (resamples, backbones, sources, targets).

    A cell none of whose own seeds was drawn (some of its runs failed) keeps its mean.
    """
    there = np.isfinite(truth)
    total = np.einsum("bstk,rbtk->rbst", np.where(there, truth, 0.0), shares)
    weight = np.einsum("bstk,rbtk->rbst", there.astype(float), shares)
    drawn: FloatArray = np.where(weight > 0, total / np.where(weight > 0, weight, 1.0), accuracy)
    return np.round(drawn, 12)


def _correlated(
    scores: FloatArray,
    accuracy: FloatArray,
    noisy: FloatArray | None,
    source_count: FloatArray,
    wanted: tuple[str, ...],
) -> Iterator[tuple[int, dict[str, FloatArray], dict[str, FloatArray]]]:
    """Correlations with the sources drawn, with the truth as it is and with its seeds drawn.

    Args:
        scores: Shape (metrics, backbones, sources, targets).
        accuracy: Shape (backbones, sources, targets).
        noisy: Shape (resamples, backbones, sources, targets), or None if the seeds are not drawn.
        source_count: Shape (resamples, sources).
        wanted: Which of `CORRELATIONS`.

    Yields:
        Position of the metric and the two sets of correlations, arrays of shape (resamples, backbones, targets).
    """
    for usable, members in alike(scores, accuracy):
        weight = np.swapaxes(usable, 1, 2)[..., None] * source_count.T
        quiet = Order(np.swapaxes(accuracy, 1, 2)[..., None], weight)
        full = quiet if noisy is None else Order(np.ascontiguousarray(noisy.transpose(1, 3, 2, 0)), weight)
        for m in members:
            score = Order(np.swapaxes(scores[m], 1, 2)[..., None], weight)
            values = [
                {
                    name: np.moveaxis(value, -1, 0)
                    for name, value in correlate(score, truth, if_constant=0.0, wanted=wanted).items()
                }
                for truth in ((quiet,) if full is quiet else (quiet, full))
            ]
            yield m, values[0], values[-1]


def _selected(score: FloatArray, accuracy: FloatArray, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Selection statistics of a score (backbones, sources, targets) under drawn truths (resamples, ...).

    Returns:
        Arrays of shape (resamples, backbones, targets).
    """
    resamples, backbones, _, targets = accuracy.shape
    values = {name: np.full((resamples, backbones, targets), np.nan) for name in names}
    for b, t in np.ndindex(backbones, targets) if names else ():
        picked = selection(score[b, :, t], accuracy[:, b, :, t])
        for name in names:
            values[name][:, b, t] = picked[name]
    return values


def _mean(values: FloatArray, target_count: FloatArray) -> FloatArray:
    """Mean over (backbone, target) with target multiplicities; the resample axis is broadcast, result (resamples,)."""
    rows, weight = np.broadcast_arrays(values, target_count[:, None, :])
    return mean_where_defined(rows.reshape(len(rows), -1), weight.reshape(len(weight), -1))
