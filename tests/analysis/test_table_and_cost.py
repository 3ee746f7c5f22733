import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.build_table import build_table, transfers_of
from pgebench.analysis.cost import costs
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.summary import cost_columns
from pgebench.analysis.table import mean_over_seeds, within_target_z

COLUMNS = ["stage", "source", "target", "metric", "truth", "seed", "value"]


def frame(rows, **extra):
    table = pd.DataFrame(rows, columns=COLUMNS).assign(status="done", backbone="net", **extra)
    table["seed"] = table["seed"].astype("Int64")
    return table


def truth_row(source, target, seed, value):
    return ("truth", source, target, None, "finetune", seed, value)


def score_row(source, target, value, metric="leep", seed=0):
    return ("score", source, target, metric, None, seed, value)


def test_seeds_of_the_truth_are_kept_and_scores_are_averaged():
    rows = [truth_row("a", "b", 0, 0.4), truth_row("a", "b", 1, 0.6)]
    rows += [score_row("a", "b", 1.0, seed=0), score_row("a", "b", 2.0, seed=1)]
    table = build_table(frame(rows))
    assert table.truth["finetune"][0, 0, 0].tolist() == [0.4, 0.6]
    assert table.scores["leep"][0, 0, 0] == 1.5
    assert table.score_seeds["leep"] == 2


def test_a_nan_seed_makes_the_score_missing_and_not_a_mean_of_the_rest():
    table = build_table(frame([score_row("a", "b", 1.0, seed=0), score_row("a", "b", np.nan, seed=1)]))
    assert np.isnan(table.scores["leep"][0, 0, 0])


def test_unknown_columns_and_other_stages_are_ignored():
    rows = [
        truth_row("a", "b", 0, 0.4),
        ("checkpoint", "a", None, None, None, 0, 0.9),
        ("job", None, None, None, None, 0, 1.0),
    ]
    table = build_table(frame(rows, colour="red"))
    assert (table.sources, table.targets) == (("a",), ("b",))


def test_failed_rows_leave_a_hole_and_a_metric_that_always_failed_stays_in_the_table():
    rows = frame(
        [
            truth_row("a", "b", 0, 0.4),
            truth_row("c", "b", 0, 0.5),
            score_row("a", "b", np.nan),
            score_row("c", "b", 1.0),
        ]
    )
    rows.loc[2, "status"] = "failed"
    table = build_table(rows)
    assert np.isnan(table.scores["leep"][0, 0, 0])
    rows["status"] = rows["status"].where(rows["stage"] != "score", "failed")
    assert np.isnan(build_table(rows).scores["leep"]).all()


def test_seed_labels_that_differ_between_cells_are_only_counted():
    rows = [
        truth_row("a", "b", 11, 0.1),
        truth_row("a", "b", 12, 0.2),
        truth_row("c", "b", 21, 0.3),
        truth_row("c", "b", 22, 0.4),
    ]
    assert build_table(frame(rows)).truth["finetune"].shape == (1, 2, 1, 2)


def test_repeated_measurements_are_averaged_with_a_note():
    table = build_table(frame([truth_row("a", "b", 0, 0.4), truth_row("a", "b", 0, 0.6)]))
    assert table.truth["finetune"].ravel().tolist() == [0.5]
    assert "more than once" in table.notes[0]


def test_a_score_without_target_holds_for_every_target_that_occurs():
    rows = [truth_row("a", "b", 0, 0.4), truth_row("a", "c", 0, 0.5), truth_row("b", "c", 0, 0.5)]
    rows += [score_row("a", None, 0.9, metric="source_accuracy"), score_row("b", None, 0.8, metric="source_accuracy")]
    values = build_table(frame(rows)).scores["source_accuracy"][0]
    np.testing.assert_array_equal(values, [[0.9, 0.9], [np.nan, 0.8]])


