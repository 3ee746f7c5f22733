"""Bootstrap over collections of targets and of sources.

The same draws serve all metrics, so that two metrics can be compared on the same resamples. In each resample the
collections of the targets are drawn with replacement, with all their targets, and so are those of the sources (the same
draw for every target, backbone and life, since a source that is good for everyone is good everywhere). Backbones are
taken as given.

What the draws say, what needs none, and how intervals are made of them, stands in `pgebench.analysis.resamples`.

Rel@k and regret depend on the best of a *list*; a resample has fewer distinct sources, so its best is worse and its
choice easier. For them the list of sources is held fixed, and their intervals speak about new targets with the same
sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pgebench.analysis.correlation import CORRELATIONS, Order, correlate, correlations
from pgebench.analysis.quality import BOUNDS, SELECTIONS, STATISTICS, alike, mean_where_defined
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.selection import selection
from pgebench.analysis.table import FloatArray, mean_over_seeds

# With fewer collections a resample is mostly copies of one: nothing can be learnt by drawing them, and they are held
# fixed. With few of both there is no interval.
FEWEST = 4
# Elements of the largest temporary array (float64): what is read again at once shall still be in the cache.
CHUNK = 200_000


def bootstrap(
    scores: FloatArray,
    truth: FloatArray,
    *,
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    statistics: tuple[str, ...] = STATISTICS,
) -> dict[str, Resamples]:
    """Resample collections of targets and of sources, for all metrics and statistics at once.

    Args:
        scores: Shape (metrics, backbones, sources, targets), NaN where absent; the lives of a backbone stand below one
            another as backbones do.
        truth: Shape (backbones, sources, targets, seeds), NaN where absent.
        sources: Collection of each source; None if each is its own.
        targets: Collection of each target; None if each is its own.
        resamples: Number of draws.
        seed: Seed of the draws: the same one draws the same collections whatever the metrics.
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
    return bootstrap_apart(
        scores,
        truth,
        (slice(None),),
        sources=sources,
        targets=targets,
        resamples=resamples,
        seed=seed,
        statistics=statistics,
    )[0]


def bootstrap_apart(
    scores: FloatArray,
    truth: FloatArray,
    apart: Sequence[slice],
    *,
    own_draws: Sequence[int] = (),
    sources: Sequence[str] | None = None,
    targets: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    statistics: tuple[str, ...] = STATISTICS,
) -> list[dict[str, Resamples]]:
    """The same for several selections of the backbones, whose correlations are computed once for all of them.

    Args:
        scores: As for `bootstrap`.
        truth: As for `bootstrap`.
        apart: Selections of the backbones.
        own_draws: Which of the metrics' own draws each backbone (a life) belongs to; empty if they have none.
        sources: As for `bootstrap`.
        targets: As for `bootstrap`.
        resamples: As for `bootstrap`.
        seed: As for `bootstrap`.
        statistics: As for `bootstrap`.

    Returns:
        For each selection what `bootstrap` gives for these backbones alone, with the metrics' own draws.
    """
    accuracy = mean_over_seeds(truth)
    (source_count, of_sources), (target_count, of_targets) = multiplicities(
        sources or range(accuracy.shape[1]), targets or range(accuracy.shape[2]), resamples=resamples, seed=seed
    )
    selections = tuple(name for name in SELECTIONS if name in statistics)
    wanted = tuple(name for name in CORRELATIONS if name in statistics)
    shape = len(scores), resamples
    found = [
        {
            name: Resamples(
                estimate=np.full(len(scores), np.nan),
                both=np.full(shape, np.nan),
                by_target=np.full(shape, np.nan),
                by_source=np.full(shape, np.nan),
                targets=of_targets,
                sources=of_sources if name in CORRELATIONS else 0,
                bounds=BOUNDS[name],
            )
            for name in statistics
        }
        for _ in apart
    ]
    everyone = np.ones((1, accuracy.shape[2]))
    by_draw: list[dict[str, list[FloatArray]]] = [{name: [] for name in statistics} for _ in apart]
    for m, score in enumerate(scores):
        plain = correlations(np.swapaxes(score, 1, 2), np.swapaxes(accuracy, 1, 2), if_constant=0.0, wanted=wanted)
        plain |= _selected(score, accuracy, selections)
        for draws, of_draws, rows in zip(found, by_draw, apart, strict=True):
            for name, values in plain.items():
                draws[name].estimate[m] = mean_over_targets(values[None, rows], everyone)[0]
                draws[name].by_target[m] = mean_over_targets(values[None, rows], target_count)
                of_draws[name].append(mean_by_draw(values[rows], own_draws[rows]))
            # The list of sources is held fixed: see above.
            for name in selections:
                draws[name].by_source[m] = draws[name].estimate[m]
                draws[name].both[m] = draws[name].by_target[m]
    for at in in_parts(resamples if wanted else 0, accuracy):
        for m, correlation in correlated(scores, accuracy, source_count[at], wanted):
            for draws, rows in zip(found, apart, strict=True):
                for name in wanted:
                    values = correlation[name][:, rows]
                    draws[name].both[m, at] = mean_over_targets(values, target_count[at])
                    draws[name].by_source[m, at] = mean_over_targets(values, everyone)
    return [
        {name: replace(one, draws=tuple(of_draws[name])) for name, one in draws.items()}
        for draws, of_draws in zip(found, by_draw, strict=True)
    ]


