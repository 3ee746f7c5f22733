"""The parts of ``pgebench --help`` that stand elsewhere: settings with their meaning, and the other commands."""

from __future__ import annotations

import re

from omegaconf import OmegaConf

from pgebench.cli.options import COMMANDS
from pgebench.config import conf_dir
from pgebench.core.options import columns, explanation

WIDTH = 80
"""Columns of the help; Hydra reads it before it knows a terminal."""


def register_help() -> None:
    """Make ``${settings:}`` and ``${commands:}`` known, which the help of ``conf/config.yaml`` refers to."""
    for part in (settings, commands):
        OmegaConf.register_new_resolver(part.__name__, lambda part=part: part().replace("$", "$$"), replace=True)


def settings() -> str:
    """The top settings of ``conf/config.yaml``, with the remarks that stand beside them there.

    Returns:
        Two columns: name with default, and meaning.
    """
    text = (conf_dir() / "config.yaml").read_text()
    found = re.findall(r"(?m)^(\w+): (.*?) +# (.+)$", text)
    return columns([(f"{name}={value}", meaning) for name, value, meaning in found], WIDTH)


def commands() -> str:
    """The commands beside ``pgebench``.

    Returns:
        Two columns: name, and the first paragraph of its help.
    """
    return columns([(name, explanation(kind).purpose.split("\n\n")[0]) for name, kind in COMMANDS.items()], WIDTH)