def test_the_truth_of_other_values_has_the_axes_of_the_table():
    records = frame([truth_row("a", "b", 0, 0.5), truth_row("a", "c", 1, 0.7), score_row("d", "b", 1.0)])
    table = build_table(records)
    again = transfers_of(records.assign(value=records["value"] / 2), "finetune", table)
    assert again.checkpoints == table.truths["finetune"].checkpoints
    np.testing.assert_array_equal(again.values, table.truths["finetune"].values / 2)


def test_no_rows_at_all():
    table = build_table(frame([]))
    assert (table.truth, table.scores, table.sources) == ({}, {}, ())


def test_ties_of_the_truth_survive_the_mean():
    runs = np.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.3, 0.1]])
    assert len(set(mean_over_seeds(runs).tolist())) == 1


def test_coverage_and_constant_scores_are_reported():
    truth = np.array([[[0.1, 0.5], [0.2, 0.4], [0.3, 0.6]]])[..., None]
    score = np.array([[[1.0, 2.0], [1.0, np.nan], [1.0, 3.0]]])
    judged = ranking_quality(score, truth)
    assert judged.coverage == pytest.approx(5 / 6)
    assert judged.constant == 1
    assert judged.per_target["tau"].tolist() == [[0.0, 1.0]]
    assert judged.mean("tau") == 0.5


def test_a_target_that_cannot_be_ranked_is_left_out_for_every_metric():
    truth = np.array([[[0.5, 0.5], [0.5, 0.4]]])[..., None]
    judged = ranking_quality(np.array([[[1.0, 2.0], [2.0, 1.0]]]), truth)
    assert judged.targets == 1
    assert judged.mean("tau") == 1


def test_standardised_within_target_keeps_the_order():
    values = np.random.default_rng(0).normal(size=(2, 5, 3))
    z = within_target_z(values)
    np.testing.assert_allclose(z.mean(axis=1), 0, atol=1e-12)
    assert (np.argsort(z, axis=1) == np.argsort(values, axis=1)).all()


def unit(key, stage, source, target, wall, inputs, metric=None, truth=None):
    cost = {"wall_s": wall, "cpu_s": 2 * wall, "peak_rss_mb": wall, "images": 10}
    return cost | {
        "key": key, "stage": stage, "status": "done", "backbone": "net", "source": source, "target": target,
        "metric": metric, "truth": truth, "inputs": inputs,
    }  # fmt: skip


@pytest.fixture
def units():
    return pd.DataFrame(
        [
            unit("c", "checkpoint", "a", None, 100.0, "[]"),
            unit("ga", "gradient", "a", None, 7.0, "[]", metric="pge"),
            unit("gb", "gradient", "b", None, 9.0, "[]", metric="pge"),
            unit("e1", "evidence", "a", "b", 2.0, '["c"]'),
            unit("s1", "score", "a", "b", 0.5, '["e1"]', metric="leep"),
            unit("s2", "score", "a", "b", 0.25, '["e1"]', metric="nce"),
            unit("s3", "score", "a", "b", 0.1, '["ga", "gb"]', metric="pge"),
            unit("s4", "score", "a", "b", 0.1, '["gone"]', metric="lost"),
            unit("e0", "evidence", "a", "a", 3.0, '["c"]'),
            unit("f0", "fisher", "a", "a", 5.0, '["c", "e0"]', metric="task2vec"),
            unit("f1", "fisher", "a", "b", 1.0, '["c", "e1"]', metric="task2vec"),
            unit("s5", "score", "a", "b", 0.5, '["f0", "f1"]', metric="task2vec"),
            unit("t", "truth", "a", "b", 50.0, '["c"]', truth="finetune"),
        ]
    )


def test_shared_evidence_is_charged_in_full_to_every_metric(units):
    cost = costs(units, "metric")
    assert cost["leep"].total_s == 102.5
    assert cost["nce"].total_s == 102.25
    assert cost["leep"].without_checkpoints_s == 2.5
    assert (cost["leep"].per_checkpoint_s, cost["leep"].per_pair_s, cost["leep"].per_dataset_s) == (100.0, 2.5, 0.0)
    assert cost["leep"].cpu_s == 205.0
    assert cost["leep"].without_checkpoints_cpu_s == 5.0
    assert cost["leep"].images == 30


