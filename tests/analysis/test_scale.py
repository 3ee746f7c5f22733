"""Slopes of accuracy on score, against least squares with a constant for each target and against all pairs."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pgebench.analysis.alike import judged
from pgebench.analysis.bootstrap import multiplicities
from pgebench.analysis.correlation import correlations
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.scale import scale
from pgebench.analysis.table import Replicates, Transfers

NUMBERS = arrays(float, 6, elements=st.integers(-5, 5).map(float))


def slopes(score, truth, resamples=50, looked_at=None, checkpoints=None, seed=0):
    """The table of a single metric `m`, from scores (backbones, sources, targets, n) and transfers alike."""
    scores = Replicates(score, looked_at or (None,) * score.shape[-1])
    transfers = Transfers(truth, checkpoints or (0,) * truth.shape[-1])
    sources, targets = ([f"{axis}{i}" for i in range(n)] for axis, n in zip("st", score.shape[1:3], strict=True))
    sides = judged([scores], transfers, sources, targets)
    return scale(sides, ["m"], targets, resamples=resamples, seed=seed).set_index("target")


def pooled_and_single(found):
    whole = found.index.isna()
    return found[whole].iloc[0], found[~whole]


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS)
def test_pearson_is_the_correlation_of_differences_over_all_ordered_pairs(score, accuracy):
    """The "fidelity" of arXiv 2510.06448 is Pearson within a target."""
    assume(len(set(score)) > 1 and len(set(accuracy)) > 1)
    pairs = list(permutations(range(6), 2))
    fidelity = stats.pearsonr([score[i] - score[j] for i, j in pairs], [accuracy[i] - accuracy[j] for i, j in pairs])
    pearson = correlations(score, accuracy, wanted=("pearson",))["pearson"]
    assert pearson == pytest.approx(fidelity.statistic, abs=1e-12)
    assert pearson == pytest.approx(stats.pearsonr(score, accuracy).statistic, abs=1e-12)


def test_over_unordered_pairs_that_depends_on_the_order_of_the_list():
    rng = np.random.default_rng(0)
    score, accuracy = rng.random((2, 6))
    found = []
    for order in (np.arange(6), np.arange(6)[::-1], rng.permutation(6)):
        pairs = [(order[i], order[j]) for i in range(6) for j in range(i)]
        differences = ([values[i] - values[j] for i, j in pairs] for values in (score, accuracy))
        found.append(stats.pearsonr(*differences).statistic)
    assert np.ptp(found) > 0.01


def test_the_slope_of_a_target_is_that_of_all_its_ordered_pairs():
    rng = np.random.default_rng(1)
    score, truth = rng.random((2, 1, 7, 3, 1))
    _, single = pooled_and_single(slopes(score, truth))
    for t in range(3):
        x, y = score[0, :, t, 0], truth[0, :, t, 0]
        pairs = list(permutations(range(7), 2))
        of_pairs = stats.linregress([x[i] - x[j] for i, j in pairs], [y[i] - y[j] for i, j in pairs])
        assert single["slope"].iloc[t] == pytest.approx(of_pairs.slope)
        assert single["slope"].iloc[t] == pytest.approx(stats.linregress(x, y).slope)


def test_the_pooled_slope_is_least_squares_with_a_constant_for_each_target_backbone_and_life():
    rng = np.random.default_rng(2)
    score, truth = rng.random((2, 2, 6, 4, 2))
    score[0, 1, 2, 0], truth[1, 3, 0, 1] = np.nan, np.nan
    whole, _ = pooled_and_single(slopes(score, truth, looked_at=(0, 1), checkpoints=(0, 1)))
    columns, values = [], []
    for b, s, t, life in np.ndindex(2, 6, 4, 2):
        if np.isfinite(score[b, s, t, life]) and np.isfinite(truth[b, s, t, life]):
            constant = np.zeros(2 * 4 * 2)
            constant[(b * 4 + t) * 2 + life] = 1.0
            columns.append([score[b, s, t, life], *constant])
            values.append(truth[b, s, t, life])
    assert whole["slope"] == pytest.approx(np.linalg.lstsq(np.array(columns), np.array(values))[0][0])


def test_a_source_or_target_that_is_drawn_twice_counts_as_two():
    rng = np.random.default_rng(3)
    score, truth = rng.random((2, 1, 6, 5, 1))
    (of_sources, _), (of_targets, _) = multiplicities(range(6), range(5), resamples=50, seed=0)

    def slope(sources, targets):
        x, y = ([v[0, :, t, 0][sources] for t in targets] for v in (score, truth))
        x, y = (np.concatenate([one - one.mean() for one in side]) for side in (x, y))
        return x @ y / (x @ x) if (x @ x) > 1e-12 else np.nan

    rows, columns = range(6), range(5)
    draws = [
        [slope(np.repeat(rows, s.astype(int)), np.repeat(columns, t.astype(int))) for s, t in both]
        for both in (
            list(zip(of_sources, of_targets, strict=True)),
            [(np.ones(6), t) for t in of_targets],
            [(s, np.ones(5)) for s in of_sources],
        )
    ]
    naive = Resamples(np.array([slope(rows, columns)]), *np.array(draws)[:, None], 5, 6, (-np.inf, np.inf))
    whole, single = pooled_and_single(slopes(score, truth))
    assert tuple(whole[["low", "high"]]) == pytest.approx(naive.interval(0))
    of_target = np.array([[slope(np.repeat(rows, s.astype(int)), [2]) for s in of_sources]])
    held = Resamples(np.array([slope(rows, [2])]), of_target, of_target, of_target, 0, 6, (-np.inf, np.inf))
    assert tuple(single.iloc[2][["low", "high"]]) == pytest.approx(held.interval(0))


def test_a_metrics_own_draws_widen_its_interval():
    rng = np.random.default_rng(4)
    truth = rng.random((1, 8, 6, 1))
    drawn = truth + 0.3 * rng.normal(size=(1, 8, 6, 4)) * [1.0, 1.0, 1.0, 3.0]
    whole, _ = pooled_and_single(slopes(drawn, truth))
    # The same scores and truths as lives of four checkpoints have the same slope and no draws of their own.
    lives, _ = pooled_and_single(
        slopes(drawn, np.repeat(truth, 4, axis=-1), looked_at=(0, 1, 2, 3), checkpoints=(0, 1, 2, 3))
    )
    assert whole["slope"] == pytest.approx(lives["slope"])
    assert whole["high"] - whole["low"] > lives["high"] - lives["low"]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1e-200, 1e-3, 7.0, 1e150]), st.floats(-3, 3))
def test_the_unit_of_a_score_changes_its_slope_and_not_what_a_step_is_worth(unit, shift):
    rng = np.random.default_rng(5)
    score, truth = rng.random((2, 1, 6, 5, 1))
    plain, _ = pooled_and_single(slopes(score, truth))
    turned, _ = pooled_and_single(slopes(unit * (score + shift * np.arange(5)[:, None]), truth))
    assert turned["slope"] * unit == pytest.approx(plain["slope"])
    assert turned["high"] * unit == pytest.approx(plain["high"])
    # Rounded to two digits.
    assert turned["step"] / unit == pytest.approx(plain["step"], rel=0.06)


def test_a_step_is_one_standard_deviation_within_a_target():
    rng = np.random.default_rng(6)
    score, truth = rng.random((2, 1, 6, 5, 1))
    whole, single = pooled_and_single(slopes(score + 100 * np.arange(5)[:, None], truth))
    within = np.sqrt(score[0, :, :, 0].var(axis=0, ddof=1).mean())
    assert whole["step"] == float(f"{within:.2g}")
    assert (single["step"] == whole["step"]).all()


def test_equal_scores_say_nothing_and_a_target_of_them_leaves_the_others():
    rng = np.random.default_rng(7)
    score, truth = rng.random((2, 1, 6, 5, 1))
    score[0, :, 3] = 0.25
    whole, single = pooled_and_single(slopes(score, truth))
    others = [0, 1, 2, 4]
    kept, _ = pooled_and_single(slopes(score[:, :, others], truth[:, :, others]))
    assert single["slope"].isna().tolist() == [False, False, False, True, False]
    assert whole["slope"] == pytest.approx(kept["slope"])
    nothing = slopes(np.full_like(score, 3.0), truth)
    assert nothing[["slope", "low", "high", "step"]].isna().all(axis=None)


def test_too_few_sources_and_targets_have_a_slope_and_no_interval():
    rng = np.random.default_rng(8)
    score, truth = rng.random((2, 1, 2, 3, 1))
    whole, _ = pooled_and_single(slopes(score, truth))
    assert np.isfinite(whole["slope"])
    assert np.isnan([whole["low"], whole["high"]]).all()


def test_a_single_candidate_has_no_differences():
    found = slopes(np.ones((1, 1, 3, 1)), np.ones((1, 1, 3, 1)))
    assert found[["slope", "low", "high"]].isna().all(axis=None)


def test_a_score_that_is_missing_everywhere_has_no_slope():
    found = slopes(np.full((1, 5, 4, 1), np.nan), np.random.default_rng(0).random((1, 5, 4, 1)))
    assert found[["slope", "low", "high", "step"]].isna().all(axis=None)
