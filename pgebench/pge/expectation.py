"""The principal gradient: the expectation of a loss's gradient over restarts and episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import nn

from pgebench.errors import ConfigError, NonFinite
from pgebench.images import take
from pgebench.pge.episodes import EpisodeSampler
from pgebench.pge.losses import LOSSES
from pgebench.unit import derive_seed

RESTARTS = ("fresh", "paired", "fixed", "pretrained")


@dataclass(frozen=True)
class GradientSettings:
    """How a principal gradient is estimated.

    Args:
        restart: where each gradient is taken. ``fresh``: at new random weights every episode (the authors' released
            code). ``paired``: at ``restarts`` initialisations that all datasets share. ``fixed``: at one such
            initialisation. ``pretrained``: at the backbone's pretrained weights.
        restarts: number of initialisations; counts for ``paired`` alone.
        episodes: gradients at each initialisation; for ``fresh``, gradients in all.
        loss: ``proto`` (prototypical network) or ``ce`` (random linear classifier).
        way: classes in an episode.
        shot: support images a class.
        query: query images a class.
        seed: of initialisations and episodes.
    """

    restart: str = "paired"
    restarts: int = 4
    episodes: int = 50
    loss: str = "proto"
    way: int = 5
    shot: int = 5
    query: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("restart", RESTARTS), ("loss", tuple(LOSSES))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"gradient.{name}={getattr(self, name)}: choose from {', '.join(choices)}")
        for name, least in (("restarts", 1), ("episodes", 2), ("way", 2), ("shot", 1), ("query", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"gradient.{name}={getattr(self, name)}: must be at least {least}")

    @property
    def points(self) -> int:
        """Number of separately kept means: one an initialisation, one in all for ``fresh``."""
        return self.restarts if self.restart == "paired" else 1


@dataclass(frozen=True)
class PrincipalGradient:
    """Mean gradients, kept apart by restart and by half of the episodes.

    Args:
        halves: (restarts, 2, parameters); the mean over the even and over the odd episodes.
        images: images that went through the network.
        queries: the fewest query images that a class lent.
    """

    halves: torch.Tensor
    images: int = 0
    queries: int = 0

    @property
    def mean(self) -> torch.Tensor:
        """The principal gradient of each restart, (restarts, parameters), float64."""
        return self.halves.double().mean(1)

    @property
    def agreement(self) -> float:
        """Cosine between the two halves, averaged over restarts; in [-1, 1], 1 when sampling noise is gone."""
        first, second = self.halves.double().unbind(1)
        return float(nn.functional.cosine_similarity(first, second, dim=1).mean())


def principal_gradient(
    network: Callable[[int], nn.Module],
    images: torch.Tensor,
    labels: np.ndarray,
    settings: GradientSettings,
    stream: str = "",
) -> PrincipalGradient:
    """Estimate a dataset's principal gradient (Qi et al., arXiv 2211.16299, section 3).

    Args:
        network: gives a backbone without classifier, its weights drawn from the seed it is handed. Its parameters
            are those of the gradient; batch normalisation runs in training mode.
        images: float32 (n, 3, h, w), ready for the network, on its device.
        labels: integers (n,).
        settings: see ``GradientSettings``.
        stream: keeps the episodes of two datasets (or of two estimates of one dataset) independent.

    Raises:
        DataError: too few classes, or too few images in a class.
        NonFinite: a gradient is not finite.
    """
    sampler = EpisodeSampler(
        labels, settings.way, settings.shot, settings.query, derive_seed("pge episodes", settings.seed, stream)
    )
    episodes = iter(sampler)
    loss_of = LOSSES[settings.loss]
    means, seen = [], 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("pge dropout", settings.seed, stream))
        for restart in range(settings.points):
            sums: tuple[list[torch.Tensor], list[torch.Tensor]] | None = None
            model: nn.Module | None = None
            start = 0
            for number, episode in enumerate(islice(episodes, settings.episodes)):
                if model is None or settings.restart == "fresh":
                    # Shared restarts depend on the seed alone, fresh ones must differ between datasets too.
                    parts = ("fresh", stream, number) if settings.restart == "fresh" else ("shared", restart)
                    start = derive_seed("pge weights", settings.seed, *parts)
                    model = network(start).train()
                rows = np.concatenate([episode.support.ravel(), episode.query])
                features = model(take(images, torch.from_numpy(rows).to(images.device)))
                support, query = features.split([episode.support.size, len(episode.query)])
                query_labels = torch.from_numpy(episode.query_labels).to(images.device)
                loss = loss_of(support.view(*episode.support.shape, -1), query, query_labels, start)
                parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
                gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
                if sums is None:
                    first, second = ([torch.zeros_like(p, dtype=torch.float64) for p in parameters] for _ in range(2))
                    sums = first, second
                for total, gradient in zip(sums[number % 2], gradients, strict=True):
                    if gradient is not None:  # a parameter behind no path to the features, such as an unused norm
                        total += gradient
                seen += len(rows)
            assert sums is not None
            counts = (settings.episodes + 1) // 2, settings.episodes // 2
            means.append(
                torch.stack([torch.cat([t.flatten() for t in half]) / n for half, n in zip(sums, counts, strict=True)])
            )
    halves = torch.stack(means)
    if not torch.isfinite(halves).all():
        raise NonFinite("the principal gradient is not finite: the backbone's features overflow on these images")
    return PrincipalGradient(halves, images=seen, queries=sampler.fewest_queries)
