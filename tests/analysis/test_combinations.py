"""Combinations of metrics, against loops over targets and on worlds in which a fit must fail."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pgebench.analysis.alike import beside
from pgebench.analysis.build_table import table_of
from pgebench.analysis.combinations import (
    COMBINATIONS,
    ELSEWHERE,
    LINEAR,
    LINEAR_WITHIN,
    MEAN_RANK,
    PENALTY,
    combined,
    linear,
    mean_rank,
)
from pgebench.analysis.lives import over_lives
from pgebench.analysis.table import Replicates, Transfers

RESAMPLES = 60


def world(scores, accuracy, collections=None):
    """A table of one backbone from matrices of sources by targets, or whole arrays."""
    truth = accuracy if accuracy.ndim == 4 else accuracy[None, ..., None]
    names = [tuple(f"{axis}{i}" for i in range(n)) for axis, n in zip("bst", truth.shape[:3], strict=True)]
    table = replace(table_of(*names, {"finetune": truth}, {}), collections=collections or {})
    for name, values in scores.items():
        whole = values if isinstance(values, Replicates) else Replicates(values[None, ..., None], (None,))
        table = table.with_replicates(name, whole)
    return table


def found(scores, accuracy, collections=None):
    table = world(scores, accuracy, collections)
    return in_league(table, table.truths["finetune"])


def in_league(table, truth):
    """With the quality as a league has it: per backbone, the mean over lives."""
    quality = {
        name: replace(one, per_target={key: over_lives(values, 1) for key, values in one.per_target.items()})
        for name, one in zip(table.replicates, beside(table, truth).quality(), strict=True)
    }
    return combined(table, truth, quality, list(table.replicates), resamples=RESAMPLES, seed=0)


def taus(score, accuracy):
    """SciPy's weighted tau of each target; as in the league, what orders nothing counts 0."""
    values = []
    for x, y in zip(score.T, accuracy.T, strict=True):
        both = np.isfinite(x) & np.isfinite(y)
        if len(set(y[both])) > 1:
            # Of items tied in both any order will do; a stable sort gives the league's.
            varies = len(set(x[both].round(12))) > 1
            values.append(stats.weightedtau(x[both].round(12), y[both]).statistic if varies else 0.0)
    return values


def z(values):
    there = np.isfinite(values)
    spread = values[there].std()
    return np.where(there, (values - values[there].mean()) / spread if spread > 0 else 0.0, np.nan)


def naive_linear(scores, accuracy, collections, *, leave_out):
    """Target by target: rows of other targets below one another, and the penalty as rows of its own."""
    made = np.full(accuracy.shape, np.nan)
    targets = range(accuracy.shape[1])
    for t in targets:
        rows, values = [], []
        for other in targets:
            if leave_out and collections[other] == collections[t]:
                continue
            columns = np.stack([z(one[:, other]) for one in scores])
            for s in range(accuracy.shape[0]):
                if np.isfinite(accuracy[s, other]) and np.isfinite(columns[:, s]).any():
                    rows.append(np.nan_to_num(columns[:, s]))
                    values.append(z(accuracy[:, other])[s])
        if rows:
            penalty = np.sqrt(PENALTY * len(rows)) * np.eye(len(scores))
            system, wanted = np.vstack([rows, penalty]), np.concatenate([values, np.zeros(len(scores))])
            weights = np.linalg.lstsq(system, wanted)[0]
            own = np.nan_to_num(
                np.stack([z(np.where(np.isfinite(accuracy[:, t]), one[:, t], np.nan)) for one in scores])
            )
            made[:, t] = np.where(np.isfinite(accuracy[:, t]), weights @ own, np.nan)
    return made


COLLECTIONS = ["a", "a", "b", "c", "c", "d"]


@pytest.mark.parametrize("leave_out", [True, False])
def test_the_linear_one_is_a_ridge_regression_on_the_other_collections(leave_out):
    rng = np.random.default_rng(0)
    accuracy = rng.random((7, 6))
    scores = [accuracy + rng.normal(size=accuracy.shape), *rng.random((2, 7, 6))]
    for matrix in (accuracy, *scores):
        matrix[2, 4] = np.nan
    expected = naive_linear(scores, accuracy, COLLECTIONS, leave_out=leave_out)
    made = linear(np.stack(scores)[:, None], accuracy[None], COLLECTIONS if leave_out else None)[0]
    np.testing.assert_allclose(made, expected, atol=1e-10)


