"""The principal gradient: the expectation of a loss's gradient over restarts and episodes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.identity import derive_seed
from pgebench.core.settings import GradientSettings
from pgebench.networks.inputs import Images
from pgebench.networks.parameters import chosen_parameters
from pgebench.pge.episodes import Episode, EpisodeSampler
from pgebench.pge.gradients import episode_gradient, episode_images, stacked_gradients
from pgebench.pge.losses import loss_of

ROUND = 10
"""Episodes at one restart before the next one's turn; an estimate can be interrupted between rounds."""

STACK = 16
"""Fresh restarts in one stacked pass."""


@dataclass(frozen=True)
class PrincipalGradient:
    """Mean gradients, kept apart by restart and by half of the episodes.

    Args:
        halves: (restarts, 2, parameters); the mean over the even and over the odd episodes.
        images: images that went through the network.
        queries: the fewest query images that a class lent.
        way: classes in an episode.
        sizes: number of entries of each parameter tensor, in the order in which they follow each other.
        snapshots: halves after fewer episodes per restart.
        names: of the parameter tensors, as the network calls them; of a stored gradient they are not known.
    """

    halves: torch.Tensor
    images: int = 0
    queries: int = 0
    way: int = 0
    sizes: tuple[int, ...] = ()
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @property
    def mean(self) -> torch.Tensor:
        """The principal gradient of each restart, (restarts, parameters), float64."""
        return self.halves.double().mean(1)

    @property
    def agreement(self) -> float:
        """Cosine between the two halves, averaged over restarts; in [-1, 1], 1 when sampling noise is gone."""
        first, second = self.halves.double().unbind(1)
        return float(nn.functional.cosine_similarity(first, second, dim=1).mean())

    def after(self, episodes: int | None) -> PrincipalGradient:
        """The estimate as it was after so many episodes per restart; None for the whole.

        Args:
            episodes: One of the snapshots that the settings asked for, or None.

        Returns:
            The estimate from these episodes alone.

        Raises:
            ConfigError: no such snapshot was kept.
        """
        if episodes is None:
            return self
        if episodes not in self.snapshots:
            raise ConfigError(
                f"no snapshot after {episodes} episodes: add it to metric.<name>.gradient.snapshots, which holds "
                f"{sorted(self.snapshots)}"
            )
        return replace(self, halves=self.snapshots[episodes], snapshots={})