def mean_by_draw(values: FloatArray, own_draws: Sequence[int]) -> FloatArray:
    """Mean of a statistic at each of a metric's own draws.

    Args:
        values: Shape (backbones, targets), NaN where undefined.
        own_draws: Which draw each of the backbones (lives) belongs to.

    Returns:
        Shape (draws,); empty with fewer than two.
    """
    numbers = sorted(set(own_draws))
    if len(numbers) < 2:
        return np.empty(0)
    belongs = np.asarray(own_draws)
    return np.array([mean_where_defined(values[belongs == number].reshape(-1)) for number in numbers])


def multiplicities(
    sources: Sequence[object], targets: Sequence[object], *, resamples: int, seed: int
) -> tuple[tuple[FloatArray, int], tuple[FloatArray, int]]:
    """The draws of a seed, the same ones for whatever is resampled.

    Args:
        sources: Collection of each source.
        targets: Collection of each target.
        resamples: Number of draws.
        seed: Of the draws.

    Returns:
        For sources and for targets how often each is drawn, shape (resamples, things), and the number of collections;
        0 where they are held fixed.
    """
    rng = np.random.default_rng(seed)
    of_targets = _multiplicity(rng, resamples, targets)
    return _multiplicity(rng, resamples, sources), of_targets


def _multiplicity(rng: np.random.Generator, resamples: int, groups: Sequence[object]) -> tuple[FloatArray, int]:
    """How often each thing is drawn, shape (resamples, things), and the number of groups; 0 if they are held fixed."""
    distinct = list(dict.fromkeys(groups))
    n = len(distinct)
    if n < FEWEST:
        return np.ones((resamples, len(groups))), 0
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)
    return drawn[:, [distinct.index(group) for group in groups]], n


def in_parts(draws: int, accuracy: FloatArray) -> Iterator[slice]:
    """Runs of draws whose arrays fit into the cache.

    Args:
        draws: How many there are.
        accuracy: Shape (backbones, sources, targets).

    Yields:
        From the first to the last.
    """
    step = max(1, CHUNK // max(1, accuracy.size))
    for start in range(0, draws, step):
        yield slice(start, start + step)


def correlated(
    scores: FloatArray, accuracy: FloatArray, source_count: FloatArray, wanted: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, FloatArray]]]:
    """Correlations with the sources drawn.

    Args:
        scores: Shape (metrics, backbones, sources, targets).
        accuracy: Shape (backbones, sources, targets).
        source_count: Shape (resamples, sources).
        wanted: Which of `CORRELATIONS`.

    Yields:
        Position of the metric and the correlations, arrays of shape (resamples, backbones, targets).
    """
    for usable, members in alike(scores, accuracy):
        weight = np.swapaxes(usable, 1, 2)[..., None] * source_count.T
        truth = Order(np.swapaxes(accuracy, 1, 2), weight)
        for m in members:
            score = Order(np.swapaxes(scores[m], 1, 2), weight)
            found = correlate(score, truth, if_constant=0.0, wanted=wanted)
            yield m, {name: np.moveaxis(value, -1, 0) for name, value in found.items()}


def _selected(score: FloatArray, accuracy: FloatArray, names: tuple[str, ...]) -> dict[str, FloatArray]:
    """Selection statistics of a score and a truth (backbones, sources, targets), of shape (backbones, targets)."""
    backbones, _, targets = accuracy.shape
    values = {name: np.full((backbones, targets), np.nan) for name in names}
    for b, t in np.ndindex(backbones, targets) if names else ():
        picked = selection(score[b, :, t], accuracy[b, :, t])
        for name in names:
            values[name][b, t] = picked[name]
    return values


def mean_over_targets(values: FloatArray, target_count: FloatArray) -> FloatArray:
    """Mean over (backbone, target) with target multiplicities; the resample axis is broadcast.

    Args:
        values: Shape (resamples or 1, backbones, targets), NaN where undefined.
        target_count: Shape (resamples or 1, targets).

    Returns:
        Shape (resamples,).
    """
    rows, weight = np.broadcast_arrays(values, target_count[:, None, :])
    return mean_where_defined(rows.reshape(len(rows), -1), weight.reshape(len(weight), -1))
