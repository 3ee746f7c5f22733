"""What the user typed, as Hydra reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pgebench.core.words import nowhere, several
from pgebench.plan.words import Loaders, literal, spelled

MODES = r"--?(multirun|m|cfg|c|info|i|help|h|hydra-help|version|shell-completion|sc|resolve)(=|$)"
"""Arguments that already say what Hydra is to do."""

RUN = ("--run", "-r")
"""What Hydra calls a run is a sweep of one cell here."""

ROLES = ("dataset@source", "dataset@target")
GROUPS = (*ROLES, "backbone", "metric", "truth", "suite", "experiment", "launch", "tracking")

VALUED = r"--(config-dir|config-path|config-name|package|cfg)|-(cd|cp|cn|p|c)"
"""Options whose value is the argument after them."""

PUBLISHED = re.compile(r"truth=published\.\w+")
"""The truth is a table of ``pgebench.published``."""


def in_order(arguments: Sequence[str]) -> list[str]:
    """The command line in Hydra's own order, with the groups as Hydra calls them.

    Args:
        arguments: What was typed after ``pgebench``.

    Returns:
        Options first, then overrides; nothing about the mode, see ``with_mode``.

    >>> in_order(["source=mnist", "--config-dir=mine", "truth=published.sfda"])[:2]
    ['--config-dir=mine', 'experiment=published']
    """
    # Hydra takes no overrides on both sides of an option such as ``--config-dir DIR``; users write them anyway.
    options, given = split(arguments)
    return [*options, *_with_results(_with_experiment([_with_group(argument) for argument in given]))]


def as_hydra_reads(arguments: Sequence[str], loaders: Loaders | None = None) -> list[str]:
    """The command line in Hydra's own spelling: what is text to the schema is text to Hydra.

    Args:
        arguments: As ``in_order`` returns them.
        loaders: The config under ``loader`` of ``source`` and ``target``, where it is known.

    Returns:
        The options as they are, then the overrides.

    Raises:
        ConfigError: A value is empty, or a loader has no such key.

    >>> as_hydra_reads(["--config-dir=mine", "results=2026_11"])
    ['--config-dir=mine', "results='2026_11'"]
    """
    options, given = split(arguments)
    return [*options, *(part for argument in given for part in literal(argument, loaders))]


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and the rest, which must be overrides.

    Args:
        arguments: The command line.

    Returns:
        Both, each in its order.

    >>> split(["seed=1", "--config-dir", "my=dir", "-m", "word"])
    (['--config-dir', 'my=dir', '-m'], ['seed=1', 'word'])
    """
    options: list[str] = []
    given: list[str] = []
    is_value = False
    for argument in arguments:
        (options if is_value or argument.startswith("-") else given).append(argument)
        is_value = not is_value and re.fullmatch(VALUED, argument) is not None
    return options, given


def with_mode(arguments: Sequence[str]) -> list[str]:
    """The same with ``--multirun``, unless it is said what to do: every run is a sweep, if only of one cell.

    Args:
        arguments: As ``as_hydra_reads`` returns them.

    Returns:
        What Hydra is to read; it wants to be told the mode before it reads the values.

    >>> with_mode(["seed=1"]), with_mode(["--run", "seed=1"]), with_mode(["--cfg", "job"])
    (['--multirun', 'seed=1'], ['--multirun', 'seed=1'], ['--cfg', 'job'])
    """
    kept = [argument for argument in arguments if argument not in RUN]
    said = any(re.match(MODES, argument) for argument in kept)
    return kept if said else ["--multirun", *kept]


def completes(arguments: Sequence[str]) -> bool:
    """Whether a shell asks for completions; its arguments (``install=bash``) are no overrides.

    Args:
        arguments: The command line.

    Returns:
        True if it does.

    >>> completes(["-sc", "install=bash"]), completes(["seed=1"])
    (True, False)
    """
    return bool({"-sc", "--shell-completion"} & set(arguments))


def config_dirs(arguments: Sequence[str]) -> list[Path]:
    """The user's own config folders.

    Args:
        arguments: The command line.

    Returns:
        Values of ``--config-dir``, as absolute paths.
    """
    found = []
    for position, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            value = value or (arguments[position + 1] if position + 1 < len(arguments) else "")
            found.append(Path(value).resolve())
    return found


def _with_group(argument: str) -> str:
    """An argument as Hydra spells it.

    ``source=NAME`` and ``target=NAME`` choose from the group of datasets, which is ``dataset@source``. The name of a
    user's own YAML may be one that Hydra takes for a number.

    >>> _with_group("source=folder"), _with_group("experiment=2024_01"), _with_group("metric=[pge,leep]")
    ('dataset@source=folder', "experiment='2024_01'", 'metric=[pge,leep]')
    """
    key, is_said, value = argument.partition("=")
    key = f"dataset@{key}" if is_said and key in ("source", "target") else key
    # Lists, functions and interpolations are Hydra's to judge.
    if key in GROUPS and not re.match(r"\[|\w+\(", value) and "${" not in value:
        names = several(value, nowhere)
        value = ",".join(name if name == "null" else spelled(name) for name in names)
    return f"{key}{is_said}{value}"


def _with_experiment(arguments: Sequence[str]) -> list[str]:
    """``truth=published.NAME`` is an experiment of its own, named after the table, unless another one is chosen."""
    name = next((argument.removeprefix("truth=") for argument in arguments if PUBLISHED.fullmatch(argument)), None)
    if name is None or any(argument.startswith("experiment=") for argument in arguments):
        return list(arguments)
    return ["experiment=published", f"experiment_name={name}", *arguments]


def _with_results(arguments: Sequence[str]) -> list[str]:
    """Metrics that are scored on a box do not take the place of the results of a run, unless it is said so.

    >>> _with_results(["box=embedded"]), _with_results(["box=embedded", "results=mine"]), _with_results(["box=null"])
    (['results=results/judged', 'box=embedded'], ['box=embedded', 'results=mine'], ['box=null'])
    """
    on_box = any(re.fullmatch(r"box=(?!null$).+", argument) for argument in arguments)
    if not on_box or any(argument.startswith("results=") for argument in arguments):
        return list(arguments)
    return ["results=results/judged", *arguments]
