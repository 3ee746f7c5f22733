"""What the report says of numbers of images: the section, its holes, and the answer in words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pgebench.report import page
from pgebench.report.build import analysed
from pgebench.report.section import Report
from pgebench.report.sections import budget_curve as section

LEVELS = [(2, 1), (2, 2), (5, 1), (5, 2), (None, None)]


def text_of(size: int | None, draw: int | None) -> str:
    size_text = "null" if size is None else str(size)
    return f"images per class: target.train_per_class={size_text}" + ("" if draw is None else f" target.draw={draw}")


def with_images(records: pd.DataFrame, levels: list[tuple[int | None, int | None]] = LEVELS) -> pd.DataFrame:
    """The records with variations in which few images mean much noise, and which have no PGE at two images."""
    rng = np.random.default_rng(5)
    scores = records[records["stage"] == "score"]
    parts = [records.assign(variant=None)]
    for size, draw in levels:
        own = scores if size != 2 else scores[scores["metric"] != "pge"]
        noise = 0.0 if size is None else 2.0 / size
        variant = text_of(size, draw)
        values = own["value"] + noise * rng.normal(size=len(own))
        parts.append(own.assign(variant=variant, value=values, key=own["key"] + variant))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def made(synthetic: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    records, meta = synthetic.make_records(datasets=6, metrics=("logme", "pge", "random"))
    return with_images(records), meta


def report(records: pd.DataFrame, meta: dict[str, Any]) -> Report:
    return Report(analysed(records, meta), records, meta)


def test_the_table_shows_quality_and_self_agreement_at_each_number(made: Any, cells: Any) -> None:
    built = report(*made)
    found = built.analysis.budget
    rows = cells(section.curve_grid(found, built.results[0]))
    points = found.points.set_index(["metric", "images"])
    logme = points.loc[("logme", 2.0)]
    minus = "\N{MINUS SIGN}"
    assert rows["logme"]["2"] == f"{logme.weighted_tau:.2f} ({logme.agreement:.2f})".replace("-", minus)
    assert rows["logme"]["all"] == f"{points.loc[('logme', float('inf'))].weighted_tau:.2f}"
    league = built.results[0].league.set_index("metric")
    assert rows["logme"]["the truth's own images"] == f"{league.loc['logme', 'weighted_tau']:.2f}"
    assert rows["pge"]["2"] == "\N{EN DASH}"


def test_both_pages_have_the_section_with_its_holes(made: Any) -> None:
    built = report(*made)
    html, markdown = (show(built, {"images_finetune.png"}) for show in (page.html, page.markdown))
    for text in (html, markdown):
        assert "How many images" in text
        assert "has no number with 2 images a class: not scored there" in text
        assert "Self-agreement is unknown with all images a class" in text
    assert "images_finetune.png" in markdown
    assert not re.search(r"\bnan\b", markdown)


def test_the_figure_holds_one_picture_a_metric_and_the_numbers_behind_it(made: Any) -> None:
    built = report(*made)
    (file,) = section.SECTION.files(built)
    assert file.name == "images_finetune"
    assert set(file.numbers["metric"]) == {"logme", "pge", "random"}
    assert {mark.text for mark in file.picture.marks if hasattr(mark, "text")} >= {"logme", "pge", "2", "5", "all"}


def test_with_one_draw_a_line_says_that_self_agreement_is_unknown(synthetic: Any) -> None:
    records, meta = synthetic.make_records(datasets=6, metrics=("logme", "random"))
    built = report(with_images(records, [(2, 1), (5, 1)]), meta)
    found, result = built.analysis.budget, built.results[0]
    assert section.holes(found, result) == [
        "Self-agreement is unknown with 2 and 5 images a class, of which there is one draw only."
    ]
    assert "agree" not in section.finding(found, result)
    assert section.picture(found, result) is not None


def test_an_experiment_without_numbers_of_images_has_no_section(once: Report) -> None:
    assert once.analysis.budget is None
    assert section.SECTION.page(once) == section.SECTION.markdown(once) == []
    assert list(section.SECTION.files(once)) == []
