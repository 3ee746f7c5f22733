"""Linear MMD, Frechet distance and OTDD: distances between source and target features."""

import sys

import numpy as np
import pytest
import torch
from plain_transport import costs, gaussian_distance, pooled, variance
from scipy.optimize import linear_sum_assignment, linprog

from baselines import frechet_distance, linear_mmd, otdd, sufficient_statistics
from baselines._distances import frechet_distance_from, linear_mmd_from
from baselines.kernels.transport import class_distances


@pytest.fixture(params=[(60, 50, 6), (10, 12, 30), (40, 9, 20)], ids=["n>d", "n<d", "mixed"])
def pair(request):
    n, m, d = request.param
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, d)) * rng.uniform(0.5, 2, size=d), rng.normal(size=(m, d)) + 1


def test_linear_mmd_is_the_distance_of_means_in_units_of_the_spread(pair):
    target, source = pair
    squared = np.square(target.mean(axis=0) - source.mean(axis=0)).sum()
    assert linear_mmd(target, source, debiased=False) == pytest.approx(-np.sqrt(squared / pooled(*pair)))


def test_debiased_linear_mmd_is_the_u_statistic(pair):
    target, source = pair
    off = [np.mean([x[i] @ x[j] for i in range(len(x)) for j in range(len(x)) if i != j]) for x in pair]
    squared = off[0] + off[1] - 2 * (target @ source.T).mean()
    assert linear_mmd(target, source) == pytest.approx(-np.sqrt(max(0, squared) / pooled(*pair)), abs=1e-7)


def test_samples_of_one_distribution_are_at_distance_zero_on_average():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(30, 50)), rng.normal(size=(40, 50))) for _ in range(40)]
    assert np.mean([linear_mmd(*p) == 0 for p in pairs]) == pytest.approx(0.5, abs=0.25)
    assert max(linear_mmd(*p, debiased=False) for p in pairs) < -0.1


def test_frechet_distance_is_that_of_scipys_matrix_square_root(pair):
    assert frechet_distance(*pair) == pytest.approx(-np.sqrt(gaussian_distance(*pair) / pooled(*pair)), abs=1e-5)


def test_distances_need_sufficient_statistics_only(pair):
    statistics = [sufficient_statistics(x) for x in pair]
    assert linear_mmd_from(*statistics) == pytest.approx(linear_mmd(*pair), abs=1e-9)
    assert frechet_distance_from(*statistics) == pytest.approx(frechet_distance(*pair), abs=1e-6)


@pytest.mark.parametrize("dead", [None, 0, 5, 299])
def test_frechet_distance_of_wide_features_agrees_with_the_dual_form(dead):
    """Also where a feature is dead, as features after a ReLU often are, and the covariance has no full rank."""
    rng = np.random.default_rng(7)
    target, source = rng.normal(size=(400, 300)), 1.5 * rng.normal(size=(350, 300)) + 0.2
    if dead is not None:
        target[:, dead] = source[:, dead] = 0
    statistics = [sufficient_statistics(x) for x in (target, source)]
    centred = [(x - x.mean(axis=0)) / np.sqrt(len(x)) for x in (target, source)]
    squared = np.square(target.mean(axis=0) - source.mean(axis=0)).sum() + variance(target) + variance(source)
    squared -= 2 * np.linalg.norm(centred[0] @ centred[1].T, "nuc")
    assert frechet_distance_from(*statistics) == pytest.approx(-np.sqrt(squared / pooled(target, source)), rel=1e-7)
    assert frechet_distance(target, target[::-1]) == 0


def test_two_different_constants_have_no_scale():
    for metric in (linear_mmd, frechet_distance):
        assert metric(np.ones((3, 2)), np.ones((4, 2))) == 0
        with pytest.raises(ValueError, match="two different constants"):
            metric(np.ones((3, 2)), np.zeros((4, 2)))


def test_class_distances_are_gaussian_wasserstein_distances():
    rng = np.random.default_rng(1)
    groups = [rng.normal(size=(n, 4)) * rng.uniform(0.5, 2, size=4) + rng.normal(size=4) for n in (9, 20, 6, 3, 40)]
    first, second = groups[:2], groups[2:]
    found = class_distances(*([torch.from_numpy(g) for g in part] for part in (first, second))).numpy()
    expected = [[gaussian_distance(a, b) for b in second] for a in first]
    assert np.allclose(found, expected, rtol=1e-7)


def labelled(rng, n, classes):
    labels = np.arange(n) % classes
    return rng.normal(size=(n, 3)) + 2 * rng.normal(size=(classes, 3))[labels], labels


def test_otdd_of_datasets_of_one_size_is_the_best_assignment():
    rng = np.random.default_rng(3)
    target, source = labelled(rng, 24, 3), labelled(rng, 24, 2)
    cost = costs(*target, *source)
    expected = cost[linear_sum_assignment(cost)].mean()
    assert otdd(*target, *source) == pytest.approx(-np.sqrt(expected), rel=1e-7)


def test_otdd_of_datasets_of_two_sizes_is_the_best_linear_program():
    rng = np.random.default_rng(4)
    (target, labels), (source, other) = labelled(rng, 9, 3), labelled(rng, 14, 2)
    cost = costs(target, labels, source, other)
    leaving, arriving = np.kron(np.eye(9), np.ones(14)), np.kron(np.ones(9), np.eye(14))
    weights = np.concatenate([np.full(9, 1 / 9), np.full(14, 1 / 14)])
    best = linprog(cost.ravel(), A_eq=np.vstack([leaving, arriving]), b_eq=weights)
    assert best.success
    assert otdd(target, labels, source, other) == pytest.approx(-np.sqrt(best.fun), rel=1e-7)


def test_otdd_without_pot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    rng = np.random.default_rng(5)
    with pytest.raises(
        ValueError, match=r"optimal transport needs POT, which is not installed: pip install 'pgebench\[otdd\]'"
    ):
        otdd(*labelled(rng, 9, 3), *labelled(rng, 14, 2))


def test_the_same_images_with_other_labels_are_another_dataset():
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1], 20)
    features = rng.normal(size=(40, 4)) + 5 * labels[:, None]
    assert otdd(features, labels, features, labels) == 0
    assert otdd(features, labels, features, np.arange(40) % 2) < -0.1


def test_otdd_caps_its_samples_by_seed():
    rng = np.random.default_rng(5)
    labels = np.arange(200) % 2
    features, source = rng.normal(size=(200, 3)), rng.normal(size=(200, 3)) + 1
    values = [otdd(features, labels, source, labels, cap=60, seed=s) for s in (1, 1, 2)]
    assert values[0] == values[1] != values[2]
    with pytest.raises(ValueError, match="cap must be at least 2"):
        otdd(features, labels, source, labels, cap=1)


@pytest.mark.parametrize("metric", [linear_mmd, frechet_distance])
def test_farther_is_lower(metric):
    rng = np.random.default_rng(6)
    target, source = rng.normal(size=(50, 5)), rng.normal(size=(60, 5))
    scores = [metric(target, source + shift) for shift in (0.5, 1.0, 2.0)]
    assert scores == sorted(scores, reverse=True)
