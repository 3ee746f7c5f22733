"""Feature uniqueness and its product with a linear probe."""

import numpy as np
import pytest

from baselines import feature_uniqueness, fu_lp, linear_probe


@pytest.fixture
def norms():
    return np.random.default_rng(0).exponential(size=(6, 2))


def test_it_is_the_ratio_of_the_means_and_not_the_mean_of_the_ratios(norms):
    first = sum(row[0] for row in norms) / len(norms)
    second = sum(row[1] for row in norms) / len(norms)
    assert feature_uniqueness(norms) == pytest.approx(second / first, rel=1e-12)
    assert feature_uniqueness(norms) != pytest.approx((norms[:, 1] / norms[:, 0]).mean(), rel=1e-2)


def test_the_scale_of_the_loss_and_the_order_of_the_batches_do_not_matter(norms):
    assert feature_uniqueness(1e-9 * norms[::-1]) == pytest.approx(feature_uniqueness(norms), rel=1e-12)


def test_a_batch_in_which_no_triplet_was_left_counts_with_its_zeros():
    assert feature_uniqueness(np.array([[2.0, 3.0], [0.0, 0.0]])) == 1.5


def test_the_product_is_that_of_both(norms, case):
    features, labels = case
    both = feature_uniqueness(norms) * linear_probe(features, labels, seed=3)
    assert fu_lp(norms, features, labels, seed=3) == pytest.approx(both, rel=1e-12)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[1.0, 2.0, 3.0]], r"must have shape \(batches, 2\), got \(1, 3\)"),
        ([1.0, 2.0], r"must have shape \(batches, 2\)"),
        (np.zeros((0, 2)), "must have shape|is empty"),
        ([[1.0, np.nan]], "triplet_gradient_norms holds 1 NaN"),
        ([[1.0, -1.0]], "holds a negative number"),
        ([[0.0, 1.0]], "are all 0 in the first layer"),
        ([[0.0, 0.0]], "are all 0 in the first layer"),
    ],
)
def test_what_are_no_norms_is_named(bad, message):
    with pytest.raises(ValueError, match=message):
        feature_uniqueness(np.array(bad))
