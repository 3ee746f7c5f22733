"""Whatever happens to W&B, the sweep has its results and its report, and waits no longer than its patience."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tracked import track, units_of

from pgebench.tracking import tracker

FAKE = """
import time
from types import SimpleNamespace

def hang(*_, **__):
    time.sleep(60)

def refuse(*_, **__):
    raise RuntimeError("refused")

def nothing(*_, **__):
    return SimpleNamespace(wait=nothing, new_file=None, add_file=nothing)

class Run(SimpleNamespace):
    dir = "folder/files"
    settings = SimpleNamespace(mode="offline")
    summary = SimpleNamespace(update=nothing)
    define_metric = log = log_artifact = _log_artifact = finish = staticmethod(nothing)

def init(*_, **__):
    return Run()

Settings = Table = Image = Html = Artifact = nothing
plot = SimpleNamespace(scatter=nothing)
"""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A sweep waits for a second only, and says once why it has no run."""
    monkeypatch.setattr(tracker, "PATIENCE", 1.0)
    caplog.set_level(logging.WARNING)
    began = time.monotonic()
    yield
    assert time.monotonic() - began < 6
    (warning,) = caplog.get_records("call")
    assert "W&B is not complete" in warning.getMessage()


@pytest.mark.parametrize("what", ["refuse", "hang"])
@pytest.mark.parametrize("where", ["import", "init", "Run.log", "Run.log_artifact", "Run.finish"])
def test_a_wandb_that_fails_or_hangs_costs_the_sweep_no_more_than_its_patience(
    copy: Path, monkeypatch: pytest.MonkeyPatch, waits: None, where: str, what: str
) -> None:
    broken = f"{what}()" if where == "import" else f"{where} = staticmethod({what})"
    (copy / "fake").mkdir()
    (copy / "fake" / "wandb.py").write_text(f"{FAKE}\n{broken}\n")
    monkeypatch.syspath_prepend(str(copy / "fake"))
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    with track(copy, []) as following:
        assert following.report() is None


def test_no_key_is_no_error(copy: Path, monkeypatch: pytest.MonkeyPatch, waits: None) -> None:
    monkeypatch.setattr(tracker, "PATIENCE", 5.0)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("HOME", str(copy))
    with track(copy, [], mode="online") as following:
        assert following.report() is None


def test_a_folder_that_cannot_be_written_is_no_error(copy: Path, waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "PATIENCE", 5.0)
    (copy / "results" / "wandb").write_text("a file where the folder should be")
    with track(copy, []) as following:
        assert following.report() is None


def test_curves_that_cannot_be_logged_do_not_cost_the_report(
    finished: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, waits: None
) -> None:
    (copy / "fake").mkdir()
    (copy / "fake" / "wandb.py").write_text(f"{FAKE}\nRun._log_artifact = staticmethod(refuse)\n")
    monkeypatch.syspath_prepend(str(copy / "fake"))
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    monkeypatch.setattr(tracker, "PATIENCE", 5.0)
    with track(copy, units_of(finished)) as following:
        assert following.report() == "folder"


def test_a_process_that_cannot_start_says_why(
    copy: Path, monkeypatch: pytest.MonkeyPatch, waits: None, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(copy))
    monkeypatch.chdir(copy)
    (copy / "pgebench").mkdir()
    (copy / "pgebench" / "__init__.py").write_text("raise RuntimeError('another pgebench')")
    with track(copy, []) as following:
        assert following.report() is None
    assert "RuntimeError: another pgebench" in caplog.text


def test_no_process_to_be_had_is_no_error(copy: Path, monkeypatch: pytest.MonkeyPatch, waits: None) -> None:
    monkeypatch.setattr(tracker.sys, "executable", str(copy / "nowhere"))
    with track(copy, []) as following:
        assert following.report() is None
