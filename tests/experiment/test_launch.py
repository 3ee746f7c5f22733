"""Launch presets: what a job may use, where it computes, and how many cells it holds."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import TINY, Run, run_pgebench
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from planned import sweep
from tables import values

from pgebench.cli import main
from pgebench.config import Config, conf_dir
from pgebench.core import machine
from pgebench.core.quoting import quoted
from pgebench.experiment.job import PlannedCell, by_target, in_jobs
from pgebench.plan.cell import Cell, Named
from pgebench.plan.composing import composed
from pgebench.plan.unavailable import installed
from pgebench.run.device import device_of_worker
from pgebench.store.unit import Unit

PLUGINS = {"ray": "hydra-ray-launcher", "ray_cluster": "hydra-ray-launcher", "slurm": "hydra-submitit-launcher"}
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
LAUNCHES = sorted(path.stem for path in (conf_dir() / "launch").glob("*.yaml"))


def need_plugin(launch: str) -> None:
    if launch in PLUGINS and not installed(PLUGINS[launch]):
        pytest.skip(f"{PLUGINS[launch]} is not installed")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("launch", LAUNCHES)
def test_every_preset_composes_with_every_experiment_and_keeps_a_job_to_its_resources(
    launch: str, experiment: str
) -> None:
    need_plugin(launch)
    given = [f"experiment={experiment}", f"launch={launch}", "job.cores=2", "job.gpus=1", "job.minutes=90"]
    config = composed(given, hydra=True)
    asked = OmegaConf.to_container(config.hydra.launcher, resolve=False)
    for key in asked:  # those of Hydra's own that are known at run time only stay as they are
        asked[key] = config.hydra.launcher[key] if key != "submitit_folder" else asked[key]
    if launch.startswith("ray"):
        assert (asked["ray"].remote.num_cpus, asked["ray"].remote.num_gpus) == (2, 1)
    if launch == "slurm":
        assert (asked["cpus_per_task"], asked["gpus_per_node"], asked["timeout_min"]) == (2, 1, 90)
    assert config.threads >= 1 if launch in ("local", "serial") else config.threads == 2
    assert (config.workers is None) == (launch in ("ray_cluster", "slurm"))


def test_a_preset_whose_plugin_is_missing_says_in_one_line_how_to_install_it(
    pgebench: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    for launch, extra in (("ray", "ray"), ("ray_cluster", "ray"), ("slurm", "slurm")):
        if not installed(PLUGINS[launch]):
            assert pgebench(f"launch={launch}") != 0
            (line,) = capsys.readouterr().err.splitlines()
            assert f"pip install 'pgebench[{extra}]'" in line


@pytest.mark.parametrize(
    ("cores", "gpus", "expected"), [(1, 0, 8), (3, 0, 2), (16, 0, 1), (1, 1, 2), (1, 0.25, 8), (2, 0.5, 4), (1, 4, 1)]
)
def test_a_machine_holds_as_many_jobs_as_its_cores_and_gpus_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, gpus: float, expected: int
) -> None:
    monkeypatch.setattr(machine, "available_cores", lambda: 8)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert machine.jobs_at_once(cores, gpus) == expected


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)


@pytest.mark.parametrize(
    ("worker", "device"), [("MainProcess", 0), ("LokyProcess-1", 0), ("LokyProcess-2", 1), ("LokyProcess-11", 0)]
)
def test_workers_take_turns_on_several_gpus(
    monkeypatch: pytest.MonkeyPatch, two_gpus: None, worker: str, device: int
) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_config", {})
    monkeypatch.setattr(multiprocessing.current_process(), "_name", worker)
    assert device_of_worker("auto") == torch.device("cuda", device)


def test_without_a_gpu_every_worker_computes_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of_worker("auto") == torch.device("cpu")


@settings(max_examples=50)
@given(st.lists(st.text(alphabet="a='\"\\${},[]():; \t", max_size=8), min_size=1, max_size=4))
def test_paths_reach_the_job_as_they_were_written(names: list[str]) -> None:
    path = "/".join(names)
    config = OmegaConf.structured(Config)
    parsed = OverridesParser.create().parse_override(f"units={quoted(path)}")
    OmegaConf.update(config, parsed.key_or_group, parsed.value())
    assert config.units == path


@pytest.mark.parametrize("size", [1, 3, 100])
def test_no_cell_is_lost_or_doubled_when_several_share_a_job(size: int) -> None:
    named = Named("any", {})
    units = [Unit("score", 1, {"number": number}) for number in range(10)]
    cells = [(Cell(named, named, named, {}), {"pair": list(dict.fromkeys([unit, units[0]]))}) for unit in units]
    jobs = in_jobs(cells, ["pair"], {unit.key for unit in units}, size)
    assert [unit for job in jobs for unit in job] == units
    assert len(jobs) == -(-10 // size)


def test_pairs_that_differ_in_the_source_alone_come_to_share_a_job() -> None:
    """They can be trained at once; backbones and variants stay where they were."""
    pairs = ("dataset@source=emoji,faces", "dataset@target=mnist,digits", "backbone=test_resnet,test_vit")
    planned: list[PlannedCell] = [(cell, {}) for cell in sweep(*pairs, "+variations.draw=['target.draw=1']").cells]
    cells = [cell for cell, _ in by_target(planned)]
    found = [(cell.variant, cell.backbone.name, cell.target.name, cell.source.name) for cell in cells]
    assert [pair[3] for pair in found] == ["emoji", "faces"] * 8
    assert [pair[2] for pair in found] == ["mnist", "mnist", "digits", "digits"] * 4
    assert [pair[1] for pair in found] == (["test_resnet"] * 4 + ["test_vit"] * 4) * 2
    assert [pair[0] is None for pair in found] == [True] * 8 + [False] * 8


def test_cells_of_one_job_are_trained_at_once(pgebench: Run, tmp_path: Path) -> None:
    """Two sources with two seeds each, for either target."""
    assert pgebench("job.cells=2", "together=true", "metric=[leep]", "truth=[finetune,linear_probe]") == 0
    records = [json.loads(path.read_text()) for path in (tmp_path / "store" / "truth").rglob("*.json")]
    sizes = [(record["params"]["protocol"], record["detail"]["together"]) for record in records]
    assert sorted(sizes) == [("finetune", 4)] * 8 + [("linear_probe", 2)] * 8


@pytest.mark.slow
def test_several_cells_in_one_job_give_the_numbers_of_one_each(pgebench: Run, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    for record in (tmp_path / "store" / "score").rglob("*.json"):
        record.unlink()
    assert pgebench("job.cells=3", 'notes=["it is ${seed}"]') == 0
    pd.testing.assert_frame_equal(values(finished / "results"), values(tmp_path / "results"))


def test_paths_are_those_of_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher may start its jobs in any folder."""

    elsewhere, start = tmp_path / "elsewhere", tmp_path / "start"
    for folder in (elsewhere, start):
        folder.mkdir()
    original = main._job

    def moved(config: DictConfig) -> None:
        monkeypatch.chdir(elsewhere)
        original(config)

    monkeypatch.setattr(main, "_job", moved)
    monkeypatch.chdir(start)
    assert run_pgebench(*TINY, "source=mnist_0_4", "target=mnist_5_9", "metric=[leep]", "truth=[linear_probe]") == 0
    assert (start / "results" / "smoke" / "report.html").is_file()
    assert not list(elsewhere.iterdir())
