"""Map of datasets: points in the plane whose distances are as close as possible to those that a metric measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgebench.analysis.table import FloatArray, Table

STEPS = 300


@dataclass(frozen=True)
class Embedding:
    """Datasets in the plane.

    Attributes:
        names: Of the datasets.
        points: Shape (datasets, 2), centred; the axes mean nothing, only distances do.
        stress: Kruskal's stress-1, from 0 (all distances kept) upwards; above 0.2 the picture misleads.
    """

    names: tuple[str, ...]
    points: FloatArray
    stress: float


def distances(table: Table, metric: str, backbone: int) -> tuple[tuple[str, ...], FloatArray]:
    """Distances between datasets, from a metric whose score is minus a distance.

    Args:
        table: Axes backbone, source, target.
        metric: One of its metrics.
        backbone: Position on axis 0.

    Returns:
        The names, and a symmetric matrix: the mean of both directions, NaN where a pair was not measured.
    """
    names = tuple(dict.fromkeys([*table.targets, *table.sources]))
    both = np.full((2, len(names), len(names)), np.nan)
    rows = [names.index(name) for name in table.sources]
    columns = [names.index(name) for name in table.targets]
    both[0][np.ix_(rows, columns)] = -table.scores[metric][backbone]
    both[1] = both[0].T
    there = np.isfinite(both)
    count = there.sum(axis=0)
    mean = np.where(count > 0, np.where(there, both, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    np.fill_diagonal(mean, 0.0)
    return names, mean


def embed(names: tuple[str, ...], distance: FloatArray) -> Embedding:
    """Metric multidimensional scaling by stress majorisation (SMACOF, de Leeuw 1977); missing distances weigh nothing.

    It starts from the classical solution, so the same distances give the same picture.

    Args:
        names: Of the datasets.
        distance: Symmetric, shape (n, n), NaN where unknown; negative values count as 0.

    Returns:
        Positions in the plane, and how far they are from the distances.

    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> gaps = np.linalg.norm(square[:, None] - square[None], axis=-1)
    >>> gaps[0, 2] = gaps[2, 0] = np.nan
    >>> embed(("a", "b", "c", "d"), gaps).stress < 1e-3
    True
    """
    known = np.isfinite(distance) & ~np.eye(len(names), dtype=bool)
    wanted = np.where(known, np.maximum(np.where(known, distance, 0.0), 0.0), 0.0)
    guess = np.where(known, wanted, wanted[known].mean() if known.any() else 0.0)
    np.fill_diagonal(guess, 0.0)
    points = _classical(guess)
    weight = known.astype(float)
    # V is the Laplacian of the weights; its pseudo-inverse turns the majorising function into its minimum.
    inverse = np.linalg.pinv(np.diag(weight.sum(axis=1)) - weight)
    for _ in range(STEPS):
        gaps = _gaps(points)
        ratio = np.where(gaps > 1e-12, weight * wanted / np.maximum(gaps, 1e-12), 0.0)
        points = inverse @ (np.diag(ratio.sum(axis=1)) - ratio) @ points
    gaps = _gaps(points)
    size = float((weight * gaps**2).sum())
    stress = float(np.sqrt((weight * (gaps - wanted) ** 2).sum() / size)) if size > 0 else 0.0
    return Embedding(names, points - points.mean(axis=0), stress)


def _classical(distance: FloatArray) -> FloatArray:
    n = len(distance)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-0.5 * centre @ distance**2 @ centre)
    top = vectors[:, [-1, -2]] if n > 1 else np.zeros((1, 2))
    # The sign of an eigenvector is arbitrary: its largest entry is made positive.
    signs = np.sign(top[np.abs(top).argmax(axis=0), [0, 1]])
    points: FloatArray = top * np.where(signs == 0, 1, signs) * np.sqrt(np.maximum(values[[-1, -2]], 0.0))
    return points


def _gaps(points: FloatArray) -> FloatArray:
    gaps: FloatArray = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return gaps
