"""Which images train, validate and test."""

from __future__ import annotations

import numpy as np
import pytest

from pgebench.core.settings import Reading
from pgebench.data.split import assign

NAMES = ("a", "b", "c")


def shares(split: np.ndarray, labels: np.ndarray) -> list[list[int]]:
    return [np.bincount(split[labels == label], minlength=4).tolist() for label in range(3)]


def test_shares_are_taken_class_by_class() -> None:
    labels = np.repeat([0, 1, 2], [10, 100, 1000])
    split, rule = assign(labels, NAMES, None, Reading(val=0.1, test=0.3))
    assert shares(split, labels) == [[6, 1, 3, 0], [60, 10, 30, 0], [600, 100, 300, 0]]
    assert rule == "test: 30% of each class; val: 14% of each class's other images; drawn with seed 0"


def test_the_draw_of_a_class_does_not_depend_on_the_others() -> None:
    labels = np.repeat([0, 1, 2], 20)
    together, _ = assign(labels, NAMES, None, Reading())
    alone, _ = assign(np.zeros(20, np.int64), ("b",), None, Reading())
    assert (together[labels == 1] == alone).all()


def test_another_seed_is_another_draw() -> None:
    labels = np.repeat([0, 1, 2], 20)
    first, again, other = (assign(labels, NAMES, None, Reading(seed=seed))[0] for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()
    assert shares(first, labels) == shares(other, labels)


@pytest.mark.parametrize(("images", "expected"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (4, [2, 1, 1])])
def test_a_small_class_keeps_an_image_for_training_first(images: int, expected: list[int]) -> None:
    split, _ = assign(np.zeros(images, np.int64), ("a",), None, Reading())
    assert np.bincount(split, minlength=3).tolist() == expected


def test_what_is_given_is_kept() -> None:
    labels, given = np.repeat([0, 1, 2], 10), np.tile(np.repeat([0, 2], 5), 3).astype(np.uint8)
    split, rule = assign(labels, NAMES, given, Reading())
    assert ((split == 2) == (given == 2)).all()
    assert shares(split, labels) == [[4, 1, 5, 0]] * 3
    assert rule == "train, test as given; val: 20% of each class's other images; drawn with seed 0"
    whole, rule = assign(labels, NAMES, np.tile([0, 0, 1, 1, 2], 6).astype(np.uint8), Reading())
    assert rule == "train, val, test as given"
    assert whole.tolist() == [0, 0, 1, 1, 2] * 6


def test_numbers_of_images_instead_of_shares() -> None:
    """As for Caltech-101 (30 a class train, the others test) and SUN397 (50 and 50)."""
    labels = np.repeat([0, 1, 2], [35, 200, 3])
    split, rule = assign(labels, NAMES, None, Reading(train_images=30))
    assert shares(split, labels) == [[24, 6, 5, 0], [24, 6, 170, 0], [1, 1, 1, 0]]
    assert rule.startswith("30 images of each class for train and val, the others for test; val: 20%")
    split, rule = assign(labels, NAMES, None, Reading(train_images=30, test_images=50))
    assert shares(split, labels) == [[24, 6, 5, 0], [24, 6, 50, 120], [1, 1, 1, 0]]
