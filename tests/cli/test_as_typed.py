"""What is typed is what happens: the folder is made where it was said, nowhere else, and errors are one line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from conftest import run_pgebench

from pgebench.cli.options import CompareOptions
from pgebench.core.options import read
from pgebench.ranking.request import Wish

NOTHING_COMPUTED = ("truth=published.sfda", "progress=none", "tracking=none")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2026_11", "null", "it's", "a,b", "-d", "a\nb", "epoch=3 ${x}(ü)"])
def test_results_are_where_they_were_said_to_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_pgebench(*NOTHING_COMPUTED, f"results={name}") == 0
    assert names_in(tmp_path) == [name]
    assert (tmp_path / name / "report.html").is_file()


@pytest.mark.slow
def test_a_sweep_keeps_every_name_and_goes_on_with_the_command_that_it_shows(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("1e5", "a,b (é)", "it's ${x}")
    for name in names:
        (tmp_path / name).symlink_to(photos)
    paths = "source.path=1e5,'a,b (é)',it's ${x}"
    command = (
        "source=folder", paths, "target=mnist_5_9", "metric=[leep]", "truth=[linear_probe]", "launch=serial",
        "experiment=smoke", "tracking=none", "progress=none", "recipe.checkpoint.steps=2",
        "recipe.linear_probe.steps=2", "budget.truth_seeds=1", "results=r ${x}", "store=ström=1",
    )  # fmt: skip
    assert run_pgebench(*command) == 0
    assert names_in(tmp_path) == sorted([*names, "my photos", "r ${x}", "ström=1"])
    meta = json.loads((tmp_path / "r ${x}" / "meta.json").read_bytes())
    assert sorted(meta["datasets"]) == sorted(["mnist_5_9", *names])
    assert meta["config"]["results"] == "r ${x}"
    shown = shlex.split(meta["command"])[1:]
    assert {"results=r ${x}", "store=ström=1", paths} <= set(shown)
    capsys.readouterr()
    assert run_pgebench(*shown) == 0
    assert "units are done already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["results="], "results= is empty: give a value, or leave it out"),
        (["word"], "word: write key=value, as in results=DIR"),
        (["seed=a(b"], "seed=a(b: Hydra cannot read the value"),
        (["notes=it's"], "a text is quoted twice, for it and for the shell: "),
        (["source=a b"], "source=a b: no such dataset; choose from"),
        (["--cfg", "job", "source.path=a,b"], "source.path=a,b: --cfg shows one cell: give one value"),
        (["target=npz", "target.path=x", "target.loader.splt=x"], "takes no splt; did you mean split? choose from"),
    ],
)
def test_what_is_wrong_is_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_pgebench(*arguments) == 1
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == 1
    assert names_in(tmp_path) == []


def test_a_config_dir_and_an_experiment_may_be_called_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it's=mine" / "experiment").mkdir(parents=True)
    (tmp_path / "it's=mine" / "experiment" / "2024_01.yaml").write_text("# @package _global_\nexperiment_name: mine\n")
    shown = ["experiment=2024_01", "metric=[]", "truth=[]", "--cfg", "job", "--package", "tracking"]
    assert run_pgebench("--config-dir", "it's=mine", *shown, "tracking.project=1e5") == 0
    assert "project: '1e5'" in capsys.readouterr().out


def test_a_wrong_sweep_in_a_yaml_of_the_user_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    text = "# @package _global_\nexperiment_name: x\nhydra: {sweeper: {params: {seed: 'a(b'}}}\n"
    (tmp_path / "mine" / "experiment" / "own.yaml").write_text(text)
    assert run_pgebench("--config-dir", "mine", "experiment=own", "metric=[]", "truth=[]") == 1
    shown = capsys.readouterr().err
    assert shown.startswith("pgebench: error: hydra.sweeper.params: seed=a(b: Hydra cannot read the value")
    assert shown.count("\n") == 1


def test_other_commands_read_paths_in_the_same_way() -> None:
    assert read(CompareOptions, "pgebench-compare", ["results='a,b',1e5"]).results == ("a,b", "1e5")
    wish = read(Wish, "pgebench-rank", ["target='my photos'", 'sources="a,b", emoji', "results=null"])
    assert (wish.target, wish.sources, wish.results) == ("my photos", ("a,b", "emoji"), None)
    assert read(Wish, "pgebench-rank", shlex.split(wish.command())[1:]) == wish
