"""One experiment from plan to report."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pgebench.analysis.question import QUESTIONS
from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.records import DONE, MISSING
from pgebench.experiment.earlier_results import forget, reused, stages_of, take_over
from pgebench.experiment.job import cells_of
from pgebench.experiment.launch import INTERRUPTED, launch
from pgebench.experiment.status import write_plan
from pgebench.experiment.up_to_date import is_current, write_stamp
from pgebench.plan import unavailable
from pgebench.plan.sweep import Compose, Job, Sweep, cell_of, expand, plain
from pgebench.plan.units import LEVELS, counts, merged, plan
from pgebench.published.run import chosen_table, write_records
from pgebench.published.tables import PublishedTable
from pgebench.run.device import device_of, device_of_worker, together_on
from pgebench.run.policy import Rules
from pgebench.run.runner import run_units
from pgebench.run.table import frame, load_summary
from pgebench.store.format import open_store
from pgebench.store.unit import Unit
from pgebench.tracking import Tracker

ELSEWHERE = (
    "The jobs ran on a cluster. The machine named in this report is the one that planned them; the one that computed a "
    "unit is named in its record in the store."
)

NO_RECORD = (
    "its job did not run or did not end; or it could not see the store: every machine must have the same store=DIR"
)

NAMES = ("backbone", "source", "target", "metric", "truth")


def run_job(config: DictConfig) -> None:
    """What a launched job does: the units of its cells, each at its level. Failures are in the records."""
    torch.set_num_threads(config.threads)
    store, device = open_store(Path(config.store)), device_of_worker(config.device)
    stop = None if config.stop is None else Path(config.results) / config.stop
    together = together_on(device, config.together, config.deterministic)
    rules = Rules(config.workers, config.retry, config.time_limit, config.deterministic, stop, together)
    run_units(_units_of_job(config), store, device, rules)


def _units_of_job(config: DictConfig) -> Iterator[Unit]:
    for cell in cells_of(config):
        units = plan(cell_of(cell))
        for level in LEVELS if cell.level == "all" else (cell.level,):
            yield from units[level]


def run_experiment(
    overrides: Sequence[Override], compose: Compose, launcher: Launcher, arguments: Sequence[str]
) -> int:
    """Plan, run what is missing, and report.

    Args:
        overrides: the experiment's sweep followed by the user's.
        compose: makes the config of one job from its overrides.
        launcher: the user's.
        arguments: what the user typed, for the report.

    Returns:
        The exit code: 0 if every unit is done, 1 if one is not, 2 for a wrong config, 130 when interrupted.
    """
    try:
        sweep = expand(overrides, compose)
        _check(sweep.config)
        published = chosen_table(sweep.config.experiment_name, [job.cell.settings["truth"] for job in sweep.jobs])
        if published is not None:
            return report_published(published, sweep)
        units = merged(job.units for job in sweep.jobs)
        distinct = list({unit.key: unit for unit in units}.values())
        results = Path(sweep.config.results)
        forced = stages_of(sweep.config.force)
        store = open_store(Path(sweep.config.store), sweep.config.lock)
        write_atomically(results / "meta.json", _meta(sweep, arguments))
        write_plan(distinct, store, results, sweep.config.workers)
        taken = take_over(units, store, Path(sweep.config.reuse)) if sweep.config.reuse else 0
        dropped = forget(units, forced, store) if forced else 0
        # Each record is read once, not to see what is done and again for the table: there may be 50,000.
        table = frame(units, store)
        done = set(table.key[table.status == DONE])
        waiting = [unit for unit in distinct if unit.key not in done]
        if waiting:
            store = open_store(store.root, sweep.config.lock, create=True)
    except (PgebenchError, OmegaConfBaseException, HydraException) as error:
        print(f"pgebench: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if sweep.skipped:
        print(f"{len(sweep.skipped)} pairs of sources and targets are left out because they share images.")
    for line in sweep.left_out:
        print(line)
    if sweep.config.reuse:
        print(f"{taken} truths are taken over from {sweep.config.reuse}.")
    if forced:
        print(f"{dropped} results are computed again (force). If this is interrupted, go on without force.")
    if waiting:
        workers = sweep.config.workers
        where = "on the cluster" if workers is None else f"with {workers} workers"
        print(f"{len(distinct)} units, {len(done)} done already, {len(waiting)} to run {where}.", flush=True)
    else:
        print(f"All {len(distinct)} units are done already.")
    tracker = Tracker(plain(sweep.config.tracking), distinct, store, results, _config(sweep))
    if not waiting:
        return publish(sweep, table, results, arguments, tracker)
    with tracker:
        code = launch(sweep, waiting, store, launcher)
        table = frame(units, store)
        if code == INTERRUPTED:
            kept = int((table.drop_duplicates("key").status == DONE).sum())
            print(f"\nInterrupted: {kept} of {len(distinct)} units are done and kept.", end=" ")
            print("Run the same command again to go on.")
            return code
        return publish(sweep, table, results, arguments, tracker)


def report_published(table: PublishedTable, sweep: Sweep) -> int:
    """Write the report of a published table, hand it to W&B, tell the user; returns the exit code."""
    from pgebench.report import build_report

    results, store = Path(sweep.config.results), open_store(Path(sweep.config.store))
    with Tracker(plain(sweep.config.tracking), [], store, results, _config(sweep)) as tracker:
        write_records(table, results, sweep.config.seed)
        report = build_report(results)
        tracker.report()
    print(headline(load_summary(results), table.truth), end="")
    print(f"{table.about.title}; nothing was trained. Report: {report}")
    return 0


def publish(sweep: Sweep, table: pd.DataFrame, results: Path, arguments: Sequence[str], tracker: Tracker) -> int:
    """Write table and report, hand them to W&B, tell the user; returns the exit code.

    A report that was made from the same table by the same code stays, and no W&B run is opened for it.
    """
    try:
        write_atomically(results / "records.parquet", table.to_parquet(index=False))
        write_atomically(results / "meta.json", _meta(sweep, arguments, table))
        if current := is_current(results):
            tracker.report()  # only if units ran, so that the run that follows them has an end
        else:
            from pgebench.report import build_report  # and matplotlib with it, which a current report does not need

            with tracker:
                build_report(results)
                tracker.report()
            write_stamp(results)
    except (OSError, PgebenchError) as error:
        print(f"pgebench: error: cannot write the report: {error}", file=sys.stderr)
        return 1
    distinct = table.drop_duplicates("key")
    unfinished = distinct[distinct.status != DONE]
    print(headline(load_summary(results), sweep.config.primary_truth), end="")
    print(f"{len(distinct) - len(unfinished)} of {len(distinct)} units done.", end=" ")
    print(f"{'The report is up to date' if current else 'Report'}: {results / 'report.html'}")
    if unfinished.empty:
        return 0
    print(failures(unfinished), file=sys.stderr)
    return 1


def headline(summary: pd.DataFrame, truth: str, most: int = 12) -> str:
    """The best metrics in a few lines; nothing if there is no score or no truth."""
    if summary.empty:
        return ""
    league = summary[(summary.truth == truth) & summary.weighted_tau.notna()].nlargest(most, "weighted_tau")
    if league.empty:
        return ""
    lines = [f"{'metric':22}{'weighted tau':>13}   95 % interval"]
    for _, row in league.iterrows():
        interval = (
            f"{row.weighted_tau_low:5.2f} to {row.weighted_tau_high:.2f}"
            if row.weighted_tau_low == row.weighted_tau_low
            else "  -"
        )
        lines.append(f"{row.metric:22}{row.weighted_tau:13.2f}   {interval}")
    ceiling = league.weighted_tau_ceiling.iloc[0]
    if ceiling == ceiling:
        lines.append(f"{'(noise ceiling)':22}{ceiling:13.2f}")
    return "\n".join(lines) + "\n"


def failures(table: pd.DataFrame, most: int = 20) -> str:
    """What went wrong, one line a unit, and how to go on."""
    rows = [
        f"  {row.status:8} {row.stage:10} "
        + " ".join(str(row[column]) for column in NAMES if isinstance(row[column], str))
        + (f": {row.error or NO_RECORD}" if row.error or row.status == MISSING else "")
        for _, row in table.head(most).iterrows()
    ]
    rest = [f"  ... and {len(table) - most} more, see records.csv"] if len(table) > most else []
    head = f"{len(table)} units have no result:"
    return "\n".join([head, *rows, *rest, "Mend the cause and run the same command again: finished units are kept."])


def _device_here(config: DictConfig) -> torch.device:
    """The device of this process; where a cluster computes, the GPUs are in other machines."""
    return device_of("cpu" if config.workers is None else config.device)


def _check(config: DictConfig) -> None:
    """Refuse values that the schema admits and that make no sense.

    Raises:
        ConfigError: one of them is wrong.
    """
    if not re.fullmatch(r"\w[\w.-]*", config.experiment_name):
        raise ConfigError(f"experiment_name={config.experiment_name}: letters, digits and -_. only, it names a folder")
    if config.retry < 0:
        raise ConfigError(f"retry={config.retry}: give 0 or how often a failed unit is tried again")
    if config.time_limit is not None and config.time_limit <= 0:
        raise ConfigError(f"time_limit={config.time_limit}: give minutes above 0, or null for no limit")
    if config.question not in QUESTIONS:
        raise ConfigError(f"question={config.question}: choose from {', '.join(QUESTIONS)}")
    together_on(_device_here(config), config.together, config.deterministic)


def dataset_sizes(jobs: Sequence[Job]) -> dict[str, dict[str, int]]:
    """Classes and images of each dataset by split; a target's training budget is ``train_as_target``."""
    sizes: dict[str, dict[str, int]] = {}
    sources = {job.cell.source.name: job.cell.source for job in jobs}
    targets = {job.cell.target.name: job.cell.target for job in jobs}
    for name, source in sources.items():
        if not unavailable.is_pretrained(source.config):
            sizes[name] = counts(source)
    for name, target in targets.items():
        as_target = counts(target)
        as_target["train_as_target"] = as_target.pop("train")
        sizes.setdefault(name, {}).update(as_target)
    return sizes


