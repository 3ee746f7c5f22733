"""Rerun: how far a number would move if the same study were run again with everything trained anew.

Sources, targets and their images stay; checkpoints, transfers and the metric's own draws are others. A life takes one
checkpoint of each source, and no life shares one with another: given the sources, lives are independent, and the
variance between them by their number is that of their mean, without any correction. Which checkpoints of different
sources stand in one life is arbitrary, so the variance is the mean over many shuffles of the checkpoints within each
source, and has up to sources times (checkpoints - 1) degrees of freedom. (A bootstrap of n checkpoints needs the
factor n / (n - 1) for what is one source's, but n^2 / (n^2 - 1) for what is a pair's of sources, and a rank correlation
is made of pairs: with one factor for all it foretells too wide an interval.)

A metric that sees no checkpoint has a number for each draw beside each life: two crossed factors, whose variance is
MS(draws) + MS(lives) - MS(rest), by the number of numbers. Draws are not shuffled: one is the same for all sources.

Two runs differ by the spread of both, so the number of a rerun is expected within the root of two times the reach that
one run has around what many would give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from pgebench.analysis.bootstrap import correlated, in_parts
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.resamples import LEVEL
from pgebench.analysis.table import FloatArray, Replicates, Transfers

STUDIES = 300
"""Studies put together anew."""


def rerun_reach(scores: Sequence[Replicates], truth: Transfers, *, seed: int = 0, studies: int = STUDIES) -> FloatArray:
    """Distance within which the mean weighted tau of a rerun is expected in 95 of 100 cases.

    Args:
        scores: Of each metric.
        truth: Transfers of the same sources to the same targets.
        seed: Of the studies put together anew, the same ones for all metrics.
        studies: How many.

    Returns:
        Shape (metrics,), above or below a metric's number; NaN with fewer than two checkpoints per source.

    >>> truth = Transfers(np.random.default_rng(0).random((1, 6, 4, 3)), (0, 1, 2))
    >>> score = Replicates(truth.values, (0, 1, 2))
    >>> rerun_reach([score], truth).tolist()  # whatever is trained, such a score is right
    [0.0]
    """
    numbers = truth.numbers
    if len(numbers) < 2:
        return np.full(len(scores), np.nan)
    rng = np.random.default_rng(seed)
    # The checkpoint that each source has in each life of each study.
    ordered = np.broadcast_to(np.arange(len(numbers)), (truth.values.shape[1], studies, len(numbers)))
    taken = rng.permuted(ordered, axis=-1).reshape(len(ordered), -1)
    return np.array([_reach(tau, taken) for tau in in_lives(scores, truth, taken)])


def _reach(tau: FloatArray, taken: npt.NDArray[np.int64]) -> float:
    variance, freedom = variance_of_number(tau, taken)
    if not variance > 0:
        return float(np.sqrt(variance))
    return float(stdtrit(freedom, 0.5 + LEVEL / 2) * np.sqrt(2 * variance))


def variance_of_number(tau: FloatArray, taken: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Variance of a number between runs of the same sources and targets.

    Args:
        tau: Number of each draw in each life of each study, shape (draws, studies, lives); one row without draws.
        taken: The checkpoint that each source has in each of them, shape (sources, studies * lives).

    Returns:
        The variance, NaN if a life has no number, and its degrees of freedom.
    """
    if not np.isfinite(tau).all():
        return float("nan"), float("nan")
    draws, _, count = tau.shape
    size = draws * count
    by_life, by_draw = tau.mean(axis=0), tau.mean(axis=2)
    of_lives = draws * float(by_life.var(axis=1, ddof=1).mean()) / size
    parts = [(of_lives, _freedom_of_sources(by_life.reshape(-1), taken, count))]
    if draws > 1:
        of_draws = count * float(by_draw.var(axis=0, ddof=1).mean()) / size
        rest = tau - by_life - by_draw[..., None] + by_draw.mean(axis=0)[:, None]
        freedom = (draws - 1.0) * (count - 1.0)
        of_rest = float((rest**2).sum(axis=(0, 2)).mean()) / freedom / size
        parts += [(of_draws, draws - 1.0), (-of_rest, freedom)]
    # The rest is in both of the others, so by right no part is smaller.
    variance = max(sum(part for part, _ in parts), -parts[-1][0])
    return variance, variance**2 / sum(part**2 / freedom for part, freedom in parts) if variance > 0 else float("nan")


