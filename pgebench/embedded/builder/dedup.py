"""Duplicates: images that are the same, or nearly so, found before splits are drawn.

A duplicate across splits lets a model score on a test image that it has learnt by heart.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pgebench.embedded.builder.pixels import thumbnails
from pgebench.embedded.builder.raw import Raw

# Chosen by looking at what it joins: colourways, playing cards, crops of one photo. At 0.98 chains begin to join
# hundreds of unlike trousers and ones; at 0.99 the largest group of any task is a few dozen.
NEAR_CORRELATION = 0.99


@dataclass(frozen=True)
class Removed:
    """How many images `drop_exact` removed: later copies, and all copies of an image with two labels."""

    copies: int
    conflicting: int


def drop_exact(raw: Raw) -> tuple[Raw, Removed]:
    """Keep one of each set of identical images, and none where their labels differ.

    Args:
        raw: (N, ...) images.

    Returns:
        The images that stay, in their order, and what went.
    """
    copies: dict[bytes, list[int]] = {}
    for index, image in enumerate(raw.images):
        copies.setdefault(hashlib.sha256(image.tobytes()).digest(), []).append(index)
    agreed = [same for same in copies.values() if len(set(raw.labels[same].tolist())) == 1]
    keep = np.array(sorted(same[0] for same in agreed), np.int64)
    conflicting = len(raw.images) - sum(len(same) for same in agreed)
    # A copy that goes may tie two families together: the one that stays is in both.
    families = _merge_families(raw.families, agreed)
    kept = Raw(raw.images, raw.labels, raw.class_names, families, raw.notes).take(keep)
    return kept, Removed(copies=len(raw.images) - conflicting - len(keep), conflicting=conflicting)


def near_pairs(
    images: npt.NDArray[np.uint8], threshold: float = NEAR_CORRELATION, block: int = 1000
) -> npt.NDArray[np.int64]:
    """Find pairs of images whose 16x16 grey thumbnails correlate above `threshold`.

    The correlation is blind to brightness and contrast, so one threshold serves thin strokes on black, photographs
    and drawings on white alike; a mean absolute difference does not (two thin drawings on white always differ little).

    Args:
        images: uint8, (N, H, H[, 3]).
        threshold: Pearson correlation in (0, 1).
        block: rows compared at a time; memory is block * N floats.

    Returns:
        int64, (P, 2), each pair once, the smaller index first.

    >>> ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    >>> near_pairs(np.concatenate([ramp, ramp // 2, 255 - ramp]))
    array([[0, 1]])
    """
    looks = standardised(images)
    found = []
    for start in range(0, len(looks), block):
        first, second = np.nonzero(looks[start : start + block] @ looks[start:].T > threshold)
        upper = second > first
        found.append(np.stack([first[upper], second[upper]], axis=1) + start)
    return np.concatenate(found).astype(np.int64)


def standardised(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return thumbnails of mean zero and length one, float32 (N, 256): their products are correlations."""
    small = thumbnails(images)
    centred = small - small.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)


def components(count: int, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number the connected components of `count` nodes under `pairs` (P, 2) of edges.

    Returns:
        int64, (count,), numbered by first appearance.

    >>> components(4, np.array([[1, 3]]))
    array([0, 1, 2, 1])
    """
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, numbers = connected_components(graph, directed=False)
    return renumber(numbers.astype(np.int64))


def group(families: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Join images of one family and images that are paired, directly or through others.

    Args:
        families: int64, (N,).
        pairs: int64, (P, 2), indices of near duplicates.

    Returns:
        int64, (N,), the group of each image, numbered by first appearance.

    >>> group(np.array([0, 0, 1, 2]), np.array([[1, 2]]))
    array([0, 0, 0, 1])
    """
    numbers = renumber(families)
    return components(int(numbers.max()) + 1, numbers[pairs])[numbers]


def renumber(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number by first appearance from zero.

    >>> renumber(np.array([7, 3, 7]))
    array([0, 1, 0])
    """
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _merge_families(families: npt.NDArray[np.int64], same: list[list[int]]) -> npt.NDArray[np.int64]:
    pairs = [(indices[0], other) for indices in same for other in indices[1:]]
    return group(families, np.array(pairs, np.int64).reshape(-1, 2))
