"""Gradient norms of a network's first two layers for a triplet loss: what feature uniqueness is made of.

Paper: Juodelyte et al., "On dataset transferability in medical image classification", 2024, arXiv 2412.20172, with the
loss, layers and batches of the authors' released code.

The two layers are the first two convolution or linear layers that an image passes, in the order of the forward pass,
and of each the weights without bias. On the authors' networks, of those that timm has, these are the layers that they
name: for a ResNet the stem and the first convolution of the first block, for ConvNeXt the stem and the first depthwise
convolution.
A transformer that the authors do not list has one convolution, the patch embedding; the layer after it is that of
queries, keys and values in the first block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from baselines.kernels.folds import stratified_folds
from pgebench.core.errors import ConfigError, NonFinite
from pgebench.networks.inputs import Images, take

MARGIN = 0.05
BATCHES = 6


def triplet_loss(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean over all triplets that violate the margin, of how much they do.

    A triplet is an anchor, another image of its class and one of another class; it violates the margin where the
    distance to the first is not smaller by ``MARGIN`` than that to the second. Distances are Euclidean, between
    features of length one.

    Args:
        features: (n, d).
        labels: (n,) classes.

    Returns:
        A number of at least 0; 0, with a gradient of 0, if no triplet violates the margin or there is none.

    >>> round(float(triplet_loss(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1]))), 6)
    0.0
    >>> round(float(triplet_loss(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 0, 1]))), 6)
    0.757107
    """
    # Distances of equal images must be exactly 0, which products of features do not give.
    points = nn.functional.normalize(features, dim=1)
    distance = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=same.device)
    anchor, positive = torch.nonzero(same & ~itself, as_tuple=True)
    violation = (distance[anchor, positive][:, None] - distance[anchor] + MARGIN)[~same[anchor]]
    violating = violation[violation > 0]
    return violating.mean() if len(violating) else features.sum() * 0.0


def batches_of(labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """Positions of a dataset's images in stratified batches.

    ``BATCHES`` of them as the authors make, or fewer, so that the median class has two images in a batch: without two
    of a class there is no triplet. The authors' batches follow the order of the data.

    Args:
        labels: (n,) classes.
        seed: Of the draw.

    Returns:
        Disjoint arrays of positions, which together are all.

    >>> [len(batch) for batch in batches_of(np.repeat([0, 1, 2], 5), seed=0)]
    [8, 7]
    """
    _, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    number = int(np.clip(np.median(counts) // 2, 1, BATCHES))
    fold = stratified_folds(index, number, seed)
    return [np.flatnonzero(fold == one) for one in range(number)]


def gradient_norms(
    network: nn.Module, images: Images, labels: torch.Tensor, batches: Sequence[np.ndarray]
) -> tuple[torch.Tensor, list[str]]:
    """Norms of the gradients of the first two layers' weights, batch by batch.

    Args:
        network: Without classifier, in evaluation mode, so that calling it gives features (n, d).
        images: (n, 3, size, size) inputs.
        labels: (n,) classes.
        batches: Positions of the images of each batch.

    Returns:
        (batches, 2) norms in float64, and the names of the two weights.

    Raises:
        ConfigError: An image passes fewer than two such layers.
        NonFinite: The gradients are not finite.
    """
    rows = []
    names: list[str] = []
    for batch in batches:
        chosen = torch.from_numpy(batch).to(images.device)
        with first_two_layers(network) as layers:
            features = network(take(images, chosen)).flatten(1)
        if len(layers) < 2:
            raise ConfigError(
                "triplet_gradient_norms: an image passes fewer than two convolution or linear layers of this network; "
                "leave out the metrics that ask for it, or choose another backbone"
            )
        names = [*layers]
        gradients = torch.autograd.grad(triplet_loss(features.float(), labels[chosen]), [*layers.values()])
        rows.append(torch.stack([gradient.double().norm() for gradient in gradients]).cpu())
    norms = torch.stack(rows)
    if not torch.isfinite(norms).all():
        raise NonFinite(
            "the gradients of the triplet loss are not finite: the network's training diverged. "
            "Lower recipe.checkpoint.learning_rates, or leave this source out."
        )
    return norms, names


@contextmanager
def first_two_layers(network: nn.Module) -> Iterator[dict[str, nn.Parameter]]:
    """Inside, the weights of the first two convolution or linear layers that are called gather, by their names.

    Args:
        network: Any; it is as before afterwards.

    Yields:
        At most two, in the order of the calls.
    """
    found: dict[str, nn.Parameter] = {}
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):

            def note(layer: nn.Module, given: object, result: object, name: str = f"{name}.weight") -> None:
                if len(found) < 2:
                    found[name] = layer.weight  # type: ignore[assignment]

            hooks.append(module.register_forward_hook(note))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
