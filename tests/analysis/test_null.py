import numpy as np
import pytest

from pgebench.analysis.chance import _within, holm, null_band, p_value, shuffled_means
from pgebench.analysis.correlation import correlations
from pgebench.analysis.quality import ranking_quality


def square(rng, n=9, static=False):
    """A score and an accuracy that have nothing to do with each other, without diagonal."""
    score, accuracy = rng.normal(size=(2, 1, n, n))
    if static:  # both depend on the source alone
        score, accuracy = (np.repeat(rng.normal(size=(1, n, 1)), n, axis=2) for _ in range(2))
    for matrix in (score, accuracy):
        matrix[0, np.arange(n), np.arange(n)] = np.nan
    return score, accuracy


@pytest.mark.parametrize("static", [False, True])
def test_p_values_are_uniform_under_the_null(static):
    rng = np.random.default_rng(0)
    p = []
    for _ in range(200):
        score, accuracy = square(rng, static=static)
        value = ranking_quality(score, accuracy[..., None]).mean("weighted_tau")
        p.append(p_value(value, shuffled_means(score[None], accuracy, shuffles=199)))
    # Standard error of a share of 200: at most 0.035.
    for level in (0.05, 0.25, 0.5, 0.75):
        assert np.mean(np.array(p) <= level) == pytest.approx(level, abs=0.1)


def test_a_planted_score_is_found():
    rng = np.random.default_rng(1)
    _, accuracy = square(rng)
    null = shuffled_means(accuracy[None], accuracy, shuffles=500)
    assert p_value(1.0, null) == pytest.approx(1 / 501)
    low, high = null_band(null)
    assert low < 0 < high < 1


def test_shuffling_keeps_the_scores_of_each_target():
    rng = np.random.default_rng(2)
    order = np.argsort(rng.random((200, 6)), axis=1)
    usable = np.array([True, False, True, True, False, True])
    taken = _within(order, usable)
    assert (np.sort(taken[:, usable], axis=1) == np.flatnonzero(usable)).all()
    # and every usable source is equally likely to get any usable score
    assert np.mean(taken[:, 0] == 0) == pytest.approx(0.25, abs=0.1)


def test_means_are_those_of_scores_shuffled_one_by_one():
    rng = np.random.default_rng(3)
    score, accuracy = square(rng, n=6)
    score[0, 1, 2] = np.nan
    ties = np.round(score)
    means = shuffled_means(np.stack([score, ties]), accuracy, shuffles=20, seed=5)
    order = np.argsort(np.random.default_rng(5).random((20, 6)), axis=1)
    usable = np.isfinite(score) & np.isfinite(accuracy)
    for m, each in enumerate((score, ties)):
        for i in range(20):
            taus = [
                correlations(each[0, _within(order[[i]], usable[0, :, t])[0], t], accuracy[0, :, t])["weighted_tau"]
                for t in range(6)
            ]
            assert means[m, i] == pytest.approx(np.mean(taus))


def test_a_constant_score_never_beats_its_shuffles():
    _, accuracy = square(np.random.default_rng(0))
    null = shuffled_means(np.where(np.isnan(accuracy), np.nan, 1.0)[None], accuracy, shuffles=50)
    assert p_value(0.0, null) == 1.0


def test_without_any_score_there_is_no_p_value():
    _, accuracy = square(np.random.default_rng(0))
    null = shuffled_means(np.full_like(accuracy, np.nan)[None], accuracy, shuffles=50)
    assert np.isnan(p_value(float("nan"), null))
    assert np.isnan(null_band(null)).all()


def test_holm_on_the_textbook_example():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_never_lowers_and_never_passes_one():
    p = np.random.default_rng(0).random(20)
    corrected = holm(p)
    assert (corrected >= p).all()
    assert corrected.max() <= 1
