"""Datasets as a user names them: embedded and well-known ones, folders, the Hugging Face Hub, torchvision."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import OmegaConf

from pgebench.config import DatasetConfig, conf_dir
from pgebench.core.errors import ConfigError
from pgebench.core.quoting import escaped
from pgebench.core.suggest import nearest
from pgebench.data.listing import hidden
from pgebench.data.tree import folders, is_folder
from pgebench.data.unlabelled import holds_images, is_unlabelled
from pgebench.plan.cell import Named
from pgebench.plan.sweep import plain

HUGGING_FACE = "hf:"
"""Begins the name of a dataset of the Hub, whose splits are ``train`` and ``test``."""

PARQUET = ".parquet"

TORCHVISION = "torchvision:"
"""Begins the name of a class of ``torchvision.datasets``."""


@cache
def studied_names() -> tuple[str, ...]:
    """Names of the embedded datasets that the reference run has ranked; further views choose its regime.

    >>> "mnist_0_4" in studied_names(), "mnist_odd" in studied_names()
    (True, False)
    """
    params = read_yaml(conf_dir() / "suite" / "whole.yaml")["hydra"]["sweeper"]["params"]
    return tuple(sorted(params["dataset@source"].split(",")))


@cache
def embedded_names() -> tuple[str, ...]:
    """Names of the datasets in the package, with all their views."""
    # A view of a dataset has no loader of its own; null is that of unknown data.
    files = _files().items()
    return tuple(name for name, file in files if "path" not in file and file.get("loader", name) is not None)


@cache
def known_names() -> tuple[str, ...]:
    """Names of datasets that are downloaded into a folder under ``data``.

    >>> "cifar10" in known_names(), "folder" in known_names(), "emoji" in known_names()
    (True, False, False)
    """
    return tuple(name for name, file in _files().items() if str(file.get("path", "")).startswith("data/"))


@cache
def _files() -> dict[str, dict[str, Any]]:
    return {path.stem: read_yaml(path) for path in sorted((conf_dir() / "dataset").glob("*.yaml"))}


def read_yaml(path: Path) -> dict[str, Any]:
    """The fields of a YAML file, interpolations as they are written."""
    found: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(path))  # type: ignore[assignment]
    return found


def is_a_heap(name: str) -> bool:
    """Whether a name stands for a folder of images without folders of classes."""
    return name not in (*embedded_names(), *known_names()) and is_unlabelled(name)


def named_dataset(role: str, name: str, store: Path) -> Named:
    """The dataset that a name stands for; call it inside ``composing``.

    Args:
        role: ``target`` or ``source``, for messages.
        name: Of an embedded or a well-known dataset, of a folder of class folders, of a parquet file, a folder of such
            files or an ``.npz`` archive, ``hf:NAME`` or ``torchvision:CLASS``.
        store: Where decoded images are kept.

    Raises:
        ConfigError: There is no such dataset.
    """
    fields: dict[str, Any] = {"store": escaped(str(store)), "lock": "auto"}
    if name in (*embedded_names(), *known_names()):
        group = name
    elif name.startswith(HUGGING_FACE):
        group = "hugging_face"
        fields["path"] = escaped(name.removeprefix(HUGGING_FACE))
    elif name.startswith(TORCHVISION):
        group, of_class = "torchvision", name.removeprefix(TORCHVISION)
        fields |= {"path": f"data/{of_class.lower()}", "loader": {"dataset": of_class, "parts": _parts(role, of_class)}}
    elif not Path(name).expanduser().exists() and "/" not in name:
        known = ", ".join(embedded_names())
        raise ConfigError(
            f"{role}={name}: neither a folder nor one of {known}; others are hf:NAME of the Hugging Face Hub, "
            f"torchvision:CLASS, {', '.join(known_names())}"
        )
    else:
        group = "unlabelled" if role == "target" and is_a_heap(name) else _loader_of(Path(name).expanduser())
        fields["path"] = escaped(name)
    own = compose(f"dataset/{group}").dataset
    found = OmegaConf.merge(OmegaConf.structured(DatasetConfig), own, fields)
    return Named(str(found.name), plain(found))


def _loader_of(path: Path) -> str:
    """What lies at a path with classes, as its YAML in ``conf/dataset`` is called."""
    if not is_folder(path):
        return {".npz": "npz", PARQUET: "parquet"}.get(path.suffix.lower(), "folder")
    files = [file for place in ("*", "*/*") for file in path.glob(place + PARQUET)]
    if all(hidden(file.relative_to(path)) for file in files):
        return "folder"
    # Pictures in one folder may be those whose names the table has.
    return "folder" if sum(holds_images(top, path) for top in folders(path)) > 1 else "parquet"


def _parts(role: str, of_class: str) -> dict[str, dict[str, Any]]:
    """What a class of torchvision is called with for each split."""
    from torchvision import datasets  # slow, and few name it

    kind = getattr(datasets, of_class, None)
    if not inspect.isclass(kind):
        close = nearest([of_class], datasets.__all__)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"{role}={TORCHVISION}{of_class}: torchvision.datasets has no such class{hint}")
    arguments = inspect.signature(kind).parameters
    if "train" in arguments:
        return {"train": {"train": True}, "test": {"train": False}}
    if "split" in arguments:
        return {"train": {"split": "train"}, "test": {"split": "test"}}
    return {"all": {}}
