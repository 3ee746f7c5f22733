"""From configs to units: what an experiment consists of, without running any of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pgebench import backbones, hub
from pgebench.datasets import dataset_params, open_task
from pgebench.errors import ConfigError
from pgebench.filter_information import FisherSettings
from pgebench.pge import GradientSettings
from pgebench.precision import recipe_params
from pgebench.stages import checkpoint, evidence, fisher, gradient, score, truth
from pgebench.unit import Label, Unit, canonical_json, derive_seed

LEVELS = ("source", "target", "pair")
"""Work on a source alone, on a target alone, and on a pair, in the order in which it must run."""


@dataclass(frozen=True)
class Named:
    """The config of a backbone or dataset (plain JSON types) with its name in the table."""

    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One backbone, source and target, with the settings of the experiment.

    Args:
        backbone: fields of ``BackboneConfig``.
        source: fields of ``DatasetConfig``.
        target: fields of ``DatasetConfig``.
        settings: the rest of the config: ``metric``, ``truth``, ``recipe``, ``seed``, ``metric_seed``.
        common_classes: the smallest number of classes of all datasets compared; null for those of this cell.
        variant: factor and value in which this cell differs from the experiment's own; null for the experiment itself.
    """

    backbone: Named
    source: Named
    target: Named
    settings: Mapping[str, Any]
    common_classes: int | None = None
    variant: str | None = None

    def overlap(self) -> str | None:
        """Why the pair says nothing about transfer, or None if it does."""
        source, target = self.source.config, self.target.config
        if target["loader"] is None:
            return "a target must have images"
        if source["loader"] != target["loader"] or _path(source) != _path(target):
            return None
        classes = [None if config["classes"] is None else set(config["classes"]) for config in (source, target)]
        if classes[0] == classes[1]:
            return "they are the same classes of the same images"
        if None in classes or classes[0] & classes[1]:  # type: ignore[operator]
            return "they share images"
        return None


def plan(cell: Cell) -> dict[str, list[Unit]]:
    """The units of a cell, by level; in each list inputs stand before the units that read them.

    Raises:
        ConfigError: source and target overlap, or a metric, truth, backbone or dataset is not as it must be.
    """
    if reason := cell.overlap():
        raise ConfigError(
            f"source={cell.source.name} and target={cell.target.name}: {reason}; choose datasets without a common image"
        )
    backbone = _backbone(canonical_json(cell.backbone.config))
    source, target = (_dataset(canonical_json(named.config)) for named in (cell.source, cell.target))
    settings, shipped, void = cell.settings, hub.is_pretrained(cell.source.config), void_metrics(cell)
    recipes = {name: recipe_params(recipe, f"recipe.{name}") for name, recipe in settings["recipe"].items()}
    names = Label(backbone=cell.backbone.name, source=cell.source.name, variant=cell.variant)
    if shipped:
        trained = checkpoint.pretrained(backbone, names)
    else:
        trained = checkpoint.unit(backbone, source, recipes["checkpoint"], settings["seed"], names)
    files = backbones.file_of(cell.backbone.config)
    trained = replace(trained, files=files)
    on_target = replace(names, target=cell.target.name)
    seen = evidence.unit(trained, target, on_target)
    seen_source = evidence.unit(trained, source, replace(names, target=cell.source.name))
    units: dict[str, dict[str, Unit]] = {level: {} for level in LEVELS}

    def add(level: str, unit: Unit) -> Unit:
        return units[level].setdefault(unit.key, unit)

    add("source", trained)
    for name, metric in settings["metric"].items():
        if name in void:
            continue
        wanted = score.asks_for(name, metric["function"])
        inputs: dict[str, Unit] = {}
        if set(wanted) & set(score.TARGET_EVIDENCE):
            inputs["evidence"] = add("pair", seen)
        if set(wanted) & set(score.SOURCE_EVIDENCE):
            inputs["source_evidence"] = add("source", seen_source)
        if "source_accuracy" in wanted and not shipped:
            inputs["checkpoint"] = trained
        if set(wanted) & set(score.GRADIENTS):
            settings_of = _gradient_settings(name, metric, cell, source, target)
            label = replace(names, source=None, metric=name)
            for role, params, named in (("source", source, cell.source), ("target", target, cell.target)):
                shown = replace(label, source=named.name) if role == "source" else replace(label, target=named.name)
                made = replace(gradient.unit(backbone, params, settings_of, shown), files=files)
                inputs[f"{role}_gradient"] = add(role, made)
        if set(wanted) & set(score.INFORMATION):
            estimate = _fisher_settings(name, metric, settings["metric_seed"])
            for role, level, view in (("source", "source", seen_source), ("target", "pair", seen)):
                add(level, view)
                shown = replace(view.label, metric=name)
                inputs[f"{role}_information"] = add(level, fisher.unit(view, estimate, shown))
        for number in range(metric["seeds"]):
            # The replicates under one seed follow those under the seed before it.
            draw = number + settings["metric_seed"] * metric["seeds"]
            facts = {key: _fact(key, cell, backbone, source, target, draw) for key in wanted if key in score.FACTS}
            if "source_accuracy" in wanted and shipped:
                facts["source_accuracy"] = cell.backbone.config["source_accuracy"]
            add("pair", score.unit(metric, inputs, facts, number, replace(on_target, metric=name, seed=number)))
    for name, chosen in settings["truth"].items():
        protocol = {**chosen, "recipe": recipe_params(chosen["recipe"], f"truth.{name}.recipe")}
        for number in range(protocol["seeds"]):
            shown = replace(on_target, truth=name, seed=number)
            if protocol["protocol"] == truth.SCRATCH:
                add("target", truth.scratch_unit(backbone, target, protocol, number, replace(shown, source=None)))
            else:
                add("pair", truth.unit(trained, target, protocol, number, shown))
    return {level: list(found.values()) for level, found in units.items()}


