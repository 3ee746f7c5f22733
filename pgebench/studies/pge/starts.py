"""Weights to start from that no library draws: scaled ones, and "warm" ones a few steps into training.

A warm start must not know the pair that it judges. Pairs count within a half of the collections alone, so the weights
for one half are trained on the sources of the other: the pool contains neither side, nor another view of its data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from pgebench.core.files import write_atomically
from pgebench.core.identity import derive_seed, digest
from pgebench.data.task import dataset_params, open_task
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.pge.episodes import EpisodeSampler
from pgebench.pge.gradients import episode_gradient, episode_images
from pgebench.pge.losses import loss_of
from pgebench.plan.cell import Named
from pgebench.store.unit import Unit
from pgebench.studies.pge.gradients import Tasks, fitting, gradient_unit
from pgebench.studies.pge.variants import ESTIMATES, STARTS, Start

RATE = 1e-3
"""Of Adam, its usual one: nothing was chosen by it."""


def start_units(
    tasks: Tasks, choosing: frozenset[str], draw: int, names: Sequence[str], folder: Path
) -> dict[tuple[str, str, str], list[Unit]]:
    """The gradients of every dataset at the weights of its half; weights that are not there yet are made.

    Args:
        tasks: Backbone and datasets.
        choosing: Collections of the half for choosing.
        draw: Of weights and episodes.
        names: Of ``STARTS``.
        folder: Where files of weights lie.

    Returns:
        (start, role, dataset) -> a unit per restart.
    """
    roles = (("source", tasks.sources), ("target", tasks.targets))
    return {
        (name, role, dataset.name): [
            _unit(tasks, dataset, role, name, restart, draw, _pool(tasks, choosing, dataset), folder)
            for restart in range(ESTIMATES[name].restarts)
        ]
        for name in names
        for role, datasets in roles
        for dataset in datasets
    }


def _pool(tasks: Tasks, choosing: frozenset[str], dataset: Named) -> list[Named]:
    """The sources of the other half of the collections."""
    half = tasks.collections[dataset.name] in choosing
    return [source for source in tasks.sources if (tasks.collections[source.name] in choosing) != half]


def _unit(
    tasks: Tasks, dataset: Named, role: str, name: str, restart: int, draw: int, pool: Sequence[Named], folder: Path
) -> Unit:
    seed = derive_seed("pge start", draw, restart)
    file = weights_file(tasks, STARTS[name], seed, pool if STARTS[name].steps else (), folder)
    settings = fitting(tasks, ESTIMATES[name])
    # One restart a file: the network is taken as it lies there.
    alone = GradientSettings(**{**vars(settings), "restart": "pretrained", "restarts": 1, "seed": seed})
    backbone = Named(tasks.backbone.name, {**tasks.backbone.config, "weights": str(file), "pretrained": False})
    return gradient_unit(tasks, dataset, alone, role, backbone=backbone)


def weights_file(tasks: Tasks, start: Start, seed: int, pool: Sequence[Named], folder: Path) -> Path:
    """The file of a start's weights, made if it is not there.

    Args:
        tasks: Whose backbone it is.
        start: What is done to the weights.
        seed: From which they are drawn, and the training's episodes.
        pool: Datasets that are trained on; none without steps.
        folder: Where files lie.

    Returns:
        Its path, named by all that decides it.
    """
    params = backbones.untrained(backbones.backbone_params(tasks.backbone.config))
    datasets = [dataset_params(one.config) for one in pool]
    path = folder / f"{digest([params, vars(start), seed, datasets])}.safetensors"
    if not path.is_file():
        network = backbones.create(params, 0, seed=seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(start.scale if parameter.ndim > 1 else 1.0)
        if start.steps:
            _train(network, params, tasks, pool, start.steps, seed, folder.parent)
        state = {name: value.contiguous() for name, value in network.state_dict().items()}
        write_atomically(path, save(state))
    return path


def _train(
    network: nn.Module,
    params: Mapping[str, Any],
    tasks: Tasks,
    pool: Sequence[Named],
    steps: int,
    seed: int,
    store: Path,
) -> None:
    """Steps of Adam on the loss whose gradient is asked for, on one dataset of the pool after another."""
    settings = fitting(tasks, GradientSettings())
    way = min(settings.way or tasks.common_classes, tasks.common_classes)
    loss = loss_of(settings)
    drawn = []
    for one in pool:
        dataset = dataset_params(one.config)
        task = open_task(one.name, dataset, store)
        chosen = task.indices("train")
        images = backbones.inputs(params, dataset, task.collection.images, task.rows[chosen], torch.device("cpu"))
        sampler = EpisodeSampler(task.labels[chosen], way, settings.shot, settings.query, derive_seed(seed, one.name))
        drawn.append((images, sampler))
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=RATE)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of dropout
        for step in range(steps):
            images, sampler = drawn[step % len(drawn)]
            episode = sampler.episode(0, step)
            batch = episode_images(images, [episode], settings.crop)
            found = episode_gradient(network, parameters, batch, episode, loss, seed)
            for parameter, gradient in zip(parameters, found, strict=True):
                parameter.grad = gradient
            optimizer.step()
