"""The command ``pgebench``: a sweep, which Hydra reads."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from pgebench.cli.arguments import as_hydra_reads, completes, config_dirs, in_order, with_mode
from pgebench.cli.help import register_help
from pgebench.cli.preflight import loaders, unknown_choice, wrong_value
from pgebench.config import conf_dir, register
from pgebench.core.errors import ConfigError
from pgebench.core.terminal import terminal
from pgebench.core.text import one_line, unfolded

COLLECT_AFTER = 100_000
"""New objects after which the garbage collector looks for cycles. A plan makes hundreds of thousands that live to the
end; at Python's 700 a third of the time goes into looking at them again and again."""


def main() -> None:
    """Run an experiment; Hydra reads the command line."""
    gc.set_threshold(COLLECT_AFTER)
    arguments = in_order(sys.argv[1:])
    folders = [conf_dir(), *config_dirs(arguments)]
    register()
    register_help()
    with terminal():
        _import_from(folders[1:])
        if not completes(arguments):
            arguments = _checked(arguments, folders)
        sys.argv[1:] = with_mode(arguments)
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(_job)()


def _checked(arguments: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """The arguments as Hydra reads them, if it can do something with them."""
    message = unknown_choice(arguments, folders)
    try:
        read = [] if message else as_hydra_reads(arguments, loaders(arguments, folders))
    except ConfigError as error:
        message = str(error)
    message = message or wrong_value(read, folders)
    if message:
        raise SystemExit(f"pgebench: error: {one_line(unfolded(message))}")
    return read


def _import_from(folders: Iterable[Path]) -> None:
    """A user's metric is a function beside its YAML."""
    sys.path[:0] = [str(folder) for folder in folders if str(folder) not in sys.path]


def _job(config: DictConfig) -> None:
    # A launcher may run this on another machine and in another folder, where nothing of `main` has happened.
    os.chdir(HydraConfig.get().runtime.cwd)
    # torch takes seconds to import: --help, --cfg and shell completion do without it.
    from pgebench.experiment.job import run_job

    if config.units is None:
        raise SystemExit("pgebench: error: hydra.mode=RUN: every run is a sweep, if only of one cell; leave it out")
    run_job(Path(config.units))


if __name__ == "__main__":
    main()
