"""Suites: curated lists of pretrained backbones, in ``conf/candidates.yaml``."""

from __future__ import annotations

from functools import cache
from typing import Any

from omegaconf import OmegaConf

from pgebench.core.conf import conf_dir
from pgebench.core.errors import ConfigError
from pgebench.core.suggest import suggest

SUITE = "suite:"
"""Begins the name of a suite where backbones are named."""


@cache
def suites() -> dict[str, dict[str, dict[str, Any]]]:
    """Name of a suite -> timm's name of a backbone -> what is stated: ``accuracy``, ``millions`` of parameters.

    >>> sorted(suites()), suites()["mixed"]["resnet18.a1_in1k"]["millions"]
    (['mixed', 'mobile', 'popular'], 11.69)
    """
    # A name has dots in it, which OmegaConf leaves alone in a mapping.
    found: dict[str, dict[str, dict[str, Any]]] = OmegaConf.to_container(  # type: ignore[assignment]
        OmegaConf.load(conf_dir() / "candidates.yaml")
    )
    return found


def suite(name: str) -> list[str]:
    """The backbones of a suite, by timm's names.

    Raises:
        ConfigError: There is no such suite.

    >>> len(suite("mixed"))
    24
    """
    known = suites()
    if name not in known:
        raise ConfigError(f"backbones={SUITE}{name}: no such suite; {suggest(name, list(known))}")
    return list(known[name])


def stated_accuracy(model: str) -> float | None:
    """Top-1 on ImageNet-1k that is stated for a network in a suite; None for others.

    >>> stated_accuracy("resnet18.a1_in1k"), stated_accuracy("resnet18.a2_in1k")
    (0.71504, None)
    """
    return next((names[model].get("accuracy") for names in suites().values() if model in names), None)
