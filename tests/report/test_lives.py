"""A study with several checkpoints, transfers, draws and collections: every level is shown, what is missing is named.

The numbers are computed here once more from the records, in loops and with scipy.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import weightedtau

from pgebench.report import build_report, page
from pgebench.report.build import analysed
from pgebench.report.repetitions import in_interval
from pgebench.report.section import Report
from pgebench.report.sections import ceilings, contrasts, cost, judged_otherwise, league, levels, pairs, verdict
from pgebench.report.sections.league_latex import league_latex
from pgebench.report.sections.yardsticks import practice_finding
from pgebench.report.wording import NOTHING

PLANNED = (("pge", "same_collection"), ("best", "pge"), ("nobody", "pge"))


@pytest.fixture(scope="module")
def made(synthetic):
    return synthetic.make_records(
        datasets=10,
        checkpoints=3,
        truth_seeds=(2, 1, 1),
        draws=4,
        collections=True,
        metrics=("logme", "source_accuracy", "pge", "random", "same_collection"),
        contrasts=PLANNED,
    )


@pytest.fixture(scope="module")
def report(made):
    return Report(analysed(*made), *made)


@pytest.fixture(scope="module")
def pages(report):
    """HTML and Markdown."""
    return [show(report, {"league_finetune.png"}) for show in (page.html, page.markdown)]


@pytest.fixture(scope="module")
def once(synthetic):
    """One checkpoint per source with two transfers per pair, one draw, no collections, nothing planned."""
    made = synthetic.make_records(datasets=6, metrics=("logme", "pge", "random"))
    return Report(analysed(*made), *made)


def said(report):
    return {one.title: one.text for one in verdict.findings(report.analysis, report.results[0])}


def cells(grid):
    """First cell of a row, without back-ticks -> the texts of the row by column."""
    return {
        row[0].text.strip("`"): dict(zip(grid.columns, [cell.text for cell in row], strict=True))
        for row in [*grid.rows, *grid.footer]
    }


def number(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))


def accuracies(records):
    """(checkpoint, seed) -> accuracy, source by target."""
    rows = records[(records["stage"] == "truth") & (records["truth"] == "finetune")]
    return {
        key: part.pivot(index="source", columns="target", values="value")
        for key, part in rows.groupby(["checkpoint", "seed"])
    }


def scores(records, metric, by):
    rows = records[(records["stage"] == "score") & (records["metric"] == metric)]
    return {key: part.pivot(index="source", columns="target", values="value") for key, part in rows.groupby(by)}


def lives(records):
    """Checkpoint -> mean accuracy of its transfers."""
    found = accuracies(records)
    numbers = sorted({checkpoint for checkpoint, _ in found})
    return {n: sum(v for (c, _), v in found.items() if c == n) / sum(c == n for c, _ in found) for n in numbers}


def mean_tau(score, truth, near=()):
    """Mean over targets; near: (source, target) to leave out."""
    values = []
    for target in truth.columns:
        kept = [s for s in truth.index if s != target and (s, target) not in near]
        # The sums above are rounded as those of the analysis are: equal accuracies stay equal.
        values.append(weightedtau(score.loc[kept, target], truth.loc[kept, target].round(12)).statistic)
    return float(np.mean(values))


def test_the_league_stands_below_both_ceilings(report, made):
    records, _ = made
    below = cells(league.league_grid(report.results[0]))
    first, second = (accuracies(records)[0, seed] for seed in (0, 1))
    assert number(below["noise ceiling, same checkpoints"]["weighted τ"]) == pytest.approx(
        mean_tau(first, second), abs=0.006
    )
    anew = np.mean([mean_tau(one, other) for one, other in combinations(lives(records).values(), 2)])
    assert number(below["noise ceiling, everything anew"]["weighted τ"]) == pytest.approx(anew, abs=0.006)
    for name in ("same checkpoints", "everything anew"):
        assert number(below[f"perfect score, {name}"]["weighted τ"]) > number(
            below[f"noise ceiling, {name}"]["weighted τ"]
        )
        assert f"noise ceiling, {name}" in league_latex(report.results[0])


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


def test_a_score_is_judged_by_its_own_checkpoint_and_by_the_others(report, made):
    records, _ = made
    shown = cells(judged_otherwise.otherwise_grid(report.results[0]))
    truth, score = lives(records), scores(records, "logme", "checkpoint")
    own = np.mean([mean_tau(score[c], truth[c]) for c in truth])
    others = np.mean([mean_tau(score[c], truth[d]) for c, d in product(truth, truth) if c != d])
    mean = np.mean([mean_tau(score[c], sum(truth.values()) / 3) for c in truth])
    row = shown["logme"]
    columns = ("weighted τ", "by other checkpoints", "by the mean of all checkpoints")
    for column, expected in zip(columns, (own, others, mean), strict=True):
        assert number(row[column]) == pytest.approx(expected, abs=0.006), column
    # One that sees no checkpoint has no own one.
    assert shown["pge"]["weighted τ"] == shown["pge"]["by other checkpoints"]
    low, high = map(number, row["expected in a rerun"].split(" to "))
    assert low < own < high


def test_without_near_sources_the_collection_itself_says_nothing(report, made):
    records, meta = made
    of = meta["collections"]
    near = {(s, t) for s, t in product(of, of) if of[s] == of[t]}
    truth, score = lives(records), scores(records, "logme", "checkpoint")
    shown = cells(judged_otherwise.far_grid(report.results[0]))
    assert number(shown["logme"]["without near ones"]) == pytest.approx(
        np.mean([mean_tau(score[c], truth[c], near) for c in truth]), abs=0.006
    )
    assert shown["same_collection"]["without near ones"] == "0.00"


def test_the_luck_of_pge_is_said_draw_by_draw(report, made):
    records, _ = made
    truth = lives(records)
    by_draw = [np.mean([mean_tau(score, truth[c]) for c in truth]) for score in scores(records, "pge", "seed").values()]
    text = said(report)["PGE"]
    found = re.search(r"mean over 4 draws .* between (\S+) and (\S+) \(standard deviation (\S+)\)", text)
    expected = (min(by_draw), max(by_draw), np.std(by_draw, ddof=1))
    for shown, value in zip(found.groups(), expected, strict=True):
        assert number(shown) == pytest.approx(value, abs=0.006)
    assert re.search(r"`pge` reaches (\S+)", text)[1] == f"{np.mean(by_draw):.2f}"
    assert "this luck is in the interval" in text


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


def test_sources_of_few_collections_are_held_fixed_and_named(made):
    records, meta = made
    few = ("mnist_low", "mnist_high", "fashion_tops", "fashion_rest", "animals_a", "animals_b")
    kept = records["source"].isna() | records["source"].isin(few)
    report = Report(analysed(records[kept], meta), records[kept], meta)
    text = said(report)["Handle with care"]
    assert "Not in the interval: other sources. They are of 3 collections" in text
    assert "other targets" not in text
    shown = cells(levels.error_grid(report.results[0]))
    assert shown["logme"]["other sources"] == NOTHING
    assert shown["logme"]["other targets"] == "100 %"


def test_one_checkpoint_is_said_plainly(once):
    result = once.results[0]
    assert "Every source model was trained once; its 2 transfers per pair" in verdict.question(once.analysis, result)
    text = " ".join(said(once).values())
    assert "Every source model was trained once, so nobody knows what a perfect score for which source" in text
    assert "Its initialisations and episodes were drawn once" in text
    assert not [name for name in cells(league.league_grid(result)) if "anew" in name]
    assert "expected in a rerun" not in judged_otherwise.otherwise_grid(result).columns
    assert ceilings.foretold_grid(result).columns[0] == "transfers per pair"


def test_records_of_before_checkpoints_are_a_study_of_one(synthetic):
    records, meta = synthetic.make_records(datasets=6)
    before, now = (analysed(one, meta).summary for one in (records.drop(columns="checkpoint"), records))
    # Which checkpoint a score looked at nobody knew then.
    columns = now.columns.drop("others_weighted_tau")
    pd.testing.assert_frame_equal(before[columns], now[columns])


def test_more_checkpoints_are_foretold_from_several_and_meet_what_is_there(report):
    result = report.results[0]
    foretold = cells(ceilings.foretold_grid(result))["noise ceiling, weighted τ"]
    known = cells(ceilings.ceiling_grid(result))
    assert ceilings.foretold_grid(result).columns[0] == "checkpoints per source model"
    mean, single = "everything, the mean of all checkpoints", "everything, one checkpoint per source model"
    assert foretold["3"] == known[mean]["noise ceiling, weighted τ"]
    assert foretold["1"] == known[single]["noise ceiling, weighted τ"]
    assert sorted(foretold[str(n)] for n in ceilings.REPETITIONS) == [foretold[str(n)] for n in ceilings.REPETITIONS]


def test_both_ceilings_in_plain_words(report):
    text = next(text for title, text in said(report).items() if title.startswith("The noise ceiling is"))
    assert "A perfect score for which checkpoint is best would reach about" in text
    assert "A perfect score for which source is best, which cannot know how a single training came out" in text


def test_levels_add_up_to_the_whole(report):
    result = report.results[0]
    rows = cells(levels.levels_grid(result))
    assert len(rows) == 6
    assert sum(int(row["share of the differences"].split()[0]) for row in rows.values()) == pytest.approx(100, abs=3)
    # Planted: a checkpoint is as good as two thirds of a source is, and suits a target less.
    deviation = {name: number(row["standard deviation, points"]) for name, row in rows.items()}
    assert deviation["good checkpoint of a source"] == pytest.approx(100 * 0.03 * 0.6, abs=0.6)
    assert deviation["luck of the transfer"] == pytest.approx(2.0, abs=0.3)
    errors = cells(levels.error_grid(result))
    for row in errors.values():
        parts = [row[name] for name in ("other sources", "other targets", "single pairs", "its own draws")]
        assert sum(int(part.split()[0]) for part in parts if part != NOTHING) == pytest.approx(100, abs=2)
    assert errors["pge"]["its own draws"] != NOTHING
    assert errors["logme"]["its own draws"] == NOTHING


def test_a_study_without_collections_has_no_level_of_them(report, once):
    assert "same collection" in cells(levels.levels_grid(report.results[0]))
    assert "same collection" not in cells(levels.levels_grid(once.results[0]))
    assert "same collection" in said(report)["What there was to predict"]
    assert "same collection" not in said(once)["What there was to predict"]


def test_a_single_draw_has_no_share_but_a_word(once):
    assert cells(levels.error_grid(once.results[0]))["pge"]["its own draws"] == "not in the interval"


def test_planned_differences_come_first_and_exploration_after(report, pages, once):
    result = report.results[0]
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
    assert "`pge` against `same_collection`: " in said(report)["Planned comparisons"]
    assert "Planned comparisons" not in said(once)
    assert pairs.SECTION.markdown(once)[1].text.startswith("No difference was planned")


def test_the_best_of_several_is_said_to_be_picked(report):
    """Holm: the smallest of three p-values counts three times."""
    result = report.results[0]
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
def test_a_yardstick_is_beaten_as_planned(report, difference, p, words):
    """What was planned is not corrected for all pairs, and both ways of telling agree."""
    result = report.results[0]
    row = result.contrasts.iloc[0].copy()
    row["difference"], row["p"] = difference, p
    pairs_of = result.pairs.assign(p_holm=1.0)
    changed = replace(result, contrasts=pd.DataFrame([row]), pairs=pairs_of)
    found = {one.title: one.text for one in verdict.findings(report.analysis, changed)}
    assert words in found["The yardstick: near sources"]
    assert "Without the sources of the target's own collection" in found["The yardstick: near sources"]


@pytest.mark.parametrize("control", ["random", "same_collection"])
def test_a_control_that_loses_no_more_than_the_best_metric_is_named(report, control):
    result = report.results[0]
    worse = result.league.assign(regret=np.where(result.league["kind"] == "metric", 0.05, 0.06))
    assert "yardstick" not in practice_finding(replace(result, league=worse)).text
    better = worse.assign(regret=np.where(worse["metric"] == control, 0.04, worse["regret"]))
    text = practice_finding(replace(result, league=better)).text
    assert f"No more than that is lost by a yardstick that is no metric: `{control}` 4.0." in text


def test_the_floor_of_p_is_said(report, pages):
    for text in pages:
        assert f"{len(report.results[0].league)}/20001" in text


def test_the_truth_is_drawn_at_the_ceiling_of_what_it_costs(once):
    """One transfer per pair is priced, so the ceiling is that of one, although two were made."""
    first, second = (accuracies(once.records)[0, seed] for seed in (0, 1))
    (truth,) = [one for one in cost.cost_points(once.analysis, once.results[0]) if one.role == "truth"]
    assert truth.value == pytest.approx(mean_tau(first, second))
    budget = said(once)["Which metric for which budget"]
    assert f"two such truths from the same checkpoints agree with {truth.value:.2f}." in budget


def test_other_questions_speak_of_their_own_candidates(made):
    records, meta = made
    asked = meta | {"question": "targets"}
    report = Report(analysed(records, asked), records, asked)
    text = " ".join(said(report).values())
    assert "Taking the target that" in text
    assert "for which target is best, which cannot know how a single training came out" in text
    assert "checkpoint per source model" in text
    held = in_interval(report.analysis.table, report.results[0])
    assert "Checkpoints belong to a source model" in report.say(held)
    assert "the backbones are taken as given" in report.say(held)
