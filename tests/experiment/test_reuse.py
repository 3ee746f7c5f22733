"""Truths of an earlier run serve a new metric without any fine-tuning."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import Run

from pgebench.stages import STAGES


def test_truths_are_taken_over_and_nothing_is_fine_tuned_again(
    pgebench: Run,
    tmp_path: Path,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(
        STAGES, "truth", replace(STAGES["truth"], run=lambda work: pytest.fail("a truth was computed again"))
    )
    assert pgebench("metric=[lfc]", f"reuse={finished}/results") == 0
    before, after = (pd.read_parquet(folder / "results" / "records.parquet") for folder in (finished, tmp_path))
    truths = [table[table.stage == "truth"].set_index("key").sort_index() for table in (before, after)]
    assert f"{truths[0].index.nunique()} truths are taken over from {finished}/results" in capsys.readouterr().out
    for column in ("value", "wall_s", "cpu_s", "images", "finished"):
        pd.testing.assert_series_equal(truths[0][column], truths[1][column])
    assert all(json.loads(detail)["reused"] for detail in truths[1].detail)
    assert (after[after.stage == "score"].metric == "lfc").all()
    assert (
        f"{len(truths[1])} truths were taken over from an earlier run" in (tmp_path / "results/report.md").read_text()
    )


def test_truths_of_another_recipe_are_not_taken_over(
    pgebench: Run, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("metric=[lfc]", "truth=[linear_probe]", "recipe.linear_probe.steps=2", f"reuse={finished}/results")
    assert pgebench(*arguments) == 0
    assert "0 truths are taken over" in capsys.readouterr().out


def test_a_folder_without_a_table_is_refused(pgebench: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pgebench(f"reuse={tmp_path}/nothing") == 2
    assert "name the results folder of a finished run" in capsys.readouterr().err