def test_a_missing_score_counts_as_the_mean_of_its_target():
    rng = np.random.default_rng(1)
    accuracy, first, second = rng.random((3, 6, 4))
    first[3, 1], second[0, 2] = np.nan, np.nan
    made = linear(np.stack([first, second])[:, None], accuracy[None], list("abcd"))[0]
    expected = naive_linear([first, second], accuracy, "abcd", leave_out=True)
    np.testing.assert_allclose(made, expected, atol=1e-10)


def test_the_mean_rank_is_that_of_scipys_ranks_over_the_metrics_that_have_a_score():
    rng = np.random.default_rng(2)
    scores = rng.integers(0, 3, size=(3, 6, 4)).astype(float)
    scores[rng.random(scores.shape) < 0.2] = np.nan
    scores[:, 5, 3] = np.nan
    accuracy = rng.random((6, 4))
    accuracy[1, 0] = np.nan
    expected = np.full((6, 4), np.nan)
    for t in range(4):
        places = []
        for one in scores:
            there = np.isfinite(one[:, t]) & np.isfinite(accuracy[:, t])
            place = np.full(6, np.nan)
            place[there] = (2 * stats.rankdata(one[there, t]) - there.sum() - 1) / max(there.sum() - 1, 1)
            places.append(place)
        for s in range(6):
            said = [place[s] for place in places if np.isfinite(place[s])]
            expected[s, t] = np.mean(said) if said else np.nan
    np.testing.assert_allclose(mean_rank(scores[:, None], accuracy[None])[0], expected, atol=1e-12)


def test_the_numbers_are_those_of_the_league_for_such_scores():
    rng = np.random.default_rng(3)
    accuracy = rng.random((7, 6))
    scores = {f"m{i}": accuracy + rng.normal(size=accuracy.shape) for i in range(4)}
    of = {f"t{i}": name for i, name in enumerate(COLLECTIONS)}
    result = found(scores, accuracy, of)
    rows = result.rows.set_index("name")
    values = list(scores.values())
    made = {
        MEAN_RANK: np.mean([stats.rankdata(one, axis=0) for one in values], axis=0),
        LINEAR: naive_linear(values, accuracy, COLLECTIONS, leave_out=True),
        LINEAR_WITHIN: naive_linear(values, accuracy, COLLECTIONS, leave_out=False),
    }
    best = max(np.mean(taus(one, accuracy)) for one in values)
    for name, score in made.items():
        expected = np.mean(taus(score, accuracy))
        assert rows.loc[name, "weighted_tau"] == pytest.approx(expected)
        assert rows.loc[name, "difference"] == pytest.approx(expected - np.mean(taus(values[0], accuracy)))
        picked = score.round(9).argmax(axis=0)
        lost = accuracy.max(axis=0) - accuracy[picked, range(6)]
        assert rows.loc[name, "regret"] == pytest.approx(lost.mean())
    assert best >= rows.loc[ELSEWHERE, "weighted_tau"]
    assert tuple(rows.index) == COMBINATIONS


def noise(metrics=30, sources=6, targets=5, seed=5):
    """A world in which no score says anything about the truth, and there are more scores than a fit can bear."""
    rng = np.random.default_rng(seed)
    return {f"m{i}": rng.random((sources, targets)) for i in range(metrics)}, rng.random((sources, targets))


def test_scores_that_say_nothing_are_fitted_within_and_fail_without():
    within, without = [], []
    for seed in range(8):
        rows = found(*noise(seed=seed)).rows.set_index("name")["weighted_tau"]
        within.append(rows[LINEAR_WITHIN])
        without.append(rows[LINEAR])
    assert min(within) > 0.4
    assert abs(np.mean(without)) < 0.15


def test_a_target_does_not_teach_its_own_weights_nor_those_of_its_collection():
    scores, accuracy = noise(metrics=4, targets=6)
    stacked = np.stack(list(scores.values()))[:, None]
    changed = accuracy.copy()
    changed[:, 0] = changed[::-1, 0]
    before, after = (linear(stacked, one[None], COLLECTIONS)[0] for one in (accuracy, changed))
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any(axis=0).all()
    before, after = (linear(stacked, one[None], None)[0] for one in (accuracy, changed))
    assert (before != after).any(axis=0).all()


