"""What a report says of every level of a study, and how it names those that are missing."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pgebench.report import build_report
from pgebench.report.build import analysed
from pgebench.report.repetitions import in_interval
from pgebench.report.section import Report
from pgebench.report.sections import ceilings, contrasts, judged_otherwise, league, levels, pairs, verdict
from pgebench.report.sections.yardsticks import practice_finding
from pgebench.report.wording import NOTHING


def number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def test_both_ceilings_are_drawn_and_said_on_both_pages(pages):
    html, markdown = pages
    strips = re.findall(r'<svg class="strip".*?</svg>', html, flags=re.S)
    assert all('class="ceiling"' in one and 'class="anew"' in one for one in strips if "<circle" in one)
    assert "noise ceiling, same checkpoints" in html
    assert "noise ceiling, everything anew" in html
    assert "green: noise ceiling, same checkpoints; purple: noise ceiling, everything anew" in markdown


def test_every_sample_in_a_key_has_a_colour(pages):
    html, _ = pages
    used = {name for classes in re.findall(r'<i class="([^"]*)"></i>', html) for name in classes.split()}
    assert {"ceiling", "anew", "null", "near", "checkpoint", "checkpoint_relatedness", "transfer"} <= used
    roles = {"metric", "pge"}  # their colour is that of the round sample
    for name in used - roles:
        assert f".key i.{name} {{" in html or f".key i.{name}," in html, name


def test_drawn_levels_are_in_the_interval_and_only_missing_ones_are_named(pages, synthetic, write, tmp_path):
    missing = "the luck of {}, drawn once for all datasets alike"
    levels_held = "6 collections of the 10 targets and 6 collections of the 10 sources"
    for text, name in zip(pages, ("<code>pge</code>", "`pge`"), strict=True):
        assert missing.format(name) not in text
        assert levels_held in text
        assert f"{name} 4 draws" in text
    build_report(write(tmp_path, *synthetic.make_records(datasets=6, metrics=("logme", "pge", "random"))))
    for file, name in (("report.html", "<code>pge</code>"), ("report.md", "`pge`")):
        text = (tmp_path / file).read_text()
        assert f"Not in the interval: {missing.format(name)}" in text
        assert "drawn anew are 6 targets and 6 sources" in text


def test_sources_of_few_collections_are_held_fixed_and_named(study, said, cells):
    records, meta = study
    few = ("mnist_low", "mnist_high", "fashion_tops", "fashion_rest", "animals_a", "animals_b")
    kept = records["source"].isna() | records["source"].isin(few)
    several = Report(analysed(records[kept], meta), records[kept], meta)
    text = said(several)["Handle with care"]
    assert "Not in the interval: other sources. They are of 3 collections" in text
    assert "other targets" not in text
    shown = cells(levels.error_grid(several.results[0]))
    assert shown["logme"]["other sources"] == NOTHING
    assert shown["logme"]["other targets"] == "100 %"


def test_one_checkpoint_is_said_plainly(once, said, cells):
    result = once.results[0]
    assert "Every source model was trained once; its 2 transfers per pair" in verdict.question(once.analysis, result)
    text = " ".join(said(once).values())
    assert "Every source model was trained once, so nobody knows what a perfect score for which source" in text
    assert "Its initialisations and episodes were drawn once" in text
    assert not [name for name in cells(league.league_grid(result)) if "anew" in name]
    assert "expected in a rerun" not in judged_otherwise.otherwise_grid(result).columns
    assert ceilings.foretold_grid(result).columns[0] == "transfers per pair"


def test_both_ceilings_in_plain_words(several, said):
    text = next(text for title, text in said(several).items() if title.startswith("The noise ceiling is"))
    assert "A perfect score for which checkpoint is best would reach about" in text
    assert "A perfect score for which source is best, which cannot know how a single training came out" in text


def test_a_study_without_collections_has_no_level_of_them(several, once, said, cells):
    assert "same collection" in cells(levels.levels_grid(several.results[0]))
    assert "same collection" not in cells(levels.levels_grid(once.results[0]))
    assert "same collection" in said(several)["What there was to predict"]
    assert "same collection" not in said(once)["What there was to predict"]


def test_a_single_draw_has_no_share_but_a_word(once, cells):
    assert cells(levels.error_grid(once.results[0]))["pge"]["its own draws"] == "not in the interval"


def test_planned_differences_come_first_and_exploration_after(several, pages, once, said):
    result = several.results[0]
    shown = contrasts.contrast_grid(result)
    assert [[cell.text for cell in row[:2]] for row in shown.rows] == [
        ["`pge`", "`same_collection`"],
        ["`logme`", "`pge`"],
    ]
    truth = {m: result.league.set_index("metric").loc[m, "weighted_tau"] for m in ("pge", "logme", "same_collection")}
    assert number(shown.rows[0][2].text) == pytest.approx(truth["pge"] - truth["same_collection"], abs=0.006)
    assert number(shown.rows[1][2].text) == pytest.approx(truth["logme"] - truth["pge"], abs=0.006)
    for text in pages:
        assert text.index("Planned comparisons</h3>" if "<h3" in text else "### Planned") < text.index("Exploration:")
    assert "`pge` against `same_collection`: " in said(several)["Planned comparisons"]
    assert "Planned comparisons" not in said(once)
    assert pairs.SECTION.markdown(once)[1].text.startswith("No difference was planned")


def test_the_best_of_several_is_said_to_be_picked(several):
    """Holm: the smallest of three p-values counts three times."""
    result = several.results[0]
    row = result.contrasts.iloc[1].copy()
    row["tests"], row["p"], row["difference"] = 3, 0.2, 0.5
    picked = replace(result, contrasts=pd.DataFrame([row]))
    assert contrasts.contrast_grid(picked).rows[0][5].text == "best of 3, p corrected for it"
    assert "`logme` (best of 3, p corrected for it) against `pge`: +0.50" in contrasts.finding(picked).text
    assert contrasts.finding(picked).text.endswith("no clear difference.")


@pytest.mark.parametrize(("difference", "p", "words"), [
    (0.2, 0.01, "Clearly better: `pge`"),
    (-0.2, 0.01, "Clearly worse: `pge`"),
    (0.2, 0.06, "Clearly better: none"),
])  # fmt: skip
def test_a_yardstick_is_beaten_as_planned(several, difference, p, words):
    """What was planned is not corrected for all pairs, and both ways of telling agree."""
    result = several.results[0]
    row = result.contrasts.iloc[0].copy()
    row["difference"], row["p"] = difference, p
    pairs_of = result.pairs.assign(p_holm=1.0)
    changed = replace(result, contrasts=pd.DataFrame([row]), pairs=pairs_of)
    found = {one.title: one.text for one in verdict.findings(several.analysis, changed)}
    assert words in found["The yardstick: near sources"]
    assert "Without the sources of the target's own collection" in found["The yardstick: near sources"]


@pytest.mark.parametrize("control", ["random", "same_collection"])
def test_a_control_that_loses_no_more_than_the_best_metric_is_named(several, control):
    result = several.results[0]
    worse = result.league.assign(regret=np.where(result.league["kind"] == "metric", 0.05, 0.06))
    assert "yardstick" not in practice_finding(replace(result, league=worse)).text
    better = worse.assign(regret=np.where(worse["metric"] == control, 0.04, worse["regret"]))
    text = practice_finding(replace(result, league=better)).text
    assert f"No more than that is lost by a yardstick that is no metric: `{control}` 4.0." in text


def test_the_floor_of_p_is_said(several, pages):
    for text in pages:
        assert f"{len(several.results[0].league)}/20001" in text


def test_other_questions_speak_of_their_own_candidates(study, said):
    records, meta = study
    asked = meta | {"question": "targets"}
    several = Report(analysed(records, asked), records, asked)
    text = " ".join(said(several).values())
    assert "Taking the target that" in text
    assert "for which target is best, which cannot know how a single training came out" in text
    assert "checkpoint per source model" in text
    held = in_interval(several.analysis.table, several.results[0])
    assert "Checkpoints belong to a source model" in several.say(held)
    assert "the backbones are taken as given" in several.say(held)
