"""Directed forms of PGE on tasks whose gain is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny_network import pictures
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.identity import derive_seed
from pgebench.pge import (
    EpisodeSampler,
    GradientSettings,
    PrincipalGradient,
    gradient_distance,
    pge_directed,
    principal_gradient,
    prototype_loss,
)
from pgebench.pge.directed import DIRECTED

START = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
WIDE = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)
"""A task of the planted pair is the loss 1/2 (w - goal)' diag(curvature) (w - goal): its gradient is known."""
SOURCE, TARGET = (torch.tensor(goal, dtype=torch.float64) for goal in ([0.0, 0.0, 0.0], [0.0, 2.5, -1.5]))


def loss(weights: torch.Tensor, goal: torch.Tensor) -> float:
    return float((WIDE * (weights - goal).square()).sum() / 2)


def slope(goal: torch.Tensor) -> torch.Tensor:
    return WIDE * (START - goal)


@pytest.mark.parametrize(("source", "target"), [(SOURCE, TARGET), (TARGET, SOURCE)])
def test_the_gain_of_a_planted_pair_is_what_a_step_along_the_source_saves_the_target(
    source: torch.Tensor, target: torch.Tensor
) -> None:
    step = 1e-5 * slope(source) / slope(source).norm()
    saved = (loss(START, target) - loss(START - step, target)) / 1e-5
    assert pge_directed(slope(source), slope(target)) == pytest.approx(saved, abs=1e-4)
    saved = (loss(START, target) - loss(START - 1e-6 * slope(source), target)) / 1e-6
    assert pge_directed(slope(source), slope(target), "descent") == pytest.approx(saved, abs=1e-3)


def test_a_planted_pair_gains_in_one_direction_what_it_does_not_in_the_other() -> None:
    """By hand: gradients (1, 8, -0.5) and (1, -2, 0.25), product -15.125."""
    there, back = pge_directed(slope(SOURCE), slope(TARGET)), pge_directed(slope(TARGET), slope(SOURCE))
    assert there == pytest.approx(-15.125 / math.sqrt(65.25))
    assert back == pytest.approx(-15.125 / math.sqrt(5.0625))


def test_the_projection_is_the_least_squares_coefficient() -> None:
    generator = torch.Generator().manual_seed(0)
    source, target = torch.randn(2, 40, generator=generator, dtype=torch.float64)
    expected = np.linalg.lstsq(source[:, None].numpy(), target.numpy(), rcond=None)[0][0]
    assert pge_directed(source, target, "projection") == pytest.approx(expected)


def linear(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 36, 5)).double()


SETTINGS = GradientSettings(restart="fixed", episodes=6, way=3, shot=2, query=3)
START_SEED = derive_seed("pge weights", 0, "shared", 0)


def mean_loss(network: nn.Module, images: torch.Tensor, labels: np.ndarray, stream: str) -> float:
    """Of the target's episodes, forward passes alone."""
    sampler = EpisodeSampler(labels, 3, 2, 3, derive_seed("pge episodes", 0, stream))
    total = 0.0
    for number in range(SETTINGS.episodes):
        episode = sampler.episode(0, number)
        support, query = network(images[episode.support.ravel()]), network(images[episode.query])
        found = prototype_loss(support.view(3, 2, -1), query, torch.from_numpy(episode.query_labels))
        total += found.item()
    return total / SETTINGS.episodes


def test_the_gain_of_principal_gradients_is_how_fast_the_targets_loss_falls_along_the_sources() -> None:
    """On a linear network, by a difference quotient: no gradient of the target is used."""
    (images, labels), (other, other_labels) = (
        (one.double() / 10, two) for one, two in (pictures(seed=0), pictures(seed=1))
    )
    source = principal_gradient(linear, images, labels, SETTINGS, "source")
    target = principal_gradient(linear, other, other_labels, SETTINGS, "target")
    step = 1e-4 * source.mean[0] / source.mean[0].norm()
    losses = []
    for sign in (1, -1):
        moved = linear(START_SEED)
        with torch.no_grad():
            for parameter, part in zip(moved.parameters(), step.split(source.sizes), strict=True):
                parameter += sign * part.view(parameter.shape)
        losses.append(mean_loss(moved, other, other_labels, "target"))
    ahead, back = losses
    assert pge_directed(source, target) == pytest.approx((ahead - back) / 2e-4, rel=1e-3)


def noisy(truth: torch.Tensor, noise: float, seed: int) -> PrincipalGradient:
    generator = torch.Generator().manual_seed(seed)
    return PrincipalGradient(truth + noise * torch.randn(1, 2, truth.shape[-1], generator=generator).double())


@pytest.mark.parametrize("form", ["gain", "projection"])
def test_cross_fitting_takes_the_noise_out_of_a_directed_form(form: str) -> None:
    """Noise in the source's gradient makes it longer and no better; the debiased form does not hear it."""
    source, target = torch.randn(2, 300, generator=torch.Generator().manual_seed(1)).double()
    target = target + 2 * source
    expected = pge_directed(source, target, form)
    plain, debiased = (
        np.array([pge_directed(noisy(source, 1.0, 2 * n), noisy(target, 1.0, 2 * n + 1), name) for n in range(300)])
        for name in (form, f"{form}_debiased")
    )
    error = debiased.std() / len(debiased) ** 0.5
    assert abs(debiased.mean() - expected) < 4 * error + 0.01 * expected
    assert plain.mean() < 0.9 * expected


def test_without_noise_every_form_is_its_debiased_one() -> None:
    pair = [PrincipalGradient(torch.randn(2, 1, 9).double().expand(2, 2, -1)) for _ in range(2)]
    for form in ("gain", "projection"):
        assert pge_directed(*pair, f"{form}_debiased") == pytest.approx(pge_directed(*pair, form))


def test_forms_are_averaged_over_restarts_with_their_standard_error() -> None:
    a, b = torch.randn(5, 20), torch.randn(5, 20)
    apart = torch.tensor([pge_directed(a[r], b[r]) for r in range(5)], dtype=torch.float64)
    found = pge_directed(a, b)
    assert found == pytest.approx(float(apart.mean()))
    assert found.standard_error == pytest.approx(float(apart.std()) / 5**0.5)


def test_at_one_restart_the_gain_has_the_order_of_the_unit_distance() -> None:
    target, sources = torch.randn(30), torch.randn(8, 30) * torch.rand(8, 1)
    gains = [pge_directed(source, target) for source in sources]
    distances = [gradient_distance(source, target) for source in sources]
    assert np.argsort(gains).tolist() == np.argsort(distances)[::-1].tolist()


def test_gradients_without_a_directed_form_are_refused() -> None:
    noise = PrincipalGradient(torch.tensor([[[1.0, 0.0], [-1.0, 0.1]]]))
    with pytest.raises(NonFinite, match=r"the gain_debiased of the gradients is not finite.* Raise gradient.episodes"):
        pge_directed(noise, noise, "gain_debiased")
    with pytest.raises(ConfigError, match="form=gian: choose from descent, gain"):
        pge_directed(noise, noise, "gian")
    with pytest.raises(ConfigError, match="form=gain_debiased needs the halves"):
        pge_directed(START, START, "gain_debiased")
    assert {name.removesuffix("_debiased") for name in DIRECTED} == {"descent", "gain", "projection"}
