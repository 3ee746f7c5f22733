"""Splits: train, val and test drawn so that each class is spread evenly and no group is torn apart."""

import numpy as np
import numpy.typing as npt

from pgebench.embedded.builder.raw import SEED

SHARES = (0.60, 0.15, 0.25)


def draw_split(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    shares: tuple[float, float, float] = SHARES,
    seed: int = SEED,
) -> npt.NDArray[np.uint8]:
    """Assign whole groups to splits.

    Groups are taken from the largest to the smallest (equals in an order drawn with `seed`), each into the split
    that lacks its classes most. Groups of one image, the great majority, then fill every class's quota exactly.

    Args:
        labels: int64, (N,), classes 0..C-1.
        groups: int64, (N,), 0..G-1; images of one group share a split.
        shares: of train, val and test; they sum to 1.
        seed: of the order of equally large groups.

    Returns:
        uint8, (N,): 0 train, 1 val, 2 test.

    Raises:
        ValueError: a class is without images in some split.

    >>> np.bincount(draw_split(np.zeros(20, np.int64), np.arange(20))).tolist()
    [12, 3, 5]
    """
    sizes = np.bincount(labels)
    lacking = np.stack([_quota(int(size), shares) for size in sizes], axis=1).astype(np.float64)
    content = np.zeros((int(groups.max()) + 1, len(sizes)))
    np.add.at(content, (groups, labels), 1)
    shuffled = np.random.default_rng(seed).permutation(len(content))
    order = shuffled[np.argsort(-content[shuffled].sum(axis=1), kind="stable")]
    chosen = np.empty(len(content), np.uint8)
    for number in order:
        chosen[number] = np.argmax(lacking @ content[number])
        lacking[chosen[number]] -= content[number]
    split = chosen[groups]
    for part in range(3):
        empty = np.flatnonzero(np.bincount(labels[split == part], minlength=len(sizes)) == 0)
        if len(empty):
            raise ValueError(f"split {part} has no image of class {empty.tolist()}: too few groups")
    return split


def not_crossing(split: npt.NDArray[np.uint8], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices that stay when no pair may cross splits: of two images the one in the later split goes.

    Args:
        split: uint8, (N,).
        pairs: int64, (P, 2), indices of near duplicates.

    Returns:
        Sorted indices, (K,).

    >>> not_crossing(np.array([0, 2, 2], np.uint8), np.array([[0, 1], [1, 2]]))
    array([0, 2])
    """
    first, second = pairs[:, 0], pairs[:, 1]
    crossing = split[first] != split[second]
    later = np.where(split[first] > split[second], first, second)[crossing]
    return np.setdiff1d(np.arange(len(split)), later)


def _quota(size: int, shares: tuple[float, float, float]) -> npt.NDArray[np.int64]:
    """Divide `size` images by `shares`; rounding goes to train."""
    val, test = round(size * shares[1]), round(size * shares[2])
    return np.array([size - val - test, val, test])
