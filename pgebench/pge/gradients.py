"""The gradient of one episode's loss, or of several at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from pgebench.networks.inputs import Images, cropped, take
from pgebench.pge.episodes import Episode
from pgebench.pge.losses import Loss


def episode_images(images: Images, episodes: Sequence[Episode], crop: float | None) -> torch.Tensor:
    """The images of episodes, ready for the network, one episode after another.

    Args:
        images: float32 (n, 3, h, w), ready for the network.
        episodes: Which of the images, and where they are cut out.
        crop: Share of an image's side that is kept, enlarged to the whole; None keeps all.

    Returns:
        (images of all episodes, 3, h, w), of each episode support before query.
    """
    rows = np.concatenate([episode.rows for episode in episodes])
    batch = take(images, torch.from_numpy(rows).to(images.device))
    if crop is None:
        return batch
    return cropped(batch, crop, np.concatenate([episode.places for episode in episodes if episode.places is not None]))


def episode_gradient(
    network: nn.Module,
    parameters: Sequence[nn.Parameter],
    images: torch.Tensor,
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
        images: float32 (images, 3, h, w), those of the episode, support before query.
        episode: Which of the images are support and query, and of which class.
        loss_of: Support features, query features, query labels and seed -> loss.
        seed: Of the loss.
        autocast: Compute in bfloat16 where torch allows.

    Returns:
        A gradient for each of ``parameters``, in their shapes.
    """
    with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
        features = network(images)
    loss = _loss(features.float(), episode, loss_of, seed)
    # Parameters behind no path to the features (an unused norm) have no gradient: it is zero.
    return torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)


def stacked_gradients(
    network: nn.Module,
    weights: dict[str, torch.Tensor],
    others: dict[str, torch.Tensor],
    images: torch.Tensor,
    episode: Episode,
    loss_of: Loss,
    autocast: bool = False,
) -> tuple[torch.Tensor, ...]:
    """The gradients of one episode at each of several restarts, all in one pass of ``torch.func.vmap``.

    Args:
        network: gives the structure; its batch normalisation must not track statistics.
        weights: (restarts, ...) values by name of the parameters whose gradient is taken.
        others: (restarts, ...) values of the other parameters.
        images: float32 (restarts, images, 3, h, w), those of an episode for each restart.
        episode: any of these episodes: all are of the same size.
        loss_of: the loss; one that draws nothing.
        autocast: compute in bfloat16 where torch allows.

    Returns:
        (restarts, ...) gradients, a tensor per parameter.
    """

    def loss(chosen: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            features = functional_call(network, chosen | fixed, (batch,))
        return _loss(features.float(), episode, loss_of, seed=0)

    return tuple(vmap(grad(loss), randomness="different")(weights, others, images).values())


def _loss(features: torch.Tensor, episode: Episode, loss_of: Loss, seed: int) -> torch.Tensor:
    support, query = features.split([episode.support.size, len(episode.query)])
    query_labels = torch.from_numpy(episode.query_labels).to(features.device)
    return loss_of(support.view(*episode.support.shape, -1), query, query_labels, seed)
