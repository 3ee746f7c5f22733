"""From configs to units: what an experiment consists of, without running any of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from pgebench.core.errors import ConfigError
from pgebench.core.identity import Label, canonical_json, derive_seed
from pgebench.core.settings import FisherSettings
from pgebench.data.task import dataset_params, open_task
from pgebench.networks import backbones
from pgebench.networks.precision import recipe_params
from pgebench.pge import GradientSettings
from pgebench.plan import unavailable
from pgebench.plan.cell import Cell, Named
from pgebench.stages import checkpoint, evidence, fisher, gradient, score, truth
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.store.unit import Unit

LEVELS = ("source", "target", "pair")
"""Work on a source alone, on a target alone, and on a pair, in the order in which it must run."""


def plan(cell: Cell) -> dict[str, list[Unit]]:
    """The units of a cell, by level; in each list inputs stand before the units that read them.

    Raises:
        ConfigError: source and target overlap, or a metric, truth, backbone or dataset is not as it must be.
    """
    if reason := cell.overlap():
        raise ConfigError(
            f"source={cell.source.name} and target={cell.target.name}: {reason}; choose datasets without a common image"
        )
    planner = _Planner(cell)
    void = void_metrics(cell)
    for name, metric in cell.settings["metric"].items():
        if name not in void:
            planner.add_scores(name, metric)
    for name, chosen in cell.settings["truth"].items():
        planner.add_truths(name, chosen)
    return {level: list(found.values()) for level, found in planner.units.items()}


class _Planner:
    """The units of one cell while they are put together."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.settings = cell, cell.settings
        self.backbone = _backbone(canonical_json(cell.backbone.config))
        self.source, self.target = (_dataset(canonical_json(named.config)) for named in (cell.source, cell.target))
        self.shipped = unavailable.is_pretrained(cell.source.config)
        self.files = backbones.file_of(cell.backbone.config)
        self.names = Label(backbone=cell.backbone.name, source=cell.source.name, variant=cell.variant)
        self.on_target = replace(self.names, target=cell.target.name)
        self.units: dict[str, dict[str, Unit]] = {level: {} for level in LEVELS}
        # All recipes are looked at, so that a wrong one is an error whatever uses it.
        recipes = {name: recipe_params(one, f"recipe.{name}") for name, one in self.settings["recipe"].items()}
        if self.shipped:
            trained = checkpoint.pretrained(self.backbone, self.names)
        else:
            trained = checkpoint.unit(
                self.backbone, self.source, recipes["checkpoint"], self.settings["seed"], self.names
            )
        self.trained = self._add("source", replace(trained, files=self.files))
        self.seen = evidence.unit(self.trained, self.target, self.on_target)
        self.seen_source = evidence.unit(self.trained, self.source, replace(self.names, target=cell.source.name))

    def add_scores(self, name: str, metric: Mapping[str, Any]) -> None:
        """The scores of a metric, with what they read."""
        wanted = score.asks_for(name, metric["function"])
        asked = {KINDS[key].origin for key in wanted}
        makers: dict[str, Callable[[str, Mapping[str, Any]], dict[str, Unit]]] = {
            "evidence": lambda name, metric: {"evidence": self._add("pair", self.seen)},
            "source_evidence": lambda name, metric: {"source_evidence": self._add("source", self.seen_source)},
            "checkpoint": lambda name, metric: {} if self.shipped else {"checkpoint": self.trained},
            "gradients": self._gradients,
            "information": self._information,
        }
        inputs: dict[str, Unit] = {}
        for origin, maker in makers.items():
            if origin in asked:
                inputs |= maker(name, metric)
        for number in range(metric["seeds"]):
            # The replicates under one seed follow those under the seed before it.
            draw = number + self.settings["metric_seed"] * metric["seeds"]
            facts = {key: self._fact(key, draw) for key in wanted if KINDS[key].origin == "fact"}
            if "source_accuracy" in wanted and self.shipped:
                facts["source_accuracy"] = self.cell.backbone.config["source_accuracy"]
            label = replace(self.on_target, metric=name, seed=number)
            self._add("pair", score.unit(metric, inputs, facts, number, label))

    def add_truths(self, name: str, chosen: Mapping[str, Any]) -> None:
        """The repetitions of a truth."""
        protocol = {**chosen, "recipe": recipe_params(chosen["recipe"], f"truth.{name}.recipe")}
        for number in range(protocol["seeds"]):
            shown = replace(self.on_target, truth=name, seed=number)
            if protocol["protocol"] == truth.SCRATCH:
                shown = replace(shown, source=None)
                self._add("target", truth.scratch_unit(self.backbone, self.target, protocol, number, shown))
            else:
                self._add("pair", truth.unit(self.trained, self.target, protocol, number, shown))

    def _add(self, level: str, unit: Unit) -> Unit:
        return self.units[level].setdefault(unit.key, unit)

    def _gradients(self, name: str, metric: Mapping[str, Any]) -> dict[str, Unit]:
        settings = _gradient_settings(name, metric, self.cell)
        label = replace(self.names, source=None, metric=name)
        labels = {
            "source": replace(label, source=self.cell.source.name),
            "target": replace(label, target=self.cell.target.name),
        }
        made = {}
        for role, params in (("source", self.source), ("target", self.target)):
            unit = gradient.unit(self.backbone, params, settings, labels[role])
            made[f"{role}_gradient"] = self._add(role, replace(unit, files=self.files))
        return made

    def _information(self, name: str, metric: Mapping[str, Any]) -> dict[str, Unit]:
        settings = _fisher_settings(name, metric, self.settings["metric_seed"])
        made = {}
        for role, level, view in (("source", "source", self.seen_source), ("target", "pair", self.seen)):
            self._add(level, view)
            unit = fisher.unit(view, settings, replace(view.label, metric=name))
            made[f"{role}_information"] = self._add(level, unit)
        return made

    def _fact(self, key: str, seed: int) -> int:
        if key == "seed":
            # Each pair draws for itself: a score that ignores its pair must not look like agreement between pairs.
            return derive_seed("score", self.backbone, self.source, self.target, seed) % 2**32
        if key == "parameters":
            return _parameters(canonical_json(self.backbone))
        sizes = counts(self.cell.source if key.startswith("source") else self.cell.target)
        return sizes["train" if key == "source_size" else "classes"]


