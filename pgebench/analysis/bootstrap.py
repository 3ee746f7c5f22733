"""Hierarchical bootstrap over targets, sources and truth seeds.

The same draws serve all metrics, so that two metrics can be compared on the same resamples. In each resample the
targets are drawn with replacement, the sources are drawn with replacement (the same draw for every target and
backbone, since a source that is good for everyone is good everywhere), and within each (backbone, target) the seeds
of the truth are drawn with replacement. Backbones are taken as given.

What the draws say, and how intervals are made of them, stands in `pgebench.analysis.resamples`.

Rel@k and regret depend on the best of a *list*; a resample has fewer distinct sources, so its best is worse and its
choice easier. For them the list of sources is held fixed, and their intervals speak about new targets with the same
sources.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pgebench.analysis.correlation import CORRELATIONS, Order, correlate, correlations
from pgebench.analysis.quality import BOUNDS, SELECTIONS, STATISTICS, alike, mean_where_defined
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.selection import selection
from pgebench.analysis.table import FloatArray, mean_over_seeds

# With fewer sources (or targets) a resample is mostly copies of one: nothing can be learnt by drawing them, and
# they are held fixed. With few of both there is no interval.
FEWEST = 4
# Elements of the largest temporary array (float64).
CHUNK = 2_000_000


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
