"""Units that die, hang, raise, give NaN, or whose data go away do not end the sweep of the others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import Run
from fault_page import Injected

from faults import commands

HOSTILE = Path(__file__).parents[1] / "hostile_metrics.py"


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """A folder of metrics that do what a metric must not, as a user would have it."""
    folder = tmp_path / "mine"
    (folder / "metric").mkdir(parents=True)
    shutil.copy(HOSTILE, folder)
    for name in ("honest", "raises", "is_nan", "kills_its_process", "hangs"):
        yaml = f"# @package metric.{name}\nfunction:\n  _target_: hostile_metrics.{name}\n"
        (folder / "metric" / f"{name}.yaml").write_text(yaml)
    return folder


@pytest.mark.slow
def test_workers_that_are_killed_do_not_end_the_sweep(metrics: Path, tmp_path: Path, injected: Injected) -> None:
    """As by the kernel when memory runs out, beside a metric that hangs, one that raises and one that gives NaN."""
    chosen = "metric=[honest,raises,is_nan,kills_its_process,hangs]"
    where = commands.arguments(tmp_path)
    more = (chosen, "launch=local", "workers=2", "time_limit=0.02", "source=mnist_0_4,fashion_tops,emoji")
    command = [sys.executable, "-m", "pgebench", "--config-dir", str(metrics), *commands.MICRO, *more, *where]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ, timeout=900)
    assert ended.returncode == 1, ended.stderr
    scores = pd.read_parquet(tmp_path / "results" / "records.parquet").query("stage == 'score'").set_index("metric")
    outcome = {name: set(rows.status) for name, rows in scores.groupby("metric")}
    assert outcome == {
        "honest": {"done"},
        "raises": {"failed"},
        "is_nan": {"failed"},
        "hangs": {"failed"},
        "kills_its_process": {"crashed"},
    }
    assert scores.error["raises"].eq("ZeroDivisionError: no spread").all()
    assert scores.error["is_nan"].str.contains("A score must be finite").all()
    assert scores.error["hangs"].str.contains("longer than time_limit=0.02 minutes").all()
    assert scores.error["kills_its_process"].str.contains("its process died").all()
    injected(
        "a worker killed with SIGKILL (as for memory) in joblib", 3, "`crashed` after two deaths; the rest is done"
    )
    injected("a metric that hangs; raises; gives NaN", 9, "a `failed` row with the reason; the rest is done")


def test_a_dataset_that_disappears_fails_its_units_by_name(
    pgebench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: Injected
) -> None:
    from pgebench.stages import base

    original = base.open_task

    def gone(name: str, params: dict, store: str) -> object:
        if params["loader"]["name"] == "fashion":
            raise FileNotFoundError(2, "No such file or directory", "fashion.npz")
        return original(name, params, store)

    monkeypatch.setattr(base, "open_task", gone)
    assert pgebench("target=mnist_5_9", "metric=[leep]", "truth=[linear_probe]") == 1
    rows = pd.read_parquet(tmp_path / "results" / "records.parquet")
    broken = rows[rows.source == "fashion_tops"]
    assert set(broken.status) == {"failed"}
    assert broken.error.str.contains("No such file").all()
    assert set(rows[rows.source == "mnist_0_4"].status) == {"done"}
    injected("a dataset file that disappears while the sweep runs", 1, "`failed` rows with its name; the rest is done")
