"""Contrasts: pairs of metrics that are named before the run, and refused before it where they are no pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run
from planned import sweep

from pgebench.experiment.publish import meta_of

WRONG = (
    "[[pge]]",
    "[[pge,pge]]",
    "[[pge,logme,leep]]",
    "[pge,logme]",
    "[[pge,null]]",
    "[[pge,1]]",
    "[[pge,'']]",
    "[null]",
)


@pytest.mark.parametrize("contrasts", WRONG)
def test_what_is_no_pair_is_refused_before_anything_runs(
    contrasts: str, pgebench: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pgebench(f"contrasts={contrasts}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pgebench: error: contrasts: ")
    assert "[pge, logme]" in line
    assert not list(tmp_path.iterdir())


def test_the_contrasts_stand_beside_the_table_with_those_that_the_run_has_no_metric_for() -> None:
    chosen = ("metric=[logme]", "contrasts=[[logme,mine],[best,static]]")
    meta = json.loads(meta_of(sweep(*chosen), chosen))
    assert meta["config"]["contrasts"] == [["logme", "mine"], ["best", "static"]]
    assert meta["collections"] == {"mnist_0_4": "mnist", "mnist_5_9": "mnist"}


def test_there_are_contrasts_where_none_are_given() -> None:
    assert ["pge", "logme"] in json.loads(meta_of(sweep("metric=[]"), ()))["config"]["contrasts"]