@dataclass
class Progress:
    """An estimate under way: what must be kept to go on later with the same result.

    Args:
        sums: float64 (restarts, 2, parameters), sums over the even and over the odd episodes.
        done: episodes that every restart has seen.
        images: images that went through the network.
        snapshots: as in ``PrincipalGradient``.
    """

    sums: torch.Tensor
    done: int = 0
    images: int = 0
    snapshots: dict[int, torch.Tensor] = field(default_factory=dict)

    def halves(self) -> torch.Tensor:
        """Means over the even and over the odd episodes so far, float32.

        Returns:
            (restarts, 2, parameters).
        """
        counts = torch.tensor([(self.done + 1) // 2, self.done // 2], device=self.sums.device)
        return (self.sums / counts[:, None]).float()


def principal_gradient(
    network: Callable[[int], nn.Module],
    images: Images,
    labels: np.ndarray,
    settings: GradientSettings,
    stream: str = "",
    resume: Progress | None = None,
    keep: Callable[[Progress], bool | None] | None = None,
    stacked: bool = False,
) -> PrincipalGradient:
    """Estimate a dataset's principal gradient (Qi et al., arXiv 2211.16299, section 3).

    Args:
        network: gives a backbone without classifier, its weights drawn from the seed it is handed; it may be the same
            object each time. Its parameters are those of the gradient; batch normalisation runs in training mode.
        images: float32 (n, 3, h, w), ready for the network, on its device.
        labels: integers (n,).
        settings: see ``GradientSettings``.
        stream: keeps the episodes of two datasets (or of two estimates of one dataset) independent.
        resume: where an interrupted estimate of the same settings and data stood.
        keep: called between rounds with where the estimate stands; what it returns true for is enough.
        stacked: compute several restarts in one pass (``torch.func``). Faster on a GPU and the same numbers up to
            rounding. Restarts take turns where that is impossible: with the loss ``ce``, which draws a classifier per
            restart, and where small classes make episodes differ in size.

    Returns:
        The mean gradient of each restart, in two halves, with what is needed to go on or to look back.

    Raises:
        ConfigError: no parameter is chosen.
        DataError: too few classes, or too few images in a class.
        NonFinite: a gradient is not finite.
    """
    estimate = _Estimate(network, images, labels, settings, stream, stacked)
    progress = resume or Progress(estimate.zeros())
    stops = sorted({*range(ROUND, settings.episodes, ROUND), *settings.snapshots, settings.episodes})
    with torch.random.fork_rng(devices=[]):
        for stop in (stop for stop in stops if stop > progress.done):
            estimate.go_on(progress, stop)
            if stop in settings.snapshots:
                progress.snapshots[stop] = progress.halves()
            if keep is not None and keep(progress):
                break
    halves = progress.halves()
    if not torch.isfinite(halves).all():
        raise NonFinite("the principal gradient is not finite: the backbone's features overflow on these images")
    sampler = estimate.sampler
    return PrincipalGradient(
        halves, progress.images, sampler.fewest_queries, sampler.way, estimate.sizes, progress.snapshots, estimate.names
    )


class _Estimate:
    """The parts of one estimate that do not change while it runs."""

    def __init__(
        self,
        network: Callable[[int], nn.Module],
        images: Images,
        labels: np.ndarray,
        settings: GradientSettings,
        stream: str,
        stacked: bool,
    ) -> None:
        self.network, self.images, self.settings, self.stream = network, images, settings, stream
        seed = derive_seed("pge episodes", settings.seed, stream)
        crops = settings.crop is not None
        self.sampler = EpisodeSampler(labels, settings.way, settings.shot, settings.query, seed, crops)
        parameters = chosen_parameters(network(self._start(0, 0)), settings.parameters)
        self.names = tuple(parameters)
        self.sizes = tuple(parameter.numel() for parameter in parameters.values())
        # Stacked passes need episodes of one size, and a loss without draws of its own.
        even = self.sampler.fewest_queries == settings.query
        self.stacked = stacked and even and settings.loss != "ce"
        self.loss = loss_of(settings)

    def zeros(self) -> torch.Tensor:
        size = (self.settings.points, 2, sum(self.sizes))
        return torch.zeros(size, dtype=torch.float64, device=self.images.device)

    def go_on(self, progress: Progress, stop: int) -> None:
        """Add the episodes from where the estimate stands up to ``stop``."""
        numbers = range(progress.done, stop)
        places = [(point, number) for point in range(self.settings.points) for number in numbers]
        if self.stacked:
            self._add_stacked(progress, places)
        else:
            self._add_in_turn(progress, places)
        progress.done = stop

    def _add_in_turn(self, progress: Progress, places: list[tuple[int, int]]) -> None:
        drawn: int | None = None
        model: nn.Module | None = None
        for point, number in places:
            start = self._start(point, number)
            if start != drawn:
                drawn, before, model = start, model, self.network(start)
                if model is not before:  # redrawn in place it keeps its mode and its parameters
                    model.train()
                    parameters = [*chosen_parameters(model, self.settings.parameters).values()]
            assert model is not None
            episode = self._episode(progress, point, number)
            batch = episode_images(self.images, [episode], self.settings.crop)
            gradients = episode_gradient(model, parameters, batch, episode, self.loss, start, self.settings.autocast)
            _add(progress.sums[point, number % 2].split(self.sizes), gradients)

    def _add_stacked(self, progress: Progress, places: list[tuple[int, int]]) -> None:
        # Restarts side by side: the same episode number of all points, or consecutive fresh episodes.
        places = sorted(places, key=lambda place: place[1])
        width = STACK if self.settings.restart == "fresh" else self.settings.points
        held: list[int] = []
        for first in range(0, len(places), width):
            group = places[first : first + width]
            seeds = [self._start(*place) for place in group]
            if seeds != held:
                structure, weights, rest = self._stack(seeds)
                held = seeds
            episodes = [self._episode(progress, *place) for place in group]
            found = stacked_gradients(
                structure,
                weights,
                rest,
                episode_images(self.images, episodes, self.settings.crop).unflatten(0, (len(episodes), -1)),
                episodes[0],
                self.loss,
                self.settings.autocast,
            )
            for row, (point, number) in enumerate(group):
                _add(progress.sums[point, number % 2].split(self.sizes), [part[row] for part in found])

    def _stack(self, seeds: list[int]) -> tuple[nn.Module, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Structure, (restarts, ...) chosen parameters and (restarts, ...) other parameters of several restarts."""
        drawn: list[dict[str, torch.Tensor]] = []
        for seed in seeds:
            model = self.network(seed)
            drawn.append({name: value.detach().clone() for name, value in model.named_parameters()})
        chosen = chosen_parameters(model, self.settings.parameters)
        structure = copy.deepcopy(model).train()
        torch.func.replace_all_batch_norm_modules_(structure)
        stacks = {name: torch.stack([values[name] for values in drawn]) for name in drawn[0]}
        weights = {name: stacks[name] for name in chosen}
        return structure, weights, {name: stack for name, stack in stacks.items() if name not in chosen}

    def _episode(self, progress: Progress, point: int, number: int) -> Episode:
        # Dropout, too, must not depend on where an estimate was interrupted.
        seed = derive_seed("pge dropout", self.settings.seed, self.stream, point, number)
        # On the CPU its generator alone: asking for all devices takes as long as drawing an episode.
        (torch.manual_seed if (self.images.device.type == "cuda") else torch.default_generator.manual_seed)(seed)
        episode = self.sampler.episode(point, number)
        progress.images += episode.images
        return episode

    def _start(self, point: int, number: int) -> int:
        """The seed of the weights: shared ones depend on the seed alone, fresh ones differ between datasets too."""
        parts = ("fresh", self.stream, number) if self.settings.restart == "fresh" else ("shared", point)
        return derive_seed("pge weights", self.settings.seed, *parts)


def _add(totals: tuple[torch.Tensor, ...], gradients: tuple[torch.Tensor, ...] | list[torch.Tensor]) -> None:
    for total, gradient in zip(totals, gradients, strict=True):
        # Channels-last gradients are added in the order of their indices, whatever their order in memory.
        total.view(gradient.shape).add_(gradient)
