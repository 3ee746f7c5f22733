"""How images of a dataset become arrays of one size, and how they are split."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pgebench.core.errors import ConfigError

MOST_MEGAPIXELS = 178
"""Pillow refuses larger images whatever is asked for."""


@dataclass(frozen=True)
class Reading:
    """Options of every loader; the config group ``dataset`` has them as ``reading``.

    Args:
        size: side of the stored images in pixels.
        resize: ``crop`` brings the shorter side to ``size`` and cuts out the centre, ``squash`` makes the whole image
            square.
        unreadable: ``skip`` leaves damaged images out and lists them, ``fail`` refuses the dataset.
        max_megapixels: a larger image is refused before it is decoded: a few kilobytes can hold a picture that fills
            the memory.
        val: share of each class's training images that validate, where the data have no validation split.
        test: share of each class for test, where the data have no test split.
        seed: of these draws.
        train_images: images of a class for training and validation together, instead of ``test``; the others test.
        test_images: most images of a class for test, with ``train_images``; the others are not used.

    Raises:
        ConfigError: a value that makes no sense.
    """

    size: int = 96
    resize: str = "crop"
    unreadable: str = "skip"
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
        """The fields that decide the content: all but ``unreadable``, which only says whether to stop.

        Returns:
            The fields by name.
        """
        return {name: value for name, value in asdict(self).items() if name != "unreadable"}
