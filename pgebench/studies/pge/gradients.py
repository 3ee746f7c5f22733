"""The principal gradients that the study needs, computed once and kept in the ordinary store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pgebench.core.identity import Label
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.plan.cell import Named, collection
from pgebench.plan.composing import lists_of, swept
from pgebench.plan.words import spelled
from pgebench.stages import gradient
from pgebench.store.unit import Unit
from pgebench.studies.pge.variants import CONTROLLED, ESTIMATES


@dataclass(frozen=True)
class Tasks:
    """Backbone and datasets of an experiment.

    Args:
        backbone: the backbone.
        sources: datasets as sources.
        targets: datasets as targets, with fewer images.
        common_classes: the smallest number of classes of all of them.
        shot: support images per class that the targets have room for, beside a query.
        collections: name of a dataset -> data that it is a view of.
    """

    backbone: Named
    sources: tuple[Named, ...]
    targets: tuple[Named, ...]
    common_classes: int
    shot: int = 5
    collections: Mapping[str, str] = field(default_factory=dict)


def tasks_of(experiment: str, backbone: str) -> Tasks:
    """The tasks of an experiment in ``conf/experiment``."""
    names = {"experiment": spelled(experiment), "backbone": spelled(backbone)}
    chosen = {**lists_of(experiment), **names, "metric": "[pge]", "truth": "[]"}
    cells = swept([f"{key}={value}" for key, value in chosen.items()]).cells
    sources = {cell.source.name: cell.source for cell in cells}
    targets = {cell.target.name: cell.target for cell in cells}
    common = cells[0].common_classes
    assert common is not None
    return Tasks(
        cells[0].backbone,
        tuple(sources.values()),
        tuple(targets.values()),
        common,
        # What the experiment found to fit its targets.
        cells[0].settings["metric"]["pge"]["gradient"]["shot"],
        {name: collection(dataset) for name, dataset in (sources | targets).items()},
    )


def estimate_units(
    tasks: Tasks, draw: int = 0, estimates: Mapping[str, GradientSettings] = ESTIMATES
) -> dict[tuple[str, str, str], Unit]:
    """The gradient of every dataset under every estimate: (estimate, role, dataset) -> unit.

    Args:
        tasks: Backbone and datasets.
        draw: Of weights and episodes; another one is independent.
        estimates: Name -> settings.
    """
    return {
        (name, role, dataset.name): gradient_unit(tasks, dataset, replace(fitting(tasks, settings), seed=draw), role)
        for name, settings in estimates.items()
        for role, datasets in (("source", tasks.sources), ("target", tasks.targets))
        for dataset in datasets
    }


def control_units(tasks: Tasks, datasets: Sequence[Named], draw: int = 0) -> dict[tuple[str, str, str], Unit]:
    """Gradients of datasets under every control, at the estimates' initialisations: (loss, control, dataset) -> unit.

    Args:
        tasks: Backbone and datasets.
        datasets: Those that are controlled.
        draw: As for ``estimate_units``.
    """
    return {
        (loss, control, dataset.name): gradient_unit(tasks, dataset, settings, "source", control)
        for loss, control in CONTROLLED
        for settings in (fitting(tasks, GradientSettings(loss=loss, seed=draw)),)
        for dataset in datasets
    }


def fitting(tasks: Tasks, settings: GradientSettings) -> GradientSettings:
    """The settings with no more support images than every dataset has; all datasets get the same.

    Args:
        tasks: Whose targets may have few images.
        settings: How a gradient is estimated.

    Returns:
        The same settings, with a lower ``shot`` where that is needed.
    """
    return replace(settings, shot=min(settings.shot, tasks.shot))


def gradient_unit(
    tasks: Tasks,
    dataset: Named,
    settings: GradientSettings,
    role: str,
    control: str | None = None,
    backbone: Named | None = None,
) -> Unit:
    """The gradient of one dataset.

    Args:
        tasks: Whose backbone it is, and whose datasets it is compared with.
        dataset: One of them.
        settings: How it is estimated; the way is lowered to the fewest classes of all datasets.
        role: ``source`` or ``target``.
        control: None, or a key of ``pgebench.pge.controls.CONTROLS``.
        backbone: With a file of weights; None for that of the tasks.

    Returns:
        A unit without inputs.
    """
    network = backbone or tasks.backbone
    if settings.way is not None:
        settings = replace(settings, way=min(settings.way, tasks.common_classes))
    label = Label(backbone=network.name, source=dataset.name)
    label = label if role == "source" else replace(label, source=None, target=dataset.name)
    params = backbones.backbone_params(network.config), dataset_params(dataset.config)
    unit = gradient.unit(*params, settings, label, control)
    return replace(unit, files=backbones.file_of(network.config))
