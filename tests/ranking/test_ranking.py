"""A practitioner's folder: from files to ranked sources."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import pictures, tiny_network

from pgebench.core.errors import ConfigError, DataError
from pgebench.pge import GradientSettings, PrincipalGradient, gradient_distance, principal_gradient
from pgebench.pge.count_sketch import count_sketch
from pgebench.ranking.by_gradient import fitting, rank_sequentially
from pgebench.ranking.gradient_bank import Bank
from pgebench.ranking.standing import standing

SETTINGS = GradientSettings(restarts=4, episodes=20, way=3, shot=2, query=3)


def test_episodes_shrink_to_what_a_dataset_has() -> None:
    found = fitting(GradientSettings(), np.repeat([0, 1, 2], [4, 9, 9]))
    assert (found.way, found.shot) == (3, 3)
    with pytest.raises(DataError, match="the smallest has 1 images"):
        fitting(GradientSettings(), np.array([0, 0, 1]))


def test_a_count_sketch_keeps_distances_in_a_fraction_of_the_size() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(4, 2, 20_000, generator=generator)
    pair = [PrincipalGradient(part) for part in (first, first + torch.randn(4, 2, 20_000, generator=generator))]
    small = [count_sketch(one, 2_000) for one in pair]
    assert small[0].halves.numel() == first.numel() / 10
    assert gradient_distance(*small) == pytest.approx(gradient_distance(*pair), abs=4 * (2 / 2_000) ** 0.5)
    assert gradient_distance(small[0], count_sketch(pair[0], 2_000)) == 0


def test_sketched_products_are_right_on_average_over_seeds() -> None:
    a, b = (PrincipalGradient(torch.randn(1, 2, 500, generator=torch.Generator().manual_seed(s))) for s in (1, 2))
    exact = float((a.halves[0, 0] * b.halves[0, 0]).sum())
    found = [
        float((count_sketch(a, 50, seed).halves[0, 0] * count_sketch(b, 50, seed).halves[0, 0]).sum())
        for seed in range(600)
    ]
    assert np.mean(found) == pytest.approx(exact, abs=4 * np.std(found) / 600**0.5)


def test_a_clear_order_is_settled_and_a_tie_is_not() -> None:
    random = np.random.default_rng(0)
    base = random.normal(1, 0.2, size=(8, 1))
    clear = standing(base + np.array([0.5, 0.0, 0.3]) + random.normal(0, 0.01, size=(8, 3)))
    assert clear.order == (1, 2, 0)
    assert clear.settled
    tie = standing(base + np.array([0.5, 0.0, 0.0]) + random.normal(0, 0.05, size=(8, 3)))
    assert set(tie.tied) == {1, 2}
    assert not tie.settled
    assert (tie.low < tie.distance).all()
    assert (tie.distance < tie.high).all()


def test_a_wrong_source_is_called_the_nearest_no_more_often_than_promised() -> None:
    """Five equally near sources, looked at four times: settling at all is a mistake."""
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(400):
        noise = random.normal(size=(4, 8, 5)).cumsum(axis=0) / np.arange(1, 5)[:, None, None]
        wrong += any(standing(distances, confidence=0.9, looks=4).settled for distances in noise)
    assert wrong / 400 <= 0.1


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"looks": 0}])
def test_impossible_confidence_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="confidence"):
        standing(np.zeros((3, 3)), **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="two restarts"):
        standing(np.zeros((1, 3)))


def bank_and_target() -> tuple[Bank, torch.Tensor, np.ndarray]:
    """Three sources, the second of which is another sample of the target."""
    images, labels = pictures(240)
    turned = images.flip(1)
    flat = torch.randn(240, 3, 6, 6, generator=torch.Generator().manual_seed(3))
    parts = [(turned, "turned"), (images[:120], "same"), (flat, "noise")]
    gradients = [principal_gradient(tiny_network, one, labels[: len(one)], SETTINGS, name) for one, name in parts]
    return Bank(("turned", "same", "noise"), tuple(gradients)), images[120:], labels[120:]


@pytest.mark.parametrize("sketch", [0, 40])
def test_another_sample_of_the_same_task_is_ranked_first(sketch: int) -> None:
    bank, images, labels = bank_and_target()
    found = rank_sequentially(tiny_network, images, labels, bank.sketched(sketch), SETTINGS)
    assert found.names[0] == "same"
    assert found.episodes in (10, 20)


def test_a_settled_ranking_takes_no_more_gradients() -> None:
    bank, images, labels = bank_and_target()
    doubtful = rank_sequentially(tiny_network, images, labels, bank, SETTINGS, confidence=0.999999)
    easy = rank_sequentially(tiny_network, images, labels, bank, SETTINGS, confidence=0.5)
    assert easy.episodes == 10 < doubtful.episodes == 20
