"""Principal gradients: once per backbone and dataset, whatever they are compared with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from pgebench.core.identity import Label, digest
from pgebench.networks import backbones
from pgebench.networks.flops import per_image
from pgebench.networks.inputs import take
from pgebench.pge import GradientSettings, PrincipalGradient, Progress, principal_gradient
from pgebench.pge.controls import controlled
from pgebench.pge.tensors import dead_tensors, energy
from pgebench.stages.base import Outcome, Work
from pgebench.store.unit import Unit

VERSION = 2

SAVE_EVERY = 30.0
"""Seconds after which an estimate under way is written down."""

MOST = 3
"""Tensors that are named in the record with their share of the gradient."""

_SNAPSHOT = "snapshot_"


def unit(
    backbone: Mapping[str, Any],
    dataset: Mapping[str, Any],
    settings: GradientSettings,
    label: Label,
    control: str | None = None,
) -> Unit:
    """The principal gradient of a dataset, or of a control of it, at a backbone's initialisations.

    Args:
        backbone: What ``pgebench.networks.backbones.backbone_params`` makes of its config.
        dataset: What ``pgebench.data.task.dataset_params`` makes of its config.
        settings: How the gradient is estimated.
        label: For the table.
        control: None, or a key of ``pgebench.pge.controls.CONTROLS``.

    Returns:
        A unit without inputs.
    """
    params = {"backbone": backbone, "dataset": dataset, "settings": settings.identity(), "control": control}
    return Unit("gradient", VERSION, params, label=label)


def run(work: Work) -> Outcome:
    """Estimate it; the value is the agreement of its two halves.

    Args:
        work: A unit of ``unit``.

    Returns:
        The agreement, and the gradient as tensors. The detail names the tensors that hold most of it, and those whose
        gradient is exactly zero at every draw (``dead``), if there are any.
    """
    settings = GradientSettings(**work.params["settings"])
    images, labels = work.part("train")
    numbers = labels.cpu().numpy()
    if control := work.params["control"]:
        rows, numbers = controlled(control, numbers)
        images = take(images, torch.from_numpy(rows).to(images.device))
    saved = work.store.load_progress(work.unit)
    resume = _progress(saved) if saved else None
    gradient = principal_gradient(
        _network(work, settings),
        images,
        numbers,
        settings,
        digest([work.params["dataset"], control]),
        resume,
        keep=_saver(work, settings.episodes),
        stacked=work.device.type == "cuda",
    )
    tensors = {
        "halves": gradient.halves,
        "sizes": torch.tensor(gradient.sizes),
        **{f"{_SNAPSHOT}{episodes}": halves for episodes, halves in gradient.snapshots.items()},
    }
    detail: dict[str, Any] = {"way": gradient.way, "queries": gradient.queries, "parameters": gradient.halves.shape[-1]}
    detail |= _where_it_lies(gradient)
    if resume is not None:
        detail["resumed_after"] = int(saved["done"])  # what came before is not in this record's seconds
    return Outcome(gradient.agreement, tensors, detail, gradient.images)


def _where_it_lies(gradient: PrincipalGradient) -> dict[str, Any]:
    """Tensors that hold most of the gradient, and those that have none, which no distance can see."""
    shares = energy(gradient.halves, gradient.sizes)
    most = shares.argsort(descending=True, stable=True)[:MOST].tolist()
    detail: dict[str, Any] = {
        "tensors": len(gradient.sizes),
        "energy": {gradient.names[place]: round(float(shares[place]), 4) for place in most},
    }
    if dead := dead_tensors(gradient.halves, gradient.sizes):
        detail["dead"] = [gradient.names[place] for place in dead]
        detail["dead_parameters"] = sum(gradient.sizes[place] for place in dead)
    return detail


def load(work: Work, role: str) -> PrincipalGradient:
    """A principal gradient that a unit reads.

    Args:
        work: A unit with a principal gradient among its inputs.
        role: What the gradient is to it.

    Returns:
        The gradient.
    """
    return from_tensors(work.load(role))


def from_tensors(tensors: Mapping[str, torch.Tensor]) -> PrincipalGradient:
    """A principal gradient from its artifact.

    Args:
        tensors: By name, as ``run`` writes them.

    Returns:
        The gradient.
    """
    return PrincipalGradient(tensors["halves"], sizes=tuple(tensors["sizes"].tolist()), snapshots=_snapshots(tensors))


def _network(work: Work, settings: GradientSettings) -> Callable[[int], nn.Module]:
    if settings.restart != "pretrained":
        return backbones.restarts(work.params["backbone"], work.device, settings.branches == "open")
    model = backbones.create(work.params["backbone"], 0, seed=0, pretrained=True, file=work.file("weights"))
    model = model.to(work.device)
    return lambda seed: model


def _saver(work: Work, episodes: int) -> Callable[[Progress], None]:
    last = time.monotonic()

    def save(progress: Progress) -> None:
        nonlocal last
        if progress.done < episodes and time.monotonic() - last > SAVE_EVERY:
            tensors = {f"{_SNAPSHOT}{number}": halves for number, halves in progress.snapshots.items()}
            counts = {"done": torch.tensor(progress.done), "images": torch.tensor(progress.images)}
            work.store.write_progress(work.unit, {"sums": progress.sums, **counts, **tensors})
            last = time.monotonic()

    return save


def _progress(saved: Mapping[str, torch.Tensor]) -> Progress:
    return Progress(saved["sums"], int(saved["done"]), int(saved["images"]), _snapshots(saved))


def _snapshots(tensors: Mapping[str, torch.Tensor]) -> dict[int, torch.Tensor]:
    return {int(name.removeprefix(_SNAPSHOT)): value for name, value in tensors.items() if name.startswith(_SNAPSHOT)}


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """Forward, and backward as far as the chosen parameters ask for.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    network = per_image(unit.params["backbone"], 0, unit.params["settings"]["parameters"])
    return None if network is None else record["images"] * network.trained
