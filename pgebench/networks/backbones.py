"""Backbones: networks by their timm name or their constructor, with weights from a seed, a hub or a file."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from timm.models import get_pretrained_cfg
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.instantiate import function
from pgebench.networks import hub, weights
from pgebench.networks.checkpoint_file import fingerprint
from pgebench.networks.initial_weights import Redrawn
from pgebench.networks.inputs import Images, Streamed, batch_size, to_input
from pgebench.networks.memory_layout import laid_out
from pgebench.networks.precision import FLOAT32, computing
from pgebench.networks.residual_branches import open_branches
from pgebench.networks.taken_apart import other_size
from pgebench.networks.weight_containers import Taken

STREAM_FROM = 2**30
"""Bytes of network inputs from which on they are streamed: 1,783 images of 224 pixels, 87,381 of 32."""

WEIGHTS = ("weights", "tag", "head")
"""Parameters that only pretrained weights have."""

CHOICES = ("key", "prefix")
"""What ``backbone.weights_*`` say of the weights in a file that holds several."""


def backbone_params(backbone: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a backbone config that decide results, with size and normalisation resolved; JSON types.

    A weight file is known by its checksum: where it lies is no part of what it does (``file_of`` says that).

    Raises:
        ConfigError: there is no such model, pretrained tag or weight file.
    """
    model, file = backbone["model"], backbone.get("weights")
    stated = _stated(model)
    mean, std = (backbone.get(name) or list(getattr(stated, name, None) or [0.5, 0.5, 0.5]) for name in ("mean", "std"))
    params = {
        "model": model,
        "image_size": backbone["image_size"],
        "mean": list(mean),
        "std": list(std),
        "pretrained": backbone["pretrained"],
    }
    # What is not used is not there, so that new fields leave the keys of finished work alone.
    if file and backbone["pretrained"]:
        raise ConfigError("backbone.weights and backbone.pretrained=true are two sets of weights; keep one of them")
    chosen = {name: backbone[f"weights_{name}"] for name in CHOICES if backbone.get(f"weights_{name}") is not None}
    for name in chosen:
        if not file:
            raise ConfigError(f"backbone.weights_{name} chooses in a file; give it with backbone.weights=FILE")
        if backbone.get("reader"):
            raise ConfigError(f"backbone.weights_{name}: backbone.reader says what is read; keep one of them")
    if file:
        params["weights"] = {"sha256": fingerprint(weights.find(file)), "reader": backbone.get("reader")} | chosen
    if backbone["pretrained"]:
        params["tag"] = _tag(model, stated)
    if not backbone.get("head", True) or (backbone["pretrained"] and not stated.num_classes):
        params["head"] = False
    return params


