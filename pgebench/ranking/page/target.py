"""The user's own data as the page shows it: a dozen training pictures, and what was read."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from pgebench.core.text import one_line
from pgebench.data.cache import Decoded
from pgebench.data.report import FEW, ReadReport
from pgebench.data.task import Task

SAMPLES = 12
SIDE = 112
"""Pixels of a sample's longer side at most; a picture that is smaller stays as it is."""

OF_CLASSES = ("Classes", "Split")
"""Facts that say nothing where there are no classes."""

SHARP = 64
"""Pictures of fewer pixels a side are kept without loss."""


@dataclass(frozen=True)
class TargetShown:
    """What the page shows of the target.

    Attributes:
        name: As the user knows it.
        images: Training images.
        classes: Their names; none without labels.
        samples: Name of the class, or nothing, and the picture as a ``data:`` address.
        facts: Names and values of what was read.
    """

    name: str
    images: int
    classes: tuple[str, ...]
    samples: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]


def target_shown(name: str, task: Task, labelled: bool = True) -> TargetShown:
    """What the page shows of a task.

    Args:
        name: As the user knows it.
        task: With all its training images.
        labelled: Whether its classes mean anything.
    """
    rows = sample_rows(task.labels, task.indices("train"))
    captions = [one_line(task.class_names[task.labels[row]]) if labelled else "" for row in rows]
    pictures = (_address(task.collection.images[task.rows[row]]) for row in rows)
    read = task.collection.report if isinstance(task.collection, Decoded) else None
    facts = _facts(task) if read is None else _facts_of_report(read)
    return TargetShown(
        name=name,
        images=len(task.indices("train")),
        classes=task.class_names if labelled else (),
        samples=tuple(zip(captions, pictures, strict=True)),
        facts=tuple(fact for fact in facts if labelled or fact[0] not in OF_CLASSES),
    )


def sample_rows(labels: np.ndarray, train: np.ndarray, number: int = SAMPLES, seed: int = 0) -> list[int]:
    """Training images across the classes: one of each class in a random order, then a second one of each.

    Args:
        labels: Integers, of all images.
        train: Positions of the training images; no other is shown, so that test images stay unseen.
        number: How many at most.
        seed: Of the draw: the same data show the same pictures.

    >>> labels = np.array([0, 0, 0, 1, 1, 2])
    >>> rows = sample_rows(labels, np.arange(6), number=4)
    >>> sorted(labels[rows[:3]].tolist()), len(set(rows))
    ([0, 1, 2], 4)
    """
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.unique(labels[train]))
    of_class = [rng.permutation(train[labels[train] == label]) for label in classes]
    turns = range(max(map(len, of_class), default=0))
    drawn = (int(rows[turn]) for turn in turns for rows in of_class if turn < len(rows))
    return [row for row, _ in zip(drawn, range(number), strict=False)]


def _address(pixels: np.ndarray) -> str:
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    kind = "PNG" if max(image.size) < SHARP else "JPEG"
    buffer = BytesIO()
    image.save(buffer, kind, **({} if kind == "PNG" else {"quality": 80}))
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _facts(task: Task) -> list[tuple[str, str]]:
    counts = task.counts()
    parts = ", ".join(f"{counts[part]} {part}" for part in ("train", "val", "test"))
    return [("Dataset", "of the package"), ("Images", parts), ("Classes", str(task.classes))]


def _facts_of_report(read: ReadReport) -> list[tuple[str, str]]:
    found = [
        ("Folder", read.where),
        ("Images", ", ".join(f"{number} {part}" for part, number in read.images.items())),
        ("Classes", f"{read.classes}, of {read.fewest} to {read.most} images"),
        ("Split", read.rule),
        ("Sizes", f"{read.sizes[0]} to {read.sizes[2]}, median {read.sizes[1]}; kept as {read.stored}"),
        *(("Remark", remark) for remark in read.remarks),
        *_some("Too few images", read.small),
        *_some("Copies dropped", read.dropped),
        *_some("Not readable", read.refused),
        *_some("Not taken for images", read.ignored),
    ]
    return [(name, one_line(value)) for name, value in found]


def _some(what: str, names: object) -> list[tuple[str, str]]:
    listed = list(names)  # type: ignore[call-overload]
    if not listed:
        return []
    shown = ", ".join(listed[:FEW]) + (", ..." if len(listed) > FEW else "")
    return [(what, f"{len(listed)}: {shown}")]
