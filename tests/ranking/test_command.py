"""A practitioner's folder: from files to ranked sources and backbones."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import pgebench
from pgebench.cli import commands
from pgebench.pge import GradientSettings
from pgebench.ranking import by_gradient, command
from pgebench.ranking.reliability import reference


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small recipes of experiment=smoke, and small gradients; what is known of the metrics stays."""
    known = reference("sources")
    small = type(known)(**vars(known) | {"run": "smoke"})
    monkeypatch.setattr(command, "reference", lambda question: small if question == "sources" else reference(question))
    monkeypatch.setattr(by_gradient, "SETTINGS", GradientSettings(restarts=2, episodes=2, shot=1, query=1))


def run_rank(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *arguments])
    commands.rank()


@pytest.mark.usefixtures("quick")
def test_a_quick_answer_comes_first_and_a_better_one_for_the_budget(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As on a slow machine; on that of the reference a metric that needs a checkpoint is quick enough to come first.
    monkeypatch.setitem(reference("sources").cpu_s, "checkpoint", 60.0)
    arguments = (
        f"target={photos}",
        "sources=digits,faces",
        "question=sources",
        "episodes=2",
        f"store={tmp_path}/store",
    )
    run_rank(monkeypatch, *arguments, f"results={tmp_path}/quick", "budget=0.1", "workers=1")
    first = json.loads((tmp_path / "quick/ranking.json").read_text())["answers"][0]
    assert first["metric"] == "pge"
    assert sorted(row["name"] for row in first["ranking"]) == ["digits", "faces"]
    assert [row["score"] for row in first["ranking"]] == sorted(
        (row["score"] for row in first["ranking"]), reverse=True
    )
    assert first["reference"]["weighted_tau"] == reference("sources").of("pge").weighted_tau
    shown = capsys.readouterr().out
    assert "With budget=" in shown
    assert "it would be logme" in shown

    run_rank(monkeypatch, *arguments, f"results={tmp_path}/long", "budget=30", "workers=1")
    shown = capsys.readouterr().out
    assert shown.index("Sources by pge") < shown.index("Sources by logme")
    summary = json.loads((tmp_path / "long/ranking.json").read_text())
    (last,) = summary["answers"]
    assert last["metric"] == "logme"
    assert all(row["low"] < row["score"] < row["high"] for row in last["ranking"])
    assert summary["command"].startswith("pgebench-rank 'target=")
    assert (tmp_path / "long/ranking.png").read_bytes().startswith(b"\x89PNG")

    # What is trained is kept: now the better metric is the quick one.
    run_rank(monkeypatch, *arguments, f"results={tmp_path}/again", "budget=30", "workers=1")
    shown = capsys.readouterr().out
    assert "Sources by pge" not in shown
    assert json.loads((tmp_path / "again/ranking.json").read_text())["answers"][0]["ranking"] == last["ranking"]


@pytest.mark.usefixtures("quick")
def test_from_python_the_answer_is_returned_and_nothing_is_printed_or_written_unasked(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = {"sources": ["digits", "faces"], "question": "sources", "budget": 0.1, "episodes": 2, "workers": 1}
    (answer,) = pgebench.rank(photos, store=tmp_path / "store", **asked)
    assert capsys.readouterr() == ("", "")
    assert {path.name for path in tmp_path.iterdir()} == {"my photos", "store"}
    rows = answer.rows()
    assert sorted(row["name"] for row in rows) == ["digits", "faces"]

    said: list[str] = []
    pgebench.rank(str(photos), store=tmp_path / "store", results=tmp_path / "out", say=said.append, **asked)
    assert any(line.startswith("Sources by pge") for line in said)
    written = json.loads((tmp_path / "out/ranking.json").read_text())
    assert written["answers"][0]["ranking"] == rows
    assert capsys.readouterr() == ("", "")


def test_backbones_of_ones_own_are_ranked_and_a_broken_one_is_a_row(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "rare").mkdir()
    for number in (0, 2):
        shutil.copy(photos / "zero" / f"{number}.JPG", photos / "rare")
    files = []
    for seed, name in enumerate(("first", "second", "broken")):
        torch.manual_seed(seed)
        model = "test_resnet" if name != "broken" else "test_vit"
        save_file(timm.create_model(model, num_classes=0).state_dict(), tmp_path / f"{name}.safetensors")
        lines = [f"name: {name}", "model: test_resnet", f"weights: {tmp_path}/{name}.safetensors", "head: false"]
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text("\n".join(lines))
    chosen = f"backbones={','.join(map(str, files))}"
    where = (f"store={tmp_path}/store", f"results={tmp_path}/out", "workers=1")
    run_rank(monkeypatch, f"target={photos}", chosen, "question=backbones", "budget=1", *where)
    (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
    assert {row["name"] for row in answer["ranking"][:2]} == {"first", "second"}
    assert answer["ranking"][2]["place"] is None
    network = timm.create_model("test_resnet", num_classes=0)
    for row in answer["ranking"][:2]:
        assert row["parameters"] == sum(parameter.numel() for parameter in network.parameters())
        assert row["ms_per_image"] > 0
        assert row["gflops"] > 0
        assert "stated_accuracy" not in row
        assert "licence" not in row
    page = (tmp_path / "out/ranking.html").read_text()
    assert "another architecture" in page
    assert page.count('src="data:image/') == 12
    assert "backbone.name=first" in page or "backbone.name=second" in page
    assert "another architecture" in answer["ranking"][2]["error"]
    shown = capsys.readouterr().out
    assert "failed: " in shown
    assert "Left out of the backbones: rare of my photos: fewer than three images." in shown
    assert "training images in 2 classes" in shown


@pytest.mark.usefixtures("quick")
def test_where_pge_cannot_be_used_the_other_metrics_answer(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "rare").mkdir()
    for number in (0, 2, 4):
        shutil.copy(photos / "zero" / f"{number}.JPG", photos / "rare")
    where = (f"store={tmp_path}/store", f"results={tmp_path}/out", "workers=1")
    run_rank(monkeypatch, f"target={photos}", "sources=digits,faces", "question=sources", "budget=30", *where)
    (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
    assert answer["metric"] != "pge"
    assert sorted(row["name"] for row in answer["ranking"]) == ["digits", "faces"]
    assert "Without pge: PGE needs two classes with two images each; here are 3 classes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "usage: pgebench-rank target=FOLDER"),
        (("target=mnist", "backbone=resnet9"), "backbone=resnet9: choose from"),
        (("target=mnits",), "target=mnits: neither a folder nor one of animals"),
        (("target=./nowhere",), "there is no such folder"),
        (("target=mnist", "folder=x"), "no option folder"),
        (("target=mnist", "budget=soon"), "budget=soon: give a number"),
        (("target=mnist", "budget=0"), "budget=0.0: give minutes above 0"),
        (("target=mnist", "question=targets"), "question=targets: choose from sources, backbones and both"),
        (("target=mnist", "question=sources", "sources=emoji,faces,emoji"), "sources: emoji is there twice"),
        (("target=mnist", "confidence=95"), "confidence=95.0: give a number between 0 and 1"),
    ],
)
def test_wrong_arguments_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=message):
        run_rank(monkeypatch, *arguments)
