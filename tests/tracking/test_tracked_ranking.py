"""W&B gets the page of a ranking, its candidates and its files; whatever happens to it, the answer stands."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hub_cache import put, random_weights
from huggingface_hub import constants
from logged import Logged
from tracked import ranking_tracker

from pgebench.cli import commands
from pgebench.tracking import tracker

SMALL = ("test_resnet.r160_in1k", "test_vit.r160_in1k")
MISSING = "test_convnext.r160_in1k"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is logged is looked at here, not how long it takes on a machine that does other work."""
    monkeypatch.setattr(tracker, "PATIENCE", 120.0)


def logged(results: Path) -> Logged:
    (only,) = (results / "wandb").glob("offline-run-*")
    return Logged(only)


def table(run: Logged, name: str) -> list[dict[str, Any]]:
    (file,) = run.files(f"table/{name}_*.json")
    found = json.loads(file.read_text())
    return [dict(zip(found["columns"], row, strict=True)) for row in found["data"]]


def rank(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> Path:
    """Run the command on two networks whose weights are in a cache, and one whose are not; its results."""
    hub = folder / "hf/hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for seed, model in enumerate(SMALL):
        if not any(hub.glob(f"*{model}")):
            put(hub, model, random_weights(model, seed))
    results = folder / "results"
    given = [f"results={results}", f"store={folder}/store", "question=backbones", "image_size=32", "workers=1"]
    named = f"backbones={','.join((*SMALL, MISSING))}"
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *given, named, *arguments])
    threads = torch.get_num_threads()
    try:
        commands.rank()
    finally:
        torch.set_num_threads(threads)
    return results


def test_a_ranking_is_one_run_with_its_page_its_candidates_and_its_files(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = rank(monkeypatch, tmp_path, f"target={photos}", "tracking.project=mine")
    run = logged(results)
    assert (run.kind, run.name, run.exit_code) == ("rank", "my photos rank", 0)
    assert next(each["run"] for each in run.records if each["type"] == "run")["project"] == "mine"
    (page,) = run.files("html/*.html")
    assert page.read_bytes() == (results / "ranking.html").read_bytes()
    assert len(run.files("images/**/*.png")) == 1
    said = json.loads((results / "ranking.json").read_text())
    (answer,) = said["answers"]
    shown = table(run, "candidates/backbones")
    assert [row["name"] for row in shown] == [row["name"] for row in answer["ranking"]]
    for row, expected in zip(shown, answer["ranking"], strict=True):
        assert row["score"] == expected.get("score")
        assert row["family"] == answer["candidates"].get(row["name"], {}).get("family")
    assert shown[0]["family"] is not None
    assert shown[-1]["name"] == MISSING
    assert "HF_HUB_OFFLINE=1" in shown[-1]["error"]
    assert run.summary["best_score/backbones"] == answer["ranking"][0]["score"]
    assert run.summary["unscored/backbones"] == 1
    (artifact,) = (each for each in run.artifacts if each["type"] == "ranking")
    assert artifact["name"] == "ranking-my-photos"
    assert {each["path"] for each in artifact["manifest"]["contents"]} == {
        "ranking.html",
        "ranking.json",
        "ranking.png",
    }
    assert json.loads(artifact["metadata"])["command"] == said["command"]


def test_each_question_has_a_table_and_weights_stay_where_they_are(ranking: Path) -> None:
    with ranking_tracker(ranking) as following:
        assert following.report() is not None
    run = logged(ranking)
    assert table(run, "candidates/backbones") == [
        {
            **{"place": 1, "name": "resnet18", "score": 0.5, "low": 0.4, "high": None, "error": None},
            **{"first_place": 1, "last_place": 2, "family": "resnet", "gflops": 3.6},
        },
        {
            **{"place": None, "name": "vit", "score": None, "low": None, "high": None, "error": "it is gated"},
            **{"first_place": None, "last_place": None, "family": "vit", "gflops": None},
        },
    ]
    assert [row["name"] for row in table(run, "candidates/sources")] == ["br\\udce9ken"]
    assert run.summary["unscored/backbones"] == 1
    assert run.summary["reference_tau/sources"] == 0.5
    (artifact,) = (each for each in run.artifacts if each["type"] == "ranking")
    files = {each["path"] for each in artifact["manifest"]["contents"]}
    assert files == {"ranking.html", "ranking.json", "ranking.png", "fine_tuned_backbone.yaml"}


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["tracking=none"], {}),
        ([], {"WANDB_MODE": "disabled"}),
        (["tracking=wandb_online"], {"WANDB_DISABLED": "true"}),
    ],
)
def test_no_tracking_starts_nothing(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], variables: dict[str, str]
) -> None:
    monkeypatch.setattr(tracker.subprocess, "Popen", None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    results = rank(monkeypatch, tmp_path, f"target={photos}", *arguments)
    assert (results / "ranking.html").is_file()
    assert not (results / "wandb").exists()


def test_a_wandb_that_is_not_there_costs_a_ranking_one_line(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "wandb.py").write_text("raise RuntimeError('no wandb today')")
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    results = rank(monkeypatch, tmp_path, f"target={photos}")
    assert (results / "ranking.html").is_file()
    (warning,) = (each.getMessage() for each in caplog.get_records("call") if each.name == tracker.__name__)
    assert "W&B is not complete (RuntimeError: no wandb today)" in warning


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["target=nowhere"], "target=nowhere: neither a folder nor one of"),
        (["target=one"], "one holds 1 class folders"),
        (["target=three"], "three"),
        (["target=broken"], "broken"),
        (["target=mnist", "tracking=wandbb"], "tracking=wandbb: choose from none, wandb, wandb_online"),
    ],
)
def test_a_target_that_cannot_be_read_leaves_nothing_behind(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    some = sorted((photos / "one").iterdir())
    Path("one/only").mkdir(parents=True)
    for picture in some:
        (Path("one/only") / picture.name).write_bytes(picture.read_bytes())
    for folder in ("broken/a", "broken/b"):
        Path(folder).mkdir(parents=True)
        (Path(folder) / "x.png").write_bytes(b"no picture")
    before = set(tmp_path.rglob("*"))
    # What was read and could not be used is kept as it was read: a second try needs no second reading.
    kept = tmp_path / "results" / "store" / "datasets"
    monkeypatch.setattr(tracker.subprocess, "Popen", None)
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *arguments])
    with pytest.raises(SystemExit, match=message) as stop:
        commands.rank()
    assert "\n" not in str(stop.value)
    assert {path for path in tmp_path.rglob("*") if path not in (kept, *kept.parents) and kept not in path.parents} == {
        path for path in before if path not in kept.parents
    }
    assert kept.exists() == ("broken" in message)
