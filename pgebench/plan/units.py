"""From configs to units: what an experiment consists of, without running any of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
    backbone = _backbone(canonical_json(cell.backbone.config))
    source, target = (_dataset(canonical_json(named.config)) for named in (cell.source, cell.target))
    settings, shipped, void = cell.settings, unavailable.is_pretrained(cell.source.config), void_metrics(cell)
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
    return {} if unavailable.is_pretrained(fields) else dataset_params(fields)


@lru_cache(maxsize=64)
def _parameters(params: str) -> int:
    network = backbones.create(json.loads(params), 0, seed=0, pretrained=False)
    return sum(parameter.numel() for parameter in network.parameters())