def void_metrics(cell: Cell) -> dict[str, str]:
    """The metrics of a cell that its source makes void, with the reason."""
    if not hub.is_pretrained(cell.source.config):
        return {}
    backbone = _backbone(canonical_json(cell.backbone.config))
    config = {**cell.backbone.config, "name": cell.backbone.name, "head": backbone.get("head", True)}
    return hub.void(cell.settings["metric"], config)


def rows(cells: Iterable[Cell]) -> list[Unit]:
    """The units of an experiment as rows of its table, inputs first."""
    return merged(map(plan, cells))


def merged(plans: Iterable[Mapping[str, Sequence[Unit]]]) -> list[Unit]:
    """The units of planned cells as rows of their table, inputs first.

    A unit stands once a label: the accuracy of a source is one unit, and a score of every pair with that source.
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


def _path(dataset: Mapping[str, Any]) -> Path | None:
    path = dataset.get("path")
    return None if path is None else Path(path).expanduser().resolve()


def _gradient_settings(
    name: str, metric: Mapping[str, Any], cell: Cell, source: Mapping[str, Any], target: Mapping[str, Any]
) -> GradientSettings:
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


def _fact(
    key: str, cell: Cell, backbone: Mapping[str, Any], source: Mapping[str, Any], target: Mapping[str, Any], seed: int
) -> int:
    if key == "seed":
        # Each pair draws for itself: a score that ignores its pair must not look like agreement between pairs.
        return derive_seed("score", backbone, source, target, seed) % 2**32
    if key == "parameters":
        return _parameters(canonical_json(backbone))
    sizes = counts(cell.source if key.startswith("source") else cell.target)
    return sizes["train" if key == "source_size" else "classes"]


@lru_cache(maxsize=1024)
def _backbone(config: str) -> dict[str, Any]:
    return backbones.backbone_params(json.loads(config))


@lru_cache(maxsize=1024)
def _dataset(config: str) -> dict[str, Any]:
    fields = json.loads(config)
    return {} if hub.is_pretrained(fields) else dataset_params(fields)


@lru_cache(maxsize=64)
def _parameters(params: str) -> int:
    network = backbones.create(json.loads(params), 0, seed=0, pretrained=False)
    return sum(parameter.numel() for parameter in network.parameters())
