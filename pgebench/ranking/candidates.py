"""Candidates for a target: sources to train on, and pretrained backbones that are at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from pgebench.analysis.question import QUESTIONS
from pgebench.config import BackboneConfig, DatasetConfig, conf_dir
from pgebench.core.conf import names_in
from pgebench.core.errors import ConfigError, DataError
from pgebench.core.instantiate import build
from pgebench.core.quoting import escaped
from pgebench.data.listing import Listing
from pgebench.data.picture_size import all_within
from pgebench.data.read import open_read
from pgebench.data.task import dataset_params
from pgebench.networks import weights
from pgebench.networks.weights import PACKAGE
from pgebench.plan.cell import Cell, Named
from pgebench.plan.composing import composing
from pgebench.plan.sweep import plain, settings_of
from pgebench.plan.units import void_metrics
from pgebench.ranking.backbone_names import named_backbones, own_config
from pgebench.ranking.dataset_names import named_dataset, read_yaml, studied_names
from pgebench.ranking.facts import Facts
from pgebench.ranking.request import MOST

SIDES = (96, 224, 288, 384, 512, 768, 1024)
"""Pixels a side at which the pictures of a folder are kept."""


@dataclass(frozen=True)
class Candidates:
    """The candidates of one question, as cells of the experiment that has studied it.

    Attributes:
        question: ``sources`` or ``backbones``.
        cells: One per candidate; only their source, or only their backbone, differs.
        left_out: A line about each that cannot be ranked.
        facts: What is known of each backbone, in the order of the cells; empty for sources.
        failed: Candidates that are no cells because they cannot be had, with the reason; they are rows of the answer.

    Raises:
        ConfigError: Two have one name: answers and banks go by it.
    """

    question: str
    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()
    facts: tuple[Facts, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twice = sorted(name for name, times in Counter(self.names).items() if times > 1)
        if twice:
            raise ConfigError(f"{self.question}: {', '.join(twice)} is there twice; leave one out or rename it")

    @property
    def names(self) -> tuple[str, ...]:
        """What tells the cells apart."""
        return tuple(getattr(cell, QUESTIONS[self.question].candidate).name for cell in self.cells)

    def with_images(self, per_class: int | None) -> Candidates:
        """The same candidates, judged on at most so many training images of each class of the target."""
        return replace(self, cells=tuple(on_images(cell, per_class) for cell in self.cells))

    def only(self, usable: Collection[str], failed: Mapping[str, str]) -> Candidates:
        """The same question for some of the candidates.

        Args:
            usable: Their names.
            failed: The others, with what is wrong with each.
        """
        kept = [place for place, name in enumerate(self.names) if name in usable]
        facts = tuple(self.facts[place] for place in kept) if self.facts else ()
        cells = tuple(self.cells[place] for place in kept)
        return replace(self, cells=cells, facts=facts, failed={**self.failed, **failed})

    def with_metric(self, metric: str) -> Candidates:
        """The same candidates with this metric alone."""
        settings = {**self.cells[0].settings, "metric": {metric: self.cells[0].settings["metric"][metric]}}
        return replace(self, cells=tuple(replace(cell, settings=settings) for cell in self.cells))


def on_images(cell: Cell, per_class: int | None) -> Cell:
    """A candidate, judged on at most so many training images of each class of the target.

    Args:
        cell: The candidate.
        per_class: None for all images.
    """
    config = {**cell.target.config, "train_per_class": per_class}
    return replace(cell, target=Named(cell.target.name, config))


def of_sources(target: str, backbone: str, sources: Sequence[str], experiment: str, store: Path) -> Candidates:
    """Sources for a target, with the recipes of a reference run.

    Args:
        target: Folder of class folders, or name of an embedded dataset.
        backbone: Name in ``conf/backbone``, of a network that is trained on the sources.
        sources: As ``named_dataset`` takes them; none for the embedded datasets of the reference run.
        experiment: Whose recipes are used.
        store: Where decoded images are kept.

    Raises:
        ConfigError: A name is unknown, or no source is left that shares no image with the target.
    """
    with composing():
        config = compose("config", [f"experiment={experiment}"])
        settings = _settings(config)
        network = _backbone(backbone, config.backbone.image_size)
        task = named_dataset("target", target, store)
        named = [named_dataset("source", name, store) for name in sources or studied_names()]
    (task, *named), small = _without_small_classes([task, *named], store)
    cells = [Cell(network, source, task, settings) for source in named]
    apart = [cell for cell in cells if cell.overlap() is None]
    left = [f"{cell.source.name}: {cell.overlap()}" for cell in cells if cell not in apart]
    if len(apart) < 2:
        raise ConfigError(
            f"target={target}: a ranking needs two sources that share no image with it; {'; '.join(left)}"
        )
    return Candidates("sources", tuple(apart), (*small, *left))


def of_backbones(
    target: str,
    backbones: Sequence[str],
    experiment: str,
    store: Path,
    image_size: int | None = None,
    most: int = MOST,
) -> Candidates:
    """Pretrained backbones for a target, used as they were shipped.

    Args:
        target: Folder of class folders, or name of an embedded dataset.
        backbones: As ``named_backbones`` takes them; none for all whose weights are in an installed package.
        experiment: Whose settings are used.
        store: Where decoded images are kept.
        image_size: Of all backbones; None for the own one of each.
        most: How many backbones patterns and suites may bring.

    Raises:
        ConfigError: A name is unknown, or has no pretrained weights.
    """
    at_hand, missing = _at_hand()
    left = [f"{', '.join(missing)}: not installed (pip install 'pgebench[hub-offline]')"] if missing else []
    with composing():
        config = compose("config", [f"experiment={experiment}"])
        settings = _settings(config)
        task = named_dataset("target", target, store)
        unknown = OmegaConf.merge(OmegaConf.structured(DatasetConfig), compose("dataset/pretrained").dataset)
        source = Named("pretrained", plain(OmegaConf.merge(unknown, {"store": escaped(str(store)), "lock": "auto"})))
        named = named_backbones(backbones or at_hand, image_size, most, config.backbone.image_size)
    # Tiny pictures gain nothing by being kept as large as a network looks at them: it enlarges them itself.
    largest = SIDES[0] if _all_tiny(task) else None
    sides = [largest or _side_read(one.facts.image_size) for one in named]
    tasks: dict[int, Named] = {}
    small: dict[str, None] = {}
    for side in sorted(set(sides)):
        (tasks[side],), lines = _without_small_classes([_read_at(task, side)], store)
        small |= dict.fromkeys(lines)
    cells = tuple(Cell(one.named, source, tasks[side], settings) for one, side in zip(named, sides, strict=True))
    left_out = (*small, *(() if backbones else left))
    return Candidates("backbones", cells, left_out, tuple(one.facts for one in named))


def _all_tiny(task: Named) -> bool:
    """Whether no picture is larger than the smallest side at which one is kept; what is in the package has its own."""
    if task.config["path"] is None:
        return False
    listing = build({**task.config["loader"], "path": task.config["path"]})
    return isinstance(listing, Listing) and all_within(listing.contents(), SIDES[0])


def _side_read(image_size: int) -> int:
    """The side at which pictures are kept for a backbone: few sizes, so that a folder is decoded a few times at most.

    It hangs on the backbone alone (and on the pictures), so that another candidate changes nothing of what is known of
    the first.

    >>> _side_read(32), _side_read(160), _side_read(224), _side_read(260), _side_read(2000)
    (96, 224, 224, 288, 2000)
    """
    return next((side for side in SIDES if side >= image_size), image_size)


def _read_at(task: Named, side: int) -> Named:
    """A folder whose pictures are kept at a size; what is in the package has its own."""
    if task.config["path"] is None:
        return task
    return Named(task.name, {**task.config, "reading": {**task.config["reading"], "size": side}})


def embedded_sources(backbone: str, store: Path) -> tuple[Named, list[Named]]:
    """A backbone, and the embedded datasets of the reference run as sources."""
    with composing():
        config = compose("config", ["experiment=embedded_full"])
        network = _backbone(backbone, config.backbone.image_size)
        return network, [named_dataset("source", name, store) for name in studied_names()]


def usable_metrics(candidates: Candidates) -> list[str]:
    """The metrics that every candidate can be scored with."""
    void = {name for cell in candidates.cells for name in void_metrics(cell)}
    return sorted(set(candidates.cells[0].settings["metric"]) - void)


def _at_hand() -> tuple[list[str], list[str]]:
    """Backbones whose weights lie in a package: those that are installed, and those that are not."""
    there, missing = [], []
    for name in names_in("backbone"):
        place = read_yaml(conf_dir() / "backbone" / f"{name}.yaml").get("weights")
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
    """A network that is trained on sources, by its name or file, at the image size of the reference run."""
    own = own_config(name)
    found = OmegaConf.merge(OmegaConf.structured(BackboneConfig), own, {"image_size": image_size})
    return Named(str(found.name), plain(found))


def _without_small_classes(named: Sequence[Named], store: Path) -> tuple[list[Named], list[str]]:
    """Folders without the classes that are too small for a split, and a line about each such folder.

    Raises:
        DataError: A folder has fewer than two classes that are large enough.
    """
    found, lines = [], []
    for one in named:
        config = one.config
        if config["path"] is not None:
            read = open_read(dataset_params(config)["revision"], store)
            small = read.report.small
            usable = [index for index, name in enumerate(read.class_names) if name not in small]
            if small and len(usable) < 2:
                raise DataError(
                    f"{one.name}: {len(usable)} of {len(read.class_names)} classes have three images or more; at least "
                    "two are needed, with an image for each of training, validation and test"
                )
            if small:
                config = {**config, "classes": usable}
                lines.append(f"{', '.join(small)} of {one.name}: fewer than three images")
        found.append(Named(one.name, config))
    return found, lines
