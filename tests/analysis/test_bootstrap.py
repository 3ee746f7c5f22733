import numpy as np
import pytest

from pgebench.analysis.bootstrap import bootstrap, bootstrap_apart
from pgebench.analysis.pairs import paired_differences
from pgebench.analysis.quality import STATISTICS, ranking_quality


def world(rng, sources=9, targets=9, seeds=2, rho=0.6, shared=0.4, noise=0.5):
    """Score and truth with a known correlation: a source effect plus an interaction; the diagonal is missing."""
    effect, pair = rng.normal(size=sources), rng.normal(size=(sources, targets))
    other_effect, other_pair = rng.normal(size=sources), rng.normal(size=(sources, targets))
    blind = np.sqrt(1 - rho**2)
    truth = np.sqrt(shared) * effect[:, None] + np.sqrt(1 - shared) * pair
    score = np.sqrt(shared) * (rho * effect + blind * other_effect)[:, None]
    score = score + np.sqrt(1 - shared) * (rho * pair + blind * other_pair)
    runs = truth[..., None] + noise * rng.normal(size=(sources, targets, seeds))
    runs = 0.5 + 0.05 * runs
    for i in range(min(sources, targets)):
        score[i, i], runs[i, i] = np.nan, np.nan
    return score[None], runs[None]


def test_estimates_are_those_of_the_data():
    score, truth = world(np.random.default_rng(0))
    draws = bootstrap(score[None], truth, resamples=20)
    judged = ranking_quality(score, truth)
    for name in STATISTICS:
        assert draws[name].estimate[0] == pytest.approx(judged.mean(name))


def test_a_perfect_score_is_certain():
    _, truth = world(np.random.default_rng(0), seeds=1)
    draws = bootstrap(truth.mean(-1)[None], truth, resamples=200)
    for name, value in {
        "weighted_tau": 1.0,
        "tau": 1.0,
        "spearman": 1.0,
        "pearson": 1.0,
        "rel_at_1": 1.0,
        "regret": 0.0,
    }.items():
        assert draws[name].interval(0) == pytest.approx((value, value))


def test_intervals_hold_their_estimate_and_stay_in_bounds():
    rng = np.random.default_rng(3)
    for rho in (0.0, 0.95):
        score, truth = world(rng, rho=rho)
        for name, draws in bootstrap(score[None], truth, resamples=200).items():
            low, high = draws.interval(0)
            assert draws.bounds[0] <= low <= draws.estimate[0] <= high <= draws.bounds[1], name


def test_the_same_seed_gives_the_same_interval():
    score, truth = world(np.random.default_rng(0))
    assert bootstrap(score[None], truth, resamples=50)["tau"].interval(0) == bootstrap(
        score[None], truth, resamples=50
    )["tau"].interval(0)


@pytest.mark.parametrize(("sources", "targets", "defined"), [(2, 6, True), (6, 1, True), (2, 1, False), (3, 3, False)])
def test_small_tables_do_not_crash(sources, targets, defined):
    score, truth = world(np.random.default_rng(1), sources=sources, targets=targets, seeds=1)
    score, truth = np.nan_to_num(score), np.nan_to_num(truth, nan=0.5)
    low, high = bootstrap(score[None], truth, resamples=100)["tau"].interval(0)
    assert np.isfinite([low, high]).all() == defined


def test_more_seeds_narrow_the_interval():
    def width(seeds):
        widths = []
        for i in range(5):
            score, truth = world(np.random.default_rng(i), seeds=seeds, noise=3.0, rho=0.9)
            low, high = bootstrap(score[None], truth, resamples=150)["pearson"].interval(0)
            widths.append(high - low)
        return np.mean(widths)

    assert width(16) < width(2)


def test_intervals_cover_the_true_value_about_as_often_as_they_say():
    """A small simulation; the long one is `python -m pgebench.studies.statistics`."""
    rng = np.random.default_rng(0)
    hits, trials = {}, 120
    for shared in (0.0, 0.5):
        many = [world(rng, shared=shared) for _ in range(800)]
        truth = np.mean([ranking_quality(score, runs).mean("tau") for score, runs in many])
        covered = 0
        for _ in range(trials):
            score, runs = world(rng, shared=shared)
            low, high = bootstrap(score[None], runs, resamples=150, statistics=("tau",))["tau"].interval(0)
            covered += low <= truth <= high
        hits[shared] = covered / trials
    assert all(0.90 <= share <= 1.0 for share in hits.values()), hits


def test_two_equal_metrics_are_not_told_apart_and_two_different_ones_are():
    score, truth = world(np.random.default_rng(4), sources=12, targets=12, rho=0.95)
    noise = np.random.default_rng(5).normal(size=score.shape)
    draws = bootstrap(np.stack([score, score * 2 + 1, noise]), truth, resamples=300)["weighted_tau"]
    pairs = paired_differences(["a", "b", "noise"], draws).set_index(["better", "worse"])
    assert pairs.loc[("a", "b"), "difference"] == 0
    assert pairs.loc[("a", "b"), "p_holm"] == 1
    assert pairs.loc[("a", "noise"), "p_holm"] < 0.05


def test_backbones_apart_are_those_that_are_resampled_alone():
    rng = np.random.default_rng(5)
    worlds = [world(rng, sources=6, targets=5) for _ in range(4)]
    score, truth = (np.concatenate(side) for side in zip(*worlds, strict=True))
    score[3, 1, 2] = np.nan
    apart = (slice(None), slice(0, 1), slice(1, 4))
    found = bootstrap_apart(np.stack([score, -score]), truth, apart, own_draws=(0, 0, 1, 1), resamples=30)
    for rows, part in zip(apart, found, strict=True):
        alone = bootstrap(np.stack([score[rows], -score[rows]]), truth[rows], resamples=30)
        for name in STATISTICS:
            for what in ("estimate", "both", "by_target", "by_source"):
                np.testing.assert_allclose(getattr(part[name], what), getattr(alone[name], what), atol=1e-12)
    by_hand = [ranking_quality(score[rows], truth[rows]).mean("tau") for rows in (slice(0, 2), slice(2, 4))]
    assert found[0]["tau"].draws[0].tolist() == pytest.approx(by_hand)
    assert len(found[1]["tau"].draws[0]) == 0


def test_pairs_left_out_are_not_corrected_for():
    score, truth = world(np.random.default_rng(4))
    draws = bootstrap(np.stack([score, -score, score**2]), truth, resamples=50)["tau"]
    assert len(paired_differences(["a", "b", "random"], draws, leave_out=("random",))) == 1
