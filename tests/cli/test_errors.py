"""Bad input: one clear message that names the key and the remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Run

from pgebench.cli import commands
from pgebench.cli.preflight import unknown_choice
from pgebench.config import conf_dir
from pgebench.plan import unavailable


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("source=mnst", r"source=mnst: no such dataset; did you mean mnist\? choose from aircraft, animals, "),
        ("target=mnist_5_9,fashon", r"target=fashon: no such dataset; did you mean fashion\?"),
        ("backbone=test_resent", r"backbone=test_resent: no such backbone; did you mean test_resnet\?"),
        ("metric=[pge,leap]", r"metric=leap: no such metric; did you mean leep\?"),
        ("truth=[finetuning]", r"truth=finetuning: no such truth; did you mean finetune\?"),
        ("experiment=embeded", r"experiment=embeded: no such experiment; did you mean embedded\?"),
        ("backbone.model=resnet8", r"backbone.model=resnet8: timm has no such model; did you mean .*resnet18"),
        ("source=mnist_0_4 target=mnist_0_4", r"source=mnist_0_4 and target=mnist_0_4: they are the same classes"),
        ("device=cuda:99", r"device=cuda:99 cannot be used here"),
        ("target.classes=[0,77]", r"classes=\[0, 77\] must be two or more different indices from 0 to 9"),
        (
            "recipe.checkpoint.stepz=4",
            r"recipe.checkpoint.stepz: Key 'stepz' not in .*did you mean steps\? choose from batch",
        ),
        ("budget.episodes=many", r"budget.episodes: Value 'many' .* could not be converted to Integer"),
        ("buget.episodes=4", r"buget: Key 'buget' not in 'Config'; did you mean budget\? choose from"),
        ("metric.pge.gradient.restart=frsh", r"gradient.restart=frsh: choose from fresh, paired, fixed, pretrained"),
        (
            "metric=[pge] truth=[finetune] metric.pge.function.distance=cosine",
            r"distance=cosine: choose from product, unit",
        ),
        ("recipe.finetune.precision=half", r"recipe.finetune.precision=half: choose from float32, bfloat16"),
        ("truth.finetune.protocol=magic", r"truth.finetune.protocol=magic: choose from finetune, linear_probe"),
    ],
)
def test_a_wrong_config_is_one_clear_message_and_not_a_traceback(
    pgebench: Run, capsys: pytest.CaptureFixture[str], override: str, message: str
) -> None:
    assert pgebench(*override.split()) != 0
    printed = capsys.readouterr()
    assert re.search(message, printed.err)
    assert "Traceback" not in printed.err + printed.out


def test_a_choice_beside_the_yaml_of_the_user_is_known(tmp_path: Path) -> None:
    (tmp_path / "metric").mkdir()
    (tmp_path / "metric" / "mine.yaml").write_text("")
    assert unknown_choice(["metric=[mine,leep]"], [conf_dir(), tmp_path]) is None
    assert unknown_choice(["metric=[mine]"], [conf_dir()])


def test_a_folder_that_cannot_be_written_is_named_before_any_work(
    pgebench: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert pgebench(f"results={tmp_path}/file/results") == 2
    assert "Give a folder that can be written with results=DIR" in capsys.readouterr().err


def test_a_target_with_too_few_images_for_a_metric_fails_that_metric_alone(
    pgebench: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pgebench("target=mnist_5_9", "source=mnist_0_4", "target.train_per_class=4", "metric=[pge,leep]") == 1
    error = capsys.readouterr().err
    assert "needs shot + 1 = 6 of each: raise target.train_per_class" in error
    assert not re.search(r"score .* leep", error)
    assert "Mend the cause and run the same command again" in error


def test_a_metric_that_needs_what_is_not_installed_is_named_and_the_rest_runs(
    pgebench: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(unavailable, "installed", lambda distribution: distribution != "POT")
    assert pgebench("target=mnist_5_9", "source=mnist_0_4", "metric=[leep,otdd]", "truth=[linear_probe]") == 0
    line = "Metric otdd is left out: it needs POT (pip install POT)."
    assert line in capsys.readouterr().out.splitlines()
    assert line in (tmp_path / "results" / "report.md").read_text()


def test_the_report_command_says_what_it_needs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import sys

    from pgebench.cli.commands import report

    for arguments, message in (([], "usage"), ([f"results={tmp_path}"], "has no records.parquet; run pgebench first")):
        sys.argv = ["pgebench-report", *arguments]
        with pytest.raises(SystemExit, match=message):
            report()


@pytest.mark.parametrize("wrong", ["episodes=abc", "confidence=high", "workers=2.5"])
def test_an_option_of_the_wrong_type_is_named(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pgebench-rank", "target=x", wrong])
    with pytest.raises(SystemExit, match=re.escape(wrong)):
        commands.rank()