def test_pge_is_charged_per_dataset_and_needs_no_checkpoint(units):
    cost = costs(units, "metric")["pge"]
    assert (cost.per_dataset_s, cost.per_checkpoint_s, cost.total_s) == (8.0, 0.0, 16.1)


def test_fisher_information_is_charged_with_the_evidence_under_it(units):
    cost = costs(units, "metric")["task2vec"]
    assert (cost.per_dataset_s, cost.per_checkpoint_s, cost.per_pair_s) == (3.0 + 5.0, 100.0, 2.0 + 1.0 + 0.5)


def test_the_truth_is_charged_like_a_metric(units):
    assert costs(units, "truth")["finetune"].total_s == 150.0


def test_a_unit_that_is_not_in_the_records_is_counted(units):
    assert costs(units, "metric")["lost"].unknown == 1


def test_a_resumed_unit_is_charged_once(units):
    again = pd.concat([units, units[units["key"] == "c"].assign(wall_s=80.0)], ignore_index=True)
    assert costs(again, "metric")["leep"].total_s == 82.5


def test_a_cost_that_nobody_measured_is_absent_and_not_nothing(units):
    bare = units.assign(inputs=None, wall_s=np.nan, peak_rss_mb=np.nan)
    assert costs(bare, "metric") == {}


def test_operations_are_added_up_and_unknown_if_one_unit_is(units):
    counted = units.assign(flops=1e9)
    assert costs(counted, "metric")["leep"].flops == 3e9
    assert costs(counted, "metric")["leep"].without_checkpoints_flops == 2e9
    counted.loc[counted["key"] == "c", "flops"] = np.nan
    cost = costs(counted, "metric")
    assert np.isnan(cost["leep"].flops)
    assert cost["leep"].without_checkpoints_flops == 2e9
    assert cost["pge"].flops == 3e9


def test_the_share_of_the_truth_is_that_of_each_currency(units):
    """The truth ran beside others, for twice the seconds on the clock; its CPU seconds and operations stay the same."""
    flops = units["stage"].map({"checkpoint": 6e9, "evidence": 1e9, "truth": 8e9}).fillna(0.0)
    slow = units.assign(flops=flops, wall_s=units["wall_s"] * np.where(units["stage"] == "truth", 2, 1))
    charged, truth = costs(slow, "metric"), costs(slow, "truth")["finetune"]
    found = cost_columns(["leep", "pge", "nobody"], charged, truth)
    np.testing.assert_allclose(found["cost_share_of_truth"], [102.5 / 200, 16.1 / 200, np.nan])
    np.testing.assert_allclose(found["cost_cpu_share_of_truth"], [205 / 300, 32.2 / 300, np.nan])
    np.testing.assert_allclose(found["cost_flops_share_of_truth"], [7 / 14, 0 / 14, np.nan])


def test_a_share_of_what_nobody_knows_is_unknown(units):
    charged = costs(units, "metric")
    assert cost_columns(["leep"], charged, None)["cost_cpu_share_of_truth"].isna().all()
    unpaid = costs(units.assign(cpu_s=0.0, flops=np.nan), "truth")["finetune"]
    shares = cost_columns(["leep"], charged, unpaid)
    assert shares[["cost_cpu_share_of_truth", "cost_flops_share_of_truth"]].isna().all(axis=None)


def test_a_cost_is_that_of_a_job_alone_only_if_every_unit_was(units):
    alone = units.assign(workers=1)
    assert costs(alone, "metric")["leep"].alone
    alone.loc[alone["key"] == "c", "workers"] = 2
    cost = costs(alone, "metric")
    assert not cost["leep"].alone
    assert cost["pge"].alone


def test_records_of_earlier_versions_know_neither_operations_nor_neighbours(units):
    cost = costs(units, "metric")["leep"]
    assert np.isnan(cost.flops)
    assert not cost.alone
