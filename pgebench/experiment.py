"""One experiment from plan to report."""

from __future__ import annotations

import json
import shlex
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pgebench import provenance
from pgebench.analysis.question import QUESTIONS
from pgebench.errors import ConfigError, PgebenchError
from pgebench.plan import LEVELS, counts, plan, rows
from pgebench.progress import Progress
from pgebench.published.run import chosen_table, write_records
from pgebench.published.tables import PublishedTable
from pgebench.reuse import reused, take_over
from pgebench.runner import run_units
from pgebench.store import DONE, Store, write_atomically
from pgebench.sweep import Compose, Job, Sweep, cell_of, expand, plain
from pgebench.table import frame
from pgebench.tracking import Tracker
from pgebench.unit import Unit

PASSES = (("source", "target"), ("pair",))
"""Levels that are launched together: all datasets first, then all pairs, so that no job waits for another."""

INTERRUPTED = 130

NAMES = ("backbone", "source", "target", "metric", "truth")


def run_job(config: DictConfig) -> None:
    """What a launched job does: the units of one cell at its level. Failures are in the records."""
    torch.set_num_threads(config.threads)
    units = plan(cell_of(config))
    levels = LEVELS if config.level == "all" else (config.level,)
    store = Store(Path(config.store))
    for level in levels:
        run_units(units[level], store, device_of(config.device), config.workers)


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
        published = chosen_table(sweep.config.experiment_name, [job.cell.settings["truth"] for job in sweep.jobs])
        if published is not None:
            return report_published(published, sweep)
        _check_question(sweep.config.question)
        units = rows(job.cell for job in sweep.jobs)
        store = Store(Path(sweep.config.store))
        results = Path(sweep.config.results)
        device_of(sweep.config.device)
        write_atomically(results / "meta.json", _meta(sweep, arguments))
        taken = take_over(units, store, Path(sweep.config.reuse)) if sweep.config.reuse else 0
    except (PgebenchError, OmegaConfBaseException, HydraException) as error:
        print(f"pgebench: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    if sweep.skipped:
        print(f"{len(sweep.skipped)} pairs of sources and targets are left out because they share images.")
    for line in sweep.left_out:
        print(line)
    if sweep.config.reuse:
        print(f"{taken} truths are taken over from {sweep.config.reuse}.")
    with Tracker(plain(sweep.config.tracking), units, store, results, _config(sweep)) as tracker:
        code = _launch(sweep, units, store, launcher)
        table = frame(units, store)
        if code == INTERRUPTED:
            distinct = table.drop_duplicates("key")
            done = int((distinct.status == DONE).sum())
            print(f"\nInterrupted: {done} of {len(distinct)} units are done and kept.", end=" ")
            print("Run the same command again to go on.")
            return code
        return publish(sweep, table, results, arguments, tracker)


def report_published(table: PublishedTable, sweep: Sweep) -> int:
    """Write the report of a published table, hand it to W&B, tell the user; returns the exit code."""
    from pgebench.report import build_report, load_summary

    results, store = Path(sweep.config.results), Store(Path(sweep.config.store))
    with Tracker(plain(sweep.config.tracking), [], store, results, _config(sweep)) as tracker:
        write_records(table, results, sweep.config.seed)
        report = build_report(results)
        tracker.report()
    print(headline(load_summary(results), table.truth), end="")
    print(f"{table.about.title}; nothing was trained. Report: {report}")
    return 0


def publish(sweep: Sweep, table: pd.DataFrame, results: Path, arguments: Sequence[str], tracker: Tracker) -> int:
    """Write table and report, hand them to W&B, tell the user; returns the exit code."""
    from pgebench.report import build_report, load_summary

    try:
        write_atomically(results / "records.parquet", table.to_parquet(index=False))
        write_atomically(results / "meta.json", _meta(sweep, arguments, table))
        report = build_report(results)
    except (OSError, PgebenchError) as error:
        print(f"pgebench: error: cannot write the report: {error}", file=sys.stderr)
        return 1
    tracker.report()
    distinct = table.drop_duplicates("key")
    unfinished = distinct[distinct.status != DONE]
    print(headline(load_summary(results), sweep.config.primary_truth), end="")
    print(f"{len(distinct) - len(unfinished)} of {len(distinct)} units done. Report: {report}")
    if unfinished.empty:
        return 0
    print(failures(unfinished), file=sys.stderr)
    return 1


def headline(summary: pd.DataFrame, truth: str, most: int = 12) -> str:
    """The best metrics in a few lines; nothing if there is no score or no truth."""
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
        + (f": {row.error}" if row.error else "")
        for _, row in table.head(most).iterrows()
    ]
    rest = [f"  ... and {len(table) - most} more, see records.csv"] if len(table) > most else []
    head = f"{len(table)} units have no result:"
    return "\n".join([head, *rows, *rest, "Mend the cause and run the same command again: finished units are kept."])


