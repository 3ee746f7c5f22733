"""Settings of principal gradients, Fisher information, triplets and of reading images, each with its check.

The schema of a config is made of these very classes, so they stand below all that reads them. They are not frozen:
OmegaConf makes a node of a frozen dataclass read-only, and no YAML file nor command line could set it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pgebench.core.errors import ConfigError

RESTARTS = ("fresh", "paired", "fixed", "pretrained")
DUPLICATES = ("keep", "drop", "fail")
LOSSES = ("proto", "ce", "supcon")
BRANCHES = ("as_built", "open")
PROTOTYPES = ("euclidean", "cosine")

LATER = {"branches": "as_built", "crop": None, "prototypes": "euclidean", "temperature": None}
"""Settings of principal gradients that came after the first results, with the value that stands for what was before."""

MOST_MEGAPIXELS = 178
"""Pillow refuses larger images whatever is asked for."""


@dataclass
class GradientSettings:
    """How a principal gradient is estimated; the defaults are those of the metric ``pge``.

    Args:
        restart: where each gradient is taken. ``fresh``: at new random weights every episode (the authors' released
            code). ``paired``: at ``restarts`` initialisations that all datasets share. ``fixed``: at one such
            initialisation. ``pretrained``: at the backbone's pretrained weights.
        restarts: number of initialisations; counts for ``paired`` alone.
        episodes: gradients at each initialisation; for ``fresh``, gradients in all.
        loss: ``proto`` (prototypical network), ``ce`` (random linear classifier) or ``supcon`` (supervised
            contrastive).
        way: classes per episode; None for all of a dataset.
        shot: support images per class.
        query: query images per class.
        parameters: pattern (as of file names) of the parameters whose gradient is taken: ``*`` all of the backbone,
            ``layer4*`` a part of it, as if the rest were frozen.
        snapshots: numbers of episodes after which the running mean is kept too, in ascending order.
        autocast: whether networks compute in bfloat16 where torch allows.
        seed: of initialisations and episodes.
        branches: ``as_built`` leaves residual branches as the network's library starts them, which may be at zero;
            ``open`` starts none at zero.
        crop: images are enlarged and cut back to their size at random, each to this share of its side; None leaves
            them whole.
        prototypes: how far a query of ``proto`` is from a prototype: ``euclidean``, the squared distance, or
            ``cosine``, one minus the cosine.
        temperature: distances of ``proto`` are divided by their own mean over the queries and prototypes of the
            episode, times this; None leaves them as they are.

    Raises:
        ConfigError: an unknown name, a number that is too small, snapshots that do not ascend below ``episodes``, or
            ``prototypes`` or ``temperature`` with a loss that has no prototypes.
    """

    restart: str = "paired"
    restarts: int = 4
    episodes: int = 50
    loss: str = "proto"
    way: int | None = 5
    shot: int = 5
    query: int = 16
    parameters: str = "*"
    snapshots: tuple[int, ...] = ()
    autocast: bool = False
    seed: int = 0
    branches: str = "as_built"
    crop: float | None = None
    prototypes: str = "euclidean"
    temperature: float | None = None

    def __post_init__(self) -> None:
        chosen = {"restart": RESTARTS, "loss": LOSSES, "branches": BRANCHES, "prototypes": PROTOTYPES}
        for name, choices in chosen.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"gradient.{name}={getattr(self, name)}: choose from {', '.join(choices)}")
        for name, least in (("restarts", 1), ("episodes", 2), ("way", 2), ("shot", 1), ("query", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"gradient.{name}={value}: must be at least {least}")
        if self.crop is not None and not 0 < self.crop < 1:
            raise ConfigError(f"gradient.crop={self.crop}: must be above 0 and below 1, or null for whole images")
        if self.temperature is not None and not 0 < self.temperature < math.inf:
            raise ConfigError(f"gradient.temperature={self.temperature}: must be above 0, or null for plain distances")
        for name in ("prototypes", "temperature"):
            if self.loss != "proto" and getattr(self, name) != LATER[name]:
                raise ConfigError(f"gradient.{name}={getattr(self, name)}: goes with gradient.loss=proto alone")
        self.snapshots = tuple(self.snapshots)  # a config gives a list
        if list(self.snapshots) != sorted(set(self.snapshots)) or any(
            not 2 <= number < self.episodes for number in self.snapshots
        ):
            raise ConfigError(
                f"gradient.snapshots={list(self.snapshots)}: must be ascending numbers from 2 to "
                f"gradient.episodes - 1 = {self.episodes - 1}"
            )

    def identity(self) -> dict[str, Any]:
        """The fields that decide the gradient, in JSON types.

        Returns:
            The fields by name; those that came later only where they are used, so that finished work keeps its key.
        """
        fields = asdict(self) | {"snapshots": list(self.snapshots)}
        return {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}

    @property
    def points(self) -> int:
        """Number of separately kept means: one per initialisation, one in all for ``fresh``."""
        return self.restarts if self.restart == "paired" else 1


@dataclass
class FisherSettings:
    """How the Fisher information of a network's filters is estimated.

    Args:
        images: at most so many, drawn so that the classes are as even as they can be.
        penalty: weight decay of the task's linear head.
        seed: of the draws of images and labels.

    Raises:
        ConfigError: a value out of range.
    """

    images: int = 200
    penalty: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("images", "penalty"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"fisher.{name}={getattr(self, name)} must be positive")


@dataclass
class TripletSettings:
    """How the gradient norms of a triplet loss are taken.

    Args:
        images: at most so many, drawn so that the classes are as even as they can be.
        seed: of the draw of images and of the batches.

    Raises:
        ConfigError: a value out of range.
    """

    images: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 2:
            raise ConfigError(f"triplets.images={self.images} must be at least 2")


@dataclass
class Reading:
    """How images of a dataset become arrays of one size, and how they are split: options of every loader.

    Args:
        size: side of the stored images in pixels.
        resize: ``crop`` brings the shorter side to ``size`` and cuts out the centre, ``squash`` makes the whole image
            square.
        unreadable: ``skip`` leaves damaged images out and lists them, ``fail`` refuses the dataset.
        duplicates: what is done about pictures that are there more than once, with equal pixels as stored. ``keep``
            says how many are in more than one split or class. ``fail`` refuses the dataset. ``drop`` keeps one of each,
            before splits are drawn: that in the test split, else in validation, else the first; a picture in more than
            one class is dropped from all.
        depth: how more than 8 bits a channel become 8. ``format`` scales the range of the file's format, so that a dark
            image stays dark; ``range`` that from the smallest to the largest value of each image.
        max_megapixels: a larger image is refused before it is decoded: a few kilobytes can hold a picture that fills
            the memory.
        val: share of each class's training images that validate, where the data have no validation split.
        test: share of each class for test, where the data have no test split.
        seed: of these draws.
        train_images: images per class for training and validation together, instead of ``test``; the others test.
        test_images: most images per class for test, with ``train_images``; the others are not used.

    Raises:
        ConfigError: a value that makes no sense.
    """

    size: int = 96
    resize: str = "crop"
    unreadable: str = "skip"
    duplicates: str = "keep"
    depth: str = "format"
    max_megapixels: int = 50
    val: float = 0.2
    test: float = 0.2
    seed: int = 0
    train_images: int | None = None
    test_images: int | None = None

    def __post_init__(self) -> None:
        wrong = {
            f"size={self.size} must be at least 8 pixels": self.size < 8,
            f"resize={self.resize} must be crop or squash": self.resize not in ("crop", "squash"),
            f"unreadable={self.unreadable} must be skip or fail": self.unreadable not in ("skip", "fail"),
            f"duplicates={self.duplicates} must be keep, drop or fail": self.duplicates not in DUPLICATES,
            f"depth={self.depth} must be format or range": self.depth not in ("format", "range"),
            f"max_megapixels={self.max_megapixels} must be from 1 to {MOST_MEGAPIXELS}": not (
                1 <= self.max_megapixels <= MOST_MEGAPIXELS
            ),
            f"val={self.val} and test={self.test} must be above 0 and below 1 together": not (
                self.val > 0 and self.test > 0 and self.val + self.test < 1
            ),
            f"train_images={self.train_images} must be at least 2": self.train_images is not None
            and self.train_images < 2,
            f"test_images={self.test_images} must be at least 1, and goes with train_images": self.test_images
            is not None
            and (self.test_images < 1 or self.train_images is None),
        }
        for message, applies in wrong.items():
            if applies:
                raise ConfigError(f"reading.{message}")

    def identity(self) -> dict[str, Any]:
        """The fields that decide the content: not those which only say whether to stop.

        Returns:
            The fields by name. Those that came later are in it only where they change something, so that what was read
            before has the identity it had.
        """
        later = {"duplicates": self.duplicates == "drop", "depth": self.depth != "format"}
        return {name: value for name, value in asdict(self).items() if name != "unreadable" and later.get(name, True)}
