"""Metrics on a box: the same scores as from the evidence itself, beside the study's own, and nothing is trained."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import TINY, run_pgebench
from planned import sweep

import pgebench as suite
from pgebench.box.file import open_box, write_box
from pgebench.core.errors import ConfigError, PgebenchError
from pgebench.experiment.make_box import evidence_of
from pgebench.experiment.on_box import on_box as on_box_of
from pgebench.plan.composing import sweep_of
from pgebench.plan.units import merged, plan
from pgebench.report.build import analysed
from pgebench.stages import STAGES
from pgebench.store.store import Store

Judge = Callable[..., int]

CELLS = [one for one in TINY if "=" in one and not one.startswith(("launch", "threads", "tracking", "progress"))]


@pytest.fixture(scope="module")
def box(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished tiny experiment as a box."""
    folder = tmp_path_factory.mktemp("box") / "results"
    shutil.copytree(finished / "results", folder)
    overrides = [one.replace("source=", "dataset@source=").replace("target=", "dataset@target=") for one in CELLS]
    units = merged(map(plan, sweep(*overrides).cells))
    write_box(folder, "smoke", evidence_of(units, Store(finished / "store")))
    return folder


@pytest.fixture
def on_box(box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Runs the tiny experiment on the box, where nothing but a score may be computed."""
    for stage in set(STAGES) - {"score"}:
        fail = functools.partial(pytest.fail, f"{stage} was computed")
        monkeypatch.setitem(STAGES, stage, replace(STAGES[stage], run=lambda work, fail=fail: fail()))
    monkeypatch.chdir(tmp_path)
    return lambda *more: run_pgebench(*TINY, f"box={box}", "store=none", *more)


def _table(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "records.parquet")


PAIR = ["backbone", "source", "target", "checkpoint", "seed"]


def test_scores_are_those_of_the_evidence_itself_up_to_half_precision(on_box: Judge, box: Path, tmp_path: Path) -> None:
    chosen = ["logme", "leep", "nce", "pge", "pge_product"]
    assert on_box(f"metric=[{','.join(chosen)}]") == 0
    before, after = _table(box), _table(tmp_path / "results/judged")
    for metric in chosen:
        values = [
            table[(table.metric == metric) & (table.stage == "score")].set_index(PAIR).value.sort_index()
            for table in (before, after)
        ]
        pd.testing.assert_series_equal(*values, rtol=5e-3)


def test_the_study_stays_as_it_is_around_the_new_metric(on_box: Judge, box: Path, tmp_path: Path) -> None:
    assert on_box("metric=[lfc]") == 0
    before, after = _table(box), _table(tmp_path / "results/judged")
    added = after.metric == "lfc"
    assert after[added].stage.eq("score").all()
    assert after[added].value.notna().all()
    assert len(after[added]) == 4
    pd.testing.assert_frame_equal(after[~added].reset_index(drop=True), before)
    league = pd.read_csv(tmp_path / "results/judged/summary.csv")
    assert {"lfc", "pge", "logme", "random"} <= set(league.metric)
    meta = json.loads((tmp_path / "results/judged/meta.json").read_text())
    assert meta["config"]["metric"]["random"]["kind"] == "control"
    assert "nothing was trained" in (tmp_path / "results/judged/report.md").read_text()


def test_nothing_is_written_but_the_report(on_box: Judge, tmp_path: Path) -> None:
    assert on_box("metric=[lfc]", "results=mine") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_part_of_the_study_can_be_judged(on_box: Judge, tmp_path: Path) -> None:
    assert on_box("metric=[lfc]", "target=mnist_5_9") == 0
    table = _table(tmp_path / "results/judged")
    assert set(table[table.stage == "score"].target) == {"mnist_5_9"}


@pytest.mark.parametrize("other", ["seed=5", "recipe.finetune.steps=4", "transfer_seed=9", "checkpoints=2"])
def test_other_trainings_than_the_boxs_are_refused(
    on_box: Judge, other: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_box("metric=[lfc]", other) == 2
    assert "give experiment=smoke, and leave out what changes trainings or data" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_metric_that_wants_what_the_box_lacks_is_left_out_with_a_line(
    on_box: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_box("metric=[lfc,linear_mmd,kite,weighted_alpha,pge]", "metric.pge.gradient.episodes=3") == 0
    said = capsys.readouterr().out
    assert "linear_mmd is left out: it looks at source_features, which" in said
    assert "kite is left out: it looks at random_features, which" in said
    assert "weighted_alpha is left out: it looks at source_weights, which" in said
    assert "pge is left out: it looks at source_gradient, target_gradient" in said
    table = _table(tmp_path / "results/judged")
    assert set(table[table.metric == "pge"].stage) == {"gradient", "score"}, "committed scores stay"


def test_a_metric_that_fails_is_rows_and_an_exit_code(
    on_box: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert on_box("metric=[lfc]", "metric.lfc.function._target_=hostile_metrics.raises") == 1
    assert "4 units have no result" in capsys.readouterr().err
    assert (tmp_path / "results/judged/report.html").is_file()


def spread_of_means(features, labels, power=1.0):
    """A user's metric."""
    means = [features[labels == label].mean(0) for label in sorted(set(labels))]
    return float(sum(mean.std() for mean in means) ** power)


def alike(source_gradient, target_gradient):
    """A user's metric that looks at principal gradients."""
    return float((source_gradient.mean * target_gradient.mean).sum())


def always_wrong(features):
    """A user's metric that cannot be computed."""
    raise ZeroDivisionError("no spread")


def test_three_lines_of_python_judge_a_function() -> None:
    analysis = suite.judge(spread_of_means)
    league = analysis.summary[analysis.summary.truth == "finetune"].set_index("metric")
    assert {"spread_of_means", "logme", "pge", "random"} <= set(league.index)
    assert league.loc["random", "kind"] != "metric"
    assert league.loc["spread_of_means", "kind"] == "metric"
    assert -1 <= league.loc["spread_of_means", "weighted_tau"] <= 1


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda features: 0.0, "define it at the top of a module or notebook"),
        (functools.partial(spread_of_means, [[1.0]]), "fix arguments by their names"),
        (functools.partial(spread_of_means, strength=2), "strength"),
        (always_wrong, "always_wrong failed on .* pairs; .*no spread"),
    ],
)
def test_a_function_that_cannot_be_judged_is_one_line(function: Callable[..., float], said: str) -> None:
    with pytest.raises(PgebenchError, match=said):
        suite.judge(function)


def test_a_box_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError, match="box=no_such: no such box"):
        suite.judge(spread_of_means, box="no_such")


@pytest.mark.slow
def test_every_metric_has_the_same_place_from_the_shipped_box_as_from_the_evidence_itself() -> None:
    opened = open_box("embedded")
    judged = on_box_of(opened, sweep_of("embedded").cells)
    leagues = [
        analysed(table, dict(opened.meta)).summary.set_index(["truth", "metric"]).weighted_tau
        for table in (opened.records, judged.table)
    ]
    assert "scored on the evidence that box=embedded holds" in judged.notes[0]
    assert len(judged.notes) == 4, "but for the three metrics that look at the sources' images"
    pd.testing.assert_series_equal(*leagues, rtol=0, atol=0.01)
