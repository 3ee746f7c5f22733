"""Ranking of sources by PGE: the target's principal gradient, with as many episodes as it takes, against a bank."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from pgebench.core.errors import DataError
from pgebench.core.say import say
from pgebench.data.task import Task
from pgebench.networks import backbones
from pgebench.networks.initial_weights import Redrawn
from pgebench.networks.inputs import Images
from pgebench.pge import GradientSettings, PrincipalGradient, Progress, principal_gradient
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.gradient_bank import SETTINGS, Bank, bank_units, build_bank, shipped_bank
from pgebench.ranking.reliability import Reference
from pgebench.ranking.request import BUCKETS
from pgebench.ranking.standing import Standing, standing
from pgebench.store.store import Store
from pgebench.store.unit import Unit

METRIC = "pge"

CPU = torch.device("cpu")

LOOKS = (10, 20, 40, 80, 160, 320)
"""Episodes per restart after which one looks whether the ranking is settled."""


@dataclass(frozen=True)
class GradientRanker:
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


def gradient_ranker(candidates: Candidates, task: Task, sketch: int) -> GradientRanker:
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
    return GradientRanker(
        candidates, task.collection.images, task.rows[chosen], labels, network, settings, units, shipped, sketch
    )


def fitting(settings: GradientSettings, labels: np.ndarray) -> GradientSettings:
    """The settings with way, shot and query lowered to what a dataset has.

    Raises:
        DataError: fewer than two classes, or a class with one image.
    """
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2 or counts.min() < 2:
        raise DataError(
            f"PGE needs two classes with two images each; here are {len(counts)} classes and the smallest has "
            f"{counts.min()} images: leave such classes out"
        )
    way = len(counts) if settings.way is None else min(settings.way, len(counts))
    shot = min(settings.shot, int(counts.min()) - 1)
    return replace(settings, way=way, shot=shot)


def rank_by_gradient(
    ranker: GradientRanker,
    option: Option,
    reference: Reference,
    episodes: int,
    store: Store,
    workers: int,
    confidence: float,
) -> Answer:
    """Take gradients of the target until one source is nearest beyond doubt, or ``episodes`` are spent.

    Args:
        ranker: From ``gradient_ranker``.
        option: What was expected of it.
        reference: Where the metric's reliability comes from.
        episodes: Most gradients of the target at each restart.
        store: Where the sources' gradients are kept.
        workers: Processes while they are computed.
        confidence: Of the set of sources that may be the nearest.
    """
    began = time.perf_counter()
    whole = ranker.shipped or build_bank(ranker.units, store, workers, say)
    bank = ranker.shipped or whole.sketched(ranker.sketch)
    params = backbones.backbone_params(ranker.candidates.cells[0].backbone.config)
    threads = torch.get_num_threads()
    torch.set_num_threads(workers)
    try:
        found = rank_sequentially(
            ranker.network,
            backbones.inputs(params, {"image_size": None}, ranker.images, ranker.rows, CPU),
            ranker.labels,
            bank,
            replace(ranker.settings, episodes=episodes),
            confidence,
        )
    finally:
        torch.set_num_threads(threads)
    detail: dict[str, Any] = {
        "gradients": found.episodes * ranker.settings.points,
        "agreement_of_halves": round(found.gradient.agreement, 4),
        "bank": "shipped with the package" if ranker.shipped else "computed here",
        "bank_megabytes": round(bank.megabytes, 1),
    }
    if ranker.sketch and not ranker.shipped:
        detail["sketch"] = _sketch_loss(whole, bank, found)
    return Answer(
        question=ranker.candidates.question,
        option=option,
        names=bank.names,
        standing=found.standing,
        reference=reference,
        images=len(ranker.labels),
        seconds=time.perf_counter() - began,
        confidence=confidence,
        detail=detail,
    )


@dataclass(frozen=True)
class Ranking:
    """Sources ranked for a target.

    Args:
        names: sources, the nearest first.
        standing: of the bank's sources, in the bank's order.
        gradient: of the target.
        episodes: gradients of the target at each restart.
    """

    names: tuple[str, ...]
    standing: Standing
    gradient: PrincipalGradient
    episodes: int


def rank_sequentially(
    network: Callable[[int], nn.Module],
    images: Images,
    labels: np.ndarray,
    bank: Bank,
    settings: GradientSettings,
    confidence: float = 0.95,
) -> Ranking:
    """Rank the bank's sources, adding gradients of the target until one source is nearest beyond doubt.

    Args:
        network: see ``principal_gradient``.
        images: (n, 3, h, w) of the target, ready for the network.
        labels: integers (n,).
        bank: gradients of the sources, of the same settings but for the number of episodes.
        settings: ``episodes`` is the most that are taken at each restart.
        confidence: of the ranking's first place, see ``standing``.
    """
    looks = [*(look for look in LOOKS if look < settings.episodes), settings.episodes]
    found: dict[int, Standing] = {}

    def enough(progress: Progress) -> bool:
        if progress.done not in looks:
            return False
        estimate = PrincipalGradient(progress.halves())
        found[progress.done] = standing(bank.distances_to(estimate), confidence, len(looks))
        return found[progress.done].settled

    gradient = principal_gradient(network, images, labels, settings, "rank target", keep=enough)
    episodes = max(found)
    last = found[episodes]
    return Ranking(tuple(bank.names[source] for source in last.order), last, gradient, episodes)


def _sketch_loss(whole: Bank, bank: Bank, found: Ranking) -> dict[str, float]:
    """What the sketch cost: sizes, and how well its ranking agrees with that of the whole gradients."""
    from scipy.stats import weightedtau  # a second to import, which a first answer does not wait for

    exact, sketched = (-one.distances_to(found.gradient).mean(axis=0) for one in (whole, bank))
    return {
        "buckets": bank.sketch,
        "megabytes_whole": round(whole.megabytes, 1),
        "weighted_tau_with_whole": round(float(weightedtau(sketched, exact).statistic), 3),
    }
