"""What the user typed, as Hydra reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pgebench.core.quoting import quoted

MODES = r"--?(multirun|m|cfg|c|info|i|help|h|hydra-help|version|shell-completion|sc|resolve)(=|$)"
"""Arguments that already say what Hydra is to do."""

RUN = ("--run", "-r")
"""What Hydra calls a run is a sweep of one cell here."""

PUBLISHED = re.compile(r"truth=published\.\w+")
"""The truth is a table of ``pgebench.published``."""


def as_hydra_reads(arguments: Sequence[str]) -> list[str]:
    """The command line in Hydra's own spelling and order.

    Args:
        arguments: What was typed after ``pgebench``.

    Returns:
        Options first, then overrides; nothing about the mode, see ``with_mode``.

    >>> as_hydra_reads(["source=mnist", "--config-dir=mine", "truth=published.sfda"])[:2]
    ['--config-dir=mine', 'experiment=published']
    """
    return _options_first(_with_experiment([_with_group(argument) for argument in arguments]))


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

    ``source=NAME`` and ``target=NAME`` choose from the group of datasets, which is ``dataset@source``. A path that
    exists is one value, whatever signs are in it; a list of paths is left as it is.

    >>> _with_group("source=folder"), _with_group("source.path=no/such/folder,another")
    ('dataset@source=folder', 'source.path=no/such/folder,another')
    """
    key, _, value = argument.partition("=")
    if re.fullmatch(r"(source|target)\.path", key) and re.search(r"[^\w./-]", value) and _exists(value):
        return f"{key}={quoted(value)}"
    return re.sub(r"^(source|target)=", r"dataset@\1=", argument)


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # longer than a file's name can be, or nobody's home
        return False


def _with_experiment(arguments: Sequence[str]) -> list[str]:
    """``truth=published.NAME`` is an experiment of its own, named after the table, unless another one is chosen."""
    name = next((argument.removeprefix("truth=") for argument in arguments if PUBLISHED.fullmatch(argument)), None)
    if name is None or any(argument.startswith("experiment=") for argument in arguments):
        return list(arguments)
    return ["experiment=published", f"experiment_name={name}", *arguments]


def _options_first(arguments: Sequence[str]) -> list[str]:
    """Hydra takes no overrides on both sides of an option such as ``--config-dir DIR``; users write them anyway."""
    is_override = [bool(re.match(r"[^-].*=|~", argument)) for argument in arguments]
    pairs = list(zip(arguments, is_override, strict=True))
    return [argument for argument, is_one in pairs if not is_one] + [argument for argument, is_one in pairs if is_one]
