"""Reports of what is done so far: whole or not at all, seldom, and no harm to the sweep."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, Run, run_pgebench

from pgebench.core.errors import StoreError
from pgebench.core.records import DONE, MISSING, SO_FAR
from pgebench.experiment import so_far
from pgebench.experiment.launch import Launch
from pgebench.experiment.so_far import ReportSoFar
from pgebench.report.build import read_results, report_of

META = b'{"experiment": "half", "so_far": true, "primary_truth": "linear_probe"}'


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first report is due at once."""
    monkeypatch.setattr(so_far, "FIRST", 0.0005)


@pytest.fixture
def half(finished: Path) -> pd.DataFrame:
    """The table of a sweep of which every second target is still to come."""
    table = pd.read_parquet(finished / "results" / "records.parquet")
    later = (table.target == "fashion_rest") & table.stage.isin(["score", "truth"])
    assert 0.2 < later.mean() < 0.6
    columns = ["value", "wall_s", "cpu_s", "peak_rss_mb"]
    table.loc[later, columns] = np.nan
    table.loc[later, "status"] = "missing"
    return table


def wait_for(what: Callable[[], object], seconds: float = 600.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_half_of_a_sweep_has_a_whole_report_that_says_so(
    half: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    with ReportSoFar(results, 10, lambda: half, lambda table: META):
        wait_for(lambda: (results / "report.html").is_file())
    distinct = half.drop_duplicates("key")
    counted = f"{(distinct.status == 'done').sum()} of {len(distinct)} units"
    page = (results / "report.html").read_text()
    assert f"So far: {counted}" in page
    assert page.rstrip().endswith("</html>")
    assert "did not finish" not in page, "what is still to come has not failed"
    assert 'id="glance"' in page
    for link in re.findall(r'href="(figures/[^"]+\.\w+)"', page):
        assert (results / link).is_file()
    pd.testing.assert_frame_equal(
        pd.read_parquet(results / "records.parquet").reset_index(drop=True), half.reset_index(drop=True)
    )
    assert f"The report so far ({counted}): {results}/report.html" in capsys.readouterr().out
    assert not [name for name in listed(tmp_path) if name.startswith(".")]


def test_reports_take_a_tenth_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each takes 0.1 s here, so that the next one begins 0.9 s later, however often they are asked for."""
    times: list[float] = []

    def slow(self: ReportSoFar) -> bool:
        times.append(time.monotonic())
        time.sleep(0.1)
        return True

    monkeypatch.setattr(ReportSoFar, "_report", slow)
    with ReportSoFar(tmp_path, 0.0005, pd.DataFrame, lambda table: META):
        wait_for(lambda: len(times) >= 4)
    assert np.diff(times).min() >= 1.0


def test_waits_double_from_the_first_league_on_up_to_the_minutes_that_are_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At the first two looks there is nothing to rank."""
    pauses: list[float] = []

    class Clock(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout)
            return len(pauses) == 8

    monkeypatch.setattr(so_far, "FIRST", 1.0)
    monkeypatch.setattr(ReportSoFar, "_report", lambda self: len(pauses) > 2)
    report = ReportSoFar(tmp_path, 10, pd.DataFrame, lambda table: META)
    report._stop = Clock()
    report._watch()
    assert pauses == [60 * minutes for minutes in (1, 1, 1, 2, 4, 8, 10, 10)]


@pytest.mark.parametrize("every", [0, None])
def test_none_is_made_where_none_is_wanted(
    every: float | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ReportSoFar, "_report", lambda self: pytest.fail("a report was made"))
    with ReportSoFar(tmp_path, every, pd.DataFrame, lambda table: META) as report:
        time.sleep(0.2)
        assert not report._thread.is_alive()


def test_nothing_new_and_nothing_to_rank_makes_no_report(
    half: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[int] = []
    monkeypatch.setattr(ReportSoFar, "_made", lambda self, folder: made.append(1) or True)
    tables = [half[half.stage == "checkpoint"], half[half.stage != "truth"], half, half, half.assign(status="done")]
    report = ReportSoFar(tmp_path, 1, lambda: tables.pop(0), lambda table: META)
    counts = []
    while tables:
        counts.append((report._report(), len(made)))
    assert counts == [(False, 0), (False, 0), (True, 1), (True, 1), (True, 2)]


@pytest.mark.parametrize("error", [StoreError("the disk is full"), MemoryError("no room"), OSError("gone")])
def test_a_table_that_cannot_be_read_is_said_once_and_stops_nothing(
    error: Exception, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times: list[int] = []

    def broken() -> pd.DataFrame:
        times.append(1)
        raise error

    with ReportSoFar(tmp_path, 0.0005, broken, lambda table: META):
        wait_for(lambda: len(times) >= 3)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert str(error) in said[0]
    assert "the sweep goes on" in said[0]


def test_a_report_that_cannot_be_made_leaves_what_was_there(
    half: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "report.html").write_text("before")
    said: list[str] = []
    with ReportSoFar(results, 10, lambda: half.drop(columns="value"), lambda table: META):
        wait_for(lambda: said.extend(capsys.readouterr().err.splitlines()) or said)
    assert "lacks the column(s) value" in said[0]
    assert (results / "report.html").read_text() == "before"
    assert listed(results) == ["report.html"]


@pytest.mark.parametrize("how", ["the process is killed", "the sweep ends"])
def test_a_report_that_is_cut_short_writes_nothing(
    how: str, half: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut short when its process has begun; that imports for a second before it can write."""
    results, started = tmp_path / "results", []
    popen = so_far.subprocess.Popen

    def noted(*arguments: object, **options: object) -> object:
        started.append(popen(*arguments, **options))
        return started[0]

    monkeypatch.setattr(so_far.subprocess, "Popen", noted)
    said: list[str] = []
    with ReportSoFar(results, 10, lambda: half, lambda table: META):
        wait_for(lambda: started)
        if how == "the process is killed":
            os.kill(started[0].pid, signal.SIGKILL)
            wait_for(lambda: said.extend(capsys.readouterr().err.splitlines()) or said)
    assert started[0].poll() is not None, "it does not live on"
    assert not results.exists()
    assert ("code -9" in "".join(said)) == (how == "the process is killed")


def test_a_sweep_with_reports_on_the_way_ends_as_one_without(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pgebench: Run
) -> None:
    """It is held up until it had a report, which a sweep of a few seconds may not have otherwise."""
    shutil.copytree(finished / "store", tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "score")
    page, seen = tmp_path / "results" / "report.html", []
    run = Launch.run

    def held_up(self: Launch) -> int:
        code = run(self)
        wait_for(page.is_file)
        seen.append(page.read_text())
        return code

    monkeypatch.setattr(Launch, "run", held_up)
    assert pgebench("report_every=0.0005") == 0
    (on_the_way,) = seen
    assert "So far: " in on_the_way
    assert "So far: " not in page.read_text()
    assert "so_far" not in json.loads((tmp_path / "results" / "meta.json").read_text())
    before, after = (pd.read_csv(folder / "results" / "summary.csv") for folder in (finished, tmp_path))
    numbers = [name for name in before if not name.startswith("cost_")]
    pd.testing.assert_frame_equal(before[numbers], after[numbers])


@pytest.mark.parametrize("value", ["-1", "inf", "nan"])
def test_minutes_that_make_no_sense_are_refused(value: str, pgebench: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert pgebench(f"report_every={value}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pgebench: error: report_every=")
    assert "give minutes" in line


def test_it_is_in_no_key(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What one sweep has done, another with other minutes takes as done."""
    shutil.copytree(finished / "store", tmp_path / "store")
    where = (f"results={tmp_path}/results", f"store={tmp_path}/store")
    assert run_pgebench(*TINY, *where, "report_every=7") == 0
    assert re.search(r"All \d+ units are done already", capsys.readouterr().out)


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_the_first_units_of_the_main_job_have_a_report(share: float) -> None:
    """Checkpoints and gradients come first: there are metrics without a source, and truths without a score."""
    records, meta = read_results(Path(__file__).parents[2] / "results/reference/embedded")
    late = records["finished"].rank(method="first") > share * len(records)
    begun = records.assign(status=records["status"].where(~late, MISSING), finished=records["finished"].where(~late))
    measured = ["value", "wall_s", "cpu_s", "peak_rss_mb", "flops"]
    begun[measured] = begun[measured].where(~late)
    files = report_of(begun, {**meta, SO_FAR: True})
    done = int((begun.drop_duplicates("key")["status"] == DONE).sum())
    assert f"So far: {done} of".encode() in files["report.md"]
