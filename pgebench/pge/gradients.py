"""The gradient of one episode's loss, or of several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from pgebench.networks.inputs import Images, take
from pgebench.pge.episodes import Episode
from pgebench.pge.losses import Loss


def episode_gradient(
    network: nn.Module,
    parameters: Sequence[nn.Parameter],
    images: Images,
    episode: Episode,
    loss_of: Loss,
    seed: int,
    autocast: bool = False,
) -> tuple[torch.Tensor, ...]:
    """The gradient of one episode's loss, a tensor per parameter.

    Support and query images pass through the network together, so batch normalisation sees both.

    Args:
        network: A backbone without classifier, in the mode that it is meant to have.
        parameters: Those of its parameters whose gradient is taken.
        images: float32 (n, 3, h, w), ready for the network.
        episode: Which of the images are support and query, and of which class.
        loss_of: Support features, query features, query labels and seed -> loss.
        seed: Of the loss.
        autocast: Compute in bfloat16 where torch allows.

    Returns:
        A gradient for each of ``parameters``, in their shapes.
    """
    rows = torch.from_numpy(np.concatenate([episode.support.ravel(), episode.query])).to(images.device)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
        features = network(take(images, rows))
    loss = _loss(features.float(), episode, loss_of, seed)
    # Parameters behind no path to the features (an unused norm) have no gradient: it is zero.
    return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)


def stacked_gradients(
    network: nn.Module,
    weights: dict[str, torch.Tensor],
    others: dict[str, torch.Tensor],
    images: Images,
    episodes: list[Episode],
    loss_of: Loss,
    autocast: bool = False,
) -> tuple[torch.Tensor, ...]:
    """The gradients of one episode at each of several restarts, all in one pass of ``torch.func.vmap``.

    Args:
        network: gives the structure; its batch normalisation must not track statistics.
        weights: (restarts, ...) values by name of the parameters whose gradient is taken.
        others: (restarts, ...) values of the other parameters.
        images: float32 (n, 3, h, w).
        episodes: one per restart, all of the same size.
        loss_of: the loss; one that draws nothing.
        autocast: compute in bfloat16 where torch allows.

    Returns:
        (restarts, ...) gradients, a tensor per parameter.
    """
    rows = np.stack([np.concatenate([episode.support.ravel(), episode.query]) for episode in episodes])
    batches = take(images, torch.from_numpy(rows.ravel()).to(images.device)).unflatten(0, rows.shape)

    def loss(chosen: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            features = functional_call(network, chosen | fixed, (batch,))
        return _loss(features.float(), episodes[0], loss_of, seed=0)

    return tuple(vmap(grad(loss), randomness="different")(weights, others, batches).values())


def _loss(features: torch.Tensor, episode: Episode, loss_of: Loss, seed: int) -> torch.Tensor:
    support, query = features.split([episode.support.size, len(episode.query)])
    query_labels = torch.from_numpy(episode.query_labels).to(features.device)
    return loss_of(support.view(*episode.support.shape, -1), query, query_labels, seed)