def _config(sweep: Sweep) -> dict[str, Any]:
    """The config of the sweep's first job, without what is Hydra's own."""
    return {str(key): plain(node) for key, node in sweep.config.items() if key != "hydra"}


def _meta(sweep: Sweep, arguments: Sequence[str], table: pd.DataFrame | None = None) -> bytes:
    """What the report says beside the table, as JSON; the same experiment gives the same bytes."""
    config = _config(sweep)
    table = pd.DataFrame({"finished": [], "detail": []}) if table is None else table
    finished = table.finished.dropna().tolist()
    elsewhere = [ELSEWHERE] if config["workers"] is None else []
    meta = {
        "experiment": config["experiment_name"],
        "command": shlex.join(["pgebench", *arguments]),
        "created": max(finished, default=None),
        "versions": versions(),
        "machine": machine(str(_device_here(sweep.config))),
        "primary_truth": config["primary_truth"],
        "question": config["question"],
        "seed": config["seed"],
        "config": config,
        "datasets": dataset_sizes(sweep.jobs),
        "skipped": sweep.skipped,
        # The report must say why a metric of the config is not in its league, and what was not computed for it.
        "notes": [*config["notes"], *elsewhere, *sweep.left_out, *reused(table)],
    }
    return json.dumps(meta, indent=1, sort_keys=True).encode()
