"""Process that speaks to W&B: it follows the store while the sweep runs, and logs the report in the end.

``python -m pgebench.tracking.process FOLDER`` reads FOLDER/job.json, which ``Tracker`` wrote, and says in
FOLDER/outcome.json how it went. It does without torch, which takes seconds to import.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgebench.core.text import unfolded
from pgebench.tracking.keys import RANKING
from pgebench.tracking.live import LiveRuns
from pgebench.tracking.ranking_run import log_ranking
from pgebench.tracking.report_run import log_report, prepare
from pgebench.tracking.runs import open_run
from pgebench.tracking.tracker import PATIENCE, REPORT

if TYPE_CHECKING:
    from wandb import Run

INTERVAL = 2.0
"""Least seconds between two looks at the store."""

SHARE = 0.01
"""Most of the time that looking may take."""


def main() -> None:
    """Follow the sweep until the stream on standard input ends."""
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    messages: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the sweep comes first
    errors: list[str] = []
    outcome: dict[str, Any] = {"errors": errors, "report": None}
    try:
        outcome["report"] = follow(job, messages, errors)
    except Exception as error:  # wandb missing, no key, no network, no space: the sweep hears of it in one line
        errors.append(_line(error))
    (folder / "outcome.json").write_text(json.dumps(outcome))


def follow(job: dict[str, Any], messages: queue.Queue[str], errors: list[str]) -> str | None:
    """Log what ends, then the report.

    Args:
        job: what ``Tracker`` wrote.
        messages: gives ``REPORT`` when there is a report, and an empty message when the sweep ended without.
        errors: takes what kept learning curves, but not the report, from being logged.

    Returns:
        The folder of the report's run, if there is a report.
    """
    report = open_run(job, job["kind"], f"{job['experiment']} {job['kind']}", job["config"])
    live: LiveRuns | None = LiveRuns(job, report)

    def guarded(work: Callable[[LiveRuns], None]) -> None:
        nonlocal live
        if live is not None:
            try:
                work(live)
            except Exception as error:  # the report needs no learning curves
                errors.append(f"learning curves: {_line(error)}")
                live = None

    prepare()
    message = None
    while message is None:
        began = time.thread_time()
        guarded(LiveRuns.look)
        try:
            message = messages.get(timeout=max(INTERVAL, (time.thread_time() - began) / SHARE))
        except queue.Empty:
            continue
    guarded(LiveRuns.look)
    guarded(LiveRuns.finish)
    if message == REPORT:
        _log(report, job)
    report.finish(exit_code=0 if message == REPORT else 1)
    return str(Path(report.dir).parent) if message == REPORT else None


def _log(report: Run, job: dict[str, Any]) -> None:
    results = Path(job["results"])
    if job["kind"] == RANKING:
        log_ranking(report, results, job["experiment"])
    else:
        log_report(report, results, job["config"]["primary_truth"])


def _listen(messages: queue.Queue[str]) -> None:
    for line in sys.stdin:
        messages.put(line)
    messages.put("")
    # A sweep that was killed cannot end this process, which may hang on the network.
    time.sleep(PATIENCE)
    os._exit(1)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {unfolded(error)}"


if __name__ == "__main__":
    main()
