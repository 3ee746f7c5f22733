"""Publishing: from the records of an experiment to its table, its report and its W&B run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from omegaconf import DictConfig

from pgebench.core.errors import PgebenchError
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.core.records import DONE, SO_FAR
from pgebench.core.say import say
from pgebench.core.text import all_storable
from pgebench.experiment.earlier_results import reused
from pgebench.experiment.messages import failures, short_league
from pgebench.experiment.up_to_date import is_current, write_stamp
from pgebench.plan.cell import Cell, collection
from pgebench.plan.sweep import Sweep, plain
from pgebench.plan.unavailable import is_pretrained
from pgebench.plan.units import counts
from pgebench.published.run import write_records
from pgebench.published.tables import PublishedTable
from pgebench.run.device import device_of
from pgebench.run.table import load_summary
from pgebench.tracking import Tracker

ELSEWHERE = (
    "The jobs ran on a cluster. The machine named in this report is the one that planned them; the one that computed a "
    "unit is named in its record in the store."
)


def publish(sweep: Sweep, table: pd.DataFrame, arguments: Sequence[str], tracker: Tracker) -> int:
    """Write table and report, hand them to W&B, tell the user; returns the exit code.

    A report that was made from the same table by the same code stays, and no W&B run is opened for it.
    """
    results = Path(sweep.config.results)
    try:
        write_atomically(results / "records.parquet", table.to_parquet(index=False))
        write_atomically(results / "meta.json", meta_of(sweep, arguments, table))
        if current := is_current(results):
            tracker.report()  # only if units ran, so that the run that follows them has an end
        else:
            _build(results, tracker)
            write_stamp(results)
    except (OSError, PgebenchError) as error:
        say(f"pgebench: error: cannot write the report: {error}", error=True)
        return 1
    distinct = table.drop_duplicates("key")
    unfinished = distinct[distinct.status != DONE]
    state = f"{len(distinct) - len(unfinished)} of {len(distinct)} units done."
    page = f"{'The report is up to date' if current else 'Report'}: {results / 'report.html'}"
    say(*short_league(load_summary(results), sweep.config.primary_truth), f"{state} {page}")
    if unfinished.empty:
        return 0
    say(*failures(unfinished), error=True)
    return 1


def publish_table(table: PublishedTable, sweep: Sweep, tracker: Tracker) -> int:
    """The same for a published table, of which nothing is computed; returns the exit code."""
    results = Path(sweep.config.results)
    write_records(table, results, sweep.config.seed)
    _build(results, tracker)
    done = f"{table.about.title}; nothing was trained. Report: {results / 'report.html'}"
    say(*short_league(load_summary(results), table.truth), done)
    return 0


def publish_judged(
    table: pd.DataFrame, meta: Mapping[str, Any], results: Path, tracker: Tracker, primary_truth: str
) -> int:
    """The same for metrics that were scored on a box, whose ``meta`` it is; returns the exit code."""
    try:
        write_atomically(results / "records.parquet", table.to_parquet(index=False))
        write_atomically(results / "meta.json", json.dumps(all_storable(meta), indent=1, sort_keys=True).encode())
        _build(results, tracker)
    except (OSError, PgebenchError) as error:
        say(f"pgebench: error: cannot write the report: {error}", error=True)
        return 1
    failed = table[(table.stage == "score") & (table.status != DONE)]
    say(*short_league(load_summary(results), primary_truth), f"Report: {results / 'report.html'}")
    if failed.empty:
        return 0
    say(*failures(failed), error=True)
    return 1


def _build(results: Path, tracker: Tracker) -> None:
    from pgebench.report import build_report  # and matplotlib with it, which a current report does not need

    with tracker:
        build_report(results)
        tracker.report()


def meta_of(
    sweep: Sweep, arguments: Sequence[str], table: pd.DataFrame | None = None, *, so_far: bool = False
) -> bytes:
    """What the report says beside the table, as JSON; the same experiment gives the same bytes.

    ``so_far`` says that the sweep is still running.
    """
    config = config_of(sweep)
    table = pd.DataFrame({"finished": [], "detail": []}) if table is None else table
    finished = table.finished.dropna().tolist()
    elsewhere = [ELSEWHERE] if config["workers"] is None else []
    meta = {
        "experiment": config["experiment_name"],
        "command": shlex.join(["pgebench", *arguments]),
        "created": max(finished, default=None),
        "versions": versions(),
        "machine": machine(str(device_here(sweep.config))),
        "primary_truth": config["primary_truth"],
        "question": config["question"],
        "seed": config["seed"],
        "config": config,
        "datasets": dataset_sizes(sweep.cells),
        "collections": collections(sweep.cells),
        "families": families(sweep.cells),
        "skipped": sweep.skipped,
        # The report must say why a metric of the config is not in its league, and what was not computed for it.
        "notes": [*config["notes"], *elsewhere, *sweep.left_out, *reused(table)],
    }
    if so_far:
        meta[SO_FAR] = True
    return json.dumps(all_storable(meta), indent=1, sort_keys=True).encode()


def config_of(sweep: Sweep) -> dict[str, Any]:
    """The config of the sweep's first cell, without what is Hydra's own."""
    return {str(key): plain(node) for key, node in sweep.config.items() if key != "hydra"}


def dataset_sizes(cells: Iterable[Cell]) -> dict[str, dict[str, int]]:
    """Classes and images of each dataset by split; a target's training budget is ``train_as_target``."""
    cells = list(cells)
    sizes: dict[str, dict[str, int]] = {}
    sources = {cell.source.name: cell.source for cell in cells}
    targets = {cell.target.name: cell.target for cell in cells}
    for name, source in sources.items():
        if not is_pretrained(source.config):
            sizes[name] = counts(source)
    for name, target in targets.items():
        as_target = counts(target)
        as_target["train_as_target"] = as_target.pop("train")
        sizes.setdefault(name, {}).update(as_target)
    return sizes


def collections(cells: Iterable[Cell]) -> dict[str, str]:
    """The collection of each dataset; the unknown data of pretrained weights are no dataset."""
    named = {one.name: one for cell in cells for one in (cell.source, cell.target)}
    return {name: collection(one) for name, one in named.items() if not is_pretrained(one.config)}


def families(cells: Iterable[Cell]) -> dict[str, str]:
    """The family of each backbone that states one."""
    stated = {cell.backbone.name: cell.backbone.config["family"] for cell in cells}
    return {name: str(family) for name, family in stated.items() if family is not None}


def device_here(config: DictConfig) -> torch.device:
    """The device of this process; where a cluster computes, the GPUs are in other machines."""
    return device_of("cpu" if config.workers is None else config.device)
