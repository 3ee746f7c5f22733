"""The league by other criteria of the truth than accuracy: the same transfers, balanced accuracy and macro AUROC."""

from __future__ import annotations

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.criteria import Criterion
from pgebench.analysis.judge import TruthResult
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Heading, Report, Section, Table, Words
from pgebench.report.wording import interval, number

WORDS = {"balanced_accuracy": "balanced accuracy", "macro_auroc": "macro AUROC"}


def criteria_grid(result: TruthResult, criteria: tuple[Criterion, ...]) -> Grid:
    """The number of each metric by accuracy and by each other criterion, in the order of the league."""
    by_name = [criterion.league.set_index("metric") for criterion in criteria]
    columns = ["metric", "accuracy"]
    for criterion in criteria:
        columns += [WORDS[criterion.name], "95 % interval"]
    rows: list[list[Cell]] = []
    for _, row in result.league.iterrows():
        cells = [name_cell(row["metric"]), value_cell(row[PRIMARY])]
        for league in by_name:
            if row["metric"] in league.index:
                found = league.loc[row["metric"]]
                cells += [value_cell(found[PRIMARY]), Cell(interval(found["low"], found["high"]), float(found["low"]))]
            else:  # the static ranker is made of accuracies
                cells += [value_cell(float("nan"))] * 2
        rows.append(cells)
    trivial = {i: "trivial" for i, kind in enumerate(result.league["kind"]) if kind == "trivial"}
    return grid(columns, rows, trivial)


def said(result: TruthResult, criteria: tuple[Criterion, ...]) -> str:
    """How far the criteria agree, beside how far a truth agrees with itself.

    Args:
        result: Of the truth by accuracy.
        criteria: Of the same transfers.

    Returns:
        Sentences with back-ticks.
    """
    own = result.ceiling[PRIMARY].repeat
    parts = []
    for one in criteria:
        itself = f", a truth by it with another one from the same checkpoints {number(one.ceiling.repeat)}"
        parts.append(
            f"by {WORDS[one.name]} they agree with that by accuracy to {number(one.agreement)}"
            + (itself if one.ceiling.repeat == one.ceiling.repeat else "")
        )
    beside = f" Two truths by accuracy from the same checkpoints agree to {number(own)}." if own == own else ""
    return (
        "The same transfers on the same test images, judged otherwise; nothing was trained again. Orders of the "
        f"sources (weighted tau, of one checkpoint): {'; '.join(parts)}.{beside} Where a criterion agrees "
        "with accuracy no better than a repetition does, its choice matters as much as the luck of training."
    )


def _page(report: Report) -> list[Block]:
    criteria = report.analysis.criteria
    if not criteria or not report.results:
        return []
    result = report.results[0]
    return [
        Heading("By other criteria than accuracy", anchor="criteria"),
        Words(report.say(said(result, criteria)), soft=True),
        Table(criteria_grid(result, criteria)),
    ]


SECTION = Section("criteria", "", _page, _page)
