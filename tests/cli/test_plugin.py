"""A metric of a user's own: one function and one YAML in a folder given with --config-dir."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import TINY, Run

PLUGIN = Path(__file__).parents[1] / "example_plugin"


def test_a_metric_beside_its_yaml_is_scored_like_any_other(pgebench: Run, tmp_path: Path) -> None:
    assert pgebench("--config-dir", str(PLUGIN), "metric=[leep,class_spread]", "truth=[linear_probe]") == 0
    scores = pd.read_parquet(tmp_path / "results" / "records.parquet").query("metric == 'class_spread'")
    assert len(scores) == 4
    assert (scores.value > 0).all()


@pytest.mark.slow
def test_the_wheel_runs_from_any_directory_with_a_users_metric(tmp_path: Path) -> None:
    """Built and installed as a wheel, beside the packages of this environment."""
    root = Path(__file__).parents[2]
    run = {"check": True, "cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": ""}}
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, root], **run)
    wheel = next(tmp_path.glob("pgebench-*.whl"))
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel], **run)
    run["env"]["PYTHONPATH"] = str(site)
    where = subprocess.run([sys.executable, "-c", "import pgebench; print(pgebench.__file__)"], stdout=-1, **run)
    assert str(site) in where.stdout.decode()
    extra = ["--config-dir", str(PLUGIN), "metric=[class_spread]", "launch=local"]
    subprocess.run([sys.executable, "-m", "pgebench", *TINY, *extra], **run)
    assert (tmp_path / "results" / "smoke" / "report.html").is_file()
