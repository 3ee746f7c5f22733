"""Combinations of metrics beside the best single one: what they reach, and how much of it is overfitting."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from pgebench.analysis.combinations import ELSEWHERE, LINEAR, LINEAR_WITHIN, MEAN_RANK, PENALTY, Combined
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import STATIC, TruthResult
from pgebench.report.claims import difference
from pgebench.report.grid import Cell, Grid, grid, value_cell
from pgebench.report.section import Block, Heading, Report, Table, Words
from pgebench.report.style import role
from pgebench.report.wording import counted, interval, names, number, points, signed

TITLES = {
    ELSEWHERE: "the metric that is best on the other collections",
    MEAN_RANK: "mean rank",
    LINEAR: "linear, fitted on the other collections",
    LINEAR_WITHIN: "linear, the judged target in the fit",
}
"""Combination -> what the report calls it."""

COLUMNS = ["sources ranked by", "weighted τ", "95 % interval", "regret, points", "95 % interval", "Rel@1"]


def combination_grid(result: TruthResult, found: Combined) -> Grid:
    """The best single metric, the combinations, and beside them PGE and the static ranker."""
    best = found.metrics[0]
    league = result.league.set_index("metric")
    pge = [name for name in result.metrics if role(name, str(league.loc[name, "kind"])) == "pge"][:1]
    rows = [_row(f"`{best}`, the best metric here", league.loc[best].to_dict(), "weighted_tau_", None)]
    notes = {}
    for row in found.rows.to_dict("records"):
        if row["name"] == LINEAR_WITHIN:
            notes[len(rows)] = "trivial"
        gap = (row["difference"], row["difference_low"], row["difference_high"])
        rows.append(_row(TITLES[str(row["name"])], row, "", gap))
    for name in [name for name in (*pge, STATIC) if name != best]:
        if name == STATIC:
            notes[len(rows)] = "trivial"
        known = difference(result, name, best)
        rows.append(_row(f"`{name}`", league.loc[name].to_dict(), "weighted_tau_", known and known[:3]))
    columns = [*COLUMNS[:3], f"against `{best}`", "95 % interval", *COLUMNS[3:]]
    return grid(columns, rows, notes)


def _row(title: str, row: Mapping[Hashable, Any], ends: str, gap: tuple[float, float, float] | None) -> list[Cell]:
    apart, low, high = gap or (math.nan,) * 3
    return [
        Cell(title, title),
        value_cell(row[PRIMARY]),
        Cell(interval(row[f"{ends}low"], row[f"{ends}high"]), row[f"{ends}low"]),
        Cell(signed(apart), apart),
        Cell(interval(low, high), low),
        Cell(points(row["regret"]), row["regret"]),
        Cell(interval(100 * row["regret_low"], 100 * row["regret_high"], 1), row["regret_low"]),
        value_cell(row["rel_at_1"], 3),
    ]


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
        Table(report.said(combination_grid(result, found))),
    ]


def _count(found: Combined) -> str:
    return f"there is one, `{found.metrics[0]}`" if found.metrics else "there is none"


def _left_out(found: Combined) -> str:
    text = f" Left out, for they order nothing: {names(found.constant)}." if found.constant else ""
    return text + (
        f" Left out, for more than half of their scores are missing: {names(found.sparse)}." if found.sparse else ""
    )
