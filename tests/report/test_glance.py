"""The first screen shows the numbers of the league, of the stability suite and of the costs, and no others."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.league import analyse
from pgebench.core.metric_facts import metric_facts
from pgebench.core.records import SO_FAR
from pgebench.report import page
from pgebench.report.build import analysed
from pgebench.report.dials import COST, RELIABILITY, STABILITY, chosen, dialled
from pgebench.report.dials_picture import UNMEASURED
from pgebench.report.section import Report
from pgebench.report.sections import glance
from pgebench.report.svg import Circle, Rect, Text

METRICS = ("logme", "leep", "pge", "source_accuracy", "random")
FACTORS = {"probe subset: target.draw": 0.7, "metric seed: metric_seed": 0.0, "probe size: target.train_per_class": 5.0}
"""Factor and setting -> noise that it adds to a score. Under the second only PGE draws anew; the third, which turns
every ranking around, is no repetition."""


def report_of(records: pd.DataFrame, meta: dict) -> Report:
    """Draws enough for a number, and few enough for a test."""
    return Report(analyse(records, metric_facts(meta), resamples=40, shuffles=60), records, meta)


@pytest.fixture(scope="module")
def varied(synthetic) -> Report:
    """An experiment with two factors of stability."""
    records, meta = synthetic.make_records(datasets=5, metrics=METRICS)
    rng, parts = np.random.default_rng(0), [records.assign(variant=None)]
    scores = records[records["stage"] == "score"]
    for factor, noise in FACTORS.items():
        for level in (1, 2):
            moved = np.where(scores["metric"] == "pge", max(noise, 0.7), noise) * rng.normal(size=len(scores))
            key = scores["key"] + f"-{factor}-{level}"
            parts.append(scores.assign(variant=f"{factor}={level}", value=scores["value"] + moved, key=key))
    return report_of(pd.concat(parts, ignore_index=True), meta)


@pytest.fixture(scope="module")
def plain(synthetic) -> Report:
    """One without variations."""
    return report_of(*synthetic.make_records(datasets=4, metrics=METRICS))


def axis_of(marks, top: float, bottom: float):
    """Pixels -> value, read off the numbers that are written between two heights."""
    ticks = []
    for mark in marks:
        if isinstance(mark, Text) and mark.anchor == "middle" and top < mark.y <= bottom:
            text = mark.text.replace("\N{MINUS SIGN}", "-")
            ticks.append((mark.x, float(text.removesuffix(" %")) / (100 if "%" in text else 1)))
    (x0, v0), (x1, v1) = min(ticks), max(ticks)
    return lambda x: v0 + (x - x0) * (v1 - v0) / (x1 - x0)


def test_the_drawn_league_is_the_league(varied: Report) -> None:
    league = varied.results[0].league.dropna(subset=["weighted_tau"])
    drawn = glance.league_picture(varied.results[0])
    value = axis_of(drawn.marks, 0, 14)
    dots = [mark for mark in drawn.marks if isinstance(mark, Circle)]
    names = [mark.text for mark in drawn.marks if isinstance(mark, Text) and mark.anchor == "end" and mark.look != "in"]
    assert [name for name in names if name != "1"] == league["metric"].tolist()
    assert [value(dot.x) for dot in dots] == pytest.approx(league["weighted_tau"].tolist(), abs=0.01)
    bands = [mark for mark in drawn.marks if isinstance(mark, Rect) and mark.look == "null"]
    assert [value(band.x) for band in bands] == pytest.approx(league["null_low"].tolist(), abs=0.01)
    assert [value(band.x + band.width) for band in bands] == pytest.approx(league["null_high"].tolist(), abs=0.01)
    (ceiling,) = {round(value(m.x), 2) for m in drawn.marks if isinstance(m, Rect) and m.look == "ceiling"}
    assert ceiling == pytest.approx(league["weighted_tau_ceiling"].iloc[0], abs=0.011)


def test_every_dial_is_a_number_of_its_section(varied: Report) -> None:
    analysis, result = varied.analysis, varied.results[0]
    league = result.league.set_index("metric")
    for one in dialled(analysis, result):
        row = league.loc[one.metric]
        quality, price, steady = (one.dials[word] for word in (RELIABILITY, COST, STABILITY))
        bounds = (quality.value, quality.low, quality.high, *quality.chance)
        columns = ("weighted_tau", "weighted_tau_low", "weighted_tau_high", "null_low", "null_high")
        assert bounds == tuple(row[name] for name in columns)
        assert price.value == row["cost_cpu_share_of_truth"]
        rows = analysis.stability.metrics[analysis.stability.metrics["metric"] == one.metric]
        rows = rows[rows["factor"] != "probe size"]
        assert set(steady.also) == set(rows["agreement"])
        assert rows.set_index("factor").loc[steady.where, "agreement"] == steady.value == min(rows["agreement"])
    by_name = {one.metric: one.dials[STABILITY] for one in dialled(analysis, result)}
    assert (by_name["leep"].where, by_name["leep"].high) == ("probe subset", 1.0)
    assert by_name["pge"].high < 1.0


def test_bars_end_where_their_numbers_say(varied: Report) -> None:
    result = varied.results[0]
    found = dialled(varied.analysis, result)
    drawn = glance.dials_of(result, found)
    heads = {mark.text.lower(): mark.y for mark in drawn.marks if isinstance(mark, Text) and mark.x == 0}
    edges = [*heads.values(), math.inf]
    for number, word in enumerate((STABILITY, RELIABILITY, COST)):
        top, bottom = edges[number], edges[number + 1]
        value = axis_of(drawn.marks, top, bottom - 1)
        bars = [mark for mark in drawn.marks if isinstance(mark, Rect) and mark.look == "pt" and top < mark.y < bottom]
        assert len(bars) == len(found)
        for bar, one in zip(bars, found, strict=True):
            ends = (value(bar.x), value(bar.x + bar.width))
            assert min(abs(end) for end in ends) < 0.01, "every bar begins at 0"
            assert max(ends, key=abs) == pytest.approx(one.dials[word].value, abs=0.01)
            assert bar.say.startswith(f"{one.metric}: ")


def test_pge_the_best_other_and_the_rivals_are_shown(synthetic) -> None:
    def names(metrics: tuple[str, ...]) -> list[str]:
        return chosen(report_of(*synthetic.make_records(datasets=4, metrics=metrics)).results[0])

    assert sorted(names(("logme", "leep", "nce", "pge", "pge_official", "random"))) == ["leep", "logme", "nce", "pge"]
    assert names(("logme", "pge_official", "source_accuracy")) == ["pge_official", "logme"]
    assert names(("random",)) == []


def test_the_best_other_metric_is_no_yardstick(varied: Report) -> None:
    league = varied.results[0].league
    changed = league.assign(kind="metric", weighted_tau=0.5)
    changed.loc[changed["metric"] == "source_accuracy", "weighted_tau"] = 0.9
    changed.loc[changed["metric"] == "random", "kind"] = "trivial"
    ordered = changed.sort_values("weighted_tau", ascending=False, kind="stable")
    result = type("Result", (), {"league": ordered, "metrics": tuple(ordered["metric"])})
    assert set(chosen(result)) == {"pge", "source_accuracy", "leep", "logme"}
    yardstick = ordered.assign(kind=ordered["kind"].where(ordered["metric"] != "source_accuracy", "trivial"))
    result = type("Result", (), {"league": yardstick, "metrics": tuple(yardstick["metric"])})
    assert "source_accuracy" not in chosen(result)


def test_what_is_not_measured_says_so_and_is_no_zero(plain: Report) -> None:
    result = plain.results[0]
    drawn = glance.dials_of(result, dialled(plain.analysis, result))
    assert [mark.text for mark in drawn.marks if isinstance(mark, Text)].count(UNMEASURED) == 1
    assert sum(isinstance(mark, Rect) and mark.look == "pt" for mark in drawn.marks) == 6, "three metrics, two words"
    table = glance.dials_grid(plain, dialled(plain.analysis, result))
    assert {row[1].text for row in table.rows} == {UNMEASURED}
    text = page.html(plain, ())
    assert "experiment=stability" in text


def test_costs_that_nobody_measured_say_so(synthetic) -> None:
    records, meta = synthetic.make_records(datasets=4, metrics=METRICS)
    report = report_of(records.assign(wall_s=np.nan, cpu_s=np.nan), meta)
    drawn = glance.dials_of(report.results[0], dialled(report.analysis, report.results[0]))
    assert [mark.text for mark in drawn.marks if isinstance(mark, Text)].count(UNMEASURED) == 2
    table = glance.dials_grid(report, dialled(report.analysis, report.results[0]))
    assert {cell.text for row in table.rows for cell in row[3:]} == {UNMEASURED}


def test_a_metric_alone_may_lack_what_others_have(synthetic) -> None:
    """One whose cost is not known stands beside one whose cost is."""
    records, meta = synthetic.make_records(datasets=4, metrics=("leep", "pge"))
    records.loc[records["metric"] == "leep", "wall_s"] = np.nan
    report = report_of(records, meta)
    drawn = glance.dials_of(report.results[0], dialled(report.analysis, report.results[0]))
    assert [mark.text for mark in drawn.marks if isinstance(mark, Text)].count(UNMEASURED) == 2


def test_the_cost_of_a_cell_is_that_of_all_by_their_number(plain: Report) -> None:
    table = {row[0].text: row for row in glance.dials_grid(plain, dialled(plain.analysis, plain.results[0])).rows}
    records = plain.records
    of_leep = records[(records["metric"] == "leep") & (records["stage"] == "score")]
    needed = records["key"].isin(of_leep["key"]) | records["stage"].isin(["evidence", "checkpoint"])
    assert table["`leep`"][5].sort == pytest.approx(records.loc[needed, "cpu_s"].sum() / 12), "four times three pairs"


@pytest.mark.parametrize("what", ["one metric", "one target"])
def test_small_experiments_have_a_first_screen_too(synthetic, what: str) -> None:
    records, meta = synthetic.make_records(datasets=4, metrics=("logme", "pge"))
    if what == "one metric":
        records = records[(records["metric"] != "pge") | (records["stage"] != "score")]
    if what == "one target":
        records = records[records["target"].isna() | (records["target"] == "mnist_low")]
    report = report_of(records, meta)
    text = page.html(report, {"glance_finetune.csv"})
    assert text.index('id="glance"') < text.index('class="tiles"') < text.index('id="verdict"')
    assert "nan" not in text[text.index('id="glance"') : text.index('class="tiles"')].replace("finetune", "").lower()
    shown = [one.metric for one in dialled(report.analysis, report.results[0])]
    assert shown == (["logme"] if what == "one metric" else ["pge", "logme"])
    assert ("Not in this experiment: <code>pge</code>" in text) == (what == "one metric")
    assert len(list(glance.SECTION.files(report))) == 1


def test_yardsticks_alone_are_a_league_without_dials(synthetic) -> None:
    report = report_of(*synthetic.make_records(datasets=4, metrics=("random",)))
    shown = page.html(report, ())
    assert 'id="glance"' in shown
    assert "The dials in numbers" not in shown
    assert glance.SECTION.markdown(report) == list(glance.SECTION.files(report)) == []


@pytest.mark.parametrize("lacking", ["truth", "a second candidate"])
def test_without_a_ranking_there_is_nothing_to_draw(synthetic, lacking: str) -> None:
    records, meta = synthetic.make_records(datasets=3 if lacking == "truth" else 2, metrics=("logme", "pge"))
    report = report_of(records[records["stage"] != lacking], meta)
    assert glance.SECTION.page(report) == glance.SECTION.markdown(report) == []
    assert list(glance.SECTION.files(report)) == []


def test_a_page_so_far_says_so_at_its_top_and_counts_only_what_failed(synthetic) -> None:
    records, meta = synthetic.make_records(datasets=4, metrics=("logme", "pge"))
    later = (records["target"] == "animals_a") | (records["target"] == "mnist_high")
    records.loc[later, ["status", "value"]] = ["missing", np.nan]
    records = synthetic.fail(records, records.index == records.index[~later][-1])
    done, total = int((records["status"] == "done").sum()), len(records)

    report = Report(analysed(records, meta | {SO_FAR: True}), records, meta | {SO_FAR: True})
    for show, first in ((page.html, "<h1>"), (page.markdown, "# synthetic")):
        text = show(report, ())
        said = text.index(f"So far: {done} of {total} units")
        assert text.index(first) < said < text.index("At a glance", text.index("</nav>") if "</nav>" in text else 0)
    assert "1 unit of work did not finish" in page.html(report, ())
    finished = Report(analysed(records, meta), records, meta)
    assert "So far" not in page.html(finished, ())
    assert f"{total - done} units of work did not finish" in page.html(finished, ())
