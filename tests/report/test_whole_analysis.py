import numpy as np
import pandas as pd
import pytest

from pgebench.analysis import analyse, summary_columns
from pgebench.core.metric_facts import metric_facts
from pgebench.report.sections.verdict import findings

FEW = {"resamples": 60, "shuffles": 200}
OWN = metric_facts({})


def text_of(analysis):
    return " ".join(f"{f.title}: {f.text}" for f in findings(analysis, analysis.results[0]))


def test_planted_metrics_come_out_in_order(synthetic):
    records, _ = synthetic.make_records(datasets=12, truth_seeds=3)
    analysis = analyse(records, OWN, **FEW)
    league = analysis.results[0].league.set_index("metric")
    assert league.loc["logme", "weighted_tau"] > 0.5
    assert league.loc["logme", "p_holm"] < 0.05
    assert league.loc["logme", "weighted_tau_low"] > league.loc["logme", "null_high"]
    assert league.loc["random", "p_holm"] > 0.05
    assert league.loc["random", "weighted_tau"] == pytest.approx(0, abs=0.3)
    # PGE is planted to see relatedness, the source's accuracy is planted not to.
    assert league.loc["pge", "interaction_p_holm"] < 0.05
    assert league.loc["source_accuracy", "interaction_p_holm"] > 0.05
    assert np.isnan(league.loc["static", "interaction_weighted_tau"])
    assert 0.5 < league.loc["logme", "weighted_tau_ceiling"] < league.loc["logme", "perfect_ceiling"] < 1


def test_summary_has_one_row_per_truth_and_metric_and_documented_columns(synthetic):
    records, _ = synthetic.make_records(datasets=5, truths=("linear_probe", "finetune"))
    summary = analyse(records, OWN, **FEW).summary
    assert summary.columns.tolist() == summary_columns()
    assert not summary.duplicated(["truth", "metric"]).any()
    assert summary["truth"].iloc[0] == "finetune"
    assert len(summary) == 2 * (len(synthetic.METRICS) + 1)


def test_the_same_records_in_another_order_give_the_same_numbers(synthetic):
    records, _ = synthetic.make_records(datasets=5)
    shuffled = records.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(analyse(records, OWN, **FEW).summary, analyse(shuffled, OWN, **FEW).summary)


def test_a_verdict_is_computed_and_not_written_down(synthetic):
    records, _ = synthetic.make_records(datasets=10, truth_seeds=4)
    said = text_of(analyse(records, OWN, **FEW))
    # Turn every score round: what was best is now worse than chance.
    turned = records.assign(value=np.where(records["stage"] == "score", -records["value"], records["value"]))
    unsaid = text_of(analyse(turned, OWN, **FEW))
    assert "4 of 5 metrics beat chance" in said
    assert "Worse than chance" not in said
    assert "0 of 5 metrics beat chance" in unsaid
    assert "Worse than chance, the order points the wrong way: `" in unsaid


def test_pge_is_said_to_lose_when_it_loses(synthetic):
    records, _ = synthetic.make_records(datasets=10, metrics=("logme", "pge_official"))
    said = text_of(analyse(records, OWN, **FEW))
    assert "`pge_official` reaches" in said
    assert "place 2 of 2" in said
    assert "a clear difference" in said


def test_a_single_transfer_has_no_ceiling_and_says_so(synthetic):
    records, _ = synthetic.make_records(datasets=5, truth_seeds=1)
    analysis = analyse(records, OWN, **FEW)
    assert analysis.summary["weighted_tau_ceiling"].isna().all()
    assert analysis.summary["weighted_tau"].notna().all()
    assert "single transfer per pair from a single checkpoint" in text_of(analysis)


def test_one_target(synthetic):
    records, _ = synthetic.make_records(datasets=7)
    one = records[records["target"].isna() | (records["target"] == "mnist_low")]
    analysis = analyse(one, OWN, **FEW)
    league = analysis.results[0].league.set_index("metric")
    assert league.loc["logme", "targets"] == 1
    assert np.isfinite(league.loc["logme", "weighted_tau_low"])
    assert np.isnan(league.loc["static", "weighted_tau"])
    assert "Only 1 target:" in text_of(analysis)


def test_two_sources(synthetic):
    records, _ = synthetic.make_records(datasets=6)
    two = records[records["source"].isin(["mnist_low", "mnist_high"])]
    analysis = analyse(two, OWN, **FEW)
    assert analysis.results[0].league["weighted_tau"].notna().any()
    assert "Only 2 sources" in text_of(analysis)
    assert "only 2 orders" in text_of(analysis)


def test_a_constant_metric_counts_as_no_information(synthetic):
    records, _ = synthetic.make_records(datasets=6)
    records.loc[records["metric"] == "nce", "value"] = 1.0
    analysis = analyse(records, OWN, **FEW)
    row = analysis.results[0].league.set_index("metric").loc["nce"]
    assert row["weighted_tau"] == 0
    assert row["constant_targets"] == 6
    assert row["p"] == 1
    assert "counted there as no information: `nce`" in text_of(analysis)


def test_missing_scores_are_told(synthetic):
    records, _ = synthetic.make_records(datasets=6)
    records = synthetic.fail(
        records, (records["stage"] == "score") & (records["metric"] == "leep") & (records["source"] == "animals_a")
    )
    analysis = analyse(records, OWN, **FEW)
    assert analysis.results[0].league.set_index("metric").loc["leep", "coverage"] == pytest.approx(25 / 30)
    assert "`leep` 83 %" in text_of(analysis)
    assert len(analysis.failures) == 5


def test_a_metric_that_always_failed_is_last_with_coverage_zero(synthetic):
    records, _ = synthetic.make_records(datasets=5)
    records = synthetic.fail(records, (records["stage"] == "score") & (records["metric"] == "pge"))
    last = analyse(records, OWN, **FEW).results[0].league.iloc[-1]
    assert (last["metric"], last["coverage"]) == ("pge", 0)
    assert np.isnan(last["weighted_tau"])


def test_only_failures(synthetic):
    records, _ = synthetic.make_records(datasets=4)
    records = synthetic.fail(records, records["stage"].isin(["truth", "score"]))
    analysis = analyse(records, OWN, **FEW)
    assert analysis.results == ()
    assert analysis.summary.columns.tolist() == summary_columns()


def test_several_backbones_are_judged_together_and_apart(synthetic):
    records, _ = synthetic.make_records(datasets=6, backbones=("a", "b"))
    result = analyse(records, OWN, **FEW).results[0]
    assert set(result.by_backbone["backbone"]) == {"a", "b"}
    means = result.by_backbone.groupby("metric")["weighted_tau"].mean()
    together = result.league.set_index("metric")["weighted_tau"]
    pd.testing.assert_series_equal(means, together, check_like=True, check_names=False)


def test_a_thousand_resamples_take_seconds(synthetic):
    from time import process_time

    records, _ = synthetic.make_records(datasets=11, truth_seeds=5)
    start = process_time()
    analyse(records, OWN)
    assert process_time() - start < 20  # about 2 s on a quick core


def test_the_league_of_another_question_is_its_answer(synthetic):
    records, _ = synthetic.make_records(datasets=6, backbones=("one", "two", "three"))
    league = analyse(records, OWN, question="backbones", resamples=20, shuffles=20).results[0].league
    beside = analyse(records, OWN, resamples=20, shuffles=20).answers
    beside = beside[beside.question == "backbones"].set_index("metric").weighted_tau
    for _, row in league[league.metric != "static"].iterrows():
        assert row.weighted_tau == pytest.approx(beside[row.metric])