def test_two_scores_that_only_together_tell_are_combined():
    rng = np.random.default_rng(6)
    accuracy, other = rng.normal(size=(2, 10, 8))
    rows = found({"plus": accuracy + 2 * other, "minus": accuracy - 2 * other}, accuracy).rows.set_index("name")
    assert rows.loc[LINEAR, "weighted_tau"] > 0.8
    assert rows.loc[LINEAR, "difference_low"] > 0


def test_the_metric_that_is_best_elsewhere_may_be_the_wrong_one_here():
    rng = np.random.default_rng(7)
    accuracy = rng.random((6, 4))
    # Each is right on one collection and wrong on the other.
    right = np.where([True, True, False, False], accuracy, -accuracy)
    result = found(
        {"first": right, "second": -right}, accuracy, dict(zip(["t0", "t1", "t2", "t3"], "aabb", strict=True))
    )
    assert result.chosen == {"a": "second", "b": "first"}
    expected = np.mean(taus(-accuracy, accuracy))
    assert result.rows.set_index("name").loc[ELSEWHERE, "weighted_tau"] == pytest.approx(expected)


def test_a_life_has_one_checkpoint_and_one_draw():
    rng = np.random.default_rng(8)
    truth, looked = rng.random((2, 1, 6, 5, 2))
    drawn = rng.random((1, 6, 5, 3))
    transfers = Transfers(truth, (0, 1))
    scores = {"sees": Replicates(looked, (0, 1)), "drawn": Replicates(drawn, (None, None, None))}
    rows = in_league(world(scores, truth), transfers).rows.set_index("name")
    lives = []
    for c in range(2):
        ranks = [stats.rankdata(one, axis=0) for one in (looked[0, :, :, c], drawn[0, :, :, c])]
        lives += taus(np.mean(ranks, axis=0), truth[0, :, :, c])
    assert rows.loc[MEAN_RANK, "weighted_tau"] == pytest.approx(np.mean(lives))


def numbers(result):
    return result.rows.set_index("name")["weighted_tau"]


@pytest.mark.parametrize("collections", [{"t0": "a"}, {f"t{i}": "a" for i in range(5)}])
def test_with_one_target_or_one_collection_nothing_can_be_fitted_elsewhere(collections):
    scores, accuracy = noise(metrics=3)
    few = slice(0, len(collections))
    result = found({name: one[:, few] for name, one in scores.items()}, accuracy[:, few], collections)
    assert numbers(result)[[LINEAR, ELSEWHERE]].isna().all()
    assert numbers(result)[[MEAN_RANK, LINEAR_WITHIN]].notna().all()
    assert result.chosen == {}


def test_one_metric_makes_no_combination_and_none_neither():
    scores, accuracy = noise(metrics=1)
    for few in (scores, {}):
        result = found(few, accuracy)
        assert result.metrics == tuple(few)
        assert result.rows.empty


def test_constant_and_mostly_missing_scores_are_left_out_and_named():
    scores, accuracy = noise(metrics=2)
    sparse = scores["m0"].copy()
    sparse[:4] = np.nan
    half = scores["m0"].copy()
    half[:3] = np.nan
    result = found(
        scores | {"constant": np.ones_like(accuracy), "sparse": sparse, "half": half, "none": accuracy * np.nan},
        accuracy,
    )
    assert result.metrics == ("m0", "m1", "half")
    assert (result.constant, result.sparse) == (("constant",), ("sparse", "none"))


def test_a_truth_without_an_order_teaches_nothing():
    scores, accuracy = noise(metrics=3, targets=4)
    flat = accuracy.copy()
    flat[:, 1:] = 0.5
    result = found(scores, flat)
    # The only target with an order has no other to learn from.
    assert numbers(result)[[LINEAR, ELSEWHERE]].isna().all()
    assert numbers(found(scores, np.full_like(accuracy, 0.5))).isna().all()


def test_a_single_candidate_has_no_combination():
    result = found({"a": np.ones((1, 4)), "b": np.zeros((1, 4))}, np.full((1, 4), 0.5))
    assert result.rows.empty
    assert result.constant == ("a", "b")
