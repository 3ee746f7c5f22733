"""Backbones as a user names them: timm's names and patterns of them, suites, YAML files, files of weights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import OmegaConf

from pgebench.config import BackboneConfig
from pgebench.core.conf import names_in
from pgebench.core.errors import ConfigError
from pgebench.core.quoting import escaped
from pgebench.core.words import is_there
from pgebench.networks import backbones, timm_names, weights
from pgebench.plan.cell import Named
from pgebench.plan.sweep import plain
from pgebench.ranking.facts import Facts
from pgebench.ranking.suites import SUITE, stated_accuracy, suite

WILD = ("*", "?", "[")
"""Signs of a pattern."""

WEIGHTS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
"""Ends of names that are files of weights."""

AT = "@"
"""Between an architecture and the file of its weights."""


@dataclass(frozen=True)
class NamedBackbone:
    """A backbone as a candidate.

    Attributes:
        named: Its name and the fields of ``BackboneConfig``.
        facts: What is known of it.
    """

    named: Named
    facts: Facts


def named_backbones(names: Iterable[str], image_size: int | None, most: int, otherwise: int) -> list[NamedBackbone]:
    """The backbones that names stand for; call it inside ``composing``. One that is named twice is there once.

    Args:
        names: In ``conf/backbone``; of timm, with or without tag; patterns of timm's names; ``suite:NAME``; YAML files;
            files of weights, alone or as ``ARCHITECTURE@FILE``.
        image_size: Of all of them; None for the own one of each.
        most: How many timm names there may be.
        otherwise: Image size of a network that states none.

    Raises:
        ConfigError: A name is unknown, a pattern matches nothing or too much.
    """
    known = names_in("backbone")
    found: dict[str, Any] = {}
    for name in names:
        if name in known or name.endswith(".yaml"):
            found[name] = own_config(name)
        elif _is_file(name):
            found[name] = _of_file(name)
        else:
            found |= {model: _of_timm(model) for model in _timm_names(name)}
            if len(found) > most:
                raise ConfigError(_too_many(name, len(found), most))
    return [_made(own, image_size, otherwise) for own in found.values()]


def _made(own: Any, image_size: int | None, otherwise: int) -> NamedBackbone:
    known = timm_names.stated(str(own.get("model")))
    size = image_size or own.get("image_size") or (max(known.input_size[1:]) if known else otherwise)
    found = OmegaConf.merge(_fields(), own, {"image_size": size})
    named = Named(str(found.name), plain(found))
    config = named.config
    if not (config["pretrained"] or config["weights"]):
        close = timm_names.pretrained_names(f"{config['model']}.*")[:3]
        hint = f"timm has weights under {', '.join(close)}" if close else "choose another one"
        raise ConfigError(f"backbones={named.name}: it comes without pretrained weights; {hint}")
    of_timm = known if config["pretrained"] else None
    facts = Facts(
        image_size=size,
        weights=str(config["weights"] or (of_timm and of_timm.repository) or config["model"]),
        family=config["family"] or (known.family if known else None),
        licence=of_timm.licence if of_timm else None,
        accuracy=config["source_accuracy"],
    )
    return NamedBackbone(named, facts)


@cache
def _fields() -> Any:
    """The fields of a backbone; merging copies them, and making them anew takes a millisecond a candidate."""
    return OmegaConf.structured(BackboneConfig)


def _of_timm(model: str) -> Any:
    own = {"name": model, "model": model, "pretrained": True, "source_accuracy": stated_accuracy(model)}
    return OmegaConf.create(own)


def _timm_names(name: str) -> list[str]:
    """The full names that a name, a pattern or a suite stands for."""
    if name.startswith(SUITE):
        return suite(name.removeprefix(SUITE))
    if any(sign in name for sign in WILD):
        if matching := timm_names.pretrained_names(name):
            return matching
        close = timm_names.near(name.translate({ord(sign): None for sign in "*?[]"}))
        hint = f"; the nearest are {', '.join(close)}" if close else ""
        raise ConfigError(f"backbones={name}: no name of timm matches{hint}")
    if full := timm_names.with_tag(name):
        return [full]
    close = timm_names.near(name)
    hint = f"did you mean {', '.join(close)}? " if close else ""
    raise ConfigError(
        f"backbones={name}: timm has no pretrained network of this name, and there is no such file; {hint}"
        f"choose a name of timm, a pattern such as '*resnet*.a1_in1k', {SUITE}mobile, {SUITE}popular, {SUITE}mixed, "
        f"a file, or one of {', '.join(names_in('backbone'))}"
    )


def _too_many(name: str, count: int, most: int) -> str:
    tags = Counter(model.partition(".")[2] for model in _timm_names(name)).most_common(3)
    shown = ", ".join(f"'*.{tag}' ({number})" for tag, number in tags)
    return (
        f"backbones={name}: {count:,} backbones, more than most={most}: narrow it, for example by a tag ({shown}), "
        f"or ask for all with most={count}"
    )


def own_config(name: str) -> Any:
    """The fields that a name in ``conf/backbone`` or a YAML file gives; call it inside ``composing``.

    Raises:
        ConfigError: It is neither.
    """
    known = names_in("backbone")
    if name in known:
        return compose(f"backbone/{name}").backbone
    if not name.endswith(".yaml"):
        raise ConfigError(f"backbone={name}: choose from {', '.join(known)}, or give a YAML file of your own")
    if not Path(name).expanduser().is_file():
        raise ConfigError(f"backbone={name}: there is no such file")
    return OmegaConf.load(Path(name).expanduser())


def _is_file(name: str) -> bool:
    """Whether a name is meant as a place in the file system, there or not."""
    # timm has tags that look like the end of a file, such as that of beit3_base_patch16_224.pt.
    return AT in name or is_there(name) or (name.endswith(WEIGHTS) and timm_names.with_tag(name) is None)


def _of_file(name: str) -> Any:
    """The config of a file of weights, or of a folder with one and timm's config.json."""
    model, _, place = name.partition(AT) if AT in name and not is_there(name) else ("", "", name)
    path = Path(place).expanduser()
    file = weights.find(place)
    described = _config_json(path if path.is_dir() else path.parent)
    model = model or str(described.get("architecture", "")) or _architecture(path.name)
    if not model:
        raise ConfigError(
            f"backbones={name}: of which architecture are these weights? Say backbones=ARCHITECTURE{AT}{place} with a "
            "name of timm (resnet50), or write a YAML file with model: and weights:"
        )
    name = path.stem if path.is_file() else path.name
    own: dict[str, Any] = {"name": name, "model": model, "weights": escaped(place)}
    stated = described.get("pretrained_cfg", described)
    known = timm_names.stated(model)
    sides = stated.get("input_size", known.input_size if known else None)
    own |= {"image_size": sides[-1]} if sides else {}
    own |= {field: list(stated[field]) for field in ("mean", "std") if field in stated}
    created = OmegaConf.create(own)
    config = plain(OmegaConf.merge(OmegaConf.structured(BackboneConfig), created))
    created["head"] = backbones.has_classifier(backbones.backbone_params(config), str(file))
    return created


def _config_json(folder: Path) -> dict[str, Any]:
    """What timm writes beside weights; empty if it is not there or something else."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and timm_names.stated(str(found.get("architecture"))) else {}


def _architecture(file: str) -> str:
    """The architecture that a file is named after, as torchvision and timm do; empty if it is none.

    >>> _architecture("resnet50-0676ba61.pth"), _architecture("resnet18.a1_in1k.safetensors"), _architecture("best.pt")
    ('resnet50', 'resnet18', '')
    """
    name = file.partition(".")[0].partition("-")[0]
    return name if timm_names.stated(name) else ""