def weights_taken(cells: Iterable[Cell]) -> list[str]:
    """What the backbones of cells take of their weight files, where that is not all of a file.

    The files are read: weights that do not fit are one error before anything runs, not one for each unit.

    Raises:
        ConfigError: a weight file cannot be used.
    """
    chosen = dict.fromkeys(canonical_json(cell.backbone.config) for cell in cells)
    lines = (backbones.tried(_backbone(one), backbones.file_of(json.loads(one)).get("weights")) for one in chosen)
    return list(dict.fromkeys(line for line in lines if line))


def void_metrics(cell: Cell) -> dict[str, str]:
    """The metrics of a cell that its source makes void, with the reason."""
    if not unavailable.is_pretrained(cell.source.config):
        return {}
    backbone = _backbone(canonical_json(cell.backbone.config))
    config = {**cell.backbone.config, "name": cell.backbone.name, "head": backbone.get("head", True)}
    return unavailable.void(cell.settings["metric"], config)


def rows(cells: Iterable[Cell]) -> list[Unit]:
    """The units of an experiment as rows of its table, inputs first."""
    return merged(map(plan, cells))


def merged(plans: Iterable[Mapping[str, Sequence[Unit]]]) -> list[Unit]:
    """The units of planned cells as rows of their table, inputs first.

    A unit stands once per label: the accuracy of a source is one unit, and a score of every pair with that source.
    """
    found: dict[tuple[str, Label], Unit] = {}
    for level_units in plans:
        for level in LEVELS:
            for unit in level_units[level]:
                found.setdefault((unit.key, unit.label), unit)
    return list(found.values())


def counts(named: Named) -> dict[str, int]:
    """Number of ``classes`` and of images in ``train``, ``val`` and ``test`` of a dataset config."""
    return open_task(named.name, _dataset(canonical_json(named.config)), named.config.get("store", "")).counts()


def _gradient_settings(name: str, metric: Mapping[str, Any], cell: Cell) -> GradientSettings:
    if metric["gradient"] is None:
        raise ConfigError(f"metric.{name} asks for principal gradients: say which under metric.{name}.gradient")
    settings = GradientSettings(**metric["gradient"])
    settings = replace(settings, seed=settings.seed + cell.settings["metric_seed"])
    if settings.way is None:
        return settings
    # Gradients of few-shot tasks are comparable only if their episodes have the same number of classes.
    common = cell.common_classes or min(counts(named)["classes"] for named in (cell.source, cell.target))
    return replace(settings, way=min(settings.way, common))


def _fisher_settings(name: str, metric: Mapping[str, Any], metric_seed: int) -> FisherSettings:
    if metric["fisher"] is None:
        raise ConfigError(f"metric.{name} asks for Fisher information: say which under metric.{name}.fisher")
    settings = FisherSettings(**metric["fisher"])
    return replace(settings, seed=settings.seed + metric_seed)


@lru_cache(maxsize=1024)
def _backbone(config: str) -> dict[str, Any]:
    return backbones.backbone_params(json.loads(config))


@lru_cache(maxsize=1024)
def _dataset(config: str) -> dict[str, Any]:
    fields = json.loads(config)
    return {} if unavailable.is_pretrained(fields) else dataset_params(fields)


@lru_cache(maxsize=64)
def _parameters(params: str) -> int:
    network = backbones.create(json.loads(params), 0, seed=0, pretrained=False)
    return sum(parameter.numel() for parameter in network.parameters())
