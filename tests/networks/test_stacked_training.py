"""Several networks trained at once are those trained one after another."""

from __future__ import annotations

import pytest
import torch
from small_trainings import RECIPE, backbone, linear, pictures, points
from torch import nn

from pgebench.networks import stacked_training
from pgebench.networks.stacked_training import at_once, fit_best_together, fit_together
from pgebench.networks.training import fit, fit_best, with_new_head

CPU = torch.device("cpu")


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_efficientnet_gn"])
@pytest.mark.filterwarnings("error")
def test_networks_trained_together_are_those_trained_one_after_another(model: str) -> None:
    """Weights to start from, heads, orders, shifts and learning rates of their own; batch norm statistics too.

    In float64, for AdamW takes a step of full size along a gradient that is nothing but rounding.
    """
    images, labels = pictures()
    images, networks = images.double(), [backbone(model, seed).double() for seed in (0, 0, 1)]
    rates, seeds = [0.001, 0.001, 0.003], [0, 1, 1]
    alone, together = (
        [with_new_head(network, 3, seed).double() for network, seed in zip(networks, seeds, strict=True)]
        for _ in range(2)
    )
    curves = fit_together(together, images, labels, RECIPE, rates, seeds)
    for one, other, seed, rate, curve in zip(alone, together, seeds, rates, curves, strict=True):
        assert curve == fit(one, images, labels, RECIPE, rate, seed)
        for name, value in one.state_dict().items():
            torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-5, atol=1e-7, msg=name)
        torch.testing.assert_close(other.eval()(images), one.eval()(images), rtol=1e-5, atol=1e-7)


def test_the_best_of_each_seed_is_that_of_its_own_search() -> None:
    train, val = points(), points(40)
    recipe = RECIPE | {"steps": 30, "learning_rates": [0.1, 0.001], "shift": 0, "head_factor": 1}
    starts = [lambda seed=seed: linear(seed) for seed in range(3)]
    found = fit_best_together(starts, train, val, recipe, seeds=[7, 8, 9])
    for start, seed, fitted in zip(starts, [7, 8, 9], found, strict=True):
        alone = fit_best(start, train, val, recipe, seed)
        assert fitted is not None
        torch.testing.assert_close(fitted.model.state_dict(), alone.model.state_dict(), rtol=1e-4, atol=1e-6)
        for name in ("learning_rate", "val_accuracy", "val_by_learning_rate", "images"):
            assert getattr(fitted, name) == getattr(alone, name)


def test_a_training_that_diverges_leaves_its_neighbours_alone() -> None:
    train = points()
    recipe = RECIPE | {"learning_rates": [0.01], "shift": 0, "head_factor": 1}

    def broken() -> nn.Module:
        model = linear(1)
        nn.init.constant_(model.weight, torch.inf)
        return model

    starts = [lambda: linear(0), broken, lambda: linear(2)]
    found = list(fit_best_together(starts, train, train, recipe, seeds=[0, 1, 2]))
    assert [fitted is None for fitted in found] == [False, True, False]
    alone = fit_best(lambda: linear(2), train, train, recipe, seed=2)
    torch.testing.assert_close(found[2].model.weight, alone.model.weight)  # type: ignore[union-attr]


def test_memory_bounds_how_many_are_trained_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = pictures()
    network = backbone("test_resnet")
    small, large = (at_once(network, images, labels, size) for size in (4, 16))
    assert large < small < 4.2 * large  # what a pass keeps grows with the batch, and the weights do not

    sizes: list[int] = []
    monkeypatch.setattr(stacked_training, "at_once", lambda *_, **__: 5)
    monkeypatch.setattr(
        stacked_training, "fit_together", lambda models, *a, **k: sizes.append(len(models)) or fits(models)
    )
    train = points()
    list(fit_best_together([lambda: linear(0)] * 5, train, train, RECIPE, seeds=range(5)))
    assert sizes == [4, 4, 2]  # whole grids of two learning rates, at most 5 models
    monkeypatch.setattr(stacked_training, "at_once", lambda *_, **__: 1)
    with pytest.raises(RuntimeError, match="memory holds 1 of these trainings, one seed has 2"):
        next(fit_best_together([lambda: linear(0)] * 5, train, train, RECIPE, seeds=range(5)))


def fits(models: list[nn.Module]) -> list[dict[str, list[float]]]:
    return [{"step": [], "loss": []} for _ in models]
