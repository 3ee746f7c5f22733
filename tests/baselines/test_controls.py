import math
from itertools import pairwise

import pytest

from baselines import (
    feature_width,
    flop_count,
    number_of_classes,
    parameter_count,
    random_score,
    same_collection,
    source_accuracy,
    source_size,
)


def test_a_random_score_depends_on_its_seed_alone():
    assert random_score(1) == random_score(1) != random_score(2)
    assert all(0 <= random_score(seed) < 1 for seed in range(100))


def test_random_scores_of_neighbouring_seeds_are_not_ordered():
    scores = [random_score(seed) for seed in range(200)]
    assert sum(scores) / 200 == pytest.approx(0.5, abs=0.1)
    rises = sum(a < b for a, b in pairwise(scores))
    assert 70 < rises < 130


@pytest.mark.parametrize("metric", [source_size, number_of_classes, parameter_count, feature_width])
def test_more_is_better_on_a_logarithmic_scale(metric):
    assert metric(100) - metric(10) == pytest.approx(math.log(10))
    assert metric(3) > metric(2)
    for bad in (0, -1, 2.5):
        with pytest.raises(ValueError, match="must be a positive whole number"):
            metric(bad)


def test_operations_are_compared_on_a_logarithmic_scale():
    assert flop_count(4e9) - flop_count(1e9) == pytest.approx(math.log(4))
    for bad in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="flops must be a finite number of at least 1"):
            flop_count(bad)


def test_source_accuracy_is_a_fraction():
    assert source_accuracy(0.25) == 0.25
    for bad in (97.3, -0.1, math.nan):
        with pytest.raises(ValueError, match="source_accuracy must be a fraction"):
            source_accuracy(bad)


def test_views_of_one_collection_stand_before_all_others_and_these_are_equal():
    pairs = [("mnist", "mnist"), ("fashion", "mnist"), ("mnist", "fashion"), ("mnist_even", "mnist")]
    assert [same_collection(*pair) for pair in pairs] == [1.0, 0.0, 0.0, 0.0]
