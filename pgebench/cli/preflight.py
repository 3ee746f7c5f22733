"""What is wrong with a command line, in one line, before Hydra says it in twenty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pgebench.core.suggest import suggest

ROLES = ("dataset@source", "dataset@target")
GROUPS = (*ROLES, "backbone", "metric", "truth", "suite", "experiment", "launch", "tracking")

LAUNCHERS = {"ray": "ray", "submitit_slurm": "slurm", "submitit_local": "slurm"}
"""Launchers that are plugins of their own, with the extra of pgebench that installs them."""


def unknown_choice(arguments: Sequence[str], folders: Sequence[Path]) -> str | None:
    """The first override that chooses an option which no config folder has, with the options there are."""
    for argument in arguments:
        group, _, value = argument.partition("=")
        if group not in GROUPS or re.search(r"[(${]", value):  # functions and interpolations are Hydra's to judge
            continue
        directory, _, role = group.partition("@")
        known = sorted(path.stem for folder in folders for path in (folder / directory).glob("*.yaml"))
        for choice in re.findall(r"[^\[\],\s'\"]+", value):
            if choice not in known and choice != "null":
                return f"{role or group}={choice}: no such {directory}; {suggest(choice, known)}"
    return None


def wrong_value(arguments: Sequence[str], folders: Sequence[Path]) -> str | None:
    """Why Hydra cannot compose the first cell of the sweep: an unknown key, or a wrong type.

    Args:
        arguments: the command line.
        folders: pgebench's own config folder, then the user's.
    """
    overrides = [argument for argument in arguments if "=" in argument and not argument.startswith("-")]
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        chosen = [
            _first_value(override)
            for override in parsed
            if override.key_or_group == "hydra/launcher" or not override.is_hydra_override()
        ]
        search = ",".join(f"'file://{folder}'" for folder in folders[1:])
        with initialize_config_dir(str(folders[0]), version_base="1.3"):
            compose("config", [*chosen, f"hydra.searchpath=[{search}]"])
    except HydraException as error:
        cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else None
        first = " ".join(str(error).split("\n")[0].split())
        if missing := re.search(r"Could not find 'hydra/launcher/(\w+)'", first):
            return _not_installed(missing.group(1))
        if cause is None:
            return first
        key = str(cause.full_key or "")
        fields = sorted(str(field) for field in cause.parent_node) if OmegaConf.is_dict(cause.parent_node) else []
        reason = str(cause).split("\n")[0]
        hint = suggest(key.rpartition(".")[2], fields) if "not in" in reason else "see pgebench --cfg job"
        return f"{key}: {reason}; {hint}"
    return None


def _first_value(override: Override) -> str:
    """The override, cut down to the first value of its sweep."""
    if not override.is_discrete_sweep():
        return override.input_line or ""
    return f"{override.get_key_element()}={next(iter(override.sweep_string_iterator()))}"


def _not_installed(launcher: str) -> str:
    """What to do about a launcher whose plugin is not there."""
    extra = LAUNCHERS.get(launcher)
    remedy = f"pip install 'pgebench[{extra}]'" if extra else "install the Hydra plugin that brings it"
    return f"launch: Hydra's launcher '{launcher}' is not installed; {remedy}, or choose launch=local"
