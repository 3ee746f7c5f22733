"""What changed between two runs whose differences are known."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.build_table import build_table
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.two_runs import compare_runs
from pgebench.cli import commands
from pgebench.report.two_runs import markdown

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "embedded"
NAMES = ("old", "new")


@pytest.fixture(scope="module")
def run(synthetic):
    return synthetic.make_records(metrics=("logme", "leep", "pge"))


def changed(run, **meta):
    records, old = run
    return records.copy(), old | meta


def scores(records, metric):
    return (records["stage"] == "score") & (records["metric"] == metric)


def test_a_run_is_the_same_as_itself(run):
    found = compare_runs(run, changed(run, created="2031-01-01T00:00:00+00:00"))
    assert found.unchanged
    league = found.leagues["finetune"]
    assert (league["place_a"] == league["place_b"]).all()
    assert (league[["difference", "low", "high"]] == 0).all(axis=None)
    assert (found.costs["ratio"] == 1).all()
    assert "Nothing changed" in markdown(found, NAMES)


def test_settings_that_differ_are_named_by_their_key(run):
    config = {"backbone": ["test_resnet"], "truth": {"name": "finetune", "seeds": 3}, "extra": {}}
    found = compare_runs(run, changed(run, config=config, versions={"python": "3.11", "torch": "2.15"}))
    assert found.settings.to_numpy().tolist() == [
        ["config.extra", None, "{}"],
        ["config.truth.seeds", "2", "3"],
        ["versions.torch", '"2.6"', '"2.15"'],
    ]
    assert not found.unchanged


def test_units_are_told_apart_by_key_and_values_by_size(run):
    records, meta = changed(run)
    truths = records.index[records["stage"] == "truth"]
    records = records.drop(truths[0])
    for at, by in ((truths[1], 0.1), (truths[2], -0.3), (truths[3], 1e-9)):
        records.loc[at, "value"] += by
    found = compare_runs(run, (records, meta))
    assert found.units == (len(run[0]), len(run[0]) - 1)
    assert [len(units) for units in found.only] == [1, 0]
    assert found.only[0][0] == "truth test_resnet mnist_low -> mnist_high finetune seed 0"
    assert found.values["difference"].round(9).tolist() == [-0.3, 0.1]


def test_a_failure_in_one_run_only_is_listed_with_its_reason(synthetic, run):
    both = synthetic.fail(run[0], scores(run[0], "leep") & (run[0]["target"] == "animals_a"))
    more = synthetic.fail(both, scores(both, "leep") & (both["target"] == "animals_b"), "ValueError: a new one")
    found = compare_runs((both, run[1]), (more, run[1]))
    assert len(found.failed) == 7
    assert set(found.failed["run"]) == {"B"}
    assert set(found.failed["error"]) == {"ValueError: a new one"}
    assert "B: score test_resnet" in markdown(found, NAMES)


def test_a_metric_that_got_better_moves_up_and_its_difference_is_the_mean_over_targets(run):
    records, meta = changed(run)
    table = build_table(records)
    accuracy = table.truth["finetune"].mean(-1)[0]
    place = [{name: i for i, name in enumerate(names)} for names in (table.sources, table.targets)]
    perfect = scores(records, "leep")
    records.loc[perfect, "value"] = [
        accuracy[place[0][row.source], place[1][row.target]] for row in records[perfect].itertuples()
    ]
    league = compare_runs(run, (records, meta)).leagues["finetune"].set_index("metric")
    before = ranking_quality(table.scores["leep"], table.truth["finetune"]).per_target["weighted_tau"][0]
    row = league.loc["leep"]
    assert (row["b"], row["place_b"], row["targets"]) == (1.0, 1, 8)
    assert row["difference"] == pytest.approx(np.mean(1 - before))
    # A percentile bootstrap of the mean, about; ours is wider by Student's t, as eight targets are few.
    rng = np.random.default_rng(1)
    plain = np.quantile([np.mean(rng.choice(1 - before, 8)) for _ in range(4000)], [0.025, 0.975])
    width = row["high"] - row["low"]
    assert plain[1] - plain[0] < width < 1.6 * (plain[1] - plain[0])
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert league.loc["pge", "difference"] == 0


def test_only_shared_targets_are_paired_and_few_of_them_give_no_interval(run):
    records, meta = changed(run)
    kept = records["target"].isna() | records["target"].isin(["mnist_low", "clipart", "animals_a"])
    league = compare_runs(run, (records[kept], meta)).leagues["finetune"]
    shared = league[league["metric"] != "static"]  # which sees the targets that are gone
    assert (shared["targets"] <= 3).all()
    assert (shared["difference"] == 0).all()
    assert shared[["low", "high"]].isna().all(axis=None)


def test_a_metric_that_one_run_lacks_has_no_difference(run):
    records, meta = changed(run)
    league = compare_runs(run, (records[records["metric"] != "pge"], meta)).leagues["finetune"].set_index("metric")
    assert np.isnan(league.loc["pge", "b"])
    assert np.isnan(league.loc["pge", "difference"])
    assert "`pge`" in markdown(compare_runs(run, (records[records["metric"] != "pge"], meta)), NAMES)


def test_costs_stand_side_by_side(run):
    records, meta = changed(run)
    found = compare_runs(run, (records.assign(wall_s=records["wall_s"] * 2), meta))
    assert found.costs["ratio"].round(9).eq(2).all()
    assert set(found.costs["kind"]) == {"metric", "truth"}
    assert found.unchanged  # seconds are no result


def test_variations_are_counted_and_left_out_of_the_league(run):
    records, meta = changed(run)
    varied = records[scores(records, "leep")].assign(variant="probe size: x=1", value=0.0)
    varied["key"] += " varied"
    found = compare_runs(run, (pd.concat([records.assign(variant=None), varied], ignore_index=True), meta))
    assert found.variations == (0, len(varied))
    assert len(found.only[1]) == len(varied)
    assert (found.leagues["finetune"]["difference"] == 0).all()


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["pgebench-compare", *arguments])
    commands.compare()


def test_the_reference_results_have_not_changed_since_themselves(monkeypatch, capsys, tmp_path):
    command(monkeypatch, f"results={REFERENCE},{REFERENCE}", f"out={tmp_path}/changes.md")
    printed = capsys.readouterr().out
    assert "Nothing changed" in printed
    assert (tmp_path / "changes.md").read_text() == printed


@pytest.mark.parametrize("results", ["", "one", "one,", "a,b,c"])
def test_anything_but_two_folders_is_refused(monkeypatch, results):
    with pytest.raises(SystemExit, match="results=A,B"):
        command(monkeypatch, f"results={results}")


def test_a_folder_without_records_is_named(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match=r"results=.*nowhere has no records\.parquet"):
        command(monkeypatch, f"results={tmp_path}/nowhere,{REFERENCE}")


def test_a_rerun_is_held_against_what_the_first_run_foretold(synthetic):
    made = [synthetic.make_records(metrics=("logme", "leep", "pge"), checkpoints=3, draws=2, seed=0) for _ in range(2)]
    found = compare_runs(*made)
    league = found.leagues["finetune"].set_index("metric")
    assert (league.loc[["logme", "pge"], "reach"] > 0).all()
    assert f"{len(league)} of {len(league)} numbers lie there" in markdown(found, NAMES)
    records, meta = made[1]
    upside_down = records.copy()
    upside_down.loc[scores(records, "logme"), "value"] *= -1
    text = markdown(compare_runs(made[0], (upside_down, meta)), NAMES)
    assert f"{len(league) - 1} of {len(league)} numbers lie there" in text


def test_one_checkpoint_per_source_foretells_nothing(run):
    assert "foretold" not in markdown(compare_runs(run, changed(run)), NAMES)
