"""RankMe and the entropy of predictions: the metrics that look at no labels."""

import inspect
import math

import numpy as np
import pytest
import scipy.linalg
from scipy.stats import entropy

from baselines import prediction_entropy, rank_me


def test_they_ask_for_no_labels():
    assert list(inspect.signature(rank_me).parameters) == ["features"]
    assert list(inspect.signature(prediction_entropy).parameters) == ["source_probabilities"]


def test_rank_me_is_the_exponential_of_the_entropy_of_the_singular_values(case):
    features = case[0]
    assert rank_me(features) == pytest.approx(math.exp(entropy(scipy.linalg.svdvals(features))), rel=1e-10)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_orthogonal_directions_of_one_length_count_one_each(rank):
    axes = np.linalg.qr(np.random.default_rng(rank).normal(size=(20, rank)))[0]
    assert rank_me(axes @ np.random.default_rng(1).permutation(np.eye(12))[:rank]) == pytest.approx(rank)


def test_rank_me_without_any_feature_is_one():
    assert rank_me(np.zeros((4, 3))) == 1.0


def test_a_shift_of_the_features_is_a_direction():
    features = np.random.default_rng(2).normal(size=(50, 6))
    assert rank_me(features + 100) < 2 < rank_me(features)


def test_prediction_entropy_is_minus_the_mean_entropy_of_the_rows():
    probabilities = np.random.default_rng(3).dirichlet(np.full(7, 0.3), size=50)
    expected = -np.mean([entropy(row) for row in probabilities])
    assert prediction_entropy(probabilities) == pytest.approx(expected, rel=1e-12)


def test_a_sure_head_scores_zero_and_an_unsure_one_minus_the_logarithm_of_its_classes():
    assert prediction_entropy(np.eye(5)) == 0.0
    assert prediction_entropy(np.full((3, 8), 1 / 8)) == pytest.approx(-math.log(8))


def test_logits_are_named_as_such():
    with pytest.raises(ValueError, match="source_probabilities must be probabilities"):
        prediction_entropy(np.array([[2.0, -1.0]]))
