"""W&B gets what the report has, and whatever happens to it, the report stands."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from pgebench.tracking import track

OFFLINE = {"mode": "offline", "project": "pgebench", "entity": None}


@pytest.fixture
def results(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished / "results", tmp_path / "results")
    return tmp_path / "results"


def test_an_offline_run_holds_the_tables_and_the_pictures(results: Path) -> None:
    folder = track(results, OFFLINE)
    assert folder is not None
    files = {path.name.split("_")[0] for path in Path(folder).rglob("media/**/*") if path.is_file()}
    assert {"summary", "records"} <= files
    pictures = list(Path(folder).rglob("media/images/**/*.png"))
    assert len(pictures) == len(list((results / "figures").glob("*.png")))
    assert list(Path(folder).glob("run-*.wandb"))


def test_disabled_tracking_writes_nothing(results: Path) -> None:
    assert track(results, OFFLINE | {"mode": "disabled"}) is None
    assert not (results / "wandb").exists()


def test_a_missing_wandb_is_no_error(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert track(results, OFFLINE) is None


def test_online_without_a_key_is_no_error(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    def refuse(**_: object) -> None:
        raise wandb.errors.UsageError("No API key configured")

    monkeypatch.setattr(wandb, "init", refuse)
    assert track(results, OFFLINE | {"mode": "online"}) is None
