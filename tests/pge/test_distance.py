"""Distances between principal gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.pge import PrincipalGradient, gradient_distance, pge_score

A, B = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])


def test_distances_by_hand() -> None:
    assert gradient_distance(A, B, "product") == pytest.approx((9 + 4) ** 0.5 / (5 * 2))
    assert gradient_distance(A, B, "unit") == pytest.approx((0.6**2 + 0.2**2) ** 0.5)


@pytest.mark.parametrize("distance", ["product", "unit"])
def test_a_distance_is_symmetric_and_zero_to_itself(distance: str) -> None:
    a, b = torch.randn(3, 20), torch.randn(3, 20)
    assert gradient_distance(a, a, distance) == 0
    assert gradient_distance(a, b, distance) == gradient_distance(b, a, distance) > 0


def test_the_unit_distance_ignores_the_size_of_gradients_and_the_product_distance_does_not() -> None:
    a, b = torch.randn(1, 20).double(), torch.randn(1, 20).double()
    assert gradient_distance(7 * a, 7 * b, "unit") == pytest.approx(gradient_distance(a, b, "unit"))
    assert gradient_distance(7 * a, 7 * b, "product") == pytest.approx(gradient_distance(a, b, "product") / 7)


def test_distances_are_averaged_over_restarts() -> None:
    a, b = torch.randn(2, 20), torch.randn(2, 20)
    apart = [gradient_distance(a[r], b[r]) for r in range(2)]
    assert gradient_distance(a, b) == pytest.approx(sum(apart) / 2)


def test_the_score_is_minus_the_distance() -> None:
    a, b = (PrincipalGradient(torch.randn(2, 2, 20)) for _ in range(2))
    assert pge_score(a, b) == -gradient_distance(a, b)
    assert -2 <= pge_score(a, b) <= 0


@pytest.mark.parametrize(
    ("first", "second", "distance", "message"),
    [
        (A, torch.zeros(1, 3), "unit", "same backbone"),
        (A, torch.zeros(1, 2), "unit", "zero"),
        (A, B, "cosine", "choose from product, unit"),
    ],
)
def test_gradients_that_cannot_be_compared_are_refused(
    first: torch.Tensor, second: torch.Tensor, distance: str, message: str
) -> None:
    with pytest.raises((ConfigError, NonFinite), match=message):
        gradient_distance(first, second, distance)


def noisy(truth: torch.Tensor, noise: float, seed: int) -> PrincipalGradient:
    """Two halves of a gradient under independent noise, one restart."""
    generator = torch.Generator().manual_seed(seed)
    return PrincipalGradient(truth + noise * torch.randn(1, 2, truth.shape[-1], generator=generator).double())


DIRECTIONS = torch.randn(2, 1, 400, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("distance", ["unit", "product"])
@pytest.mark.parametrize("same", [True, False])
def test_cross_fitting_takes_the_noise_out_of_the_squared_distance(distance: str, same: bool) -> None:
    """Averaged over many estimates the debiased square is that of the true gradients; the plain one is far off."""
    first, second = DIRECTIONS[0], DIRECTIONS[0] if same else DIRECTIONS[1]

    def squared(kind: str, seed: int) -> float:
        found = gradient_distance(noisy(first, 1.0, 2 * seed), noisy(second, 1.0, 2 * seed + 1), kind)
        return math.copysign(found**2, found)

    expected = gradient_distance(first, second, distance) ** 2
    debiased = [squared(f"{distance}_debiased", seed) for seed in range(400)]
    plain = sum(squared(distance, seed) for seed in range(400)) / 400
    mean = sum(debiased) / len(debiased)
    error = (sum((value - mean) ** 2 for value in debiased) / 399 / 400) ** 0.5
    # A ratio of unbiased estimates: its own bias is of second order, a few per cent of the scale here.
    scale = 2.0 if distance == "unit" else 2.0 / 400
    assert abs(mean - expected) < 4 * error + 0.03 * scale
    assert abs(plain - expected) > 3 * abs(mean - expected)
    assert any(value < 0 for value in debiased) == same


def test_without_noise_the_debiased_distances_are_the_plain_ones() -> None:
    pair = [PrincipalGradient(direction.expand(1, 2, -1)) for direction in DIRECTIONS]
    for distance in ("unit", "product"):
        plain = gradient_distance(*pair, distance)
        assert gradient_distance(*pair, f"{distance}_debiased") == pytest.approx(plain, rel=1e-9)


def test_halves_that_contradict_each_other_have_no_debiased_distance() -> None:
    noise = PrincipalGradient(torch.tensor([[[1.0, 0.0], [-1.0, 0.1]]]))
    other = PrincipalGradient(torch.tensor([[[1.0, 0.0], [1.0, 0.1]]]))
    with pytest.raises(NonFinite, match=r"nothing but noise. Raise gradient.episodes"):
        gradient_distance(noise, other, "unit_debiased")
    with pytest.raises(ConfigError, match="needs the halves"):
        gradient_distance(A, B, "unit_debiased")


def test_the_distance_per_layer_is_the_mean_of_the_layers_own_distances() -> None:
    a, b = (torch.randn(2, 2, 9).double() for _ in range(2))
    a[..., 7:] = 0  # a layer that learns nothing
    sizes = (3, 4, 2)
    pair = [PrincipalGradient(halves, sizes=sizes) for halves in (a, b)]
    expected = [
        gradient_distance(PrincipalGradient(a[..., part]), PrincipalGradient(b[..., part]))
        for part in (slice(0, 3), slice(3, 7))
    ]
    assert gradient_distance(*pair, per_layer=True) == pytest.approx(sum(expected) / 2)
    with pytest.raises(ConfigError, match="sizes of their layers"):
        gradient_distance(PrincipalGradient(a), PrincipalGradient(b), per_layer=True)


def test_the_standard_error_is_that_of_the_mean_over_restarts() -> None:
    a, b = torch.randn(5, 20), torch.randn(5, 20)
    values = torch.tensor([gradient_distance(a[r], b[r]) for r in range(5)], dtype=torch.float64)
    assert gradient_distance(a, b).standard_error == pytest.approx(float(values.std()) / 5**0.5)
    assert math.isnan(gradient_distance(a[:1], b[:1]).standard_error)


@pytest.fixture
def halves() -> Callable[[int], PrincipalGradient]:
    return lambda seed: noisy(DIRECTIONS[0], 0.1, seed)


def test_a_score_can_be_taken_from_an_earlier_snapshot(halves: Callable[[int], PrincipalGradient]) -> None:
    early, late = halves(0), halves(1)
    whole = PrincipalGradient(late.halves, snapshots={4: early.halves})
    other = PrincipalGradient(halves(2).halves, snapshots={4: halves(3).halves})
    assert pge_score(whole, other, episodes=4) == pge_score(early, halves(3))
    assert pge_score(whole, other) == pge_score(late, halves(2))
