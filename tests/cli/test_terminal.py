"""What a terminal does to a command: its reader goes away, its encoding knows few letters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli import processes
from conftest import TINY, run_pgebench
from terminals import gone

from pgebench.cli.commands import report
from pgebench.core.identity import Label
from pgebench.experiment.status import write_plan
from pgebench.store.store import Store
from pgebench.store.unit import Unit

CLOSED_PIPE = 128 + 13
"""What a shell reports for a program that ends because its reader has gone."""

ONE_CELL = (*TINY, "source=mnist_0_4", "target=mnist_5_9", "metric=[leep]", "truth=[linear_probe]")


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """A results folder with the plan of a sweep whose sources have letters of other alphabets."""
    names = ["café", "глаз", "broken \udce9", *(f"source_{number}" for number in range(50))]
    store = Store(tmp_path / "store")
    units = [Unit("checkpoint", 1, {"n": name}, label=Label(source=name)) for name in map(ascii, names)]
    units = [
        Unit(unit.stage, 1, unit.params, label=Label(source=name)) for unit, name in zip(units, names, strict=True)
    ]
    for unit in units:
        store.write_record(unit, {"status": "done", "wall_s": 1.0})
    write_plan(units, store, tmp_path / "results", workers=1)
    return tmp_path / "results"


def into_a_closed_pipe(name: str, *arguments: str, both: bool = False) -> tuple[int, str]:
    """The exit code of a command whose reader has gone before it wrote anything, and what it said elsewhere."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = processes.run(name, *arguments, stdout=writer, stderr=writer if both else subprocess.PIPE)
    finally:
        os.close(writer)
    return done.returncode, done.stderr


def test_a_command_whose_reader_has_gone_ends_without_a_word(planned: Path) -> None:
    assert into_a_closed_pipe("pgebench-status", f"results={planned}") == (CLOSED_PIPE, "")
    assert into_a_closed_pipe("pgebench-rank", "--help") == (CLOSED_PIPE, "")


@pytest.mark.parametrize("arguments", [("--help",), ("--cfg", "job")])
def test_so_does_pgebench_whatever_it_was_to_print(arguments: tuple[str, ...]) -> None:
    assert into_a_closed_pipe("pgebench", *arguments) == (CLOSED_PIPE, "")


def test_a_sweep_and_a_page_that_nobody_hears_of_are_made_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, which has the libraries: what a process says of a closed pipe when it ends is tested above."""
    with gone():
        assert run_pgebench(*ONE_CELL, f"results={tmp_path}/results", f"store={tmp_path}/store") == CLOSED_PIPE
    page = tmp_path / "results/report.html"
    assert page.is_file()
    page.unlink()
    monkeypatch.setattr(sys, "argv", ["pgebench-report", f"results={tmp_path}/results"])
    with gone(), pytest.raises(SystemExit) as stopped:
        report()
    assert stopped.value.code == CLOSED_PIPE
    assert page.is_file()
    assert capsys.readouterr().err == ""


def test_an_error_that_nobody_can_read_is_an_error_still(tmp_path: Path) -> None:
    code, _ = into_a_closed_pipe("pgebench-status", f"results={tmp_path}", both=True)
    assert code == 1


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"caf\xe9"), ("utf-8", "café"), ("latin-1", "café")])
def test_names_are_shown_on_every_terminal(planned: Path, encoding: str, shown: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = processes.run("pgebench-status", f"results={planned}", env=environment, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"checkpoint {shown}" in done.stdout
    assert r"broken \udce9" in done.stdout


def test_an_error_about_a_folder_with_such_a_name_is_one_line(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = processes.run("pgebench-report", f"results={tmp_path}/café", env=environment)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"pgebench-report: error: results={tmp_path}/caf\\xe9 has no records.parquet; run pgebench first\n"
    )
