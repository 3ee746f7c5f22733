"""Draws of a statistic, and the intervals and tests made of them.

Sources and targets are *crossed*, and drawing both at once counts the part of the variance that lives in single
cells three times (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007). Drawing only targets gives
V_t = B + C, only sources V_s = A + C, and both V_both = A + B + 3 C, where A, B and C belong to sources, targets
and cells. That is solved for the three; each is freed of the bootstrap's bias (a bootstrap of n things is too
narrow by (n - 1) / n, Hesterberg, "What teachers should know about the bootstrap", American Statistician 2015), and
the draws are scaled to the root of the sum of all parts, times t / z for the degrees of freedom that Satterthwaite's
formula gives the sum.

What is drawn are whole *collections*: views of one collection are good and bad for the same reasons. What is nested
needs no draws of its own. Checkpoints belong to a source, transfers to a checkpoint and images to a target, so that
their luck is part of the differences between sources and between targets (the highest level of a nested design holds
all levels below it). A metric's own draws are not nested: PGE's initialisations are the same for all datasets. Their
part D is the variance between the draws by the number of draws, and is added.

How often the intervals hold the true value is measured by `python -m pgebench.studies.statistics`, see
`results/reference/statistics.md`: nominally often where source effect and interaction both matter, too often where a
part is small or absent. Each part is cut at 0, which keeps one half of its noise; and in a rank correlation A holds
*pairs* of sources, which a resample counts more than once. So a table of six by six, or of interaction alone, gets
intervals that are too wide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from pgebench.analysis.table import FloatArray

LEVEL = 0.95

SOURCES, TARGETS, CELLS, DRAWS = "sources", "targets", "cells", "draws"
PARTS = (SOURCES, TARGETS, CELLS, DRAWS)
"""Levels that the variance of a number is split into."""


@dataclass(frozen=True)
class Resamples:
    """Draws of the mean over lives and targets of one statistic, for all metrics.

    Attributes:
        estimate: Value on the data itself, shape (metrics,).
        both: Targets and sources drawn, shape (metrics, resamples).
        by_target: Only targets drawn.
        by_source: Only sources drawn.
        targets: Number of collections of targets drawn; 0 if they were not drawn.
        sources: Number of collections of sources drawn; 0 if they were not drawn.
        bounds: Lowest and highest possible value.
        draws: For each metric its value at each of its own draws; empty for one without draws, or with a single one.
            Metrics with as many draws share them.
    """

    estimate: FloatArray
    both: FloatArray
    by_target: FloatArray
    by_source: FloatArray
    targets: int
    sources: int
    bounds: tuple[float, float]
    draws: tuple[FloatArray, ...] = ()

    def calibrated(self, weights: FloatArray) -> tuple[float, FloatArray, float]:
        """Estimate and corrected draws of a linear combination of the metrics.

        Args:
            weights: Shape (metrics,); a one-hot vector for one metric, +1 and -1 for a difference.

        Returns:
            The estimate, the draws (those that are defined; none if nothing could be drawn), and the degrees of freedom
            (NaN without any spread).
        """
        used = weights != 0
        estimate, both = weights[used] @ self.estimate[used], weights[used] @ self.both[used]
        parts = self._parts(weights)
        defined = np.isfinite(both)
        if not np.isfinite(estimate) or not parts or not defined.any():
            return float(estimate), np.empty(0), float("nan")
        variance = sum(part for part, _ in parts.values())
        freedom = (
            variance**2 / sum(part**2 / freedom for part, freedom in parts.values()) if variance > 0 else float("nan")
        )
        drawn = both[defined] - both[defined].mean()
        spread = float(drawn.std())
        if spread == 0 and variance > 0:
            # Only the metric's own draws differ: nothing has their shape, so it is the normal one.
            drawn = ndtri((np.arange(drawn.size) + 0.5) / drawn.size)
            spread = float(drawn.std())
        scale = np.sqrt(variance) * _t_over_z(freedom) / spread if spread > 0 else 0.0
        return float(estimate), estimate + drawn * scale, freedom

    def shares(self, metric: int) -> dict[str, float]:
        """Share of each level in the variance of a metric's number.

        Args:
            metric: Its position.

        Returns:
            Level out of `PARTS` -> share; NaN for a level that was not drawn, or if nothing varies.
        """
        parts = self._parts(self._one_hot(metric))
        total = sum(part for part, _ in parts.values())
        return {name: parts[name][0] / total if name in parts and total > 0 else float("nan") for name in PARTS}

    def _parts(self, weights: FloatArray) -> dict[str, tuple[float, float]]:
        """Variance and degrees of freedom of each level that was drawn; empty if none was."""
        used = weights != 0
        both, by_target, by_source = (weights[used] @ v[used] for v in (self.both, self.by_target, self.by_source))
        defined = np.isfinite(both) & np.isfinite(by_target) & np.isfinite(by_source)
        s, t = self.sources, self.targets
        if not (s or t) or not defined.any():
            return {}
        v_both, v_target, v_source = (float(np.var(v[defined])) for v in (both, by_target, by_source))
        if s and t:
            cell = max(v_both - v_target - v_source, 0.0) * s * t / ((s - 1) * (t - 1))
            parts = {
                SOURCES: (max(v_source * s / (s - 1) - cell, 0.0), s - 1.0),
                TARGETS: (max(v_target * t / (t - 1) - cell, 0.0), t - 1.0),
                CELLS: (cell, (s - 1.0) * (t - 1.0)),
            }
        else:
            # Nothing is crossed: the plain bootstrap of what was drawn.
            n = max(s, t)
            parts = {SOURCES if s else TARGETS: (v_both * n / (n - 1), n - 1.0)}
        drawn = self._of_draws(weights)
        return parts if drawn is None else {**parts, DRAWS: drawn}

    def _of_draws(self, weights: FloatArray) -> tuple[float, float] | None:
        """Variance and degrees of freedom that the metrics' own draws add; None without draws."""
        several = [m for m in np.flatnonzero(weights) if self.draws and len(self.draws[m]) > 1]
        parts = []
        for count in sorted({len(self.draws[m]) for m in several}):
            shared = sum(weights[m] * self.draws[m] for m in several if len(self.draws[m]) == count)
            parts.append((float(np.var(shared, ddof=1)) / count, count - 1.0))
        variance = sum(part for part, _ in parts)
        if not parts:
            return None
        freedom = variance**2 / sum(part**2 / freedom for part, freedom in parts) if variance > 0 else parts[0][1]
        return variance, freedom

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


def joined(groups: Sequence[tuple[Sequence[int], Resamples]]) -> Resamples:
    """Draws of several groups of metrics as one, from the same resamples of the same sources and targets.

    Args:
        groups: Positions of the metrics in the result, and their draws.

    Returns:
        The draws of all.
    """
    place = np.argsort(np.concatenate([members for members, _ in groups]), kind="stable")
    first = groups[0][1]
    every = [draws for _, one in groups for draws in (one.draws or (np.empty(0),) * len(one.estimate))]

    def side_by_side(of: Callable[[Resamples], FloatArray]) -> FloatArray:
        return np.concatenate([of(one) for _, one in groups])[place]

    return replace(
        first,
        estimate=side_by_side(lambda one: one.estimate),
        both=side_by_side(lambda one: one.both),
        by_target=side_by_side(lambda one: one.by_target),
        by_source=side_by_side(lambda one: one.by_source),
        draws=tuple(every[at] for at in place),
    )


def _t_over_z(freedom: float) -> float:
    """How much longer Student's t is than the normal at the level; 1 without degrees of freedom."""
    if not np.isfinite(freedom):
        return 1.0
    return float(stdtrit(freedom, 0.5 + LEVEL / 2) / ndtri(0.5 + LEVEL / 2))
