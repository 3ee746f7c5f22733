"""The command ``pgebench`` on a very small experiment, in processes that can be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
from tables import values

from pgebench.run import attempt

MICRO = (
    "experiment=smoke",
    "launch=serial",
    "threads=1",
    "tracking=none",
    "progress=none",
    "source=mnist_0_4,fashion_tops",
    "target=mnist_5_9",
    "metric=[pge,logme,leep,random]",
    "truth=[linear_probe]",
    "recipe.checkpoint.steps=4",
    "recipe.linear_probe.steps=3",
    "budget.restarts=2",
    "budget.episodes=2",
)
"""Two sources, one target, every stage but the Fisher information, in a few seconds."""

context = multiprocessing.get_context("forkserver")
# Commands start where the imports are done, so that a kill at a random moment meets the work.
context.set_forkserver_preload(["pgebench.experiment.experiment", "pgebench.report", "pgebench.cli.main", "hydra.main"])


def arguments(folder: Path, name: str = "results") -> tuple[str, ...]:
    """Where the command writes."""
    return (f"results={folder}/{name}", f"store={folder}/store")


def start(
    folder: Path, *overrides: str, name: str = "results", journal: Path | None = None, clock: int | None = None
) -> BaseProcess:
    """Start the command in a process group of its own, with its output in ``folder/log``.

    With a journal, the key of each unit is appended to that file when its computation begins. With a number as the
    clock, that is the seed of a time of day that jumps.
    """
    command = (*MICRO, *arguments(folder, name), *overrides)
    process = context.Process(target=_command, args=(command, str(folder / "log"), str(journal or ""), clock))
    process.start()
    return process


def run(folder: Path, *overrides: str, name: str = "results", journal: Path | None = None) -> int:
    """Run the command to its end; returns its exit code."""
    process = start(folder, *overrides, name=name, journal=journal)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def kill_group(process: BaseProcess) -> None:
    """Kill a command and every process it started."""
    assert process.pid is not None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has no group of its own yet, and has started nothing
        process.kill()
    process.join()


def table(folder: Path, name: str = "results") -> pd.DataFrame:
    """The records of a run, without what may differ between two runs."""
    return values(folder / name).drop(columns="workers")


def done_records(store: Path) -> dict[Path, bytes]:
    """The bytes of every record that says that its unit is done."""
    found = {path.relative_to(store): path.read_bytes() for path in store.rglob("*.json")}
    return {path: content for path, content in found.items() if json.loads(content)["status"] == "done"}


def _command(command: tuple[str, ...], log: str, journal: str, clock: int | None) -> None:
    os.setsid()
    with open(log, "a", buffering=1) as output:  # noqa: PTH123
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        sys.stdout = sys.stderr = output
        if journal:
            _keep_journal(journal)
        if clock is not None:
            _let_the_clock_jump(random.Random(clock))
        from conftest import run_pgebench

        sys.exit(run_pgebench(*command))


def _keep_journal(journal: str) -> None:
    from pgebench.run import runner

    original = runner._execute

    def noted(attempt):  # type: ignore[no-untyped-def]
        with open(journal, "a") as file:  # noqa: PTH123
            file.write(f"{attempt.unit.key}\n")
        return original(attempt)

    runner._execute = noted


def _let_the_clock_jump(dice: random.Random) -> None:
    """Every look at the time of day is up to ten years off, in either direction."""

    right, decade = time.time, 10 * 365 * 86400
    time.time = lambda: right() + dice.uniform(-decade, decade)
    # What is written in C does not see the above.
    attempt._now = lambda: datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
