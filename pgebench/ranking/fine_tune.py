"""The command that fine-tunes a candidate on the target, as one types it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from pgebench.config import BackboneConfig
from pgebench.core.conf import names_in
from pgebench.core.options import typed_value
from pgebench.plan.cell import Cell, Named
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.dataset_names import embedded_names, known_names
from pgebench.ranking.reliability import RUNS

DOWNLOADED = {"hugging_face": (), "torchvision": ("dataset", "parts")}
"""Datasets that a user names by where they come from, with what must be said of each beside its path."""


def fine_tune_command(candidates: Candidates, name: str, target: str) -> str:
    """What to type to fine-tune one candidate, with the recipe of the reference run.

    Args:
        candidates: As they were ranked.
        name: Of one of them.
        target: As the user typed it.
    """
    cell: Cell = candidates.cells[candidates.names.index(name)]
    words = ["pgebench", f"experiment={RUNS[candidates.question]}", *_backbone(cell.backbone)]
    words += ["source=pretrained"] if candidates.question == "backbones" else _dataset("source", cell.source)
    words += _dataset("target", cell.target, target)
    return shlex.join([*words, "truth=[finetune]", "metric=[]", f"results=results/{_plain(name)}"])


def _backbone(named: Named) -> list[str]:
    if named.name in names_in("backbone"):
        return [f"backbone={named.name}", f"backbone.image_size={named.config['image_size']}"]
    plain = {field.name: field.default for field in fields(BackboneConfig)}
    given = {key: value for key, value in named.config.items() if value != plain.get(key, MISSING)}
    return ["backbone=timm", *(f"backbone.{key}={_typed(value)}" for key, value in given.items())]


def _dataset(role: str, named: Named, typed: str = "") -> list[str]:
    config: Mapping[str, Any] = named.config
    name = typed or named.name
    if (config["path"] is None and name in embedded_names()) or (
        name in known_names() and str(config["path"]).startswith("data/")
    ):
        return [f"{role}={name}"]
    classes = [] if config["classes"] is None else [f"{role}.classes={_typed(config['classes'])}"]
    for kind, loader in DOWNLOADED.items():
        if (config["loader"] or {}).get("_target_") == f"pgebench.data.{kind}.listing":
            own = [f"{role}.loader.{key}={_typed(config['loader'][key])}" for key in loader]
            return [f"{role}={kind}", f"{role}.path={_typed(str(config['path']))}", *own, *classes]
    return [f"{role}=folder", f"{role}.path={_typed(typed or str(config['path']))}", *classes]


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{key}:{_typed(one)}' for key, one in value.items())}}}"
    # One value of a key that can be swept: a comma in it stands between quotes.
    return typed_value((str(value),))


def _plain(name: str) -> str:
    """A name for a folder, whatever the candidate is called."""
    return "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in Path(name).name)