def device_of(name: str) -> torch.device:
    """The device that ``device=NAME`` means; ``auto`` is a GPU where there is one.

    Raises:
        ConfigError: no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={name} cannot be used here ({error}); choose device=auto or device=cpu") from error
    return device


def _check_question(name: str) -> None:
    if name not in QUESTIONS:
        raise ConfigError(f"question={name}: choose from {', '.join(QUESTIONS)}")


def _launch(sweep: Sweep, units: Sequence[Unit], store: Store, launcher: Launcher) -> int:
    """Launch, pass by pass, the jobs that have something to do."""
    distinct = {unit.key: unit for unit in units}
    done = {key for key, unit in distinct.items() if store.is_done(unit)}
    waiting = [unit for key, unit in distinct.items() if key not in done]
    if not waiting:
        print(f"All {len(distinct)} units are done already.")
        return 0
    print(
        f"{len(distinct)} units, {len(done)} done already, {len(waiting)} to run with {sweep.config.workers} workers."
    )
    number = 0
    # joblib replaces a worker whose memory has grown, which the datasets that it keeps are enough for; no job is lost.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
    try:
        with Progress(waiting, store, sweep.config.progress):
            for levels in PASSES:
                overrides = _jobs(sweep.jobs, levels, done)
                if overrides:
                    _report_broken(launcher.launch(overrides, initial_job_idx=number))
                number += len(overrides)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # a launcher whose worker was killed; the records tell the rest
        print(f"pgebench: the launcher stopped: {type(error).__name__}: {error}", file=sys.stderr)
    return 0


def _jobs(jobs: Sequence[Job], levels: Sequence[str], done: set[str]) -> list[list[str]]:
    """Overrides of the jobs that have an open unit which no earlier job will run."""
    taken = set(done)
    result = []
    for job in jobs:
        units = plan(job.cell)
        for level in levels:
            own = {unit.key for unit in units[level]} - taken
            if own:
                taken |= own
                result.append([*job.overrides, f"level={level}"])
    return result


def _report_broken(returns: Any) -> None:
    for job in returns or []:
        try:
            _ = job.return_value
        except Exception as error:  # a job that broke outside its units, say by a config that changed meanwhile
            print(f"pgebench: a job stopped: {type(error).__name__}: {error}", file=sys.stderr)


def dataset_sizes(jobs: Sequence[Job]) -> dict[str, dict[str, int]]:
    """Classes and images of each dataset by split; a target's training budget is ``train_as_target``."""
    sizes: dict[str, dict[str, int]] = {}
    for cell in (job.cell for job in jobs):
        sizes.setdefault(cell.source.name, {}).update(counts(cell.source))
        as_target = counts(cell.target)
        as_target["train_as_target"] = as_target.pop("train")
        sizes.setdefault(cell.target.name, {}).update(as_target)
    return sizes


def _config(sweep: Sweep) -> dict[str, Any]:
    """The config of the sweep's first job, without what is Hydra's own."""
    return {str(key): plain(node) for key, node in sweep.config.items() if key != "hydra"}


def _meta(sweep: Sweep, arguments: Sequence[str], table: pd.DataFrame | None = None) -> bytes:
    """What the report says beside the table, as JSON; the same experiment gives the same bytes."""
    config = _config(sweep)
    table = pd.DataFrame({"finished": [], "detail": []}) if table is None else table
    finished = table.finished.dropna().tolist()
    meta = {
        "experiment": config["experiment_name"],
        "command": shlex.join(["pgebench", *arguments]),
        "created": max(finished, default=None),
        "versions": provenance.versions(),
        "machine": provenance.machine(str(device_of(config["device"]))),
        "primary_truth": config["primary_truth"],
        "question": config["question"],
        "seed": config["seed"],
        "config": config,
        "datasets": dataset_sizes(sweep.jobs),
        "skipped": sweep.skipped,
        # The report must say why a metric of the config is not in its league, and what was not computed for it.
        "notes": [*config["notes"], *sweep.left_out, *reused(table)],
    }
    return json.dumps(meta, indent=1, sort_keys=True).encode()
