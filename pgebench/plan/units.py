"""From configs to units: what an experiment consists of, without running any of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from pgebench.core.errors import ConfigError
from pgebench.core.identity import Label, canonical_json, derive_seed
from pgebench.core.settings import FisherSettings, TripletSettings
from pgebench.data.task import dataset_params, open_task
from pgebench.networks import backbones
from pgebench.networks.precision import recipe_params
from pgebench.pge import GradientSettings
from pgebench.plan import unavailable
from pgebench.plan.architecture_facts import OF_THE_ARCHITECTURE
from pgebench.plan.cell import Cell, Named, collection
from pgebench.plan.replicates import above_zero, starts
from pgebench.stages import checkpoint, evidence, fisher, gradient, score, triplets, truth
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.store.unit import Unit

LEVELS = ("source", "target", "pair")
"""Work on a source alone, on a target alone, and on a pair, in the order in which it must run."""

ORIGINS = (
    *("evidence", "source_evidence", "checkpoint", "gradients", "information", "random_evidence", "weights"),
    "triplets",
)
"""Origins of evidence that units are made for, in the order in which a score reads them."""

OF_A_CHECKPOINT = {"evidence", "source_evidence", "checkpoint", "information", "weights", "triplets"}
"""Those that come out of a checkpoint; a metric that asks for none of them sees the data alone."""


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


@dataclass(frozen=True)
class _Origin:
    """A checkpoint of the source, and what it makes of the target's images and of the source's own."""

    number: int
    trained: Unit
    seen: Unit
    seen_source: Unit


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
        self.recipes = {name: recipe_params(one, f"recipe.{name}") for name, one in self.settings["recipe"].items()}
        checkpoints = above_zero("checkpoints", self.settings["checkpoints"])
        # Weights as they were shipped were trained once.
        self.origins = [self._origin(number) for number in range(1 if self.shipped else checkpoints)]

    def _origin(self, number: int) -> _Origin:
        names, on_target = (replace(label, checkpoint=number) for label in (self.names, self.on_target))
        if self.shipped:
            trained = checkpoint.pretrained(self.backbone, names)
        else:
            seed = self.settings["seed"] + number
            trained = checkpoint.unit(self.backbone, self.source, self.recipes["checkpoint"], seed, names)
        trained = self._add("source", replace(trained, files=self.files))
        seen_source = evidence.unit(trained, self.source, replace(names, target=self.cell.source.name))
        return _Origin(number, trained, evidence.unit(trained, self.target, on_target), seen_source)

    def add_scores(self, name: str, metric: Mapping[str, Any]) -> None:
        """The scores of a metric, with what they read: of each checkpoint, if it looks at one."""
        asked = {KINDS[key].origin for key in score.asks_for(name, metric["function"])}
        origins: list[_Origin | None] = [*self.origins] if asked & OF_A_CHECKPOINT else [None]
        seeds = above_zero(f"metric.{name}.seeds", metric["seeds"])
        for origin, number in itertools.product(origins, range(seeds)):
            self._add_score(name, metric, origin, number)

    def _add_score(self, name: str, metric: Mapping[str, Any], origin: _Origin | None, number: int) -> None:
        wanted = score.asks_for(name, metric["function"])
        checkpoint = None if origin is None else origin.number
        # Every checkpoint has draws of its own, and those under one seed follow those under the seed before it.
        position = number + metric["seeds"] * (checkpoint or 0)
        draw = self._draw(metric, position)
        inputs: dict[str, Unit] = {}
        for kind in ORIGINS:
            if kind in {KINDS[key].origin for key in wanted}:
                inputs |= self._inputs(kind, name, metric, origin, position)
        facts = {key: self._fact(key, draw) for key in wanted if KINDS[key].origin == "fact"}
        if "source_accuracy" in wanted and self.shipped:
            facts["source_accuracy"] = self.cell.backbone.config["source_accuracy"]
        label = replace(self.on_target, metric=name, seed=number, checkpoint=checkpoint)
        self._add("pair", score.unit(metric, inputs, facts, number, label))

    def add_truths(self, name: str, chosen: Mapping[str, Any]) -> None:
        """The repetitions of a truth: so many from each checkpoint, each with its own heads and batches."""
        protocol = {**chosen, "recipe": recipe_params(chosen["recipe"], f"truth.{name}.recipe")}
        first = self.settings["transfer_seed"]
        for number, start in enumerate(starts(name, protocol["seeds"], self.settings["checkpoints"])):
            shown = replace(self.on_target, truth=name, seed=number)
            if protocol["protocol"] == truth.SCRATCH:
                label = replace(shown, source=None)
                self._add("target", truth.scratch_unit(self.backbone, self.target, protocol, first + number, label))
            else:
                origin = self.origins[0 if self.shipped else start]
                label = replace(shown, checkpoint=origin.number)
                self._add("pair", truth.unit(origin.trained, self.target, protocol, first + number, label))

    def _add(self, level: str, unit: Unit) -> Unit:
        return self.units[level].setdefault(unit.key, unit)

    def _draw(self, metric: Mapping[str, Any], position: int) -> int:
        return int(position + metric["seeds"] * self.settings["metric_seed"])

    def _inputs(
        self, kind: str, name: str, metric: Mapping[str, Any], origin: _Origin | None, position: int
    ) -> dict[str, Unit]:
        """The units that one kind of evidence comes from, by their roles in the score."""
        if kind == "gradients":
            return self._gradients(name, metric, position)
        if kind == "random_evidence":
            return self._random_evidence(name, metric, position)
        if origin is None:
            raise AssertionError(f"{kind} is of a checkpoint")
        if kind == "information":
            return self._information(name, metric, origin)
        if kind == "triplets":
            return self._triplets(name, metric, origin)
        if kind == "evidence":
            return {"evidence": self._add("pair", origin.seen)}
        if kind == "source_evidence":
            return {"source_evidence": self._add("source", origin.seen_source)}
        # What is known of pretrained weights is a fact; the weights themselves are in their checkpoint.
        return {"checkpoint": origin.trained} if kind == "weights" or not self.shipped else {}

    def _random_evidence(self, name: str, metric: Mapping[str, Any], position: int) -> dict[str, Unit]:
        label = replace(self.names, source=None, target=self.cell.target.name, metric=name, seed=position or None)
        unit = evidence.untrained_unit(self.backbone, self.target, self._draw(metric, position), label)
        return {"random_evidence": self._add("target", unit)}

    def _gradients(self, name: str, metric: Mapping[str, Any], position: int) -> dict[str, Unit]:
        settings = _gradient_settings(name, metric, self.cell, self._draw(metric, position))
        # The first one has no number: most runs have no other.
        label = replace(self.names, source=None, metric=name, seed=position or None)
        labels = {
            "source": replace(label, source=self.cell.source.name),
            "target": replace(label, target=self.cell.target.name),
        }
        made = {}
        for role, params in (("source", self.source), ("target", self.target)):
            unit = gradient.unit(self.backbone, params, settings, labels[role])
            made[f"{role}_gradient"] = self._add(role, replace(unit, files=self.files))
        return made

    def _information(self, name: str, metric: Mapping[str, Any], origin: _Origin) -> dict[str, Unit]:
        settings = _fisher_settings(name, metric, self.settings["metric_seed"] + origin.number)
        made = {}
        for role, level, view in (("source", "source", origin.seen_source), ("target", "pair", origin.seen)):
            self._add(level, view)
            unit = fisher.unit(view, settings, replace(view.label, metric=name))
            made[f"{role}_information"] = self._add(level, unit)
        return made

    def _triplets(self, name: str, metric: Mapping[str, Any], origin: _Origin) -> dict[str, Unit]:
        if metric["triplets"] is None:
            raise ConfigError(f"metric.{name} asks for triplet_gradient_norms: say how under metric.{name}.triplets")
        settings = TripletSettings(**metric["triplets"])
        settings = replace(settings, seed=settings.seed + self.settings["metric_seed"] + origin.number)
        unit = triplets.unit(origin.seen, settings, replace(origin.seen.label, metric=name))
        return {"triplets": self._add("pair", unit)}

    def _fact(self, key: str, seed: int) -> float | str:
        if key == "seed":
            # Each pair draws for itself: a score that ignores its pair must not look like agreement between pairs.
            return derive_seed("score", self.backbone, self.source, self.target, seed) % 2**32
        if key in OF_THE_ARCHITECTURE:
            return OF_THE_ARCHITECTURE[key](canonical_json(self.backbone))
        named = self.cell.source if key.startswith("source") else self.cell.target
        if key.endswith("collection"):
            return collection(named)
        sizes = counts(named)
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
    """The metrics of a cell that its source makes void, or a variation's number of images, with the reason.

    In the experiment itself too few images are an error that says how it is mended; a variation is about them.
    """
    short: dict[str, str] = {}
    if cell.variant is not None:
        short = unavailable.too_few_images(cell.settings["metric"], _fewest_images(cell.target))
    if not unavailable.is_pretrained(cell.source.config):
        return short
    backbone = _backbone(canonical_json(cell.backbone.config))
    config = {**cell.backbone.config, "name": cell.backbone.name, "head": backbone.get("head", True)}
    return short | unavailable.void(cell.settings["metric"], config)


def in_order(planned: Mapping[str, Sequence[Unit]]) -> list[Unit]:
    """The units of a planned cell in the order in which they must run; with one metric alone its score is the last."""
    return [unit for level in LEVELS for unit in planned[level]]


def merged(plans: Iterable[Mapping[str, Sequence[Unit]]]) -> list[Unit]:
    """The units of planned cells as rows of their table, inputs first.

    A unit stands once per label: the accuracy of a source is one unit, and a score of every pair with that source.
    """
    found: dict[tuple[str, Label], Unit] = {}
    for level_units in plans:
        for unit in in_order(level_units):
            found.setdefault((unit.key, unit.label), unit)
    return list(found.values())


def counts(named: Named) -> dict[str, int]:
    """Number of ``classes`` and of images in ``train``, ``val`` and ``test`` of a dataset config."""
    return open_task(named.name, _dataset(canonical_json(named.config)), named.config.get("store", "")).counts()


def _fewest_images(named: Named) -> int:
    """Training images of the smallest class."""
    task = open_task(named.name, _dataset(canonical_json(named.config)), named.config.get("store", ""))
    return int(np.bincount(task.labels[task.indices("train")]).min())


def _gradient_settings(name: str, metric: Mapping[str, Any], cell: Cell, draw: int) -> GradientSettings:
    if metric["gradient"] is None:
        raise ConfigError(f"metric.{name} asks for principal gradients: say which under metric.{name}.gradient")
    settings = GradientSettings(**metric["gradient"])
    settings = replace(settings, seed=settings.seed + draw)
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
