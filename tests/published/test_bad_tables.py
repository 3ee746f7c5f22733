"""Tables with something wrong in them: refused in one line, or read with a line that says what does not count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pgebench.analysis.league import analyse
from pgebench.core.errors import DataError
from pgebench.published.records import records
from pgebench.published.remarks import remarks
from pgebench.published.run import write_records
from pgebench.published.scores import oriented_scores
from pgebench.published.tables import PublishedTable, load

ABOUT = """
title: A table
paper: Nobody et al.
venue: a preprint
arxiv: "0000.00000"
repository: https://example.org/nobody
commit: 0123456789abcdef
file: table.csv
licence: MIT
checked_against: nothing
training: None.
pretraining: None.
question: sources
targets:
  easy: {classes: 2, measure: accuracy}
  hard: {classes: 9, measure: accuracy}
families: {faces: people, cars: things, boats: things}
"""
TRUTHS = """backbone,source,easy,hard
net,faces,91,50
net,cars,92,60
net,boats,93,40
"""
SCORES = """metric,backbone,source,easy,hard
m,net,faces,1,1
m,net,cars,2,3
m,net,boats,3,2
"""


def table(folder: Path, about: str = ABOUT, truths: str = TRUTHS, scores: str = "") -> PublishedTable:
    (folder / "some.yaml").write_text(about + ("scores: table.csv\n" if scores else ""))
    (folder / "some.csv").write_text(truths)
    if scores:
        (folder / "some.scores.csv").write_text(scores)
    return load("some", folder)


@pytest.mark.parametrize(
    ("truths", "said"),
    [
        (TRUTHS.replace("91", ""), r"some\.csv: net faces: .*; write - where there is no value"),
        (TRUTHS.replace("91", "nan"), r"some\.csv: net faces: nan is no number"),
        (TRUTHS.replace("91", "inf"), r"some\.csv: net faces: inf is no number"),
        (TRUTHS.replace("91", "191"), r"some\.csv: accuracy outside 0 to 100, the range of `unit: percent`"),
        (TRUTHS.replace("50", "-").replace("60", "-").replace("40", "-"), r"some\.csv: no value on hard"),
        ("backbone,source,easy,hard\nnet,faces,91,50\n", r"a single candidate for question=sources, faces"),
        ("backbone,source,easy,hard\n", r"some\.csv has no rows"),
        ("", r"some\.csv has no rows"),
        (TRUTHS.replace("boats", "cars"), r"net cars is there twice"),
        (TRUTHS.replace(",40", ""), r"too few cells"),
    ],
)
def test_a_damaged_table_is_refused_with_its_place(tmp_path: Path, truths: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(tmp_path, truths=truths)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("boats: things}", "boots: things}", "families: must name every candidate and nothing else: boats, boots"),
        ("question: sources", "question: datasets", "question: datasets is none of sources, backbones, targets"),
        ("question: sources", "unit: permille\nquestion: sources", "unit: permille is none of percent, fraction"),
        ("question: sources", "unit: fraction\nquestion: sources", "outside 0 to 1, the range of `unit: fraction`"),
        ("licence: MIT\n", "", "licence"),
        ("question: sources", "lower_is_better: [otce]\nquestion: sources", "some.scores.csv has no otce"),
        ("question: sources", "products: {twice: [m]}\nquestion: sources", "a product is of two metrics"),
        ("question: sources", "source_classes: {cars: 4, boats: 4}\nquestion: sources", "there is none of faces"),
    ],
)
def test_a_yaml_that_does_not_fit_is_refused_with_its_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        table(tmp_path, about=ABOUT.replace(old, new), scores=SCORES)


def test_fractions_that_call_themselves_percentages_are_refused(tmp_path: Path) -> None:
    fractions = TRUTHS
    for percent in ("91", "92", "93", "50", "60", "40"):
        fractions = fractions.replace(percent, f"0.{percent}")
    with pytest.raises(DataError, match="write `unit: fraction` in the YAML"):
        table(tmp_path, truths=fractions)
    found = table(tmp_path, about=ABOUT + "unit: fraction\n", truths=fractions)
    assert found.accuracy.equals(table(tmp_path).accuracy)


def test_a_whole_table_needs_no_remark(tmp_path: Path) -> None:
    assert remarks(table(tmp_path, scores=SCORES)) == []


def test_a_hole_that_is_meant_is_said_and_left_out(tmp_path: Path) -> None:
    holed = table(tmp_path, truths=TRUTHS.replace("60", "-"))
    assert remarks(holed) == ["No value: 1 of 6 cells (net from cars on hard); the candidate is not in that order."]
    assert (records(holed)["stage"] == "truth").sum() == 5


def test_a_source_on_its_own_target_is_no_hole_and_no_transfer(tmp_path: Path) -> None:
    own = table(tmp_path, about=ABOUT.replace("hard:", "cars:"), truths=TRUTHS.replace("easy,hard", "easy,cars"))
    assert remarks(own) == ["A source is not judged on its own target: 1 of the published values are left out."]
    missing = table(
        tmp_path,
        about=ABOUT.replace("hard:", "cars:"),
        truths=TRUTHS.replace("easy,hard", "easy,cars").replace("60", "-"),
    )
    assert remarks(missing) == []
    assert records(own)["target"].eq("cars").sum() == records(missing)["target"].eq("cars").sum()


def test_ties_are_counted(tmp_path: Path) -> None:
    tied = table(tmp_path, truths=TRUTHS.replace("93", "91").replace("50", "40"))
    assert remarks(tied) == [
        "Equal values: 2 pairs of candidates, in 2 of 2 orders; neither order of such a pair is right."
    ]


def test_a_target_on_which_all_are_the_same_is_left_out(tmp_path: Path) -> None:
    flat = table(tmp_path, truths=TRUTHS.replace("60", "50").replace("40", "50"), scores=SCORES)
    assert remarks(flat) == ["Nothing to put in order, and left out for every metric: hard."]
    league = analyse(records(flat), {}, primary_truth="published.some", resamples=2, shuffles=2).results[0].league
    assert league.set_index("metric")["weighted_tau"]["m (some)"] == 1


def test_constant_scores_count_as_nothing_and_are_said(tmp_path: Path) -> None:
    constant = table(tmp_path, scores=SCORES.replace("2,3", "2,1.0000000001").replace("3,2", "3,1"))
    assert remarks(constant) == ["The same score for every candidate, on hard of `m`: it counts as 0 there."]
    league = analyse(records(constant), {}, primary_truth="published.some", resamples=2, shuffles=2).results[0].league
    assert league.set_index("metric")["weighted_tau"]["m (some)"] == 0.5


def test_a_target_without_scores_is_said(tmp_path: Path) -> None:
    without = "\n".join(line.rsplit(",", 1)[0] for line in SCORES.splitlines())
    assert remarks(table(tmp_path, scores=without)) == [
        "No score on hard of `m`: judged on the other 1 targets, beside rankers that are judged on all 2."
    ]


def test_a_distance_is_turned_and_a_constant_factor_makes_a_product_of_zeros(tmp_path: Path) -> None:
    two = SCORES + "k,net,faces,5,5\nk,net,cars,5,6\nk,net,boats,5,7\n"
    found = oriented_scores(table(tmp_path, about=ABOUT + "lower_is_better: [m]\nproducts: {mk: [m, k]}\n", scores=two))
    assert found.loc["m"].to_numpy().tolist() == [[-1, -1], [-2, -3], [-3, -2]]
    assert found.loc["mk"].to_numpy() == pytest.approx(np.array([[0, 0], [0, 0], [0, 0.5]]))


def test_meta_holds_families_collections_and_criterion(tmp_path: Path) -> None:
    about = ABOUT + "criterion: AUROC\ncollections: {cars: vehicles, boats: vehicles}\n"
    write_records(table(tmp_path, about=about), tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert meta["families"] == {"faces": "people", "cars": "things", "boats": "things"}
    assert meta["collections"] == {"cars": "vehicles", "boats": "vehicles"}
    assert meta["criterion"] == "AUROC"
    assert meta["notes"][0].startswith("A table. Every AUROC was published by Nobody et al.")
