"""Backbones by their timm name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn

from pgebench.errors import ConfigError, NonFinite
from pgebench.images import to_input
from pgebench.redraw import Redrawn

BATCH = 256
"""Images in one forward pass without gradients."""


def backbone_params(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a backbone config that decide results, with size and normalisation resolved; JSON types.

    Raises:
        ConfigError: timm has no such model.
    """
    model = backbone["model"]
    if not timm.is_model(model):
        close = difflib.get_close_matches(model, timm.list_models(), n=5) or ["test_resnet", "resnet18"]
        raise ConfigError(f"backbone.model={model}: timm has no such model; did you mean {', '.join(close)}?")
    stated = get_pretrained_cfg(model)
    mean, std = (backbone.get(name) or list(getattr(stated, name, None) or [0.5, 0.5, 0.5]) for name in ("mean", "std"))
    return {
        "model": model,
        "image_size": backbone["image_size"],
        "mean": list(mean),
        "std": list(std),
        "pretrained": backbone["pretrained"],
    }


def create(params: Mapping[str, Any], classes: int, seed: int, pretrained: bool | None = None) -> nn.Module:
    """A network with weights drawn from ``seed``; ``classes=0`` leaves the classifier out.

    Args:
        params: from ``backbone_params``.
        classes: outputs of the classifier.
        seed: of the initial weights; the global generator is left as it was.
        pretrained: take timm's weights for the backbone; default: as ``params`` says.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _built(params, classes, params["pretrained"] if pretrained is None else pretrained)
    return network.to(memory_format=torch.channels_last)


def restarts(params: Mapping[str, Any], device: torch.device) -> Redrawn:
    """The backbone without classifier on ``device``, whose initial weights can be drawn anew from any seed."""
    return Redrawn(lambda: _built(params, 0, pretrained=False), device)


def _built(params: Mapping[str, Any], classes: int, pretrained: bool) -> nn.Module:
    stated = get_pretrained_cfg(params["model"])
    # Only models with position embeddings of a fixed size take (and need) img_size.
    size = {"img_size": params["image_size"]} if stated is not None and stated.fixed_input_size else {}
    network: nn.Module = timm.create_model(
        params["model"], pretrained=pretrained, num_classes=classes, in_chans=3, **size
    )
    return network


def inputs(
    params: Mapping[str, Any], dataset: Mapping[str, Any], images: np.ndarray, device: torch.device
) -> torch.Tensor:
    """Images made ready for this backbone, float32 (n, 3, size, size) on ``device``."""
    return to_input(
        images, params["image_size"], params["mean"], params["std"], first_size=dataset["image_size"], device=device
    )


@torch.no_grad()
def features_and_logits(network: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Penultimate features (n, d) and class scores (n, classes), in evaluation mode.

    Raises:
        NonFinite: the network gave NaN or infinity.
    """
    network.eval()
    features, logits = [], []
    for batch in images.split(BATCH):
        maps = network.forward_features(batch)  # type: ignore[operator]
        features.append(network.forward_head(maps, pre_logits=True))  # type: ignore[operator]
        logits.append(network.forward_head(maps))  # type: ignore[operator]
    result = torch.cat(features).flatten(1), torch.cat(logits)
    for name, values in zip(("features", "class scores"), result, strict=True):
        if not torch.isfinite(values).all():
            raise NonFinite(
                f"the network's {name} are not finite: its training diverged. "
                "Lower recipe.checkpoint.learning_rates, or leave this source out."
            )
    return result
