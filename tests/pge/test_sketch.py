"""Sketches: the distances of gradients with few numbers instead of many."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pgebench.core.errors import ConfigError
from pgebench.pge import PrincipalGradient
from pgebench.pge.distance import DISTANCES, gradient_distance
from pgebench.pge.sketch import sketched


def _gradients(seed: int, sizes: tuple[int, ...] = (300, 12, 80), restarts: int = 2, count: int = 4) -> list:
    generator = torch.Generator().manual_seed(seed)
    signal = torch.randn(count, restarts, 1, sum(sizes), generator=generator)
    noise = 0.05 * torch.randn(count, restarts, 2, sum(sizes), generator=generator)
    return [PrincipalGradient(halves, sizes=sizes) for halves in signal + noise]


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(sorted(DISTANCES)), st.booleans())
def test_every_distance_is_that_of_the_gradients_themselves(seed: int, distance: str, per_layer: bool) -> None:
    full = _gradients(seed)
    small = sketched(full)
    assert small[0].halves.shape[-1] == 16 + 12 + 16
    for first, second in ((0, 1), (2, 3)):
        exact = gradient_distance(full[first], full[second], distance, per_layer)
        assert gradient_distance(small[first], small[second], distance, per_layer) == pytest.approx(exact, rel=1e-4)


def test_gradients_of_different_restarts_can_still_be_added() -> None:
    full = _gradients(5)
    small = sketched(full)
    norms = [gradient.halves.double().mean((0, 1)).norm() for gradient in (*full, *small)]
    torch.testing.assert_close(norms[4:], norms[:4], rtol=1e-5, atol=0)


def test_a_tensor_without_any_gradient_stays_without() -> None:
    full = _gradients(1)
    for gradient in full:
        gradient.halves[..., :300] = 0
    assert not sketched(full)[0].halves[..., :16].any()


def test_gradients_of_different_networks_are_refused() -> None:
    with pytest.raises(ConfigError, match="from one backbone and one set of settings"):
        sketched([*_gradients(0), *_gradients(0, sizes=(392,))])
    assert sketched([]) == []
