"""A grid of learning rates whose edge is chosen too often is warned about, and the warning says which key to widen."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pgebench.analysis.edges import grid_edges
from pgebench.report import build_report
from pgebench.report.sections.edges import blocks, edge_warnings, finding

REFERENCE = Path(__file__).parents[2] / "results" / "reference" / "embedded_full" / "records.parquet"
GRID = (0.001, 0.003, 0.01)


def chose(rate: float, rates: tuple[float, ...] = GRID) -> str:
    return json.dumps({"learning_rate": rate, "val_by_learning_rate": {str(one): 0.5 for one in rates}})


def runs(smallest: int, inside: int, largest: int, truth: str = "finetune") -> pd.DataFrame:
    """So many finished transfers with the grid's rates."""
    details = [chose(rate) for rate, count in zip(GRID, (smallest, inside, largest), strict=True) for _ in range(count)]
    keys = [str(place) for place in range(len(details))]
    return pd.DataFrame({"key": keys, "stage": "truth", "status": "done", "truth": truth, "detail": details})


@pytest.mark.parametrize("count", [7, 10, 20, 29, 30, 50, 70, 110, 170])
def test_more_than_a_tenth_is_warned_about_and_a_tenth_is_not(count: int) -> None:
    """In whole numbers, which round nowhere."""
    for at_edge in range(count + 1):
        for smallest in {0, at_edge // 3, at_edge}:
            found = grid_edges(runs(smallest, count - at_edge, at_edge - smallest))
            assert bool(edge_warnings(found)) == (10 * at_edge > count), (smallest, at_edge)


def test_the_remedy_is_more_rates_on_the_side_that_was_chosen() -> None:
    (text,) = edge_warnings(grid_edges(runs(1, 10, 9)))
    assert "50 % of fine-tunings chose an edge of their grid (5 % the smallest rate, 45 % the largest)" in text
    assert text.endswith("Add larger rates to `recipe.finetune.learning_rates`.")
    (text,) = edge_warnings(grid_edges(runs(9, 10, 1, truth="scratch")))
    assert text.endswith("Add smaller rates to `recipe.scratch.learning_rates`.")
    # Neither side alone is above a tenth.
    (text,) = edge_warnings(grid_edges(runs(1, 16, 1, truth="mine")))
    assert text.endswith("Add smaller and larger rates to `truth.mine.recipe.learning_rates`.")


def test_a_single_rate_is_stated_and_not_warned_about() -> None:
    found = grid_edges(runs(0, 3, 0).assign(detail=chose(0.01, (0.01,))))
    assert edge_warnings(found) == []
    assert blocks(found)[1].text == "One rate was given, and none chosen, for fine-tunings."


def test_records_without_learning_rates_have_no_such_part() -> None:
    assert blocks(grid_edges(runs(1, 1, 1).assign(detail="{}"))) == []


def test_the_fine_tunings_of_the_reference_are_warned_about() -> None:
    records = pd.read_parquet(REFERENCE)
    runs_of = records[(records["stage"] == "truth") & (records["truth"] == "finetune")].drop_duplicates("key")
    chosen = [json.loads(text) for text in runs_of["detail"]]
    largest = [one["learning_rate"] == max(map(float, one["val_by_learning_rate"])) for one in chosen]
    share = sum(largest) / len(largest)
    assert 0.1 < share < 0.5
    (text,) = [one for one in edge_warnings(grid_edges(records)) if "fine-tunings" in one]
    assert f"{100 * share:.0f} % the largest" in text
    assert text.endswith("Add larger rates to `recipe.finetune.learning_rates`.")


def test_the_verdict_has_every_warning_and_is_silent_without_one() -> None:
    found = pd.concat([grid_edges(runs(1, 10, 9)), grid_edges(runs(9, 10, 1, truth="scratch"))])
    warnings = [text.split(": ", 1)[1] for text in edge_warnings(found)]
    assert len(warnings) == 2
    assert finding(found).text == " ".join(warnings)
    assert finding(grid_edges(runs(0, 3, 0))) is None


@pytest.mark.parametrize(("at_edge", "warned"), [(6, False), (7, True)])
def test_both_pages_say_it(synthetic, write, tmp_path, at_edge: int, warned: bool) -> None:
    """60 fine-tunings; a tenth of them at an edge is no reason to worry."""
    records, meta = synthetic.make_records(datasets=6, metrics=("logme",))
    fine = records.index[records["stage"] == "truth"]
    assert len(fine) == 60
    records.loc[fine, "detail"] = chose(0.003)
    records.loc[fine[:at_edge], "detail"] = chose(0.01)
    folder = write(tmp_path / "results", records, meta)
    build_report(folder)
    for page, code in (("report.md", "`{}`"), ("report.html", "<code>{}</code>")):
        text = (folder / page).read_text()
        inside = {6: "90 %", 7: "88 %"}[at_edge]
        assert f"The learning rate chosen on validation lies inside its grid in {inside} of fine-tunings." in text
        assert (f"Add larger rates to {code.format('recipe.finetune.learning_rates')}." in text) == warned
