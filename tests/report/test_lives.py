"""A study with several checkpoints, transfers and draws: its numbers, computed once more from the records.

In loops and with scipy, as a reader would who has nothing but the table.
"""

from __future__ import annotations

import re
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import weightedtau

from pgebench.report.build import analysed
from pgebench.report.section import Report
from pgebench.report.sections import ceilings, cost, judged_otherwise, league, levels
from pgebench.report.sections.league_latex import league_latex
from pgebench.report.wording import NOTHING


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


def test_the_league_stands_below_both_ceilings(several, study, cells):
    records, _ = study
    below = cells(league.league_grid(several.results[0]))
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
        assert f"noise ceiling, {name}" in league_latex(several.results[0])


def test_a_score_is_judged_by_its_own_checkpoint_and_by_the_others(several, study, cells):
    records, _ = study
    shown = cells(judged_otherwise.otherwise_grid(several.results[0]))
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


def test_without_near_sources_the_collection_itself_says_nothing(several, study, cells):
    records, meta = study
    of = meta["collections"]
    near = {(s, t) for s, t in product(of, of) if of[s] == of[t]}
    truth, score = lives(records), scores(records, "logme", "checkpoint")
    shown = cells(judged_otherwise.far_grid(several.results[0]))
    assert number(shown["logme"]["without near ones"]) == pytest.approx(
        np.mean([mean_tau(score[c], truth[c], near) for c in truth]), abs=0.006
    )
    assert shown["same_collection"]["without near ones"] == "0.00"


def test_the_luck_of_pge_is_said_draw_by_draw(several, study, said):
    records, _ = study
    truth = lives(records)
    by_draw = [np.mean([mean_tau(score, truth[c]) for c in truth]) for score in scores(records, "pge", "seed").values()]
    text = said(several)["PGE"]
    found = re.search(r"mean over 4 draws .* between (\S+) and (\S+) \(standard deviation (\S+)\)", text)
    expected = (min(by_draw), max(by_draw), np.std(by_draw, ddof=1))
    for shown, value in zip(found.groups(), expected, strict=True):
        assert number(shown) == pytest.approx(value, abs=0.006)
    assert re.search(r"`pge` reaches (\S+)", text)[1] == f"{np.mean(by_draw):.2f}"
    assert "this luck is in the interval" in text


def test_more_checkpoints_are_foretold_from_several_and_meet_what_is_there(several, cells):
    result = several.results[0]
    foretold = cells(ceilings.foretold_grid(result))["noise ceiling, weighted τ"]
    known = cells(ceilings.ceiling_grid(result))
    assert ceilings.foretold_grid(result).columns[0] == "checkpoints per source model"
    mean, single = "everything, the mean of all checkpoints", "everything, one checkpoint per source model"
    assert foretold["3"] == known[mean]["noise ceiling, weighted τ"]
    assert foretold["1"] == known[single]["noise ceiling, weighted τ"]
    assert sorted(foretold[str(n)] for n in ceilings.REPETITIONS) == [foretold[str(n)] for n in ceilings.REPETITIONS]


def test_levels_add_up_to_the_whole(several, cells):
    result = several.results[0]
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


def test_the_truth_is_drawn_at_the_ceiling_of_what_it_costs(once, said):
    """One transfer per pair is priced, so the ceiling is that of one, although two were study."""
    first, second = (accuracies(once.records)[0, seed] for seed in (0, 1))
    (truth,) = [one for one in cost.cost_points(once.analysis, once.results[0]) if one.role == "truth"]
    assert truth.value == pytest.approx(mean_tau(first, second))
    budget = said(once)["Which metric for which budget"]
    assert f"two such truths from the same checkpoints agree with {truth.value:.2f}." in budget


def test_records_of_before_checkpoints_are_a_study_of_one(synthetic):
    records, meta = synthetic.make_records(datasets=6)
    before, now = (analysed(one, meta).summary for one in (records.drop(columns="checkpoint"), records))
    # Which checkpoint a score looked at nobody knew then.
    columns = now.columns.drop("others_weighted_tau")
    pd.testing.assert_frame_equal(before[columns], now[columns])


def test_near_and_far_are_said_for_each_backbone(synthetic, cells):
    nets = ("test_resnet", "test_vit")
    records, meta = synthetic.make_records(
        datasets=8, backbones=nets, collections=True, metrics=("logme", "random", "same_collection")
    )
    report = Report(analysed(records, meta), records, meta)
    (_, _, _, _, _, _, heading, _, table) = judged_otherwise.blocks(report, report.results[0])
    assert heading.text == "Near and far sources on each backbone"
    shown = cells(table.grid)
    of = meta["collections"]
    near = {(s, t) for s, t in product(of, of) if of[s] == of[t]}
    for net in nets:
        own = records[records["backbone"] == net]
        (truth,), (score,) = lives(own).values(), scores(own, "logme", "checkpoint").values()
        assert number(shown["logme"][f"{net}, all"]) == pytest.approx(mean_tau(score, truth), abs=0.006)
        far = number(shown["logme"][f"{net}, far alone"].split()[0])
        assert far == pytest.approx(mean_tau(score, truth, near), abs=0.006)
        # What there is to know of near sources: whether they are better than the others.
        ahead = [np.sign(truth.loc[s, t] - truth[t].drop([s, t])).mean() for s, t in near if s != t]
        between = number(shown["same_collection"][f"{net}, near against far"])
        assert between == pytest.approx(np.mean(ahead), abs=0.006)
        assert shown["same_collection"][f"{net}, far alone"].startswith("0.00")
