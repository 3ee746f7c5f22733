"""The sources in order for one target, with as many gradients as that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from pgebench.core.errors import DataError
from pgebench.networks.inputs import Images
from pgebench.pge import GradientSettings, PrincipalGradient, Progress, principal_gradient
from pgebench.pge.distance import unit_distance
from pgebench.ranking.gradient_bank import Bank
from pgebench.ranking.sketch import count_sketch
from pgebench.ranking.standing import Standing, standing

LOOKS = (10, 20, 40, 80, 160, 320)
"""Episodes a restart after which one looks whether the ranking is settled."""


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


def distances_to(bank: Bank, target: PrincipalGradient) -> np.ndarray:
    """Unit distances (restarts, sources) between a target and the bank's sources."""
    seen = count_sketch(target, bank.sketch) if bank.sketch else target
    columns = [unit_distance(seen.halves.double().cpu(), source.halves.double()) for source in bank.gradients]
    return torch.stack(columns, dim=1).numpy()


def rank(
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
        found[progress.done] = standing(distances_to(bank, estimate), confidence, len(looks))
        return found[progress.done].settled

    gradient = principal_gradient(network, images, labels, settings, "rank target", keep=enough)
    episodes = max(found)
    last = found[episodes]
    return Ranking(tuple(bank.names[source] for source in last.order), last, gradient, episodes)
