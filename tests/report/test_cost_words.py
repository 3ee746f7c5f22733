"""The price of a metric is said in what does not depend on what else ran."""

from __future__ import annotations

import pytest

from pgebench.analysis import analyse
from pgebench.core.metric_facts import metric_facts
from pgebench.report.sections.cost import budget_finding, cost_grid
from pgebench.report.wording import TRUTH_PRICED, percent

FEW = {"resamples": 60, "shuffles": 400}


def analysed(records):
    return analyse(records, metric_facts({}), **FEW)


@pytest.fixture(scope="module")
def records(synthetic):
    """Every unit takes one CPU second, but a transfer 4 and a source model 40; operations likewise, a model 80."""
    made, _ = synthetic.make_records(datasets=8, metrics=("logme", "pge", "random"))
    cpu, flops = ({"truth": 4.0, "checkpoint": model} for model in (40.0, 80.0))
    return made.assign(cpu_s=made["stage"].map(cpu).fillna(1.0), flops=made["stage"].map(flops).fillna(1.0))


def shares(model: float) -> dict[str, float]:
    """Metric -> its share of the truth, unit by unit: 8 datasets, 56 pairs, one transfer per pair."""
    truth = 8 * model + 56 * 4
    return {"logme": (8 * model + 56 + 56) / truth, "pge": (8 + 56) / truth}


def test_the_table_has_the_shares_of_cpu_seconds_and_operations(records):
    analysis = analysed(records)
    table = cost_grid(analysis, analysis.results[0])
    cells = {row[0].sort: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    for name in ("logme", "pge"):
        assert cells[name]["of the truth's CPU seconds"].sort == pytest.approx(shares(40)[name])
        assert cells[name]["of the truth's FLOPs"].sort == pytest.approx(shares(80)[name])
    assert cells["finetune (truth)"]["of the truth's FLOPs"].text == "100 %"


def test_the_verdict_compares_with_a_truth_that_has_its_source_models_too(records):
    analysis = analysed(records)
    text = budget_finding(analysis, analysis.results[0]).text
    fresh, ready = text.split("With trained source models at hand, for the truth as well, ")
    bought = f"{percent(shares(40)['pge'])} of the CPU seconds, {percent(shares(80)['pge'])} of the FLOPs of the truth"
    assert f"on ({bought}): `pge`" in fresh
    at_hand = percent(shares(0)["logme"])
    assert f"on ({at_hand} of the CPU seconds, {at_hand} of the FLOPs of the truth): `logme`" in ready
    assert f"Counted as {TRUTH_PRICED}" in text


def test_a_truth_that_waited_for_others_makes_no_metric_cheaper(records):
    """Ten times the seconds on the clock, and the same work."""
    waited = records.assign(wall_s=records["wall_s"].where(records["stage"] != "truth", records["wall_s"] * 10))
    alone, together = analysed(records), analysed(waited)
    said = [[cell.text for cell in row] for row in cost_grid(alone, alone.results[0]).rows[:-1]]
    assert said == [[cell.text for cell in row] for row in cost_grid(together, together.results[0]).rows[:-1]]
    before, after = (budget_finding(one, one.results[0]).text.split("Counted as")[0] for one in (alone, together))
    assert before == after
    wall = [one.summary.set_index("metric").loc["logme", "cost_share_of_truth"] for one in (alone, together)]
    assert wall[1] < wall[0]


def test_a_share_that_nobody_knows_is_left_out(records):
    counted = analysed(records.drop(columns="flops"))
    assert "FLOPs" not in budget_finding(counted, counted.results[0]).text
    unknown = analysed(records.drop(columns="flops").assign(cpu_s=0.0))
    assert " of the truth)" not in budget_finding(unknown, unknown.results[0]).text
