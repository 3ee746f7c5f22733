"""Losses whose gradient PGE averages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch.nn import functional as F

from pgebench.core import settings

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int], torch.Tensor]
"""(support features (way, shot, d), query features (q, d), query labels (q,), seed of the restart) -> scalar."""


def prototype_loss(
    support: torch.Tensor,
    query: torch.Tensor,
    query_labels: torch.Tensor,
    seed: int = 0,
    prototypes: str = "euclidean",
    temperature: float | None = None,
) -> torch.Tensor:
    """Cross-entropy over minus the squared distances of queries to class prototypes (Snell et al., 2017, eq. 2).

    Squared distances grow with the width of the features and with the scale of the initialisation; where they are large
    at random weights, the softmax is all but certain, rightly or wrongly. Divided by their mean they have no unit: with
    the temperature 1 their mean is 1 in every network. That mean counts as a constant. It decides how far apart the
    logits are, and no gradient flows through it: the features are not rewarded for changing their scale.

    Args:
        support: (way, shot, d); the prototypes are the means over ``shot``.
        query: (q, d).
        query_labels: int64 (q,), in [0, way).
        seed: not used; every loss is given the seed of its restart.
        prototypes: ``euclidean``, or ``cosine`` for one minus the cosine (Vinyals et al., 2016) instead of the squared
            distance.
        temperature: distances are divided by their mean over queries and prototypes, times this; None leaves them as
            they are.

    Returns:
        The mean over queries; it does not depend on the order of the classes.

    >>> support, query, labels = torch.tensor([[[0.0]], [[4.0]]]), torch.tensor([[1.0]]), torch.tensor([0])
    >>> [round(float(prototype_loss(support, query, labels, temperature=one)), 3) for one in (None, 1.0)]
    [0.0, 0.184]
    """
    centres = support.mean(1)
    if prototypes == "cosine":
        distances = 1 - F.normalize(query, dim=1) @ F.normalize(centres, dim=1).T
    else:
        distances = (query[:, None, :] - centres[None, :, :]).square().sum(-1)
    if temperature is not None:
        # Features that are all alike are at distance zero from every prototype, whatever that is divided by.
        distances = distances / (temperature * distances.detach().mean().clamp_min(torch.finfo(distances.dtype).tiny))
    return F.cross_entropy(-distances, query_labels)


def linear_loss(support: torch.Tensor, query: torch.Tensor, query_labels: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Cross-entropy of a random linear classifier over support and query images together.

    The classifier is drawn from ``seed``, so paired restarts share it between datasets. Its gradient depends on the
    order of the classes: renumber them and it changes.

    Args:
        support: (way, shot, d).
        query: (q, d).
        query_labels: int64 (q,), in [0, way).
        seed: of the classifier.

    Returns:
        The mean over all images.
    """
    features, labels = _together(support, query, query_labels)
    way, width = len(support), support.shape[-1]
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(way, width, generator=generator).to(support.device) / width**0.5
    return F.cross_entropy(features @ weight.T, labels)


def contrastive_loss(
    support: torch.Tensor, query: torch.Tensor, query_labels: torch.Tensor, seed: int = 0, temperature: float = 0.1
) -> torch.Tensor:
    """Supervised contrastive loss over support and query images together (Khosla et al., NeurIPS 2020, eq. 2).

    Features are put on the unit sphere; each image is drawn to the others of its class and pushed from all the rest.
    It does not depend on the order of the classes, and an episode may hold all classes of a dataset at once.

    Args:
        support: (way, shot, d).
        query: (q, d).
        query_labels: int64 (q,), in [0, way).
        seed: not used.
        temperature: divides the cosines.

    Returns:
        The mean over all images; each needs another one of its class.
    """
    features, labels = _together(support, query, query_labels)
    features = F.normalize(features, dim=1)
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    logits = (features @ features.T / temperature).masked_fill(own, -torch.inf)
    log_probability = logits - logits.logsumexp(1, keepdim=True)
    positive = (labels[:, None] == labels) & ~own
    return -(log_probability.masked_fill(~positive, 0).sum(1) / positive.sum(1)).mean()


def _together(
    support: torch.Tensor, query: torch.Tensor, query_labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """All features of an episode, (way * shot + q, d), and their labels."""
    way, shot, _ = support.shape
    labels = torch.arange(way, device=query.device).repeat_interleave(shot)
    return torch.cat([support.flatten(0, 1), query]), torch.cat([labels, query_labels])


LOSSES: dict[str, Loss] = dict(zip(settings.LOSSES, (prototype_loss, linear_loss, contrastive_loss), strict=True))


def loss_of(chosen: settings.GradientSettings) -> Loss:
    """The loss of an episode, with its geometry.

    Args:
        chosen: How the gradient is estimated.

    Returns:
        One of ``LOSSES``; the prototype loss as the settings say.
    """
    if chosen.loss != "proto":
        return LOSSES[chosen.loss]
    return partial(prototype_loss, prototypes=chosen.prototypes, temperature=chosen.temperature)
