"""Bank of principal gradients of sources, computed once and reused for every target.

That of the embedded sources comes with the package, as count sketches for each number of classes in an episode, so that
the first target need not wait for it. ``python -m pgebench.ranking.gradient_bank`` makes it;
whether it is that of the code at hand is checked by the keys of its gradients and by the initial weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from pgebench.core.files import write_atomically
from pgebench.core.identity import Label
from pgebench.core.machine import available_cores
from pgebench.core.say import say
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.pge import GradientSettings, PrincipalGradient
from pgebench.pge.count_sketch import count_sketch
from pgebench.pge.distance import unit_distance
from pgebench.plan.cell import Named
from pgebench.ranking.candidates import embedded_sources
from pgebench.ranking.request import BUCKETS
from pgebench.run.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

SETTINGS = GradientSettings(restarts=8, episodes=50)
"""Estimates of the sources."""

FOLDER = Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class Bank:
    """Principal gradients of sources at the same initialisations.

    Args:
        names: of the sources.
        gradients: one per source; sketches if ``sketch`` is positive.
        sketch: buckets of the count sketch, 0 for whole gradients.
    """

    names: tuple[str, ...]
    gradients: tuple[PrincipalGradient, ...]
    sketch: int = 0

    @property
    def megabytes(self) -> float:
        """Size of the gradients."""
        return sum(one.halves.numel() * one.halves.element_size() for one in self.gradients) / 1e6

    def sketched(self, size: int) -> Bank:
        """The same bank in ``size`` buckets per gradient; size 0 leaves it whole."""
        if size == 0:
            return self
        return Bank(self.names, tuple(count_sketch(one, size) for one in self.gradients), size)

    def distances_to(self, target: PrincipalGradient) -> np.ndarray:
        """Unit distances (restarts, sources) between a target and the bank's sources."""
        seen = count_sketch(target, self.sketch) if self.sketch else target
        columns = [unit_distance(seen.halves.double().cpu(), source.halves.double()) for source in self.gradients]
        return torch.stack(columns, dim=1).numpy()


def bank_units(backbone: Named, sources: Sequence[Named], settings: GradientSettings) -> dict[str, Unit]:
    """The units of the sources' gradients, by the names of the sources."""
    params = backbones.backbone_params(backbone.config)
    return {
        source.name: gradient.unit(
            params, dataset_params(source.config), settings, Label(backbone=backbone.name, source=source.name)
        )
        for source in sources
    }


def build_bank(units: Mapping[str, Unit], store: Store, workers: int, say: Callable[[str], object]) -> Bank:
    """The gradients of sources; those that the store lacks are computed.

    Args:
        units: from ``bank_units``.
        store: where they are kept.
        workers: processes.
        say: told what is about to be computed.

    Raises:
        PgebenchError: a gradient failed.
    """
    missing = sum(not store.is_done(unit) for unit in units.values())
    if missing:
        say(f"The bank lacks {missing} of {len(units)} gradients: they are computed now and kept for every target.")
    run_side_by_side(units.values(), store, workers)
    return Bank(tuple(units), tuple(gradient.from_tensors(store.load(unit)) for unit in units.values()))


def shipped_bank(
    units: Mapping[str, Unit], network: Callable[[int], nn.Module], settings: GradientSettings
) -> Bank | None:
    """The bank that comes with the package, or None if it does not hold these very gradients.

    Args:
        units: from ``bank_units``.
        network: gives the backbone with the initial weights of a seed.
        settings: of the gradients.
    """
    path = _path(next(iter(units.values())), settings)
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        keys: dict[str, str] = json.loads(file.metadata()["keys"])
        halves, weights = file.get_tensor("halves"), file.get_tensor("initial_weights")
    if any(keys.get(name) != unit.key for name, unit in units.items()):
        return None
    if not torch.allclose(weights, initial_weights(network, len(weights)), atol=1e-4):
        return None
    rows = [list(keys).index(name) for name in units]
    return Bank(tuple(units), tuple(PrincipalGradient(halves[row].float()) for row in rows), halves.shape[-1])


def initial_weights(network: Callable[[int], nn.Module], seeds: int) -> torch.Tensor:
    """A few of the weights drawn from each seed, (seeds, 16): another generator of random numbers draws others."""
    return torch.stack([next(network(seed).parameters()).detach().flatten()[:16].clone() for seed in range(seeds)])


def ship(backbone: Named, sources: Sequence[Named], settings: GradientSettings, store: Store, workers: int) -> Path:
    """Write the bank of one kind of episodes for the package; returns the file."""
    units = bank_units(backbone, sources, settings)
    bank = build_bank(units, store, workers, say).sketched(BUCKETS)
    halves = torch.stack([_of_unit_length(one.halves) for one in bank.gradients])
    network = backbones.restarts(backbones.backbone_params(backbone.config), torch.device("cpu"))
    tensors = {"halves": halves.half(), "initial_weights": initial_weights(network, settings.restarts)}
    metadata = {"keys": json.dumps({name: unit.key for name, unit in units.items()})}
    path = _path(next(iter(units.values())), settings)
    write_atomically(path, save(tensors, metadata))
    return path


def _of_unit_length(halves: torch.Tensor) -> torch.Tensor:
    """Distances are those of directions alone; at this length half precision is enough."""
    return halves / halves.mean(1, keepdim=True).norm(dim=-1, keepdim=True)


def _path(unit: Unit, settings: GradientSettings) -> Path:
    return FOLDER / f"{unit.label.backbone}-way{settings.way}.safetensors"


def main(results: Path = Path("results")) -> None:
    """Compute the embedded sources' gradients for two to five classes per episode, and write the package's bank."""
    store = open_store(results / "store", create=True)
    backbone, sources = embedded_sources("test_resnet", store.root)
    for way in (5, 4, 3, 2):
        say(str(ship(backbone, sources, replace(SETTINGS, way=way), store, available_cores())))


if __name__ == "__main__":
    main()
