"""Facts of metrics: from the config of a run, or for runs of before from pgebench's own YAMLs."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pgebench.analysis import analyse
from pgebench.core.metric_facts import metric_facts
from pgebench.report.build import read_results

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
CONTROLS = {
    *("random", "source_accuracy", "source_size", "number_of_classes", "parameter_count", "same_collection"),
    *("flop_count", "feature_width", "weighted_alpha"),
}


def of_kind(facts, kind):
    return {name for name, fact in facts.items() if fact["kind"] == kind}


def run(**metrics):
    return {"config": {"metric": metrics}}


@pytest.mark.parametrize("meta", [{}, run(random={"seeds": 1}), {"config": None}])
def test_a_run_that_does_not_say_them_has_the_facts_of_the_built_in_metrics(meta):
    facts = metric_facts(meta)
    assert of_kind(facts, "control") == CONTROLS
    assert facts["ncti_seli"]["term_of"] == "ncti"
    assert facts["logme"]["term_of"] is None


def test_the_config_of_the_run_comes_first():
    assert metric_facts(run(random={"kind": "metric"}))["random"]["kind"] == "metric"
    assert metric_facts(run(etran_energy={"term_of": None}))["etran_energy"]["term_of"] is None


def test_a_metric_of_the_user_is_a_metric_unless_it_says_otherwise():
    facts = metric_facts(run(mine={"seeds": 2}, yardstick={"kind": "control"}))
    assert facts["mine"]["kind"] == "metric"
    assert of_kind(facts, "control") == CONTROLS | {"yardstick"}


def test_a_control_of_the_user_stands_among_the_controls_of_the_league():
    folder = REFERENCE / "costs"
    records, meta = read_results(folder)
    renamed = records.assign(metric=records["metric"].replace({"logme": "yardstick"}))
    facts = metric_facts({"config": {"metric": {**meta["config"]["metric"], "yardstick": {"kind": "control"}}}})
    league = analyse(renamed, facts, resamples=10, shuffles=10).results[0].league.set_index("metric")
    assert league.loc["yardstick", "kind"] == league.loc["static", "kind"] == "trivial"
    assert analyse(renamed, {}, resamples=10, shuffles=10).results[0].league["kind"].eq("trivial").sum() == 1


@pytest.mark.parametrize("name", ["costs"])
def test_a_folder_of_before_keeps_its_controls_and_composites(name):
    """The summary beside the records was written when the analysis knew the names of controls and terms by heart."""
    assert "kind" not in json.loads((REFERENCE / name / "meta.json").read_text())["config"]["metric"]["random"]
    records, meta = read_results(REFERENCE / name)
    found = analyse(
        records,
        meta["metric_facts"],
        primary_truth=meta["primary_truth"],
        question=meta.get("question", "sources"),
        resamples=10,
        shuffles=10,
    ).summary
    written = pd.read_csv(REFERENCE / name / "summary.csv")
    assert found[["truth", "metric", "kind"]].values.tolist() == written[["truth", "metric", "kind"]].values.tolist()
    assert found["weighted_tau"].round(4).tolist() == pytest.approx(
        written["weighted_tau"].tolist(), abs=1e-4, nan_ok=True
    )
