"""Datasets changed in ways that PGE should, or should not, see."""

from __future__ import annotations

import numpy as np

from pgebench.core.errors import ConfigError
from pgebench.core.identity import derive_seed

CONTROLS = {
    "permuted": "the same classes under other numbers",
    "shuffled": "the same images and labels, assigned to each other at random",
    "first_half": "one half of the images of each class",
    "second_half": "the other half of the images of each class",
}
"""Control -> what it does."""


def controlled(name: str, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a dataset and their labels under a control.

    Args:
        name: a key of ``CONTROLS``.
        labels: integers (n,).

    Returns:
        int64 (m,) rows that are kept, and their (m,) labels.

    Raises:
        ConfigError: no such control.

    >>> rows, labels = controlled("permuted", np.array([0, 0, 1, 2]))
    >>> rows.tolist(), len(set(labels.tolist()))
    ([0, 1, 2, 3], 3)
    """
    if name not in CONTROLS:
        raise ConfigError(f"control={name}: choose from {', '.join(CONTROLS)}")
    random = np.random.default_rng(derive_seed("pge control", name))
    rows = np.arange(len(labels))
    if name == "shuffled":
        return rows, random.permutation(labels)
    if name == "permuted":
        values, index = np.unique(labels, return_inverse=True)
        return rows, np.roll(values, 1)[index]  # no class keeps its number
    # Both halves must split the same way.
    order = np.random.default_rng(derive_seed("pge control", "halves")).permutation(len(labels))
    half = 0 if name == "first_half" else 1
    kept = np.sort(np.concatenate([order[labels[order] == label][half::2] for label in np.unique(labels)]))
    return kept, labels[kept]
