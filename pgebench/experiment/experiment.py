"""One experiment, from plan to report."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pgebench.analysis.question import QUESTIONS
from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.files import write_atomically
from pgebench.core.records import DONE
from pgebench.core.say import say
from pgebench.core.text import unfolded
from pgebench.experiment.earlier_results import forget, stages_of, take_over
from pgebench.experiment.launch import INTERRUPTED, Launch
from pgebench.experiment.messages import to_run
from pgebench.experiment.on_box import run_on_box
from pgebench.experiment.publish import config_of, device_here, meta_of, publish, publish_table
from pgebench.experiment.so_far import ReportSoFar
from pgebench.experiment.status import write_plan
from pgebench.plan.sweep import Compose, expand, plain
from pgebench.plan.units import merged, plan, weights_taken
from pgebench.published.run import chosen_table
from pgebench.run.device import together_on
from pgebench.run.table import frame
from pgebench.stages import STAGES
from pgebench.store.format import open_store
from pgebench.tracking import Tracker

CHOICES = ("experiment", "launch")
"""Groups that decide which keys a launcher has, so that the config of a job must choose them too."""


def run_experiment(
    overrides: Sequence[Override],
    compose: Compose,
    launcher: Launcher,
    arguments: Sequence[str],
    paths: Sequence[str] = (),
) -> int:
    """Plan, run what is missing, and report.

    Args:
        overrides: the experiment's sweep followed by the user's.
        compose: makes the config of one cell from its overrides.
        launcher: the user's.
        arguments: what the user typed, for the report.
        paths: folders that the user's own functions are imported from.

    Returns:
        The exit code: 0 if every unit is done, 1 if one is not, 2 for a wrong config, 130 when interrupted.
    """
    try:
        sweep = expand(overrides, compose)
        config, results = sweep.config, Path(sweep.config.results)
        _check(config)
        if config.box:
            return run_on_box(sweep, arguments)
        store = open_store(Path(config.store), config.lock)
        published = chosen_table(config.experiment_name, [cell.settings["truth"] for cell in sweep.cells])
        if published is not None:
            tracker = Tracker(plain(config.tracking), [], store, results, config_of(sweep))
            return publish_table(published, sweep, tracker)
        cells = [(cell, plan(cell)) for cell in sweep.cells]
        of_weights = weights_taken(sweep.cells)
        units = merged(planned for _, planned in cells)
        distinct = list({unit.key: unit for unit in units}.values())
        forced = stages_of(config.force)
        write_atomically(results / "meta.json", meta_of(sweep, arguments))
        write_plan(distinct, store, results, config.workers)
        taken = take_over(units, store, Path(config.reuse)) if config.reuse else 0
        dropped = forget(units, forced, store) if forced else 0
        # Each record is read once, not to see what is done and again for the table: there may be 50,000.
        table = frame(units, store)
        done = set(table.key[table.status == DONE])
        waiting = [unit for unit in distinct if unit.key not in done]
        if waiting:
            store = open_store(store.root, config.lock, create=True)
    except (PgebenchError, OmegaConfBaseException, HydraException) as error:
        say(f"pgebench: error: {unfolded(error)}", error=True)
        return 2
    if sweep.skipped:
        say(f"{len(sweep.skipped)} pairs of sources and targets are left out because they share images.")
    if notes := [*sweep.left_out, *of_weights]:
        say(*notes)
    if config.reuse:
        say(f"{taken} truths are taken over from {config.reuse}.")
    if forced:
        say(f"{dropped} results are computed again (force). If this is interrupted, go on without force.")
    say(to_run(len(distinct), len(waiting), config.workers))
    trains = [name for name, stage in STAGES.items() if stage.curve]
    tracker = Tracker(plain(config.tracking), distinct, store, results, config_of(sweep), trains)
    if not waiting:
        return publish(sweep, table, arguments, tracker)
    with tracker:
        choices = [
            str(one.input_line) for one in overrides if one.key_or_group in CHOICES and not one.is_sweep_override()
        ]
        meta = partial(meta_of, sweep, arguments, so_far=True)
        tell = config.progress != "none"
        with ReportSoFar(results, config.report_every, lambda: frame(units, store), meta, tell):
            code = Launch(config, cells, waiting, store, launcher, choices, paths).run()
        table = frame(units, store)
        if code == INTERRUPTED:
            kept = int((table.drop_duplicates("key").status == DONE).sum())
            # After the sign that a terminal shows for ctrl-C.
            again = "Run the same command again to go on."
            say("", f"Interrupted: {kept} of {len(distinct)} units are done and kept. {again}")
            return code
        return publish(sweep, table, arguments, tracker)


def _check(config: DictConfig) -> None:
    """Refuse values that the schema admits and that make no sense.

    Raises:
        ConfigError: one of them is wrong.
    """
    if not re.fullmatch(r"\w[\w.-]*", config.experiment_name):
        raise ConfigError(f"experiment_name={config.experiment_name}: letters, digits and -_. only, it names a folder")
    if config.retry < 0:
        raise ConfigError(f"retry={config.retry}: give 0 or how often a failed unit is tried again")
    if config.report_every is not None and not 0 <= config.report_every < math.inf:
        raise ConfigError(f"report_every={config.report_every}: give minutes, or 0 for a report in the end alone")
    if config.time_limit is not None and config.time_limit <= 0:
        raise ConfigError(f"time_limit={config.time_limit}: give minutes above 0, or null for no limit")
    if config.question not in QUESTIONS:
        raise ConfigError(f"question={config.question}: choose from {', '.join(QUESTIONS)}")
    for pair in plain(config.contrasts):
        if not _is_contrast(pair):
            raise ConfigError(f"contrasts: {pair} is no pair; give the names of two metrics, such as [pge, logme]")
    together_on(device_here(config), config.together, config.deterministic)


def _is_contrast(pair: Any) -> bool:
    # Whether the run has these metrics is the report's to see: what is not installed is left out of the run.
    named = isinstance(pair, list) and all(isinstance(name, str) and name for name in pair)
    return named and len(pair) == len(set(pair)) == 2
