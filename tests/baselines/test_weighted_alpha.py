import math

import numpy as np
import pytest
import torch

from baselines import weighted_alpha
from baselines._weighted_alpha import power_law


def fitted(values):
    """The power law of Clauset, Shalizi and Newman, start after start."""
    values = sorted(values)
    best = (math.inf, math.nan)
    for start in range(len(values) - 1):
        tail = values[start:]
        logs = [math.log(value / tail[0]) for value in tail]
        if sum(logs) == 0:
            continue
        alpha = 1 + len(tail) / sum(logs)
        law = [1 - (value / tail[0]) ** (1 - alpha) for value in tail]
        distance = max(abs(expected - k / len(tail)) for k, expected in enumerate(law))
        best = min(best, (distance, alpha))
    return best[1]


def reference(layers):
    terms = []
    for layer in layers:
        if layer.ndim == 2:
            matrices = [layer]
        elif layer.ndim == 4:
            matrices = [layer[:, :, i, j] for i in range(layer.shape[2]) for j in range(layer.shape[3])]
        else:
            continue
        values = []
        for matrix in matrices:
            gram = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
            values += np.linalg.eigvalsh(gram).tolist()
        values = [value for value in values if value > 1e-5 * max(values)]
        if len(values) >= 10:
            terms.append(fitted(values) * math.log10(max(values)))
    return -sum(terms) / len(terms)


@pytest.fixture
def layers():
    rng = np.random.default_rng(0)
    heavy = rng.normal(size=(40, 30)) * rng.pareto(1.5, size=30)
    return [
        rng.normal(size=(16, 3, 3, 3)),
        rng.normal(size=16),
        heavy,
        rng.normal(size=(1, 20, 30)),
        rng.normal(size=(24, 16, 1, 1)) / 4,
        rng.normal(size=(3, 24)),
    ]


def test_weighted_alpha_is_the_mean_over_layers_of_exponent_times_largest_eigenvalue(layers):
    assert weighted_alpha(layers) == pytest.approx(reference(layers), rel=1e-9)


def test_vectors_and_layers_of_few_eigenvalues_do_not_count(layers):
    assert weighted_alpha([layers[0], layers[2], layers[4]]) == weighted_alpha(layers)


@pytest.mark.parametrize("alpha", [1.7, 2.5, 4.0])
def test_the_exponent_of_a_power_law_is_found(alpha):
    values = (1 - np.random.default_rng(1).random(2000)) ** (-1 / (alpha - 1))
    assert power_law(torch.from_numpy(np.sort(values))) == pytest.approx(alpha, rel=0.1)


def test_only_the_tail_is_fitted():
    rng = np.random.default_rng(2)
    tail = 5 * (1 - rng.random(1000)) ** -1.0
    body = rng.uniform(0.1, 5, size=1000)
    assert power_law(torch.from_numpy(np.sort(np.concatenate([body, tail])))) == pytest.approx(2.0, rel=0.15)


def test_rotations_of_inputs_and_outputs_change_nothing(layers):
    matrix = layers[2]
    rng = np.random.default_rng(3)
    left, right = (np.linalg.qr(rng.normal(size=(k, k)))[0] for k in matrix.shape)
    assert weighted_alpha([left @ matrix @ right]) == pytest.approx(weighted_alpha([matrix]), rel=1e-9)
    assert weighted_alpha([matrix.T]) == pytest.approx(weighted_alpha([matrix]), rel=1e-9)


def test_a_scale_of_the_weights_adds_its_logarithm_times_the_exponent(layers):
    matrix = layers[2]
    exponent = fitted(np.linalg.svd(matrix)[1] ** 2)
    assert weighted_alpha([10 * matrix]) == pytest.approx(weighted_alpha([matrix]) - 2 * exponent)


@pytest.mark.parametrize("useless", [[], [np.ones(8)], [np.eye(20)], [np.zeros((20, 20))], [np.ones((20, 20))]])
def test_a_network_without_a_tail_is_named(useless):
    with pytest.raises(ValueError, match="source_weights have no layer of 10 eigenvalues"):
        weighted_alpha(useless)


def test_weights_that_are_not_finite_are_named():
    with pytest.raises(ValueError, match="source_weights holds 1 NaN"):
        weighted_alpha([np.where(np.eye(15) * np.arange(15) == 3, np.nan, 1.0)])
