"""k-NN: leave-one-out accuracy of the nearest neighbours in feature space, exact and blocked."""

from typing import Literal

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within

_BLOCK_BYTES = 64 * 2**20
# Squared distances closer than this, relative to the norms involved, are equal: rounding must not decide between
# duplicates.
_TIE = 1e-12


def knn(
    features: Array, labels: Array, neighbours: int = 1, distance: Literal["euclidean", "cosine"] = "euclidean"
) -> float:
    """Expected leave-one-out accuracy of the k-nearest-neighbour classifier on the target features.

    Each sample is classified by a majority vote of its k nearest other samples. Ties are resolved in expectation, so
    that no order of samples or classes matters: if several samples share the k-th place, each counts the same fraction
    of the remaining votes; if several classes share the most votes, each is predicted with the same probability. An
    exact duplicate of a sample is its neighbour at distance zero like any other sample. The score does not change when
    classes are renamed, samples reordered, or features rotated, multiplied by a constant or (euclidean only) shifted.

    Paper: Cover, Hart, "Nearest neighbor pattern classification", 1967; as a transferability metric: Renggli et
    al., "Which model to transfer? Finding the needle in the growing haystack", CVPR 2022.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        neighbours: k, at most n - 1 of them are used.
        distance: "euclidean", or "cosine" for features of unit norm.

    Returns:
        The score, in [0, 1]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, k < 1, an unknown distance.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> knn(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1]))
    1.0
    """
    if neighbours < 1:
        raise ValueError(f"neighbours must be at least 1, got {neighbours!r}")
    if distance not in ("euclidean", "cosine"):
        raise ValueError(f"distance must be 'euclidean' or 'cosine', got {distance!r}")
    rows = feature_matrix(features)
    n = len(rows)
    index, counts, _ = class_indices(labels, n)
    index = index.to(rows.device)
    largest = rows.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    rows = rows / largest
    if distance == "cosine":
        norms = torch.linalg.norm(rows, dim=1, keepdim=True)
        rows = rows / torch.where(norms > 0, norms, 1.0)
    else:
        rows = rows - rows.mean(dim=0)  # keeps |a|^2 + |b|^2 - 2ab free of cancellation
    squares = torch.linalg.vecdot(rows, rows)
    k = min(neighbours, n - 1)
    step = max(1, _BLOCK_BYTES // (8 * n))
    correct = 0.0
    for start in range(0, n, step):
        own = torch.arange(start, min(start + step, n), device=rows.device)
        block = torch.addmm(squares, rows[own], rows.T, alpha=-2)
        block = (block + squares[own, None]).clamp_min(0)
        block[own - start, own] = torch.inf
        correct += _correct(block, index, index[own], len(counts), k, squares[own])
    return within(correct / n, 0.0, 1.0, "k-NN")


def _correct(
    block: torch.Tensor, index: torch.Tensor, truth: torch.Tensor, classes: int, k: int, squares: torch.Tensor
) -> float:
    """Expected number of correctly classified rows, from their distances to all samples."""
    # A few places more than k are looked at; only rows with more ties than that are worth a full pass.
    places = min(k + 8, block.shape[1] - 1)
    near, who = torch.topk(block, places, largest=False)
    tie = _TIE * (squares + near[:, k - 1])[:, None]
    votes = _votes(near, index[who], classes, k, tie)
    crowded = (near[:, -1] <= near[:, k - 1] + tie[:, 0]).nonzero()[:, 0]
    if places < block.shape[1] - 1 and len(crowded):
        everyone = index.expand(len(crowded), -1)
        votes[crowded] = _votes(block[crowded], everyone, classes, k, tie[crowded], near[crowded, k - 1])
    winners = votes >= votes.max(dim=1, keepdim=True).values - 1e-9
    return float((winners.gather(1, truth[:, None])[:, 0].double() / winners.sum(dim=1)).sum())


def _votes(
    distances: torch.Tensor,
    labels: torch.Tensor,
    classes: int,
    k: int,
    tie: torch.Tensor,
    reach: torch.Tensor | None = None,
) -> torch.Tensor:
    """(m, C) votes: 1 for everyone nearer than the k-th place, equal shares of what is left for those at it."""
    kth = distances[:, k - 1 : k] if reach is None else reach[:, None]
    nearer, level = distances < kth - tie, (distances - kth).abs() <= tie
    share = (k - nearer.sum(dim=1)).double() / level.sum(dim=1)
    weight = nearer.double() + level * share[:, None]
    return weight.new_zeros(len(distances), classes).scatter_add_(1, labels, weight)
