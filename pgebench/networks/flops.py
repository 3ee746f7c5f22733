"""Floating-point operations of a network per image: each stage multiplies them by the images that a record names.

Counting while a unit runs would slow it. What a network needs for one image depends on its architecture and the size of
the image alone, so it is counted on torch's meta device, which knows shapes and computes nothing. Units of earlier
versions get their number the same way.

What is counted is what torch's ``FlopCounterMode`` knows: convolutions, matrix products and attention, a multiplication
and an addition each being one operation. Left out are elementwise work, optimiser steps, and all that happens outside
the network: the loss of an episode, the fit of the head that ``fisher`` reads, and the arithmetic of scores. The
classifier that came with pretrained weights is left out too, for its classes stand in no plan.
torch counts a part of the backward pass of grouped convolutions as if they had no groups: depthwise networks look
dearer in training than they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from pgebench.core.identity import canonical_json
from pgebench.networks import backbones
from pgebench.networks.parameters import chosen_parameters

T = TypeVar("T")

BATCH = 2
"""Images in the batch that is counted; batch normalisation in training mode wants two."""


class PerImage(NamedTuple):
    """Operations of a network for one image.

    Attributes:
        forward: without gradients.
        features: without gradients, features and class scores both, as ``backbones.features_and_logits`` takes them.
        trained: forward and backward.
        dimension: of its features.
    """

    forward: float
    features: float
    trained: float
    dimension: int


def per_image(backbone: Mapping[str, Any], classes: int, parameters: str = "*") -> PerImage | None:
    """Operations of a backbone for one image of its size; None if the network cannot be built.

    Args:
        backbone: from ``backbones.backbone_params``.
        classes: outputs of its classifier, 0 for none.
        parameters: pattern of the parameters whose gradient is taken.
    """
    counted = _counted(canonical_json(dict(backbone)), parameters)
    if counted is None or not classes:
        return counted and counted.none
    pairs = zip(counted.two, counted.three, strict=True)
    return PerImage._make(two + (classes - 2) * (three - two) for two, three in pairs)


class Size(NamedTuple):
    """What a network without a classifier consists of, and what it computes for one image.

    Attributes:
        parameters: their number.
        flops: operations of the features of one image.
    """

    parameters: int
    flops: float


def size_of(backbone: Mapping[str, Any]) -> Size | None:
    """The size of a backbone; None if the network cannot be built.

    Args:
        backbone: from ``backbones.backbone_params``.
    """
    return _size(canonical_json(dict(backbone)))


@lru_cache(maxsize=1024)
def _size(backbone: str) -> Size | None:
    params = json.loads(backbone)
    try:
        with torch.device("meta"), torch.no_grad():
            network: Any = backbones.create(params, 0, seed=0, pretrained=False).eval()
            images = torch.empty(BATCH, 3, params["image_size"], params["image_size"])
            _, flops = _operations(lambda: network.forward_head(network.forward_features(images), pre_logits=True))
    except Exception:  # as in _counted
        return None
    return Size(sum(parameter.numel() for parameter in network.parameters()), flops)


class ByClasses(NamedTuple):
    """A network with three classifiers. Every further class costs the same, so they tell of all others."""

    none: PerImage
    two: PerImage
    three: PerImage


@lru_cache(maxsize=1024)
def _counted(backbone: str, parameters: str) -> ByClasses | None:
    # Torch works through every operator of the meta device in Python, a third of a second for a small network: the
    # body is passed once, and each classifier is counted on what the body gives.
    params = json.loads(backbone)
    try:
        with torch.device("meta"):
            network: Any = backbones.create(params, 0, seed=0, pretrained=False).train()
            images = torch.empty(BATCH, 3, params["image_size"], params["image_size"])
            maps, body = _operations(lambda: network.forward_features(images))
            pooled, pooling = _operations(lambda: network.forward_head(maps, pre_logits=True).flatten(1))
            chosen = list(chosen_parameters(network, parameters).values())
            reached, backward = _operations(lambda: torch.autograd.grad(maps.sum(), chosen, allow_unused=True))
            # The gradient of a classifier goes on into the body only if a parameter there asks for it.
            entry = maps.detach().requires_grad_(any(gradient is not None for gradient in reached))
            found = []
            for classes in (0, 2, 3):
                network.reset_classifier(classes)
                scores, head = _operations(lambda: network.forward_head(entry))
                chosen = list(chosen_parameters(network, parameters).values())
                wanted = [entry, *chosen] if entry.requires_grad else chosen
                through_head = partial(torch.autograd.grad, scores.sum(), wanted, allow_unused=True)
                trained = body + head + backward + _operations(through_head)[1]
                found.append(PerImage(body + head, body + pooling + head, trained, pooled.shape[1]))
    except Exception:  # what a foreign architecture raises is not ours to list, and a count must not cost a table
        return None
    return ByClasses(*found)


def _operations(work: Callable[[], T]) -> tuple[T, float]:
    """What the work on a batch gives, and its operations per image."""
    with FlopCounterMode(display=False) as counter:
        given = work()
    return given, counter.get_total_flops() / BATCH
