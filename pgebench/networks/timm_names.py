"""timm's names of pretrained networks, and what timm states about each without building it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import timm
from timm.models import get_deprecated_models, get_pretrained_cfg, is_model, model_entrypoint

HUBS = ("hf-hub:", "hf_hub:", "timm/")
"""What people copy in front of a name."""


@dataclass(frozen=True)
class Stated:
    """What timm states about a pretrained network.

    Attributes:
        family: timm's module of it, such as ``resnet`` or ``vision_transformer``.
        input_size: channels, height and width of the pictures that it was trained on.
        licence: of the weights; None if it is not stated.
        repository: on the Hugging Face Hub; None if the weights lie elsewhere.
    """

    family: str
    input_size: tuple[int, int, int]
    licence: str | None
    repository: str | None


def pretrained_names(pattern: str = "") -> list[str]:
    """The names with weights, each with its tag, in natural order.

    Args:
        pattern: as a shell writes it; without a tag it matches the architecture. All if empty.

    >>> pretrained_names("resnet18.a[12]_in1k"), pretrained_names("*resnet19*")
    (['resnet18.a1_in1k', 'resnet18.a2_in1k'], [])
    """
    names: list[str] = timm.list_pretrained(pattern)
    return names


def with_tag(name: str) -> str | None:
    """The full name of pretrained weights; None if timm has none under this name.

    Args:
        name: with or without its tag, and what stands before it on the hub; a name that timm gave up is taken for the
            one that it has now.

    >>> with_tag("resnet18"), with_tag("timm/resnet18.tv_in1k"), with_tag("resnet19")
    ('resnet18.a1_in1k', 'resnet18.tv_in1k', None)
    >>> with_tag("gluon_resnet50_v1b")
    'resnet50.gluon_in1k'
    """
    for hub in HUBS:
        name = name.removeprefix(hub)
    name = get_deprecated_models().get(name) or name
    if not is_model(name):
        return None
    try:
        stated = get_pretrained_cfg(name)
    except RuntimeError:  # timm knows the architecture, not the tag
        return None
    if stated is None or not stated.has_weights:
        return None
    return f"{stated.architecture}.{stated.tag}" if stated.tag else name


def near(name: str, few: int = 5) -> list[str]:
    """The names that a mistyped one may have meant, the nearest first.

    >>> near("vit_small_patch16_224.augreg_in21", few=1), near("zzzzzz")
    (['vit_small_patch16_224.augreg_in21k'], [])
    """
    architecture = name.partition(".")[0]
    if is_model(architecture):
        tagged = pretrained_names(f"{architecture}.*")
        return difflib.get_close_matches(name, tagged, n=few, cutoff=0.3) or tagged[:few]
    everything = [*timm.list_models(pretrained=True, include_tags=False), *pretrained_names()]
    return difflib.get_close_matches(name, everything, n=few)


def stated(name: str) -> Stated | None:
    """What timm states about a network; None if it knows no such architecture or tag.

    Args:
        name: of an architecture, with or without a tag.

    >>> stated("vit_small_patch16_224.augreg_in21k").input_size
    (3, 224, 224)
    """
    if not is_model(name):
        return None
    try:
        found = get_pretrained_cfg(name)
    except RuntimeError:
        return None
    if found is None:
        return None
    family = model_entrypoint(name).__module__.rpartition(".")[2]
    return Stated(family, found.input_size, found.license, found.hf_hub_id or None)
