"""Distances between datasets, the plain way."""

import numpy as np
import scipy.linalg


def variance(rows):
    return rows.var(axis=0).sum()


def pooled(first, second):
    return (variance(first) + variance(second)) / 2


def gaussian_distance(first, second):
    """Squared 2-Wasserstein distance with scipy's matrix square root."""
    a, b = np.cov(first.T, bias=True), np.cov(second.T, bias=True)
    cross = scipy.linalg.sqrtm(scipy.linalg.sqrtm(a) @ b @ scipy.linalg.sqrtm(a)).real
    return np.square(first.mean(axis=0) - second.mean(axis=0)).sum() + np.trace(a + b - 2 * cross)


def costs(target, labels, source, other):
    """Every sample against every sample, with its class against its class."""
    cost = np.square(target[:, None] - source).sum(axis=2)
    for i, j in np.ndindex(*cost.shape):
        cost[i, j] += gaussian_distance(target[labels == labels[i]], source[other == other[j]])
    return cost / pooled(target, source)
