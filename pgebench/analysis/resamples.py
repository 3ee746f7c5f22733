"""Draws of a statistic, and the intervals and tests made of them.

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
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from pgebench.analysis.table import FloatArray

LEVEL = 0.95


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
