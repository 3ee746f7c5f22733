"""The main job, end to end, on real images: small, but nothing in it is pretended."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import TINY, Run, run_pgebench
from tables import table, values

from pgebench.experiment.up_to_date import STAMP
from pgebench.run import runner
from pgebench.stages import STAGES, Outcome
from pgebench.stages import base as stage_base
from pgebench.stages.base import Work


def test_every_unit_is_done_and_every_file_of_the_report_is_there(finished: Path) -> None:
    results = finished / "results"
    assert (table(results).status == "done").all()
    for name in ("records.csv", "summary.csv", "report.md", "report.html", "meta.json"):
        assert (results / name).stat().st_size > 0
    assert list((results / "figures").glob("*.png"))


def test_the_table_holds_each_stage_metric_and_truth_of_each_pair(finished: Path) -> None:
    rows = table(finished / "results")
    pairs = {
        ("mnist_0_4", "mnist_5_9"), ("mnist_0_4", "fashion_rest"),
        ("fashion_tops", "mnist_5_9"), ("fashion_tops", "fashion_rest"),
    }  # fmt: skip
    metrics = {"pge", "pge_product", "pge_official", "logme", "leep", "nce", "random", "source_accuracy"}
    for stage, column, names in (("score", "metric", metrics), ("truth", "truth", {"finetune", "linear_probe"})):
        chosen = rows[(rows.stage == stage) & (rows.truth != "scratch")]
        assert set(chosen[column]) == names
        for name in names:
            assert set(zip(*(chosen[chosen[column] == name][k] for k in ("source", "target")), strict=True)) == pairs
    scratch = rows[rows.truth == "scratch"]
    assert scratch.source.isna().all()
    assert set(scratch.target) == {target for _, target in pairs}
    assert rows[rows.stage == "truth"].value.between(0, 1).all()
    assert rows[rows.stage == "score"].value.notna().all()


def test_bounded_scores_lie_within_their_bounds(finished: Path) -> None:
    scores = table(finished / "results").query("stage == 'score'").set_index("metric").value
    assert scores["pge"].between(-2, 0).all()
    for metric in ("leep", "nce"):
        assert scores[metric].between(-math.log(5) - 1e-9, 0).all()


def test_the_same_command_again_runs_nothing_and_changes_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("a finished unit was run again"))
    assert run_pgebench(*TINY, f"results={tmp_path}/results", f"store={tmp_path}/store") == 0
    assert "done already" in capsys.readouterr().out
    pd.testing.assert_frame_equal(table(tmp_path / "results"), table(finished / "results"))


def test_another_experiment_uses_what_is_done(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    run: list[str] = []
    original = runner._execute
    monkeypatch.setattr(runner, "_execute", lambda attempt: run.append(attempt.unit.stage) or original(attempt))
    more = ("source=mnist_0_4,fashion_tops,digits", f"results={tmp_path}/results", f"store={tmp_path}/store")
    assert run_pgebench(*TINY, *more, "metric=[leep]", "truth=[linear_probe]") == 0
    assert run.count("checkpoint") == 1


def test_the_report_can_be_built_again_from_the_table_alone(finished: Path, tmp_path: Path) -> None:
    from pgebench.report import build_report

    results = finished / "results"
    for name in ("records.parquet", "meta.json", "plan.json", STAMP):
        shutil.copy(results / name, tmp_path)
    build_report(tmp_path)
    names = sorted(path.relative_to(results) for path in results.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    for name in names:
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes(), name


def test_the_table_can_be_built_again_from_the_store_alone(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    assert run_pgebench(*TINY, f"results={tmp_path}/results", f"store={tmp_path}/store") == 0
    pd.testing.assert_frame_equal(table(tmp_path / "results"), table(finished / "results"))


def break_stage(
    monkeypatch: pytest.MonkeyPatch, stage: str, when: Callable[[Work], bool], error: BaseException
) -> None:
    original = STAGES[stage]

    def broken(work: Work) -> Outcome:
        if when(work):
            raise error
        return original.run(work)

    monkeypatch.setitem(STAGES, stage, replace(original, run=broken))


def test_a_failing_unit_is_a_row_and_the_rest_goes_on(
    pgebench: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], finished: Path
) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    for path in (tmp_path / "store" / "score").rglob("*.json"):
        path.unlink()
    break_stage(monkeypatch, "score", lambda work: work.unit.label.metric == "logme", RuntimeError("no memory"))
    assert pgebench() == 1
    message = capsys.readouterr()
    assert "RuntimeError: no memory" in message.err
    assert "run the same command again: finished units are kept" in message.err
    rows = table(tmp_path / "results")
    failed = rows[rows.status != "done"]
    assert set(failed.metric) == {"logme"}
    assert set(failed.status) == {"failed"}
    assert "no memory" in (tmp_path / "results" / "report.md").read_text()

    monkeypatch.undo()
    assert pgebench() == 0
    pd.testing.assert_frame_equal(values(tmp_path / "results"), values(finished / "results"))


@pytest.mark.slow
def test_a_damaged_artifact_costs_one_run_and_nothing_else(
    pgebench: Run, tmp_path: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(finished / "store", tmp_path / "store")
    damaged = next((tmp_path / "store" / "evidence").rglob("*.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    for path in (tmp_path / "store" / "score").rglob("*.json"):
        path.unlink()
    assert pgebench() == 1
    assert "missing or damaged" in capsys.readouterr().err
    assert pgebench() == 0
    pd.testing.assert_frame_equal(values(tmp_path / "results"), values(finished / "results"))


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(
    pgebench: Run, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_stage(monkeypatch, "truth", lambda work: work.params["seed"] == 1, KeyboardInterrupt())
    assert pgebench() == 130
    said = capsys.readouterr().out
    assert "Interrupted: " in said
    assert "Run the same command again" in said
    assert not any(json.loads(p.read_text())["status"] == "running" for p in (tmp_path / "store").rglob("*.json"))
    monkeypatch.undo()
    assert pgebench() == 0
    pd.testing.assert_frame_equal(values(tmp_path / "results"), values(finished / "results"))


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path, finished: Path) -> None:
    command = [sys.executable, "-m", "pgebench", *TINY, f"results={tmp_path}/results", f"store={tmp_path}/store"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = tmp_path / "store"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list((store / "gradient").rglob("*.safetensors"))) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(store.rglob("*.json")))
    assert 0 < done < len(list((finished / "store").rglob("*.json")))
    assert run_pgebench(*TINY, f"results={tmp_path}/results", f"store={store}") == 0
    pd.testing.assert_frame_equal(values(tmp_path / "results"), values(finished / "results"))
    for path in (finished / "store").rglob("*.safetensors"):
        assert (store / path.relative_to(finished / "store")).read_bytes() == path.read_bytes()


def test_scores_never_read_validation_or_test_images(
    pgebench: Run, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evidence is recomputed on a target whose validation and test images are noise: no score may move."""
    original = stage_base.open_task

    def poisoned(name: str, params: dict, store: Path) -> object:
        task = original(name, params, store)
        if task.name == "poison":
            return task
        images = task.images.copy()
        held_out = task.split > 0
        images[held_out] = np.random.default_rng(0).integers(0, 256, images[held_out].shape, dtype=np.uint8)
        return replace(task, collection=SimpleNamespace(images=images), rows=np.arange(len(images)))

    # The source model must stay as it is (its learning rate is chosen on the source's validation images).
    shutil.copytree(finished / "store" / "checkpoint", tmp_path / "store" / "checkpoint")
    monkeypatch.setattr(stage_base, "open_task", poisoned)
    assert pgebench("truth=[linear_probe]") == 0
    before, after = (values(p / "results").query("stage == 'score'") for p in (finished, tmp_path))
    pd.testing.assert_frame_equal(before.reset_index(drop=True), after.reset_index(drop=True))
    truths = [values(p / "results").query("truth == 'linear_probe'").value.to_numpy() for p in (finished, tmp_path)]
    assert not np.allclose(*truths), "the poison did not reach the test images, so this test shows nothing"


def test_permuted_class_labels_change_no_score_but_those_of_the_truth_definition(
    pgebench: Run, tmp_path: Path, finished: Path
) -> None:
    shutil.copytree(finished / "store" / "checkpoint", tmp_path / "store" / "checkpoint")
    assert pgebench("target.permute_labels=3", "metric=[leep,nce,logme]", "truth=[linear_probe]") == 0
    chosen = "stage == 'score' and metric in ['leep', 'nce', 'logme']"
    keys = ["metric", "source", "target"]
    before, after = (
        table(p / "results").query(chosen).set_index(keys).value.sort_index() for p in (finished, tmp_path)
    )
    np.testing.assert_allclose(before, after, rtol=1e-9)


@pytest.mark.slow
def test_two_workers_give_the_numbers_of_one(pgebench: Run, tmp_path: Path, finished: Path) -> None:
    assert pgebench("launch=local", "workers=2") == 0
    first, second = (values(p / "results").drop(columns="workers") for p in (finished, tmp_path))
    pd.testing.assert_frame_equal(first, second)
