import numpy as np
import pytest

from pgebench.analysis.ceiling import _splits, from_pearson, noise_ceiling, spearman_brown, to_pearson
from pgebench.analysis.correlation import CORRELATIONS, correlations


def test_spearman_brown_of_two_halves():
    assert spearman_brown(0.6, 2) == pytest.approx(2 * 0.6 / 1.6)
    assert spearman_brown(0.6, 1) == 0.6
    assert spearman_brown(-0.3, 2) == -0.3


@pytest.mark.parametrize("statistic", CORRELATIONS)
def test_translation_to_pearson_and_back(statistic):
    for value in (-1.0, -0.4, 0.0, 0.7, 1.0):
        assert from_pearson(statistic, to_pearson(statistic, value)) == pytest.approx(value)


def noisy_truth(rng, seeds, targets=400, sources=10, noise=1.0):
    signal = rng.normal(size=(1, sources, targets))
    return signal, signal[..., None] + noise * rng.normal(size=(1, sources, targets, seeds))


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_ceiling_predicts_the_agreement_with_a_real_repetition(seeds):
    rng = np.random.default_rng(seeds)
    signal, first = noisy_truth(rng, seeds)
    again = signal[..., None] + rng.normal(size=first.shape)
    means = [np.swapaxes(truth.mean(-1), 1, 2) for truth in (first, again)]
    repeated, perfect = correlations(*means), correlations(np.swapaxes(signal, 1, 2), means[0])
    ceiling = noise_ceiling(first)
    for name in CORRELATIONS:
        assert ceiling[name].repeat == pytest.approx(repeated[name].mean(), abs=0.05), name
        assert ceiling[name].perfect == pytest.approx(perfect[name].mean(), abs=0.05), name


def test_number_of_seeds_needed():
    _, truth = noisy_truth(np.random.default_rng(0), 2, targets=2000)
    # One seed has reliability 1/2 (Pearson), k seeds k / (k + 1): 0.8 needs 4.
    assert noise_ceiling(truth)["pearson"].seeds_for("pearson", 0.8) == pytest.approx(4, rel=0.15)


def test_a_noise_free_truth_has_ceiling_one():
    truth = np.repeat(np.random.default_rng(0).random((1, 6, 4, 1)), 4, axis=-1)
    assert all(top.repeat == pytest.approx(1) for top in noise_ceiling(truth).values())


def test_pure_noise_has_a_ceiling_near_zero():
    truth = np.random.default_rng(0).random((1, 10, 200, 4))
    assert abs(noise_ceiling(truth)["tau"].repeat) < 0.05


def test_one_seed_is_undefined_and_not_a_crash():
    top = noise_ceiling(np.random.default_rng(0).random((1, 5, 4, 1)))["weighted_tau"]
    assert np.isnan([top.repeat, top.perfect, top.halves, top.seeds_for("weighted_tau", 0.8)]).all()


def test_failed_seeds_do_not_spoil_the_ceiling():
    _, truth = noisy_truth(np.random.default_rng(0), 4, targets=20)
    truth[0, 0, :, 1] = np.nan
    assert np.isfinite(noise_ceiling(truth)["tau"].repeat)


@pytest.mark.parametrize(("seeds", "number"), [(2, 1), (3, 3), (4, 3), (5, 15), (12, 100)])
def test_all_splits_are_used_while_they_are_few(seeds, number):
    splits = _splits(seeds, seeds // 2, np.random.default_rng(0))
    assert len(splits) == number
    assert all(not set(a) & set(b) and len(a) == len(b) == seeds // 2 for a, b in splits)
