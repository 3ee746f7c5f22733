"""Controls change what they name and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from pgebench.core.errors import ConfigError
from pgebench.pge.controls import CONTROLS, controlled

LABELS = np.repeat([3, 5, 8], [10, 7, 12])


def test_halves_share_no_image_and_lose_none() -> None:
    first, second = (controlled(half, LABELS)[0] for half in ("first_half", "second_half"))
    assert sorted([*first, *second]) == list(range(len(LABELS)))
    for rows in (first, second):
        counts = np.unique(LABELS[rows], return_counts=True)[1]
        assert abs(counts - np.array([5, 3.5, 6])).max() <= 0.5


def test_permuted_classes_keep_their_images() -> None:
    rows, labels = controlled("permuted", LABELS)
    assert np.array_equal(rows, np.arange(len(LABELS)))
    assert (labels != LABELS).all()
    for label in np.unique(LABELS):
        assert len(np.unique(labels[label == LABELS])) == 1
    assert len(np.unique(labels)) == 3


def test_shuffled_labels_keep_their_numbers_and_lose_their_images() -> None:
    rows, labels = controlled("shuffled", LABELS)
    assert np.array_equal(rows, np.arange(len(LABELS)))
    assert np.array_equal(np.bincount(labels), np.bincount(LABELS))
    assert (labels != LABELS).mean() > 0.3


def test_every_control_is_told_by_name() -> None:
    for name in CONTROLS:
        rows, labels = controlled(name, LABELS)
        assert len(rows) == len(labels)
    with pytest.raises(ConfigError, match="choose from permuted"):
        controlled("mirrored", LABELS)
