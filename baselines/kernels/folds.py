"""Stratified folds, drawn without regard to the names of the classes."""

import numpy as np


def stratified_folds(index: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each sample: the shuffled samples of class after class are dealt to the folds in turn, like cards.

    Args:
        index: (n,) class of each sample in 0..C-1.
        folds: Number of folds.
        seed: Seed of the shuffle.

    Returns:
        (n,) numbers in 0..folds-1; folds, and a class in them, differ in size by one at most.

    >>> stratified_folds(np.array([0, 0, 1, 1]), 2, seed=0).tolist()
    [0, 1, 0, 1]
    """
    order = np.random.default_rng(seed).permutation(len(index))
    fold = np.empty(len(index), dtype=np.int64)
    # Classes in the order in which the shuffle meets them: their names must not matter.
    _, met = np.unique(index[order], return_index=True)
    rank = np.argsort(np.argsort(met))
    by_class = order[np.argsort(rank[index[order]], kind="stable")]
    fold[by_class] = np.arange(len(index)) % folds
    return fold
