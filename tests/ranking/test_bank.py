"""The bank that comes with the package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pgebench.networks import backbones
from pgebench.pge import gradient_distance
from pgebench.pge.count_sketch import count_sketch
from pgebench.ranking.candidates import embedded_sources
from pgebench.ranking.gradient_bank import SETTINGS, Bank, bank_units, build_bank, shipped_bank
from pgebench.ranking.request import BUCKETS
from pgebench.store.format import open_store


def shipped(way: int, backbone: str = "test_resnet", shot: int = 5, seed: int = 0) -> Bank | None:
    network, sources = embedded_sources(backbone, Path("store"))
    settings = replace(SETTINGS, way=way, shot=shot, seed=seed)
    drawn = backbones.restarts(backbones.backbone_params(network.config), torch.device("cpu"))
    return shipped_bank(bank_units(network, sources, settings), drawn, settings)


@pytest.mark.parametrize("way", [2, 3, 4, 5])
def test_the_bank_in_the_package_is_that_of_this_code(way: int) -> None:
    bank = shipped(way)
    assert bank is not None
    assert len(bank.names) == 16
    assert all(one.halves.shape == (8, 2, BUCKETS) for one in bank.gradients)


@pytest.mark.parametrize("other", [{"backbone": "test_vit"}, {"shot": 4}, {"seed": 1}])
def test_other_gradients_are_not_mistaken_for_it(other: dict[str, int]) -> None:
    assert shipped(5, **other) is None  # type: ignore[arg-type]


def test_other_initial_weights_are_not_mistaken_for_it() -> None:
    network, sources = embedded_sources("test_resnet", Path("store"))
    drawn = backbones.restarts(backbones.backbone_params(network.config), torch.device("cpu"))
    units = bank_units(network, sources, SETTINGS)
    assert shipped_bank(units, lambda seed: drawn(seed + 1), SETTINGS) is None


@pytest.mark.slow
def test_a_gradient_of_the_package_is_computed_again(tmp_path: Path) -> None:
    network, sources = embedded_sources("test_resnet", tmp_path)
    chosen = [source for source in sources if source.name in ("digits", "faces")]
    settings = replace(SETTINGS, way=2)
    units = bank_units(network, chosen, settings)
    whole = build_bank(units, open_store(tmp_path / "store", create=True), 1, print)
    bank = shipped(2)
    assert bank is not None
    kept = dict(zip(bank.names, bank.gradients, strict=True))
    for name, gradient in zip(whole.names, whole.gradients, strict=True):
        assert gradient_distance(count_sketch(gradient, BUCKETS), kept[name]) < 0.02
    pair = gradient_distance(*whole.gradients)
    assert gradient_distance(kept["digits"], kept["faces"]) == pytest.approx(pair, abs=0.03)
