"""Other questions: the same scores and accuracies put in order along another axis."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.league import Analysis
from pgebench.analysis.question import PAIRS, QUESTIONS
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import Block, Heading, Report, Section, Table, Words
from pgebench.report.wording import interval, number


def finding(analysis: Analysis) -> Finding | None:
    """That other questions have other answers."""
    found = analysis.answers
    if found.empty or found["question"].nunique() < 2:
        return None
    titles = {"sources": "sources for a target", "backbones": "backbones", "targets": "targets for a source"}
    parts = []
    for name in (*QUESTIONS, PAIRS.name):
        rows = found[found["question"] == name].dropna(subset=[PRIMARY])
        rows = rows[rows["metric"].isin(real_metrics(analysis.results[0].league)["metric"])]
        if len(rows):
            best = rows.sort_values([PRIMARY, "metric"], ascending=[False, True]).iloc[0]
            parts.append(f"{titles.get(name, 'all pairs in one list')}: `{best['metric']}` ({number(best[PRIMARY])})")
    if not parts:
        return None
    return Finding(
        "Other questions, other answers",
        f"The metric that ranks best depends on what is ranked; {'; '.join(parts)}. The league is about "
        f"{titles.get(analysis.question.name, analysis.question.name)} alone.",
    )


def answers_grid(analysis: Analysis) -> Grid:
    """What each metric reaches on each question, in the order of the league."""
    found = analysis.answers
    if found.empty:
        return grid([], [])
    asked = [name for name in (*QUESTIONS, PAIRS.name) if name in set(found["question"])]
    by_cell = {(row["metric"], row["question"]): row for row in found.to_dict("records")}
    rows = []
    for metric in analysis.results[0].metrics:
        if (metric, asked[0]) not in by_cell:
            continue
        cells = [name_cell(metric)]
        for question in asked:
            row = by_cell[metric, question]
            span = interval(row["low"], row["high"])
            text = f"{number(row[PRIMARY])} ({span})" if math.isfinite(row["low"]) else number(row[PRIMARY])
            cells.append(Cell(text, float(row[PRIMARY])))
        rows.append(cells)
    lists = found.drop_duplicates("question").set_index("question")["lists"]
    titles = {name: f"rank {name}" for name in QUESTIONS} | {PAIRS.name: "all pairs in one list"}
    return grid(["metric", *(f"{titles[name]} ({lists[name]} lists)" for name in asked)], rows)


TITLE = Heading("Other questions, other answers")


def _page(report: Report) -> list[Block]:
    words = (
        "The same scores and accuracies, put in order along another axis: mean weighted τ and its 95 % interval. "
        "Numbers of different questions must not be compared with each other."
    )
    answers = answers_grid(report.analysis)
    return [TITLE, Words(words), Table(answers)] if answers.rows else []


def _markdown(report: Report) -> list[Block]:
    words = (
        "The same scores and accuracies, put in order along another axis: mean weighted tau and its 95 % interval. "
        "Numbers of different\nquestions must not be compared with each other."
    )
    answers = answers_grid(report.analysis)
    return [TITLE, Words(words), Table(answers)] if answers.rows else []


SECTION = Section("questions", "Questions", _page, _markdown)