def untrained(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same backbone without pretrained weights, from and to what ``backbone_params`` returns."""
    return {name: value for name, value in params.items() if name not in WEIGHTS} | {"pretrained": False}


def file_of(backbone: Mapping[str, Any]) -> dict[str, str]:
    """Where the weight file of a backbone config lies, as the ``files`` of a unit; empty if it has none."""
    return {"weights": str(weights.find(backbone["weights"]))} if backbone.get("weights") else {}


def _stated(model: str) -> Any:
    """What timm states about a model; None for a constructor of another module."""
    if timm.is_model(model):
        try:
            return get_pretrained_cfg(model)
        except RuntimeError as error:
            tags = ", ".join(timm.list_pretrained(f"{model.partition('.')[0]}.*")) or "none"
            raise ConfigError(f"backbone.model={model}: {error} timm has {tags}") from error
    if "." in model:
        function({"_target_": model})
        return None
    close = difflib.get_close_matches(model, timm.list_models(), n=5) or ["test_resnet", "resnet18"]
    raise ConfigError(f"backbone.model={model}: timm has no such model; did you mean {', '.join(close)}?")


def _tag(model: str, stated: Any) -> str:
    if stated is None or not stated.has_weights:
        raise ConfigError(
            f"backbone.pretrained=true: timm has no weights of {model}; give a file with backbone.weights=FILE"
        )
    return str(stated.tag)


def create(
    params: Mapping[str, Any],
    classes: int,
    seed: int,
    pretrained: bool | None = None,
    file: str | None = None,
) -> nn.Module:
    """A network with weights drawn from ``seed``; ``classes=0`` leaves the classifier out.

    Args:
        params: from ``backbone_params``.
        classes: outputs of the classifier.
        seed: of the initial weights; the global generator is left as it was.
        pretrained: take pretrained weights for all but the classifier: those of the file that ``params`` names, or
            else timm's; default: as ``params`` says.
        file: where that file lies.

    Raises:
        ConfigError: the weights don't fit the model, cannot be read or cannot be downloaded.
    """
    own_file = "weights" in params
    take = (params["pretrained"] or own_file) if pretrained is None else pretrained
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _built(params, classes, pretrained=take and not own_file)
    if take and own_file:
        weights.fill(network, _read(params, file, network).tensors, _origin(params, file), head=False)
    return laid_out(network)


class Shipped(NamedTuple):
    """A network as it was shipped.

    Attributes:
        network: with its pretrained weights, and the classifier that came with them.
        classes: outputs of this classifier; 0 for none.
        taken: what of a weight file was taken, where that is not all of it.
    """

    network: nn.Module
    classes: int
    taken: str = ""


def as_shipped(params: Mapping[str, Any], file: str | None) -> Shipped:
    """A network with its pretrained weights.

    Raises:
        ConfigError: the weights don't fit the model, cannot be read or cannot be downloaded.
    """
    head = params.get("head", True)
    if "weights" in params:
        one = create(params, 1, seed=0, pretrained=False)
        found = _read(params, file, one)
        classes = weights.classes_in(found.tensors, one) if head else 0
        network = create(params, classes, seed=0, pretrained=False)
        weights.fill(network, found.tensors, _origin(params, file), head=classes > 0)
        if head and not classes:
            raise ConfigError(f"backbone.weights={file}: holds no classifier; say so with backbone.head=false")
        return Shipped(laid_out(network), classes, found.told())
    classes = _stated(params["model"]).num_classes if head else 0
    return Shipped(create(params, classes, seed=0, pretrained=True), classes)


def tried(params: Mapping[str, Any], file: str | None) -> str:
    """What a backbone takes of its weight file, in a sentence, after trying it; nothing if that is all of it.

    Raises:
        ConfigError: the weights don't fit the model or cannot be read.
    """
    if "weights" not in params or params["weights"]["reader"] is not None:
        return ""
    network = create(params, 1, seed=0, pretrained=False)
    found = _read(params, file, network)
    weights.fill(network, found.tensors, _origin(params, file), head=False)
    return f"{_origin(params, file)}: {found.told()}." if found.told() else ""


def has_classifier(params: Mapping[str, Any], file: str) -> bool:
    """Whether a weight file holds a classifier of its network; True where taking it will say why not."""
    network = create(params, 1, seed=0, pretrained=False)
    try:
        return bool(weights.classes_in(_read(params, file, network).tensors, network))
    except ConfigError:
        return True


def _origin(params: Mapping[str, Any], file: str | None) -> str:
    return f"backbone.weights={file} for backbone.model={params['model']}"


def _read(params: Mapping[str, Any], file: str | None, network: nn.Module) -> Taken:
    """The weights for a network in the backbone's weight file."""
    expected, reader = params["weights"]["sha256"], params["weights"]["reader"]
    path = Path(file or "")
    if not path.is_file() or fingerprint(path) != expected:
        raise ConfigError(
            f"backbone.weights={file}: it is not the file (sha256 {expected[:12]}...) that was planned with; "
            "run the same command again"
        )
    if reader is None:
        chosen = (params["weights"].get(name) for name in CHOICES)
        return weights.take(path, network, _origin(params, file), *chosen)
    read: Callable[[Path, nn.Module], dict[str, torch.Tensor]] = function({"_target_": reader})[0]
    return Taken(read(path, network))


def restarts(params: Mapping[str, Any], device: torch.device, opened: bool = False) -> Redrawn:
    """The backbone without classifier on ``device``, whose initial weights can be drawn anew from any seed.

    Args:
        params: from ``backbone_params``.
        device: where the network goes.
        opened: start no residual branch at zero.
    """

    def build() -> nn.Module:
        network = _built(params, 0, pretrained=False)
        return open_branches(network) if opened else network

    return Redrawn(build, device)


def _built(params: Mapping[str, Any], classes: int, pretrained: bool) -> nn.Module:
    model: str = params["model"]
    network: nn.Module
    if not timm.is_model(model):
        network = function({"_target_": model})[0](num_classes=classes)
        return network
    stated, side = get_pretrained_cfg(model), params["image_size"]
    # Only models with position embeddings of a fixed size take (and need) img_size, and not all of those do.
    other = stated is not None and stated.fixed_input_size and stated.input_size[1:] != (side, side)
    size = {"img_size": side} if other else {}
    make = partial(timm.create_model, model, pretrained=pretrained, num_classes=classes, in_chans=3, **size)
    try:
        network = hub.with_weights(model, make) if pretrained else make()
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        if not other:
            raise
        raise ConfigError(other_size(model, side, " ".join(f"{type(error).__name__}: {error}".split()))) from error
    return network


def inputs(
    params: Mapping[str, Any], dataset: Mapping[str, Any], images: np.ndarray, rows: np.ndarray, device: torch.device
) -> Images:
    """Images made ready for this backbone, float32 (n, 3, size, size) on ``device``.

    Args:
        params: from ``backbone_params``.
        dataset: from ``dataset_params``, for the resolution of the view.
        images: uint8 (M, h, w) or (M, h, w, 3), which may be mapped from disk.
        rows: which of them, int64 (n,).
        device: where the network is.

    Returns:
        A tensor; more than ``STREAM_FROM`` bytes are not held at once but made batch by batch.
    """
    size, first_size = params["image_size"], dataset["image_size"]

    def ready(stored: np.ndarray) -> torch.Tensor:
        return to_input(stored, size, params["mean"], params["std"], first_size=first_size, device=device)

    if len(rows) * 3 * size**2 * 4 > STREAM_FROM:
        return Streamed(images, rows, size, device, ready)
    return ready(images[rows])


@torch.no_grad()
def features_and_logits(
    network: nn.Module, images: Images, precision: str = FLOAT32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Penultimate features (n, d) and class scores (n, classes), in evaluation mode; float32 in either precision.

    Raises:
        NonFinite: the network gave NaN or infinity.
    """
    network.eval()
    features, logits = [], []
    for batch in images.split(batch_size(images)):
        with computing(precision, batch.device):
            maps = network.forward_features(batch)  # type: ignore[operator]
            features.append(network.forward_head(maps, pre_logits=True))  # type: ignore[operator]
            logits.append(network.forward_head(maps))  # type: ignore[operator]
    result = torch.cat(features).flatten(1).to(images.dtype), torch.cat(logits).to(images.dtype)
    for name, values in zip(("features", "class scores"), result, strict=True):
        if not torch.isfinite(values).all():
            raise NonFinite(
                f"the network's {name} are not finite: its training diverged, or its pretrained weights are not for "
                "these images. Lower recipe.checkpoint.learning_rates, or leave this source or backbone out."
            )
    return result
