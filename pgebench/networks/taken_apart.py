"""Whether a network can be taken apart into what gives features and a head, tried on one picture."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.networks.timm_names import stated

PARTS = ("forward_features", "forward_head", "get_classifier")
"""The methods of timm's networks that give them."""


@torch.no_grad()
def check_parts(network: nn.Module, model: str, size: int) -> None:
    """Refuse a network that gives no features of a picture; whatever is wrong with it becomes one line.

    Args:
        network: with or without a classifier.
        model: its name.
        size: side of the picture in pixels.

    Raises:
        ConfigError: it has no such parts, takes no picture of this size or of three channels, or gives something else
            than a vector.
    """
    if missing := [part for part in PARTS if not callable(getattr(network, part, None))]:
        raise ConfigError(f"backbone.model={model}: its head cannot be taken off: it has no {', '.join(missing)}")
    whole: Any = network.eval()
    try:
        features = whole.forward_head(whole.forward_features(torch.zeros(1, 3, size, size)), pre_logits=True)
    except Exception as error:  # a foreign architecture may raise anything
        raise ConfigError(_why(network, model, size, error)) from error
    if not isinstance(features, torch.Tensor) or features.flatten(1).shape != (1, features.numel()):
        given = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
        raise ConfigError(f"backbone.model={model}: its head cannot be taken off: what is before it is {given}")


def _why(network: nn.Module, model: str, size: int, error: Exception) -> str:
    first = next((each for each in network.modules() if isinstance(each, nn.Conv2d)), None)
    if first is not None and first.in_channels * 3 != 9 and f"to have {first.in_channels} channels" in str(error):
        return f"backbone.model={model}: it takes pictures of {first.in_channels} channel(s); these have 3"
    told = " ".join(f"{type(error).__name__}: {error}".split())
    known = stated(model)
    if known is not None and known.input_size[1:] != (size, size):
        return other_size(model, size, told)
    return f"backbone.model={model}: it fails on a picture of {size} x {size} pixels ({told})"


def other_size(model: str, size: int, told: str) -> str:
    """The message for a network that does not take pictures of the size that was asked for.

    Args:
        model: timm's name.
        size: side of the pictures in pixels.
        told: what was raised.
    """
    known = stated(model)
    own = "" if known is None else f"; its own is {known.input_size[1]} x {known.input_size[2]}"
    return f"backbone.image_size={size}: {model} takes no pictures of this size{own} ({told[:200]})"
