"""Tasks: labelled images with a fixed split, and views of them.

A dataset comes from a loader alone (those in the package), or from a loader and a ``path``. The first is opened anew
wherever it is needed, and the loader's fields are part of a unit's identity. The second is listed, hashed and decoded
once, where the experiment is planned; its identity is the hash of its content, and a run opens the decoded form that
the store keeps under this hash. So the path is known to the plan only: a folder that is moved or copied is the same
dataset, and a worker on another machine needs the store but not the files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.identity import canonical_json, derive_seed
from pgebench.core.instantiate import build
from pgebench.core.settings import Reading
from pgebench.data.listing import SPLITS
from pgebench.data.read import open_read, read_dataset

VERSION = 1
"""Raised when a view of the same dataset with the same parameters would hold other images."""

IMPORTED = "imported"
"""Stands for the loader in the parameters of a dataset with a path."""

CLASS_SHARE = 0.75
"""Share of the classes that ``class_draw`` keeps."""


class Collection(Protocol):
    """What a dataset loader returns.

    ``images`` uint8 (N, H, W) or (N, H, W, 3); ``labels`` int64 (N,); ``split`` uint8 (N,) with 0 train, 1 val,
    2 test; ``revision`` a hash of the content.
    """

    @property
    def images(self) -> np.ndarray: ...  # noqa: D102
    @property
    def labels(self) -> np.ndarray: ...  # noqa: D102
    @property
    def split(self) -> np.ndarray: ...  # noqa: D102
    @property
    def class_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def revision(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Task:
    """A view of a collection: labels run from 0 to ``classes`` - 1 without gaps.

    Args:
        name: for messages.
        collection: where the images are; they are read, or mapped from disk, when they are first looked at.
        rows: int64, shape (N,): which images of the collection are those of the task.
        labels: int64, shape (N,).
        split: uint8, shape (N,); 0 train, 1 val, 2 test.
        class_names: one per label.
    """

    name: str
    collection: Collection
    rows: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def images(self) -> np.ndarray:
        """All images of the task, shape (N, H, W) or (N, H, W, 3)."""
        return self.collection.images[self.rows]

    def indices(self, split: str) -> np.ndarray:
        """Positions of a split's images."""
        return np.flatnonzero(self.split == SPLITS.index(split))

    def part(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of ``train``, ``val`` or ``test``."""
        chosen = self.indices(split)
        return self.collection.images[self.rows[chosen]], self.labels[chosen]

    def counts(self) -> dict[str, int]:
        """Number of classes and of images in each split."""
        return {"classes": self.classes} | {split: len(self.indices(split)) for split in SPLITS}


def dataset_params(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataset config that decide its content, with the content's revision; JSON types.

    A dataset with a path is read here, if the store does not have its decoded form yet.
    """
    if dataset.get("path") is None:
        loader, revision = dataset["loader"], _collection(canonical_json(dataset["loader"])).revision
    else:
        source = {name: dataset[name] for name in ("loader", "path", "reading", "store")} | {
            "lock": dataset.get("lock", "auto")
        }
        loader, revision = IMPORTED, _read(canonical_json(source))
    always = ("classes", "train_per_class", "image_size", "permute_labels")
    # Views that came later: a dataset without them is what it was before there were any.
    later = {name: dataset[name] for name in ("draw", "class_draw") if dataset.get(name) is not None}
    fields = {name: dataset.get(name) for name in always} | later
    return fields | {"loader": loader, "revision": revision, "version": VERSION}


def open_task(name: str, params: Mapping[str, Any], store: Path | str = "") -> Task:
    """The task that ``dataset_params`` describes.

    Args:
        name: for messages.
        params: from ``dataset_params``.
        store: folder of the store, which has the decoded form of a dataset with a path.

    Raises:
        ConfigError: a class index that the collection lacks, a repeated one, or a budget below 1.
        CorruptArtifact: the store lacks the decoded form, or it is damaged.
        DataError: a class without an image in a split, or changed content.
    """
    return _open_task(name, canonical_json(dict(params)), str(store))


def view(
    collection: Collection,
    name: str,
    classes: list[int] | None = None,
    train_per_class: int | None = None,
    permute_labels: int | None = None,
    draw: int | None = None,
    class_draw: int | None = None,
) -> Task:
    """Choose classes and training images of a collection and renumber the labels.

    The training images of a class are the first ``train_per_class`` in a shuffled order that ``draw`` decides, so that
    a smaller budget is a subset of a larger one. ``class_draw`` keeps a random ``CLASS_SHARE`` of the classes, rounded
    up, in their order.
    """
    chosen = list(range(len(collection.class_names))) if classes is None else list(classes)
    unknown = sorted(set(chosen) - set(range(len(collection.class_names))))
    if unknown or len(set(chosen)) < len(chosen) or len(chosen) < 2:
        raise ConfigError(
            f"dataset {name}: classes={chosen} must be two or more different indices from "
            f"0 to {len(collection.class_names) - 1}"
        )
    if class_draw is not None:
        kept = np.random.default_rng(class_draw).permutation(len(chosen))[: math.ceil(CLASS_SHARE * len(chosen))]
        chosen = [chosen[position] for position in sorted(kept)]
    if permute_labels is not None:
        chosen = list(np.random.default_rng(permute_labels).permutation(chosen))

    new_label = np.full(len(collection.class_names), -1)
    new_label[chosen] = np.arange(len(chosen))
    labels = new_label[collection.labels]
    keep = labels >= 0
    if train_per_class is not None:
        keep &= _budget(collection, chosen, train_per_class, draw, name)
    task = Task(
        name=name,
        collection=collection,
        rows=np.flatnonzero(keep),
        labels=labels[keep].astype(np.int64),
        split=collection.split[keep],
        class_names=tuple(collection.class_names[index] for index in chosen),
    )
    for split in SPLITS:
        if lacking := sorted(set(range(task.classes)) - set(task.labels[task.indices(split)].tolist())):
            raise DataError(
                f"dataset {name}: the class {task.class_names[lacking[0]]} has no image in the {split} split"
                f"{f' ({len(lacking)} classes have none)' if len(lacking) > 1 else ''}; "
                "give it more images, or leave it out with classes=[...]"
            )
    return task


def _budget(
    collection: Collection, classes: list[int], train_per_class: int, draw: int | None, name: str
) -> np.ndarray:
    """Mask (N,) that drops the training images beyond the budget; a class with fewer keeps all."""
    if train_per_class < 1:
        raise ConfigError(
            f"dataset {name}: train_per_class={train_per_class} must be at least 1, or null for all images"
        )
    mask = collection.split != 0
    for label in classes:
        images = np.flatnonzero((collection.split == 0) & (collection.labels == label))
        # The order depends on the class alone: a view with fewer classes keeps the same images of each.
        seed = derive_seed("train_per_class", int(label), *([] if draw is None else [draw]))
        order = np.random.default_rng(seed).permutation(images)
        mask[order[:train_per_class]] = True
    return mask


@lru_cache(maxsize=64)
def _collection(loader: str) -> Collection:
    return build(loader)


@lru_cache(maxsize=64)
def _read(source: str) -> str:
    fields = json.loads(source)
    reading, store = Reading(**fields["reading"]), Path(fields["store"])
    return read_dataset(fields["loader"], fields["path"], reading, store, fields["lock"]).revision


@lru_cache(maxsize=64)
def _decoded(revision: str, store: str) -> Collection:
    return open_read(revision, Path(store))


@lru_cache(maxsize=64)
def _open_task(name: str, params: str, store: str) -> Task:
    fields = json.loads(params)
    imported = fields["loader"] == IMPORTED
    collection = _decoded(fields["revision"], store) if imported else _collection(canonical_json(fields["loader"]))
    if collection.revision != fields["revision"]:
        raise DataError(f"dataset {name}: its content changed while the experiment ran; run the same command again")
    views = ("classes", "train_per_class", "permute_labels", "draw", "class_draw")
    return view(collection, name, **{key: fields.get(key) for key in views})
