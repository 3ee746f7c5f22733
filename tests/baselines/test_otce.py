"""OTCE's terms and JC-OTCE: against another solver, and a table of classes filled mass by mass."""

import math

import numpy as np
import pytest
from plain_transport import costs, pooled
from scipy.optimize import linear_sum_assignment, linprog

from baselines import f_otce, jc_otce, otce_domain


def labelled(rng, n, classes):
    labels = rng.permutation(np.arange(n) % classes)
    return rng.normal(size=(n, 4)) + 1.5 * rng.normal(size=(classes, 4))[labels], labels


def distances(target, labels, source, other):
    return np.array([[((a - b) ** 2).sum() for b in source] for a in target])


def best_plan(cost):
    """The transport plan as a linear program."""
    n, m = cost.shape
    leaving, arriving = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    weights = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    best = linprog(cost.ravel(), A_eq=np.vstack([leaving, arriving]), b_eq=weights)
    assert best.success
    return best.x.reshape(n, m)


def negative_entropy(plan, labels, other):
    """-H(Y_t | Y_s): sum over the classes of P(s, t) log P(s, t) / P(s)."""
    joint: dict[tuple[int, int], float] = {}
    for i, j in np.ndindex(*plan.shape):
        joint[other[j], labels[i]] = joint.get((other[j], labels[i]), 0.0) + plan[i, j]
    of_source = {s: sum(mass for (a, _), mass in joint.items() if a == s) for s in set(other.tolist())}
    return sum(mass * math.log(mass / of_source[s]) for (s, _), mass in joint.items() if mass > 1e-12)


METRICS = pytest.mark.parametrize(("metric", "cost"), [(f_otce, distances), (jc_otce, costs)])


@METRICS
def test_the_score_is_the_conditional_entropy_of_the_best_plan(metric, cost):
    rng = np.random.default_rng(0)
    target, source = labelled(rng, 15, 3), labelled(rng, 22, 4)
    plan = best_plan(cost(*target, *source))
    assert metric(*target, *source) == pytest.approx(negative_entropy(plan, target[1], source[1]), abs=1e-9)


@METRICS
def test_between_datasets_of_one_size_the_plan_is_an_assignment(metric, cost):
    rng = np.random.default_rng(1)
    target, source = labelled(rng, 24, 3), labelled(rng, 24, 2)
    plan = np.zeros((24, 24))
    plan[linear_sum_assignment(cost(*target, *source))] = 1 / 24
    assert metric(*target, *source) == pytest.approx(negative_entropy(plan, target[1], source[1]), abs=1e-9)


def test_the_domain_difference_is_what_the_best_plan_costs():
    rng = np.random.default_rng(7)
    (target, labels), (source, other) = labelled(rng, 15, 3), labelled(rng, 22, 4)
    cost = distances(target, labels, source, other)
    expected = -(best_plan(cost) * cost).sum() / pooled(target, source)
    assert otce_domain(target, labels, source, other) == pytest.approx(expected, rel=1e-9)
    assert otce_domain(target, labels[::-1], source, other[::-1]) == otce_domain(target, labels, source, other)


def test_moving_a_dataset_costs_the_square_of_the_way():
    points, labels = labelled(np.random.default_rng(8), 20, 2)
    way = np.array([30.0, 0, 0, 0])
    assert otce_domain(points, labels, points + way, labels) == pytest.approx(-900 / pooled(points, points))


def test_labels_in_the_cost_change_the_plan():
    rng = np.random.default_rng(2)
    target, source = labelled(rng, 20, 3), labelled(rng, 20, 3)
    assert jc_otce(*target, *source) != f_otce(*target, *source)


@pytest.mark.parametrize("metric", [f_otce, jc_otce])
def test_finer_classes_of_the_source_tell_all_and_coarser_ones_do_not(metric):
    rng = np.random.default_rng(3)
    points, fine = labelled(rng, 40, 4)
    assert metric(points, fine // 2, points, fine) == pytest.approx(0.0, abs=1e-12)
    assert f_otce(points, fine, points, fine // 2) == pytest.approx(-math.log(2))


@pytest.mark.parametrize("metric", [f_otce, jc_otce])
def test_a_source_of_images_that_are_all_the_same_says_nothing(metric):
    rng = np.random.default_rng(4)
    points, labels = labelled(rng, 30, 3)
    assert metric(points, labels, np.zeros((12, 4)), np.arange(12) % 2) == pytest.approx(-math.log(3))


def test_images_at_the_same_place_are_interchangeable():
    """Which of two equal images of two classes goes where must hang neither on their order nor on the solver."""
    rng = np.random.default_rng(5)
    points = rng.normal(size=(6, 3))
    target = np.repeat(points, 2, axis=0) + 0.01 * rng.normal(size=(12, 3))
    source, other = np.repeat(points, 2, axis=0), np.tile([0, 1], 6)
    labels = np.tile([0, 1], 6)
    assert f_otce(target, labels, source, other) == pytest.approx(-math.log(2))
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(12)
        assert f_otce(target, labels, source[order], other[order]) == pytest.approx(-math.log(2))


@pytest.mark.parametrize("metric", [f_otce, jc_otce, otce_domain])
def test_no_more_than_the_cap_is_transported(metric):
    rng = np.random.default_rng(6)
    target, source = labelled(rng, 90, 3), labelled(rng, 80, 3)
    assert metric(*target, *source, cap=40, seed=1) == metric(*target, *source, cap=40, seed=1)
    assert metric(*target, *source, cap=40, seed=1) != metric(*target, *source, cap=40, seed=2)
    with pytest.raises(ValueError, match="cap must be at least 2"):
        metric(*target, *source, cap=1)
