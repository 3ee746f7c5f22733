"""Influence: what is said without a candidate, a family or a target, against an analysis that never saw it."""

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis import analyse
from pgebench.analysis.influence import CANDIDATE, FAMILY, TASK, largest
from pgebench.core.metric_facts import metric_facts

FEW = {"resamples": 5, "shuffles": 50}
OWN = metric_facts({})


@pytest.fixture(scope="module")
def tangled(synthetic):
    """Checkpoints with unlike numbers of transfers, draws, a composite, ties, missing scores and missing truths."""
    records, meta = synthetic.make_records(
        datasets=6, checkpoints=2, truth_seeds=(2, 1), draws=2, collections=True, backbones=("test_resnet", "test_vit")
    )
    records["metric"] = records["metric"].replace({"leep": "etran_energy", "nce": "etran_classification"})
    rng = np.random.default_rng(3)
    scores = records["stage"] == "score"
    coarse = scores & (records["metric"] == "source_accuracy")
    records.loc[coarse, "value"] = records.loc[coarse, "value"].round(0)
    lost = scores & (records["metric"] == "logme") & (rng.random(len(records)) < 0.2)
    lost |= (records["stage"] == "truth") & (records["source"] == "animals_a") & (records["target"] == "mnist_low")
    return synthetic.fail(records, lost), meta["collections"]


def without(records, column, names):
    """The records as if these candidates, or targets, had never been scored or transferred."""
    return records[~(records["stage"].isin(["score", "truth"]) & records[column].isin(names))]


@pytest.mark.parametrize("question", ["sources", "targets"])
def test_leaving_out_is_analysing_a_table_that_never_had_the_rows(tangled, question):
    records, collections = tangled
    asked = {"question": question, "collections": collections, **FEW}
    whole = analyse(records, OWN, **asked).results[0]
    before = whole.league.set_index("metric")["weighted_tau"]
    candidate, target = ("source", "target") if question == "sources" else ("target", "source")
    seen = set()
    for (kind, name), rows in whole.influence.groupby(["kind", "left_out"]):
        left_out = [one for one, of in collections.items() if of == name] if kind == FAMILY else [name]
        naive = analyse(without(records, target if kind == TASK else candidate, left_out), OWN, **asked).results[0]
        after = naive.league.set_index("metric")["weighted_tau"]
        rows = rows.set_index("metric")
        assert {"etran", "static", "source_accuracy", "pge"} <= set(rows.index)
        for metric in rows.index:
            expected = (after[metric], after[metric] - before[metric])
            assert tuple(rows.loc[metric, ["weighted_tau", "change"]]) == pytest.approx(expected, abs=1e-9), metric
        real = naive.league[naive.league["kind"] == "metric"].set_index("metric")["weighted_tau"]
        places = rows.loc[real.index, "place"].astype(float)
        pd.testing.assert_series_equal(places, (-real).rank(method="min"), check_names=False)
        assert (rows["members"] == len(left_out)).all()
        seen.add(kind)
    assert seen == {CANDIDATE, FAMILY, TASK}


def test_p_without_a_candidate_is_that_of_its_number_among_the_copies_of_the_whole_list(synthetic):
    records, _ = synthetic.make_records(datasets=6, metrics=("logme", "random"))
    result = analyse(records, OWN, **FEW).results[0]
    # Among 50 copies, as one of 51, with three rows in the league: no p is below 3/51.
    p = result.influence["p_holm"]
    assert p.min() >= 3 / 51 - 1e-12
    same = result.influence["change"].abs() < 1e-12
    whole = result.influence["metric"].map(result.league.set_index("metric")["p"])
    assert (result.influence["p_holm"] >= whole)[same].all()


def test_one_planted_candidate_is_found(synthetic):
    records, _ = synthetic.make_records(datasets=6, metrics=("logme", "random"))
    # A score that knows nothing but one source, and a truth in which that one is the best.
    best = records["source"] == "animals_a"
    records.loc[(records["stage"] == "truth") & best, "value"] = 0.99
    records.loc[(records["metric"] == "random") & best, "value"] = 100.0
    found = largest(analyse(records, OWN, **FEW).results[0].influence)
    assert tuple(found.loc["random", ["kind", "left_out"]]) == (CANDIDATE, "animals_a")
    assert found.loc["random", "change"] < -0.1


def test_families_of_backbones_are_left_out_together(synthetic):
    nets = ("resnet_a", "resnet_b", "vit", "mlp")
    records, _ = synthetic.make_records(datasets=4, backbones=nets, metrics=("logme",))
    families = {"resnet_a": "resnet", "resnet_b": "resnet", "vit": "vit"}
    whole = analyse(records, OWN, question="backbones", families=families, **FEW).results[0]
    rows = whole.influence[whole.influence["kind"] == FAMILY].set_index("metric")
    assert rows["left_out"].unique().tolist() == ["resnet"]
    kept = analyse(without(records, "backbone", nets[:2]), OWN, question="backbones", **FEW).results[0]
    expected = kept.league.set_index("metric")["weighted_tau"]
    pd.testing.assert_series_equal(rows["weighted_tau"].loc[expected.index], expected, check_names=False)


@pytest.mark.parametrize(("candidates", "known"), [(1, False), (2, False), (3, True)])
def test_with_two_candidates_nothing_is_left_to_rank(synthetic, candidates, known):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    few = records[records["source"].isin(synthetic.NAMES[:candidates])]
    rows = analyse(few, OWN, **FEW).results[0].influence
    of_candidates = rows[rows["kind"] == CANDIDATE]
    assert len(of_candidates)
    assert of_candidates["weighted_tau"].notna().any() == known


def test_what_nothing_changes_has_no_name(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    records.loc[records["metric"] == "random", "value"] = 1.0
    result = analyse(records, OWN, **FEW).results[0]
    row = result.league.set_index("metric").loc["random"]
    assert np.isnan(row["influence"])
    assert pd.isna(row["influence_of"])
    assert "logme" in largest(result.influence).index


def test_a_metric_that_always_failed_has_no_influence(synthetic):
    records, _ = synthetic.make_records(datasets=5, metrics=("logme", "random"))
    failed = synthetic.fail(records, (records["stage"] == "score") & (records["metric"] == "logme"))
    result = analyse(failed, OWN, **FEW).results[0]
    assert result.influence.set_index("metric").loc["logme", ["weighted_tau", "change", "place"]].isna().all(axis=None)
