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
from pgebench.pge.episodes import Episode, EpisodeSampler
from pgebench.pge.losses import LOSSES, Loss
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
    means, seen = [], 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("pge dropout", settings.seed, stream))
        for point in range(settings.points):
            halves = _HalfMeans()
            for number, episode in enumerate(islice(episodes, settings.episodes)):
                if number == 0 or settings.restart == "fresh":
                    # Shared initialisations depend on the seed alone, fresh ones must differ between datasets too.
                    parts = ("fresh", stream, number) if settings.restart == "fresh" else ("shared", point)
                    start = derive_seed("pge weights", settings.seed, *parts)
                    model = network(start).train()
                halves.add(_gradients(model, images, episode, LOSSES[settings.loss], start))
                seen += episode.support.size + len(episode.query)
            means.append(halves.mean())
    result = torch.stack(means)
    if not torch.isfinite(result).all():
        raise NonFinite("the principal gradient is not finite: the backbone's features overflow on these images")
    return PrincipalGradient(result, images=seen, queries=sampler.fewest_queries)


def _gradients(
    model: nn.Module, images: torch.Tensor, episode: Episode, loss_of: Loss, seed: int
) -> list[torch.Tensor]:
    """The gradient of one episode's loss, a tensor a parameter.

    Support and query images pass through the network together, so batch normalisation sees both.
    """
    rows = torch.from_numpy(np.concatenate([episode.support.ravel(), episode.query])).to(images.device)
    support, query = model(take(images, rows)).split([episode.support.size, len(episode.query)])
    query_labels = torch.from_numpy(episode.query_labels).to(images.device)
    loss = loss_of(support.view(*episode.support.shape, -1), query, query_labels, seed)
    # Parameters behind no path to the features (an unused norm) have no gradient: it is zero.
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return list(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))


class _HalfMeans:
    """Running sums of gradients in double precision, even and odd episodes apart; nothing is kept an episode."""

    def __init__(self) -> None:
        self.sums: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
        self.counts = [0, 0]

    def add(self, gradients: list[torch.Tensor]) -> None:
        half = sum(self.counts) % 2
        if self.counts[half] == 0:
            self.sums[half].extend(torch.zeros_like(gradient, dtype=torch.float64) for gradient in gradients)
        for total, gradient in zip(self.sums[half], gradients, strict=True):
            total += gradient
        self.counts[half] += 1

    def mean(self) -> torch.Tensor:
        """Both halves, (2, parameters)."""
        return torch.stack(
            [torch.cat([total.flatten() for total in half]) / n for half, n in zip(self.sums, self.counts, strict=True)]
        )
