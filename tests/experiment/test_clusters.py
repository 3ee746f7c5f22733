"""The same experiment through Ray, submitit and SLURM, for real: the numbers are those of one process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import slurm
from conftest import TINY
from tables import table, values

METRIC = """# @package metric.{name}
function:
  _target_: place.{name}
"""

PLACE = """
import os

def node(features):
    import ray
    return float(int(ray.get_runtime_context().get_node_id()[:8], 16))

def task(features):
    return float(os.environ["SLURM_ARRAY_TASK_ID"])

def gpus(features):
    return float(len(os.environ["CUDA_VISIBLE_DEVICES"].split(",")))
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def own_metrics(tmp_path: Path) -> Path:
    """A user's folder whose metrics say where they are computed."""
    folder = tmp_path / "mine"
    (folder / "metric").mkdir(parents=True)
    (folder / "place.py").write_text(PLACE)
    for name in ("node", "task", "gpus"):
        (folder / "metric" / f"{name}.yaml").write_text(METRIC.format(name=name))
    return folder


def run(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """The command as a user types it, standing in ``folder``, with paths relative to it; returns what it prints."""
    command = [sys.executable, "-m", "pgebench", *TINY, "results=results", "store=store", *arguments]
    # Beyond this, a cluster hangs.
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=540)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_as_in_one_process(finished: Path, folder: Path) -> None:
    first, second = (values(place / "results").drop(columns="workers") for place in (finished, folder))
    pd.testing.assert_frame_equal(first, second)


def scores(folder: Path, metric: str) -> pd.Series:
    return table(folder / "results").query("metric == @metric").value


@pytest.fixture
def ray_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A cluster of two nodes with a core and a pretended GPU each, none of which starts its jobs where we stand."""
    pytest.importorskip("ray", reason="ray is not installed (pip install 'pgebench[ray]')")
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="hydra-ray-launcher is not installed")
    from ray.cluster_utils import Cluster

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "num_gpus": 1})
    cluster.add_node(num_cpus=1, num_gpus=1)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()
    assert not list(elsewhere.iterdir()), "a job wrote to where it was started"


def test_ray_on_this_machine(finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="hydra-ray-launcher is not installed")
    run(tmp_path, "launch=ray")
    assert_as_in_one_process(finished, tmp_path)


def test_a_ray_cluster_of_two_nodes(finished: Path, tmp_path: Path, ray_cluster: str, own_metrics: Path) -> None:
    environment = {**os.environ, "RAY_ADDRESS": ray_cluster}
    run(tmp_path, "launch=ray_cluster", environment=environment)
    assert_as_in_one_process(finished, tmp_path)
    own = ("--config-dir", "mine", "metric=[node,gpus]", "truth=[linear_probe]")
    run(tmp_path, "launch=ray_cluster", "job.gpus=1", *own, environment=environment)
    assert scores(tmp_path, "node").nunique() == 2
    assert set(scores(tmp_path, "gpus")) == {1}


def test_submitit_on_this_machine(finished: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="hydra-submitit-launcher is not installed")
    run(tmp_path, "hydra/launcher=submitit_local", "job.cells=2")
    assert_as_in_one_process(finished, tmp_path)


@pytest.mark.skipif(slurm.missing() is not None, reason=str(slurm.missing()))
def test_slurm(finished: Path, tmp_path: Path, own_metrics: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="hydra-submitit-launcher is not installed")
    folder = tmp_path / "slurm"
    folder.mkdir(mode=0o700)
    with slurm.running(folder) as environment:
        run(tmp_path, "launch=slurm", "job.minutes=9", environment=environment)
        assert_as_in_one_process(finished, tmp_path)
        own = ("--config-dir", "mine", "metric=[task,gpus]", "truth=[linear_probe]", "job.cells=2", "job.gpus=1")
        run(tmp_path, "launch=slurm", *own, environment=environment)
        jobs = subprocess.run(["scontrol", "show", "job"], env=environment, capture_output=True, text=True).stdout
    # In the order of the table, sources first: the cells of one target share a job, and with it a task of the array.
    assert scores(tmp_path, "task").tolist() == [0, 1, 0, 1]
    assert set(scores(tmp_path, "gpus")) == {1}
    assert "TimeLimit=00:09:00" in jobs
    assert "JobName=pgebench-smoke" in jobs
