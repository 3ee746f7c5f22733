"""Principal gradients: once a backbone and dataset, whatever they are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from pgebench import backbones
from pgebench.pge import GradientSettings, PrincipalGradient, principal_gradient
from pgebench.stages.base import Outcome, Run
from pgebench.unit import Label, Unit, digest

VERSION = 1


def unit(backbone: Mapping[str, Any], dataset: Mapping[str, Any], settings: GradientSettings, label: Label) -> Unit:
    """The principal gradient of a dataset at a backbone's initialisations."""
    return Unit(
        "gradient", VERSION, {"backbone": backbone, "dataset": dataset, "settings": asdict(settings)}, label=label
    )


def run(work: Run) -> Outcome:
    """Estimate it; the value is the agreement of its two halves."""
    settings = GradientSettings(**work.params["settings"])
    pretrained = settings.restart == "pretrained"

    def network(seed: int) -> nn.Module:
        return backbones.create(work.params["backbone"], 0, seed, pretrained).to(work.device)

    images, labels = work.part("train")
    gradient = principal_gradient(network, images, labels.cpu().numpy(), settings, digest(work.params["dataset"]))
    detail = {"way": settings.way, "queries": gradient.queries, "parameters": gradient.halves.shape[-1]}
    return Outcome(gradient.agreement, {"halves": gradient.halves.float()}, detail, gradient.images)


def load(work: Run, role: str) -> PrincipalGradient:
    """A principal gradient that a unit reads."""
    return PrincipalGradient(work.load(role)["halves"])
