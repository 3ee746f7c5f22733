"""What a metric is worth: by the reference run, by published tables, and beside what one knows without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pgebench.ranking.answer import WHAT, Answer, halving, how_sure
from pgebench.ranking.published_worth import OnTable, published_worth
from pgebench.ranking.reliability import Reliability
from pgebench.report.grid import Cell, grid, value_cell
from pgebench.report.section import Block, Heading, Table, Terms, Words
from pgebench.report.wording import interval, number

STATIC = {
    "parameter_count": "size",
    "source_accuracy": "stated accuracy",
    "number_of_classes": "classes of the source",
    "static": "how good a candidate was elsewhere",
    "random": "at random",
}
"""Rankers that look at no picture of the target, and what they go by."""

KNOWN_HERE = {
    "backbones": {"parameters": "size", "stated_accuracy": "stated accuracy"},
    "sources": {"source_images": "number of training images", "source_classes": "number of classes"},
}
"""Question -> what is known of its candidates in a row, and what it is called."""

FEWEST = 3
"""Candidates from which on two orders are compared."""


def worth_blocks(answer: Answer, tables: Mapping[str, OnTable] | None = None) -> list[Block]:
    """Whether the answer can be believed, in words and numbers.

    Args:
        answer: The answer.
        tables: What metrics are worth on published tables; those of the package if left out.
    """
    known = published_worth() if tables is None else tables
    asked = {name: table for name, table in known.items() if table.question == answer.question}
    return [
        Heading(f"Is the order of the {answer.question} right?", 3),
        *(Words(line) for line in how_sure(answer)[1 + len(halving(answer)) :]),
        *_on_published(answer, asked),
        Heading("What does the metric add to what one knows without it?", 3),
        Terms([*_here(answer), _in_reference(answer), *_in_tables(answer, asked), ("So", _advice(answer))]),
    ]


def _on_published(answer: Answer, tables: Mapping[str, OnTable]) -> list[Block]:
    metric = answer.option.metric
    judged = {name: table for name, table in tables.items() if metric in table.league or metric in table.printed}
    if not judged:
        return [Words(f"No published table has scores of `{metric}` for this question: unmeasured there.")]
    columns = ["published table", "candidates, targets", f"{metric}", "better than chance?", *list(STATIC.values())]
    used = [key for key in STATIC if any(key in table.league for table in judged.values())]
    columns = [*columns[:4], *(STATIC[key] for key in used)]
    rows = [
        [
            Cell(f"{table.title} ({table.venue})", name),
            Cell(f"{table.candidates}, {table.targets}", table.candidates),
            *_metric_cells(table, metric),
            *(value_cell(table.league[key].weighted_tau if key in table.league else np.nan) for key in used),
        ]
        for name, table in judged.items()
    ]
    words = (
        f"Weighted tau of `{metric}` in tables of papers, whose fine-tuning others have paid for; beside it rankers "
        "that look at no picture of the target. None has your pictures in it."
    )
    return [Words(words, soft=True), Table(grid(columns, rows))]


def _metric_cells(table: OnTable, metric: str) -> list[Cell]:
    if metric not in table.league:
        tau = table.printed[metric]
        return [Cell(f"{number(tau)} (as printed)", tau), Cell("not known", "")]
    found = table.league[metric]
    span = "" if found.low is None or found.high is None else f" ({interval(found.low, found.high)})"
    better = "yes" if found.beats_chance else "no"
    return [Cell(f"{number(found.weighted_tau)}{span}", found.weighted_tau), Cell(better, better)]


def _here(answer: Answer) -> list[tuple[str, str]]:
    """How far the metric's order is that of what is known of these very candidates."""
    from scipy.stats import kendalltau  # a second to import, which a ranking does not wait for

    rows = [row for row in answer.rows() if row["place"] is not None]
    lines: list[tuple[str, str]] = []
    for key, words in KNOWN_HERE[answer.question].items():
        both = [row for row in rows if row.get(key) is not None]
        values = [row[key] for row in both]
        if len(both) < FEWEST or len(set(values)) < 2:
            continue
        tau = float(kendalltau([row["score"] for row in both], values).statistic)
        first = max(both, key=lambda row: row[key])["name"]
        same = "the same first place" if first == rows[0]["name"] else f"`{first}` in the first place"
        lines.append(
            (
                f"Here, {words}",
                f"An order by {words} alone, the largest first, has {same}; it agrees with that of the metric with a "
                f"Kendall tau of {number(tau)} over {len(both)} candidates (1: the same order, 0: unrelated).",
            )
        )
    return lines or [("Here", "Too little is known of the candidates to put them in an order without the metric.")]


def _in_reference(answer: Answer) -> tuple[str, str]:
    reference, reliability = answer.reference, answer.option.reliability
    others = [one for one in reference.yardsticks if one.metric in STATIC]
    if not reliability.measured:
        return "In the reference run", "The metric is unmeasured there."
    listed = ", ".join(f"{STATIC[one.metric]} {number(one.weighted_tau)}" for one in others)
    return (
        "In the reference run",
        f"Weighted tau of the metric {number(reliability.weighted_tau)}; {listed or 'nothing else was tried'}. "
        f"{_above(reliability, others)}",
    )


def _above(metric: Reliability, others: Sequence[Reliability]) -> str:
    better = [STATIC[one.metric] for one in others if one.weighted_tau >= metric.weighted_tau]
    if better:
        return f"There {' and '.join(better)} did as well or better."
    return "There the metric did better than each of them."


def _in_tables(answer: Answer, tables: Mapping[str, OnTable]) -> list[tuple[str, str]]:
    metric = answer.option.metric
    leagues = [table.league for table in tables.values() if metric in table.league]
    lines = []
    for key in ("parameter_count", "source_accuracy", "number_of_classes", "static"):
        both = [league for league in leagues if key in league]
        if both:
            wins = sum(league[metric].weighted_tau > league[key].weighted_tau for league in both)
            lines.append(f"{STATIC[key]} in {wins} of {len(both)}")
    return [("In published tables", f"The metric did better than {', '.join(lines)}.")] if lines else []


def _advice(answer: Answer) -> str:
    tied = len(answer.standing.tied)
    thing = WHAT[answer.question]
    if tied > 1:
        return f"Let what you know decide between the {tied} candidates that may be the best; the metric alone cannot."
    if not answer.option.reliability.beats_chance:
        if answer.label_free:
            return (
                f"Do not let it choose the {thing}: label some images, or fine-tune what you would have taken anyway."
            )
        return f"Do not let the metric alone choose the {thing}: fine-tune the one you would have taken anyway, too."
    return f"The metric's first {thing} is worth fine-tuning first; what you would have taken anyway is the control."
