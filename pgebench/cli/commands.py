"""The commands beside the sweep: what each does with its options. Slow imports wait for the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pgebench.cli.options import CompareOptions, DashboardOptions, PgeOptions, ReportOptions, StatusOptions
from pgebench.core.errors import PgebenchError
from pgebench.core.say import say
from pgebench.core.terminal import command
from pgebench.core.text import storable
from pgebench.ranking.request import Wish

T = TypeVar("T")


def report() -> None:
    """``pgebench-report``."""
    _run("pgebench-report", ReportOptions, _report)


def status() -> None:
    """``pgebench-status``."""
    _run("pgebench-status", StatusOptions, _status)


def compare() -> None:
    """``pgebench-compare``."""
    _run("pgebench-compare", CompareOptions, _compare)


def study() -> None:
    """``pgebench-pge``."""
    _run("pgebench-pge", PgeOptions, _study)


def rank() -> None:
    """``pgebench-rank``."""
    _run("pgebench-rank", Wish, _rank)


def dashboard() -> None:
    """``pgebench-dashboard``."""
    _run("pgebench-dashboard", DashboardOptions, _dashboard)


def _run(name: str, kind: type[T], work: Callable[[T], None]) -> None:
    command(name, kind, work, sys.argv[1:])


def _report(options: ReportOptions) -> None:
    from pgebench.report import build_report

    _require_records(options.results)
    say(f"Report: {build_report(options.results)}")


def _status(options: StatusOptions) -> None:
    from pgebench.experiment.status import status as state_of

    say(*state_of(options.results).split("\n"))


def _compare(options: CompareOptions) -> None:
    from pgebench.analysis.two_runs import compare_runs
    from pgebench.core.files import write_atomically
    from pgebench.report.build import read_results
    from pgebench.report.two_runs import markdown

    a, b = options.results
    for folder in (a, b):
        _require_records(Path(folder))
    text = markdown(compare_runs(read_results(Path(a)), read_results(Path(b))), (a, b))
    if options.out is not None:
        write_atomically(options.out, storable(text).encode())
    say(*text.split("\n"), end="")


def _study(options: PgeOptions) -> None:
    from pgebench.store.format import open_store
    from pgebench.studies.pge.run import study_pge

    store = open_store(options.store, create=True)
    page = study_pge(
        options.experiment,
        options.backbone,
        options.truths,
        options.results,
        store,
        options.workers,
        options.draw,
        options.chosen,
        options.brief,
    )
    say(f"Report: {page}")


def _rank(wish: Wish) -> None:
    from pgebench.ranking.command import run
    from pgebench.store.format import open_store

    results = wish.results or Path("results/rank") / Path(wish.target).name
    run(wish, open_store(wish.store), results, say=lambda text: say(*text.split("\n")))


def _dashboard(options: DashboardOptions) -> None:
    from pgebench.tracking.dashboard import create_dashboard, load_specification, outline, wandb_report, wandb_workspace

    spec = load_specification()
    if options.check:
        for build in (wandb_workspace, wandb_report):
            build(spec, options.entity or "entity", options.project)
        say(*outline(spec).split("\n"))
    else:
        workspace, report = create_dashboard(spec, options.entity, options.project)
        say(f"Workspace: {workspace}", f"Report: {report}")


def _require_records(results: Path) -> None:
    if not (results / "records.parquet").is_file():
        raise PgebenchError(f"results={results} has no records.parquet; run pgebench first")
