"""A ranking of sources by PGE: the target's principal gradient against a bank of the sources'."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.stats import weightedtau

from pgebench.data.task import Task
from pgebench.networks import backbones
from pgebench.networks.initial_weights import Redrawn
from pgebench.pge import GradientSettings
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.gradient_bank import SETTINGS, Bank, bank_units, build_bank, shipped_bank
from pgebench.ranking.reliability import Reference
from pgebench.ranking.request import BUCKETS
from pgebench.ranking.sequential import Ranking, distances_to, fitting, rank
from pgebench.store.store import Store
from pgebench.store.unit import Unit

METRIC = "pge"

CPU = torch.device("cpu")


@dataclass(frozen=True)
class GradientRanking:
    """What a ranking by PGE needs.

    Attributes:
        candidates: Sources.
        images: uint8 images of the target's collection.
        rows: Those that are trained on.
        labels: Integers (n,).
        network: Gives the backbone with the initial weights of a seed.
        settings: Of the sources' gradients.
        units: The sources' gradients, by name.
        shipped: The bank that comes with the package, if it holds them.
        sketch: Buckets of a count sketch; 0 for whole gradients.
    """

    candidates: Candidates
    images: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    network: Redrawn
    settings: GradientSettings
    units: Mapping[str, Unit]
    shipped: Bank | None
    sketch: int

    def option(self, reference: Reference, episodes: int, store: Store, workers: int) -> Option | None:
        """What it is worth and takes; None where the reference has no such metric."""
        reliability = reference.of(METRIC)
        if reliability is None:
            return None
        missing = 0 if self.shipped else sum(not store.is_done(unit) for unit in self.units.values())
        bank, target = (self._images(number) for number in (self.settings.episodes, episodes))
        seconds = reference.cpu_s["gradient"] * (missing * bank + target)
        return Option(reliability, seconds / workers / 60)

    def _images(self, episodes: int) -> int:
        settings = self.settings
        return settings.restarts * episodes * (settings.way or 0) * (settings.shot + settings.query)


def prepare(candidates: Candidates, task: Task, sketch: int) -> GradientRanking:
    """Find out what a ranking by PGE would need.

    Args:
        candidates: Sources.
        task: The target.
        sketch: Buckets of a count sketch; 0 for whole gradients. The bank that comes with the package has ``BUCKETS``.

    Raises:
        DataError: The target has too few images for few-shot tasks.
    """
    chosen = task.indices("train")
    labels = task.labels[chosen]
    settings = fitting(SETTINGS, labels)
    cell = candidates.cells[0]
    units = bank_units(cell.backbone, [one.source for one in candidates.cells], settings)
    network = backbones.restarts(backbones.backbone_params(cell.backbone.config), CPU)
    shipped = shipped_bank(units, network, settings) if sketch == BUCKETS else None
    return GradientRanking(
        candidates, task.collection.images, task.rows[chosen], labels, network, settings, units, shipped, sketch
    )


def rank_by_gradient(
    needed: GradientRanking,
    option: Option,
    reference: Reference,
    episodes: int,
    store: Store,
    workers: int,
    confidence: float,
) -> Answer:
    """Take gradients of the target until one source is nearest beyond doubt, or ``episodes`` are spent.

    Args:
        needed: From ``prepare``.
        option: What was expected of it.
        reference: Where the metric's reliability comes from.
        episodes: Most gradients of the target at each restart.
        store: Where the sources' gradients are kept.
        workers: Processes while they are computed.
        confidence: Of the set of sources that may be the nearest.
    """
    began = time.perf_counter()
    whole = needed.shipped or build_bank(needed.units, store, workers, print)
    bank = needed.shipped or whole.sketched(needed.sketch)
    params = backbones.backbone_params(needed.candidates.cells[0].backbone.config)
    threads = torch.get_num_threads()
    torch.set_num_threads(workers)
    try:
        found = rank(
            needed.network,
            backbones.inputs(params, {"image_size": None}, needed.images, needed.rows, CPU),
            needed.labels,
            bank,
            replace(needed.settings, episodes=episodes),
            confidence,
        )
    finally:
        torch.set_num_threads(threads)
    detail: dict[str, Any] = {
        "gradients": found.episodes * needed.settings.points,
        "agreement_of_halves": round(found.gradient.agreement, 4),
        "bank": "shipped with the package" if needed.shipped else "computed here",
        "bank_megabytes": round(bank.megabytes, 1),
    }
    if needed.sketch and not needed.shipped:
        detail["sketch"] = _sketch_loss(whole, bank, found)
    return Answer(
        question=needed.candidates.question,
        option=option,
        names=bank.names,
        standing=found.standing,
        reference=reference,
        images=len(needed.labels),
        seconds=time.perf_counter() - began,
        confidence=confidence,
        detail=detail,
    )


def _sketch_loss(whole: Bank, bank: Bank, found: Ranking) -> dict[str, float]:
    """What the sketch cost: sizes, and how well its ranking agrees with that of the whole gradients."""
    exact, sketched = (-distances_to(one, found.gradient).mean(axis=0) for one in (whole, bank))
    return {
        "buckets": bank.sketch,
        "megabytes_whole": round(whole.megabytes, 1),
        "weighted_tau_with_whole": round(float(weightedtau(sketched, exact).statistic), 3),
    }
