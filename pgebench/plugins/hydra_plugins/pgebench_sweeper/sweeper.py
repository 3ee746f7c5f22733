"""Hydra's way into an experiment: overrides in, jobs to the user's launcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException


@dataclass
class PgebenchSweeperConf:
    """``params`` are the sweep of an experiment; the command line replaces them key by key."""

    _target_: str = "hydra_plugins.pgebench_sweeper.sweeper.PgebenchSweeper"
    params: dict[str, Any] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="pgebench", node=PgebenchSweeperConf, provider="pgebench_sweeper"
)


class PgebenchSweeper(Sweeper):
    """Plans the experiment, launches what is not done yet, and writes the report.

    Args:
        params: override keys and comma-separated values, as after ``-m`` on the command line.
    """

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before ``sweep``."""
        self.hydra_context, self.config = hydra_context, config
        try:
            self.launcher = Plugins.instance().instantiate_launcher(
                hydra_context=hydra_context, task_function=task_function, config=config
            )
        except OmegaConfBaseException as error:  # a value of the launcher's config cannot be worked out
            raise SystemExit(f"pgebench: error: hydra.launcher: {error.__cause__ or error}") from error

    def sweep(self, arguments: list[str]) -> None:
        """Run the experiment that the overrides describe; exits with its code."""
        # Hydra imports every plugin at every start, for shell completion too: torch must wait until here.
        from pgebench.core.errors import ConfigError
        from pgebench.experiment.experiment import run_experiment
        from pgebench.plan.words import literal, typed, unreadable

        assert self.hydra_context is not None, "Hydra calls setup before sweep"
        assert self.config is not None
        assert self.launcher is not None
        loader, master, launcher = self.hydra_context.config_loader, self.config, self.launcher
        parser = OverridesParser.create(config_loader=loader)
        try:
            swept = [part for key, value in self.params.items() for part in literal(f"{key}={value}")]
        except ConfigError as error:
            raise SystemExit(f"pgebench: error: hydra.sweeper.params: {error}") from error
        if reason := next(filter(None, map(unreadable, swept)), None):
            raise SystemExit(f"pgebench: error: hydra.sweeper.params: {reason}")
        overrides = parser.parse_overrides([*swept, *arguments])

        def compose(chosen: Sequence[str]) -> DictConfig:
            return loader.load_sweep_config(master, list(chosen))

        own = [source.path for source in master.hydra.runtime.config_sources if source.provider == "command-line"]
        folders = [str(Path(path).resolve()) for path in own]
        code = run_experiment(overrides, compose, launcher, typed(arguments), folders)
        if code:
            # Hydra turns every exception into its own message; an exit code passes through.
            raise SystemExit(code)
