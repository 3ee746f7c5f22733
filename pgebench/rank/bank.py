"""The bank: principal gradients of sources, computed once and reused for every target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pgebench import backbones
from pgebench.config import conf_dir, register
from pgebench.datasets import dataset_params
from pgebench.pge import GradientSettings, PrincipalGradient
from pgebench.pge.sketch import count_sketch
from pgebench.plan import Named
from pgebench.runner import run_side_by_side
from pgebench.stages import gradient
from pgebench.store import Store
from pgebench.sweep import plain
from pgebench.unit import Label


@dataclass(frozen=True)
class Bank:
    """Principal gradients of sources at the same initialisations.

    Args:
        names: of the sources.
        gradients: one a source; sketches if ``sketch`` is positive.
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
        """The same bank in ``size`` buckets a gradient; size 0 leaves it whole."""
        if size == 0:
            return self
        return Bank(self.names, tuple(count_sketch(one, size) for one in self.gradients), size)


def configs(group: str) -> dict[str, Named]:
    """Every config of a group of ``conf/`` by name; of the datasets, those that are in the package."""
    register()
    found = {}
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for path in sorted((conf_dir() / group.split("@")[0]).glob("*.yaml")):
            if "path" in OmegaConf.load(path):
                continue
            overrides = ["metric=[]", "truth=[]", f"{group}={path.stem}"]
            found[path.stem] = Named(path.stem, plain(compose("config", overrides)[group.split("@")[-1]]))
    return found


def build_bank(
    backbone: Named,
    sources: Sequence[Named],
    settings: GradientSettings,
    store: Store,
    workers: int,
    say: Callable[[str], object],
) -> Bank:
    """The gradients of sources; those that the store lacks are computed.

    Args:
        backbone: the backbone.
        sources: the datasets.
        settings: of the gradients.
        store: where they are kept.
        workers: processes.
        say: told what is about to be computed.

    Raises:
        PgebenchError: a gradient failed.
    """
    params = backbones.backbone_params(backbone.config)
    units = {
        source.name: gradient.unit(
            params, dataset_params(source.config), settings, Label(backbone=backbone.name, source=source.name)
        )
        for source in sources
    }
    missing = sum(not store.is_done(unit) for unit in units.values())
    if missing:
        say(f"The bank lacks {missing} of {len(units)} gradients: they are computed now and kept for every target.")
    run_side_by_side(units.values(), store, workers)
    return Bank(tuple(units), tuple(gradient.from_tensors(store.load(unit)) for unit in units.values()))
