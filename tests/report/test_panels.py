"""The panels beside the league, on made-up records."""

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.league import analyse
from pgebench.analysis.pairs import level_groups
from pgebench.core.metric_facts import metric_facts
from pgebench.report import build_report
from pgebench.report.sections import pairs
from pgebench.report.sections.league_latex import league_latex
from pgebench.report.sections.truth import gain_finding
from pgebench.report.sections.verdict import findings
from pgebench.report.svg import document, inline


@pytest.fixture(scope="module")
def records(synthetic):
    """An experiment with two variations: one that leaves every score alone, one that shuffles PGE's."""
    table, _ = synthetic.make_records(datasets=6)
    table = table.assign(variant=None)
    scores = table[table.stage == "score"]
    order = scores.assign(variant="class order: target.permute_labels=1")
    rng = np.random.default_rng(0)
    drawn = scores.assign(variant="metric seed: metric_seed=1")
    is_pge = drawn.metric == "pge"
    drawn.loc[is_pge, "value"] = rng.permutation(drawn.loc[is_pge, "value"].to_numpy())
    scratch = [
        {**dict.fromkeys(table.columns), "key": f"scratch-{target}-{seed}", "stage": "truth", "status": "done",
         "backbone": "test_resnet", "target": target, "truth": "scratch", "seed": seed, "value": 0.3, "wall_s": 1.0,
         "cpu_s": 1.0, "peak_rss_mb": 1.0, "images": 10, "detail": "{}", "inputs": "[]", "attempts": 1}
        for target in sorted(table.target.dropna().unique())
        for seed in range(2)
    ]  # fmt: skip
    return pd.concat([table, order, drawn, pd.DataFrame(scratch)], ignore_index=True)


@pytest.fixture(scope="module")
def analysis(records):
    return analyse(records, metric_facts({}), resamples=40, shuffles=40)


def test_variations_stay_out_of_the_league(records, analysis):
    alone = analyse(records[records.variant.isna()], metric_facts({}), resamples=40, shuffles=40)
    pd.testing.assert_frame_equal(analysis.summary, alone.summary)
    assert alone.stability is None


def test_the_verdict_says_whose_score_is_luck(analysis):
    said = {one.title: one.text for one in findings(analysis, analysis.results[0])}
    assert "changes no score" in said["Renumbering the classes"]
    assert "metric seed" in said["The luck in PGE"]
    assert "`pge`" in said["How steady the scores are"]
    assert "0 % of the transfers" in said["Is transfer worth it"]


def test_gain_is_accuracy_above_scratch(analysis):
    accuracy = analysis.results[0].truth.mean(-1)[0]
    for row in analysis.gains.itertuples():
        column = accuracy[:, analysis.table.targets.index(row.target)]
        assert row.best_gain == pytest.approx(np.nanmax(column) - 0.3)
        assert row.mean_gain == pytest.approx(np.nanmean(column) - 0.3)


@pytest.mark.parametrize(("worse", "warned"), [(1, False), (2, False), (3, True), (4, True)])
def test_a_transfer_that_mostly_hurts_is_warned_about(worse, warned):
    hurt = worse / 4
    row = {"best_gain": 0.1, "mean_gain": 0.0, "hurt": hurt}
    text = gain_finding(pd.DataFrame([row])).text
    assert f"{100 * hurt:.0f} % of the transfers end below" in text
    assert ("transfer is mostly worse than none" in text) == warned


def test_bars_join_exactly_the_runs_without_a_clear_difference():
    names = list("abcdef")
    clear = {("a", "d"), ("a", "e"), ("a", "f"), ("b", "f"), ("c", "f")}
    pairs = [(x, y, 0.01 if (x, y) in clear else 0.5) for i, x in enumerate(names) for y in names[i + 1 :]]
    found = level_groups(names, pd.DataFrame(pairs, columns=["better", "worse", "p_holm"]))
    naive = []
    for i in range(6):
        for j in range(i + 1, 6):
            run = names[i : j + 1]
            if not any((x, y) in clear for x in run for y in run):
                naive.append((i, j))
    longest = [run for run in naive if not any(o != run and o[0] <= run[0] and run[1] <= o[1] for o in naive)]
    assert found == longest == [(0, 2), (1, 4), (3, 5)]


def test_every_figure_comes_as_picture_drawing_and_numbers(records, tmp_path):
    records.astype({"seed": "Int64"}).to_parquet(tmp_path / "records.parquet")
    page = build_report(tmp_path).read_text()
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert {"league_finetune", "critical_finetune", "stability_finetune", "atlas_test_resnet"} <= names
    for name in names:
        assert (tmp_path / "figures" / f"{name}.svg").read_text().lstrip().startswith("<?xml")
        assert len(pd.read_csv(tmp_path / "figures" / f"{name}.csv"))
        assert f"figures/{name}.csv" in page
    assert "Setup stability" in page


def test_the_latex_table_has_a_row_a_metric_and_balanced_cells(analysis):
    result = analysis.results[0]
    lines = [line for line in league_latex(result).splitlines() if line.endswith(r"\\")]
    assert {line.count("&") for line in lines} == {7}
    assert sum("pge" in line for line in lines) == 2
    assert r"pge\_official" in "\n".join(lines)


def test_the_diagram_names_every_compared_metric_once(analysis):
    found = pairs.diagram(analysis.results[0])
    for drawn in (inline(pairs.picture(found)), document(pairs.picture(found))):
        for name, _, _ in found.metrics:
            assert sum(part.startswith(f"{name} ") or part.endswith(f" {name}") for part in texts(drawn)) == 1


def texts(drawing):
    return [part.split("<")[0] for part in drawing.split(">") if part.split("<")[0].strip()]
