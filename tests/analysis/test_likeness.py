"""Metrics among themselves, against SciPy target by target and against clusters that are planted."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pgebench.analysis.likeness import SAME, likeness, mean_taus, ordered
from pgebench.analysis.table import Replicates, Transfers


def naive(first, second, meetings, measured):
    """Mean of SciPy's tau-b over the meetings, backbones and targets that have one."""
    found = []
    for one, other in meetings:
        for b, t in np.ndindex(measured.shape[0], measured.shape[2]):
            x, y = first[b, :, t, one], second[b, :, t, other]
            both = np.isfinite(x) & np.isfinite(y) & measured[b, :, t]
            if len(set(x[both])) > 1 and len(set(y[both])) > 1:
                found.append(stats.kendalltau(x[both], y[both]).statistic)
    return (np.mean(found) if found else np.nan), len(found)


def scored(values, looked_at=(None,)):
    return Replicates(np.asarray(values, dtype=float), looked_at)


@settings(max_examples=40, deadline=None)
@given(arrays(float, (2, 2, 5, 3, 1), elements=st.sampled_from([1.0, 2.0, 3.0, np.nan])))
def test_with_ties_and_holes_it_is_the_mean_of_scipys_tau_over_backbones_and_targets(values):
    measured = np.ones((2, 5, 3), dtype=bool)
    measured[0, 0, 0] = False
    tau, rankings = mean_taus([scored(one) for one in values], measured)
    for a, b in np.ndindex(2, 2):
        expected, count = naive(values[a], values[b], [(0, 0)], measured)
        assert tau[a, b] == pytest.approx(expected, nan_ok=True, abs=1e-12)
        assert rankings[a, b] == count


def test_replicates_meet_at_their_checkpoint_or_draw_and_one_that_sees_none_meets_all():
    rng = np.random.default_rng(0)
    patterns = {
        "a": (0, 1, 2),
        "b": (2, 0),
        "draws": (None, None),
        "others": (None, None),
        "fixed": (None,),
    }
    values = {name: rng.random((1, 6, 4, len(pattern))) for name, pattern in patterns.items()}
    every = [(one, other) for one in range(3) for other in range(3)]
    meetings = {
        ("a", "a"): [(0, 0), (1, 1), (2, 2)],
        ("a", "b"): [(0, 1), (2, 0)],
        ("a", "draws"): [(one, other) for one, other in every if other < 2],
        ("draws", "others"): [(0, 0), (1, 1)],
        ("draws", "fixed"): [(0, 0), (1, 0)],
        ("b", "fixed"): [(0, 0), (1, 0)],
        ("fixed", "fixed"): [(0, 0)],
    }
    measured = np.ones((1, 6, 4), dtype=bool)
    names = list(patterns)
    tau, rankings = mean_taus([scored(values[name], patterns[name]) for name in names], measured)
    np.testing.assert_array_equal(tau, tau.T)
    np.testing.assert_allclose(np.diagonal(tau), 1, atol=1e-12)
    for (first, second), met in meetings.items():
        expected = naive(values[first], values[second], met, measured)
        at = names.index(first), names.index(second)
        assert (tau[at], rankings[at]) == pytest.approx(expected, abs=1e-12)


def test_of_metrics_without_a_common_checkpoint_nothing_is_known():
    rng = np.random.default_rng(1)
    tau, rankings = mean_taus(
        [scored(rng.random((1, 5, 3, 1)), (0,)), scored(rng.random((1, 5, 3, 1)), (1,))], np.ones((1, 5, 3), dtype=bool)
    )
    assert np.isnan(tau[0, 1])
    assert rankings[0, 1] == 0


def test_turning_a_score_round_turns_the_sign_and_any_rising_function_changes_nothing():
    rng = np.random.default_rng(2)
    one, other = rng.random((2, 1, 7, 5, 1))
    tau, _ = mean_taus([scored(v) for v in (one, other, -other, np.exp(9 * other))], np.ones((1, 7, 5), dtype=bool))
    assert tau[0, 2] == pytest.approx(-tau[0, 1])
    assert tau[0, 3] == tau[0, 1]


def planted():
    """Two families of three scores each, the second turned against the first, one score of its own and a constant."""
    rng = np.random.default_rng(3)
    first, second, alone = rng.normal(size=(3, 1, 9, 8, 1))
    scores = {}
    for i in range(3):
        scores[f"first_{i}"] = first + 0.05 * rng.normal(size=first.shape)
        scores[f"second_{i}"] = second - first + 0.05 * rng.normal(size=first.shape)
    return scores | {"alone": alone, "constant": np.ones_like(first)}, first


def test_planted_families_are_found_and_stand_together():
    scores, truth = planted()
    found = likeness({name: scored(one) for name, one in scores.items()}, Transfers(truth, (0,)))
    groups = {frozenset(found.metrics[m] for m in group) for group in found.groups}
    families = [frozenset(f"{family}_{i}" for i in range(3)) for family in ("first", "second")]
    assert groups == {*families, frozenset({"alone"})}
    assert found.silent == ("constant",)
    for group in found.groups:
        assert list(group) == list(range(group[0], group[-1] + 1))
        for a, b in combinations(group, 2):
            assert found.tau[a, b] > SAME
    assert found.metrics.index("first_0") < len(found.metrics) / 2


def test_only_cells_with_a_truth_count():
    scores, truth = planted()
    lacking = truth.copy()
    lacking[0, 3, 2], lacking[0, :, 5] = np.nan, np.nan
    pair = {name: scored(scores[name]) for name in ("first_0", "alone")}
    found = likeness(pair, Transfers(lacking, (0,)))
    expected, count = naive(scores["first_0"], scores["alone"], [(0, 0)], np.isfinite(lacking[..., 0]))
    assert (found.tau[0, 1], found.rankings[0, 1]) == (pytest.approx(expected), count)
    assert count == 7


def test_groups_are_by_the_mean_over_their_members_and_not_along_a_chain():
    # Neighbours in the chain agree by more than the bound, its ends by far less.
    tau = np.array([[1.0, 0.75, 0.1], [0.75, 1.0, 0.74], [0.1, 0.74, 1.0]])
    order, groups = ordered(tau)
    assert [{int(order[m]) for m in group} for group in groups if len(group) > 1] == [{0, 1}]


def test_exactly_at_the_bound_two_metrics_say_the_same():
    for value, together in ((SAME, 1), (SAME - 1e-6, 2)):
        assert len(ordered(np.array([[1.0, value], [value, 1.0]]))[1]) == together


@pytest.mark.parametrize("count", [0, 1])
def test_one_metric_or_none_has_no_pairs(count):
    scores, truth = planted()
    few = {name: scored(scores[name]) for name in list(scores)[:count]}
    found = likeness(few, Transfers(truth, (0,)))
    assert found.metrics == tuple(few)
    assert found.groups == ((0,),) * count
    assert found.tau.shape == (count, count)


def test_a_single_candidate_leaves_every_metric_silent():
    rng = np.random.default_rng(4)
    scores = {name: scored(rng.random((1, 1, 4, 1))) for name in "ab"}
    found = likeness(scores, Transfers(rng.random((1, 1, 4, 1)), (0,)))
    assert (found.metrics, found.groups, found.silent) == ((), (), ("a", "b"))
