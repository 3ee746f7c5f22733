"""Fisher information of a network's filters about a task: the embedding of Task2Vec.

Paper: Achille et al., "Task2Vec: task embedding for meta-learning", ICCV 2019, arXiv 1902.03545.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from baselines.kernels.softmax_regression import SoftmaxRegression
from pgebench.core.errors import NonFinite


def by_first_appearance(labels: np.ndarray) -> np.ndarray:
    """Labels (n,) renumbered in the order in which they first occur, so that their names decide nothing.

    >>> by_first_appearance(np.array([7, 2, 7, 5])).tolist()
    [0, 1, 0, 2]
    """
    _, first, index = np.unique(labels, return_index=True, return_inverse=True)
    renumbered: np.ndarray = np.argsort(np.argsort(first))[index]
    return renumbered


def even_draw(labels: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Positions of at most ``images`` samples, as evenly from the classes as they allow, in ascending order.

    >>> labels = np.repeat([0, 1, 2], [50, 50, 3])
    >>> np.bincount(labels[even_draw(labels, 13, seed=0)]).tolist()
    [5, 5, 3]
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    turn = np.empty(len(labels), dtype=int)
    for label in np.unique(labels):
        own = labels[order] == label
        turn[own] = np.arange(own.sum())
    return np.sort(order[np.argsort(turn, kind="stable")][:images])


def drawn_labels(head: SoftmaxRegression, features: torch.Tensor, seed: int) -> torch.Tensor:
    """One class (n,) for each row of features (n, d), drawn from the head's own prediction."""
    probabilities = torch.softmax(head.logits(features.double()), dim=1)
    return torch.multinomial(probabilities, 1, generator=torch.Generator().manual_seed(seed))[:, 0]


def filter_information(
    network: nn.Module, head: SoftmaxRegression, images: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Diagonal Fisher information of each filter, estimated with one label drawn for each image, as the authors do.

    The information in a weight w is E_x E_{y ~ p(y|x)} (d log p(y|x) / dw)^2, with p the softmax of ``head`` on the
    network's features; each image's own gradient is squared. A filter is an output unit of a convolution or linear
    layer, and its information the mean over its weights. Biases, scales of norms and position embeddings are no
    filters and are left out, as is the classifier.

    Args:
        network: a timm model in evaluation mode without classifier, so that calling it gives features (n, d).
        head: classifier of the task on these features.
        images: (n, 3, size, size) inputs.
        labels: (n,) one draw from the head's prediction for each image, see ``drawn_labels``.

    Returns:
        (k,) non-negative float32, the filters of each layer in the order of the network's parameters.

    Raises:
        NonFinite: the network's gradients are not finite.
    """
    filters = [weight for name, weight in network.named_parameters() if name.endswith("weight") and weight.ndim >= 2]
    weights, bias = (part.to(images) for part in (head.weights, head.bias))
    sums = [torch.zeros(len(weight), device=images.device) for weight in filters]
    # One image at a time: vmap over images is two times slower on a CPU for all but the smallest networks, and it keeps
    # a gradient of every weight for each image.
    for image, label in zip(images, labels.to(images.device), strict=True):
        surprise = nn.functional.cross_entropy(network(image[None]).flatten(1) @ weights + bias, label[None])
        gradients = torch.autograd.grad(surprise, filters, allow_unused=True, materialize_grads=True)
        for total, gradient in zip(sums, gradients, strict=True):
            total += gradient.flatten(1).square().mean(1)
    information = torch.cat(sums) / len(images)
    if not torch.isfinite(information).all():
        raise NonFinite(
            "the Fisher information is not finite: the network's training diverged. "
            "Lower recipe.checkpoint.learning_rates, or leave this source out."
        )
    return information
