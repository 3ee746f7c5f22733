"""Combinations of metrics beside the best single one: what they reach, and how much of it is overfitting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import pandas as pd

from pgebench.analysis.combinations import ELSEWHERE, LINEAR, LINEAR_WITHIN, MEAN_RANK, PENALTY, Combined
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import STATIC, TruthResult
from pgebench.report.claims import difference
from pgebench.report.grid import Cell, Grid, grid, value_cell
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, Table, Words, file_name
from pgebench.report.sheet import sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.wording import counted, interval, names, number, points, signed

TITLES = {
    ELSEWHERE: "best metric on other collections",
    MEAN_RANK: "mean rank",
    LINEAR: "linear, fitted on other collections",
    LINEAR_WITHIN: "linear, judged target in the fit",
}
"""Combination -> what the report calls it."""

GAP = ("difference", "difference_low", "difference_high")

CAPTION = "Mean weighted τ with 95 % interval; hollow: the fit that saw the judged target, and the static ranker."

WIDTH, ROW = 260.0, 20.0
"""Pixels of the axis and of a row: with its titles as wide as a phone is."""


def standing(result: TruthResult, found: Combined) -> pd.DataFrame:
    """The best single metric, the combinations, and beside them PGE and the static ranker.

    Args:
        result: Of one truth.
        found: Its combinations, of two metrics at least.

    Returns:
        One row each, in this order: `title`; `role` as in `pgebench.report.style`, where what saw the judged target is
        as little a metric as the static ranker is; then the columns of `Combined.rows`.
    """
    best = found.metrics[0]
    league = result.league.set_index("metric")
    pge = [name for name in result.metrics if role(name, str(league.loc[name, "kind"])) == "pge"][:1]
    single = []
    for name in dict.fromkeys((best, *pge, STATIC)):
        row = {str(key): value for key, value in league.loc[name].items()}
        apart = difference(result, name, best)
        gap = dict(zip(GAP, apart[:3], strict=True)) if apart else {}
        ends = {"low": row[f"{PRIMARY}_low"], "high": row[f"{PRIMARY}_high"]}
        title = f"`{name}`, the best metric here" if name == best else f"`{name}`"
        single.append({"title": title, "role": role(name, str(row["kind"])), "name": name, **row, **ends, **gap})
    made = [
        {"title": TITLES[row["name"]], "role": "trivial" if row["name"] == LINEAR_WITHIN else "metric", **row}
        for row in found.rows.to_dict("records")
    ]
    return pd.DataFrame([single[0], *made, *single[1:]], columns=["title", "role", *found.rows.columns])


def combination_grid(rows: pd.DataFrame) -> Grid:
    """The table of `standing`."""
    best = str(rows["name"].iloc[0])
    ninety_five = "95 % interval"
    columns = ["sources ranked by", "weighted τ", ninety_five, f"against `{best}`", ninety_five]
    columns += ["regret, points", ninety_five, "Rel@1"]
    cells = [
        [
            Cell(row["title"], row["title"]),
            value_cell(row[PRIMARY]),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(signed(row["difference"]), row["difference"]),
            Cell(interval(row["difference_low"], row["difference_high"]), row["difference_low"]),
            Cell(points(row["regret"]), row["regret"]),
            Cell(interval(100 * row["regret_low"], 100 * row["regret_high"], 1), row["regret_low"]),
            value_cell(row["rel_at_1"], 3),
        ]
        for row in rows.to_dict("records")
    ]
    return grid(columns, cells, {i: "trivial" for i, who in enumerate(rows["role"]) if who == "trivial"})


def picture(rows: pd.DataFrame) -> Picture:
    """The weighted tau of `standing` with its intervals."""
    ends = pd.concat([rows[PRIMARY], rows["low"], rows["high"]]).dropna()
    low, high = math.floor(min(ends.min(), 0.0) * 5) / 5, math.ceil(max(ends.max(), 0.2) * 5) / 5
    titles = [str(title).replace("`", "") for title in rows["title"]]
    left, bottom = text_width(titles) + 8, 16 + ROW * len(rows)

    def at(value: float) -> float:
        return left + 6 + (WIDTH - 12) * (value - low) / (high - low)

    marks: list[Mark] = []
    for fifth in range(round(low * 5), round(high * 5) + 1):
        marks.append(Line(((at(fifth / 5), 16), (at(fifth / 5), bottom)), "grid"))
        marks.append(Text(at(fifth / 5), 11, number(fifth / 5, 1), anchor="middle"))
    marks.append(Line(((at(0), 16), (at(0), bottom)), "origin"))
    for i, (title, row) in enumerate(zip(titles, rows.to_dict("records"), strict=True)):
        y, who = 16 + ROW * (i + 0.5), str(row["role"])
        marks.append(Text(left - 8, y + 4, title, anchor="end"))
        if math.isfinite(row["low"]):
            marks.append(Line(((at(row["low"]), y), (at(row["high"]), y)), "span", who))
        if math.isfinite(row[PRIMARY]):
            said = f"{title}: {number(row[PRIMARY])} ({interval(row['low'], row['high'])})"
            marks.append(Circle(at(row[PRIMARY]), y, 4.5, "hollow" if who == "trivial" else "dot", who, say=said))
    return Picture(
        left + WIDTH, bottom + 2, tuple(marks), "Mean weighted tau of combinations of metrics, 95 % interval"
    )


def read(found: Combined) -> str:
    """What the combinations reach, in words.

    Args:
        found: Two metrics at least, and a mean rank that has a number.

    Returns:
        Sentences with back-ticks.
    """
    rows = {str(row["name"]): row for row in found.rows.to_dict("records")}
    out, within = rows[LINEAR][PRIMARY], rows[LINEAR_WITHIN][PRIMARY]
    if not math.isfinite(out):
        text = (
            "Nothing can be fitted or chosen elsewhere: no target of another collection has an order of sources. The "
            f"linear combination with the judged target in the fit, {number(within)}, may be overfitting alone. "
        )
    elif within > out:
        text = (
            f"The linear combination reaches {number(out)} on collections that it was not fitted on, and "
            f"{number(within)} with the judged target in the fit: {number(within - out)} of that is overfitting. "
        )
    else:
        text = (
            f"The linear combination reaches {number(out)} on collections that it was not fitted on: no overfitting. "
        )
    honest = [name for name in (ELSEWHERE, MEAN_RANK, LINEAR) if math.isfinite(rows[name]["difference_low"])]
    above, below = (
        [TITLES[name] for name in honest if rows[name][end] * sign > 0]
        for end, sign in (("difference_low", 1), ("difference_high", -1))
    )
    best = f"`{found.metrics[0]}`, which these very targets chose"
    parts = [f"better than {best}: {', '.join(above)}"] * bool(above) + [f"worse: {', '.join(below)}"] * bool(below)
    if parts:
        text += f"By the interval of the difference, {'; '.join(parts)}. "
    elif honest:
        text += f"None of those that did not see the judged target can be told from {best}. "
    if found.chosen:
        times = Counter(found.chosen.values())
        chosen = "; ".join(f"`{name}` for {counted(count, 'collection')}" for name, count in times.most_common())
        text += f"Best on the other collections: {chosen}."
    return text.strip()


def blocks(report: Report) -> list[Block]:
    """For the section of the metrics among themselves, on both pages alike."""
    if report.analysis.among is None:
        return []
    result, found = report.results[0], report.analysis.among.combined
    title = Heading("Combinations of metrics", 3)
    if found.rows.empty:
        few = f"A combination takes two metrics that are no yardsticks and order the sources; here {_count(found)}."
        return [title, Words(report.say(few + _left_out(found)))]
    if not found.rows[PRIMARY].notna().any():
        none = "No target has two sources of different accuracy, so no combination can be judged."
        return [title, Words(report.say(none))]
    rows = standing(result, found)
    words = (
        f"All {len(found.metrics)} metrics that are no yardsticks together, judged as if they were one. Mean rank: of "
        "a source within its target. Linear: scores and accuracies standardised within each target, ridge regression "
        f"with a fixed penalty of {PENALTY:g} per score of variance 1, fitted without all targets of the judged "
        "target's collection; with that target in the fit, what it gains is overfitting. Intervals are made as those "
        "of the league, with the fit as it is; differences are not corrected for their number. A source without a "
        "score counts as average."
    )
    return [
        title,
        Words(report.say(words), soft=True),
        Words(report.say(read(found) + _left_out(found))),
        Figure(file_name("together", result.name), report.say(CAPTION), _drawn(report, rows)),
        Table(report.said(combination_grid(rows))),
    ]


def files(report: Report) -> Iterator[FigureFile]:
    """The picture with its numbers; nothing where nothing could be combined."""
    if report.analysis.among is None or not report.analysis.among.combined.rows[PRIMARY].notna().any():
        return
    result = report.results[0]
    rows = standing(result, report.analysis.among.combined)
    drawn = sheet(f"mean weighted tau with {result.name}, 95 % interval", _drawn(report, rows))
    yield FigureFile(file_name("together", result.name), drawn, rows.drop(columns=["title", "role"]))


def _drawn(report: Report, rows: pd.DataFrame) -> Picture:
    return picture(rows.assign(title=[report.say(str(title)) for title in rows["title"]]))


def _count(found: Combined) -> str:
    return f"there is one, `{found.metrics[0]}`" if found.metrics else "there is none"


def _left_out(found: Combined) -> str:
    text = f" Left out, for they order nothing: {names(found.constant)}." if found.constant else ""
    return text + (
        f" Left out, for more than half of their scores are missing: {names(found.sparse)}." if found.sparse else ""
    )
