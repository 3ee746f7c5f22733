import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pgebench.analysis.decompose import interactions, source_effects, two_way
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.static_ranker import static_scores


def additive(rng, n=6):
    matrix = np.add.outer(rng.normal(size=n), rng.normal(size=n))
    matrix[np.arange(n), np.arange(n)] = np.nan
    return matrix


def test_an_additive_table_has_no_interaction_even_without_diagonal():
    matrix = additive(np.random.default_rng(0))
    residual = two_way(matrix).interaction
    assert np.nanmax(np.abs(residual)) == 0
    assert (np.isnan(residual) == np.isnan(matrix)).all()


@settings(max_examples=80, deadline=None)
@given(
    arrays(float, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.sampled_from([np.nan, 0.1, 0.4, 0.5]))
)
def test_effects_of_many_matrices_are_those_of_each_holes_and_unconnected_parts_included(matrix):
    many = np.stack([matrix, matrix[::-1], np.full_like(matrix, np.nan)])
    expected = [two_way(one).source for one in many]
    np.testing.assert_allclose(source_effects(many), expected, atol=1e-9)


def test_an_interaction_is_found_and_has_no_row_or_column_mean():
    rng = np.random.default_rng(1)
    residual = two_way(additive(rng) + rng.normal(size=(6, 6))).interaction
    np.testing.assert_allclose(np.nansum(residual, axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(np.nansum(residual, axis=1), 0, atol=1e-9)


def test_a_source_or_target_never_seen_has_no_effect():
    matrix = np.array([[1.0, np.nan, 2.0], [np.nan, np.nan, np.nan], [2.0, np.nan, 3.0]])
    fit = two_way(matrix)
    assert np.isnan(fit.source[1])
    assert np.isnan(fit.target[1])
    np.testing.assert_allclose(fit.source[[0, 2]], [-0.5, 0.5])


def test_an_empty_table_is_no_crash():
    assert np.isnan(two_way(np.full((2, 3), np.nan)).interaction).all()


def test_a_score_that_knows_only_sources_has_no_interaction_whatever_its_unit_per_target():
    rng = np.random.default_rng(3)
    score = np.outer(rng.normal(size=7), rng.uniform(0.1, 10, size=7)) + rng.normal(size=7)
    score[np.arange(7), np.arange(7)] = np.nan
    left = interactions(score[None], rescale_targets=True)
    assert np.nanmax(np.abs(left)) < 0.01 * np.nanstd(score)
    truth = np.random.default_rng(4).random((1, 7, 7, 1))
    fixed = np.repeat(rng.normal(size=(1, 7, 1)), 7, axis=2)
    fixed[0, np.arange(7), np.arange(7)] = np.nan
    judged = ranking_quality(interactions(fixed, rescale_targets=True), truth)
    assert judged.mean("weighted_tau") == 0


def test_a_perfect_score_is_perfect_on_the_interaction_too():
    truth = np.random.default_rng(5).random((1, 7, 7))
    left = interactions(truth)
    assert ranking_quality(interactions(truth * 3 + 1), left[..., None]).mean("tau") == pytest.approx(1)


def test_static_ranker_finds_good_sources_and_never_sees_its_target():
    rng = np.random.default_rng(6)
    truth = np.repeat(rng.normal(size=(1, 8, 1, 1)), 8, axis=2) + rng.normal(size=(1, 1, 8, 1))
    truth[0, np.arange(8), np.arange(8)] = np.nan
    assert ranking_quality(static_scores(truth), truth).mean("tau") == 1
    changed = truth.copy()
    changed[0, :, 3] = rng.normal(size=(8, 1))
    changed[0, 3, 3] = np.nan
    np.testing.assert_array_equal(static_scores(truth)[0, :, 3], static_scores(changed)[0, :, 3])


def test_static_ranker_needs_two_targets():
    assert np.isnan(static_scores(np.random.default_rng(0).random((1, 5, 1, 2)))).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_score_that_differs_by_rounding_alone_has_no_interaction(seed):
    """Saturated scores, and one that is the same for all: what is left of them is in the last bits."""
    rng = np.random.default_rng(seed)
    constant = np.full((1, 7, 5), 471_123.0)
    saturated = 1 - 1.1e-16 * rng.integers(0, 4, size=(1, 7, 5))
    mixed = np.concatenate([saturated, rng.normal(size=(1, 7, 3))], axis=2)
    for values in (constant, saturated, constant / 3, saturated * 17.3):
        values[0, rng.integers(7), rng.integers(5)] = np.nan
        for rescale in (False, True):
            found = interactions(values, rescale_targets=rescale)
            assert set(found[np.isfinite(found)]) == {0.0}
    found = interactions(mixed, rescale_targets=True)
    assert np.abs(found[..., 5:]).max() < 100
