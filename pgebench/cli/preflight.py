"""What is wrong with a command line, in one line, before Hydra says it in twenty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pgebench.cli.arguments import GROUPS, ROLES, split, with_mode
from pgebench.core.quoting import quoted
from pgebench.core.suggest import suggest
from pgebench.core.words import nowhere, several
from pgebench.plan.words import Loaders, unreadable

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
        for choice in several(re.sub(r"[\[\]]", "", value), nowhere):
            if choice not in known and choice != "null":
                return f"{role or group}={choice}: no such {directory}; {suggest(choice, known)}"
    return None


def wrong_value(arguments: Sequence[str], folders: Sequence[Path]) -> str | None:
    """Why Hydra cannot compose the first cell of the sweep: an unknown key, or a wrong type.

    Args:
        arguments: the command line.
        folders: pgebench's own config folder, then the user's.
    """
    overrides = split(arguments)[1]
    for argument in overrides:
        if reason := unreadable(argument):
            return reason
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
        swept = [override.input_line for override in parsed if override.is_sweep_override()]
        if swept and not {"-m", "--multirun"} & set(with_mode(arguments)):
            return f"{swept[0]}: --cfg shows one cell: give one value"
        chosen = [
            _first_value(override)
            for override in parsed
            if override.key_or_group == "hydra/launcher" or not override.is_hydra_override()
        ]
        _composed(chosen, folders)
    except (HydraException, OmegaConfBaseException) as error:
        cause = next((one for one in (error, error.__cause__) if isinstance(one, OmegaConfBaseException)), None)
        first = " ".join(str(error).split("\n")[0].split())
        if missing := re.search(r"Could not find 'hydra/launcher/(\w+)'", first):
            return _not_installed(missing.group(1))
        if cause is None:
            return first
        key = str(cause.full_key or "")
        names = map(str, cause.parent_node) if OmegaConf.is_dict(cause.parent_node) else ()
        fields = sorted(name for name in names if not name.startswith("_"))
        reason = str(cause).split("\n")[0]
        hint = suggest(key.rpartition(".")[2], fields) if "not in" in reason else "see pgebench --cfg job"
        return f"{key}: {reason}; {hint}"
    return None


def loaders(arguments: Sequence[str], folders: Sequence[Path]) -> Loaders:
    """The loaders of the chosen datasets, of the first where there are several; nothing where no key of them is given.

    Args:
        arguments: the command line, before its values are made literal.
        folders: pgebench's own config folder, then the user's.
    """
    given = split(arguments)[1]
    if not any(re.match(r"\+*(source|target)\.loader\.", argument) for argument in given):
        return {}
    # Metrics and truths take most of the time of a composition.
    groups = [argument for argument in given if argument.split("=")[0] in set(GROUPS) - {"metric", "truth"}]
    functions = [argument for argument in given if re.match(r"(source|target)\.loader\._target_=", argument)]
    try:
        chosen = [_first_value(one) for one in OverridesParser.create().parse_overrides([*groups, *functions])]
        config = _composed([*chosen, "metric=[]", "truth=[]"], folders, hydra=True)
        params = config.hydra.sweeper.get("params") or {}
        open_roles = {key for key in ROLES if key in params} - {argument.split("=")[0] for argument in groups}
        if swept := [f"{key}={several(str(params[key]), nowhere)[0]}" for key in sorted(open_roles)]:
            config = _composed([*chosen, *swept, "metric=[]", "truth=[]"], folders, hydra=True)
    except HydraException:  # what is wrong is told by `wrong_value`
        return {}
    found: dict[str, Any] = {role: OmegaConf.to_container(config[role]) for role in ("source", "target")}
    return {role: dataset["loader"] or {} for role, dataset in found.items()}


def _composed(overrides: Sequence[str], folders: Sequence[Path], hydra: bool = False) -> DictConfig:
    search = ",".join(quoted(f"file://{folder}") for folder in folders[1:])
    with initialize_config_dir(str(folders[0]), version_base="1.3"):
        return compose("config", [*overrides, f"hydra.searchpath=[{search}]"], return_hydra_config=hydra)


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