def _freedom_of_sources(tau: FloatArray, taken: npt.NDArray[np.int64], count: int) -> float:
    """Degrees of freedom of the variance between lives, to which sources contribute unequally.

    Args:
        tau: Number of each life, shape (studies * lives,).
        taken: As in `variance_of_number`.
        count: Lives of a study: checkpoints of a source.

    Returns:
        Satterthwaite's, from the variance that each source's choice of a checkpoint explains.
    """
    mean = np.stack([np.where(taken == at, tau, 0.0).sum(1) / (taken == at).sum(1) for at in range(count)], axis=1)
    # What a mean over so many lives varies by anyway is no effect of the checkpoint.
    noise = float(tau.var()) * count / tau.size
    explained = np.maximum(mean.var(axis=1, ddof=1) - noise, 0.0)
    most = len(taken) * (count - 1.0)
    # The mean square of an estimated variance exceeds its square by (n + 1) / (n - 1).
    squares = float((explained**2).sum())
    return min(float(explained.sum()) ** 2 * (count + 1) / squares, most) if squares > 0 else most


def in_lives(scores: Sequence[Replicates], truth: Transfers, taken: npt.NDArray[np.int64]) -> Iterator[FloatArray]:
    """Number of each draw in each life of studies put together anew.

    Args:
        scores: Of each metric.
        truth: Transfers.
        taken: The checkpoint that each source has in each life of each study, shape (sources, studies * lives).

    Yields:
        For each metric shape (draws, studies, lives), one row without draws; NaN if the score lacks a checkpoint.
    """
    numbers = truth.numbers
    rows = [_at_checkpoints(score, numbers) for score in scores]
    # Each checkpoint of each source is an item of its own, of which a life has one: nothing is computed life by life.
    count = np.swapaxes(taken[..., None] == np.arange(len(numbers)), 0, 1).reshape(taken.shape[1], -1).astype(float)
    accuracy = _as_items(truth.by_checkpoint[None])[0]
    items = _as_items(np.concatenate(rows))
    tau = np.full((len(items), len(count)), np.nan)
    for at in in_parts(len(count), accuracy):
        for m, found in correlated(items, accuracy, count[at], (PRIMARY,)):
            tau[m, at] = mean_where_defined(found[PRIMARY].reshape(len(found[PRIMARY]), -1))
    last = np.cumsum([len(one) for one in rows])
    for one, end in zip(rows, last, strict=True):
        yield tau[end - len(one) : end].reshape(len(one), -1, len(numbers))


def _at_checkpoints(score: Replicates, numbers: tuple[int, ...]) -> FloatArray:
    """Score of each draw at each checkpoint, shape (draws, backbones, sources, targets, checkpoints)."""
    if None in score.looked_at:
        return np.repeat(np.moveaxis(score.values, -1, 0)[..., None], len(numbers), axis=-1)
    if set(numbers) <= set(score.looked_at):
        return score.values[None, ..., [score.looked_at.index(number) for number in numbers]]
    return np.full((1, *score.values.shape[:3], len(numbers)), np.nan)


def _as_items(values: FloatArray) -> FloatArray:
    """(..., sources, targets, checkpoints) -> (..., sources * checkpoints, targets), NaN where a checkpoint lacks."""
    whole = np.where(np.isfinite(values).all(axis=-1, keepdims=True), values, np.nan)
    turned = np.swapaxes(whole, -1, -2)
    return turned.reshape(*turned.shape[:-3], -1, turned.shape[-1])
