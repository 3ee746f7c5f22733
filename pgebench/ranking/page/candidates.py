"""The candidates of an answer, drawn and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

from pgebench.core.text import one_line
from pgebench.ranking.answer import SHOWN, Answer
from pgebench.ranking.page.figures import cost_picture, scores_picture
from pgebench.report.grid import Cell, Grid, grid, value_cell
from pgebench.report.section import Block, Figure, Heading, Key, Section, Table, Words, told
from pgebench.report.wording import NOTHING, counted, interval, percent

COST = {"backbones": "gflops"}
"""Question -> the cost that its budgets go by; sources cost the same once a network was trained on them."""


def shown_rows(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer with names and reasons that fit on one line."""
    return [
        {key: one_line(value) if isinstance(value, str) else value for key, value in row.items()}
        for row in answer.rows()
    ]


def candidates_section(answer: Answer) -> tuple[Section, Sequence[Block]]:
    """The candidates of one answer: their scores drawn, the table, what failed, and the score against the cost.

    Args:
        answer: The answer.
    """
    rows = shown_rows(answer)
    scored = [row for row in rows if row["place"] is not None]
    kinds = {"backbones": "Pretrained backbones", "sources": "Sources"}
    blocks: list[Block] = [
        Heading(kinds[answer.question]),
        Key([("round metric", "may be the best"), ("round trivial", "is behind the first one")]),
        Figure(
            "",
            f"Score by {answer.option.metric} and its {answer.confidence:.0%} interval; higher is better."
            + (f" The first {SHOWN} of {len(scored)}." if len(scored) > SHOWN else ""),
            scores_picture(scored[:SHOWN], answer.confidence),
        ),
        Table(_table(answer, scored)),
        Words(_columns(answer), soft=True),
        *_dropped([row for row in rows if "dropped" in row]),
        *_failed([row for row in rows if "error" in row]),
    ]
    if answer.question in COST:
        pictures = (
            ("gflops", "GFLOP per picture", "what a picture costs, whatever the machine"),
            (
                "ms_per_image",
                "ms per picture, measured here",
                "what it took on this machine while the features were computed",
            ),
        )
        for cost, axis, words in pictures:
            picture = cost_picture(scored, cost, axis)
            if picture is not None:
                caption = (
                    f"Score against {words}. Filled and joined: no candidate is both cheaper and better (Pareto front)."
                )
                blocks.append(Figure("", caption, picture))
    return told(answer.question, answer.question, blocks)


def _dropped(rows: Sequence[dict[str, Any]]) -> list[Block]:
    """The candidates that were dropped on few images, each with its place among those that looked at as many."""
    if not rows:
        return []
    cells = []
    for row in rows:
        last = row["dropped"]
        span = NOTHING if row["low"] is None else interval(row["low"], row["high"], 3)
        cells.append(
            [
                Cell(row["name"], row["name"]),
                Cell(str(last["images_per_class"]), last["images_per_class"]),
                Cell(f"{last['place']} of {last['among']}", last["place"]),
                value_cell(row["score"], 3),
                Cell(span, nan if row["low"] is None else row["low"]),
                Cell(or_nothing(row.get("gflops"), ".3g"), row.get("gflops", nan)),
            ]
        )
    columns = ["candidate", "images a class", "place on these", "score on these", "interval", "GFLOP per picture"]
    words = "Scores on another number of images are not comparable with each other, nor with those above."
    title = f"Dropped on the way: {counted(len(rows), 'candidate')}"
    return [Heading(title, 3), Table(grid(columns, cells)), Words(words, soft=True)]


def _failed(rows: Sequence[dict[str, Any]]) -> list[Block]:
    """The candidates without a score, each with its reason."""
    if not rows:
        return []
    cells = [[Cell(row["name"], row["name"]), Cell(row["error"], row["error"])] for row in rows]
    title = f"Without a score: {counted(len(rows), 'candidate')}"
    return [Heading(title, 3), Table(grid(["candidate", "why"], cells), long=(1,))]


def _table(answer: Answer, rows: Sequence[dict[str, Any]]) -> Grid:
    sure = f"{answer.confidence:.0%} interval"
    columns = ["candidate", "place", f"place, {sure}", "score", f"score, {sure}"]
    if answer.question == "sources":
        columns.append("training images, classes")
    else:
        columns += ["M parameters", "GFLOP per picture", "ms per picture", "stated accuracy", "licence"]
    return grid(columns, [_row(answer, row) for row in rows])


def _row(answer: Answer, row: dict[str, Any]) -> list[Cell]:
    first, last = row["places"]
    places = str(first) if first == last else f"{first} to {last}"
    span = NOTHING if row["low"] is None else interval(row["low"], row["high"], 3)
    cells = [
        Cell(row["name"], row["name"]),
        Cell(f"{row['place']}{' *' * row['may_be_best']}", row["place"]),
        Cell(places, last),
        value_cell(row["score"], 3),
        Cell(span, nan if row["low"] is None else row["low"]),
    ]
    if answer.question == "sources":
        images, classes = row.get("source_images", nan), row.get("source_classes", nan)
        cells.append(Cell(NOTHING if images != images else f"{images}, {classes}", images))
    else:
        size = row.get("parameters", nan)
        accuracy = row.get("stated_accuracy", nan)
        cells += [
            Cell(NOTHING if size != size else f"{size / 1e6:.3g}", size),
            Cell(or_nothing(row.get("gflops"), ".3g"), row.get("gflops", nan)),
            Cell(or_nothing(row.get("ms_per_image"), ".3g"), row.get("ms_per_image", nan)),
            Cell("" if accuracy != accuracy else percent(accuracy, 1), accuracy),
            Cell(row.get("licence", ""), row.get("licence", "")),
        ]
    return cells


def or_nothing(value: float | None, form: str) -> str:
    """A number in a format, or a dash where there is none; from a thousand on whole, not as a power of ten.

    >>> or_nothing(1006.8, ".3g"), or_nothing(97.448, ".3g")
    ('1,007', '97.4')
    """
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 999.5 else format(value, form)


def _columns(answer: Answer) -> str:
    """What the columns mean."""
    words = (
        "\N{ASTERISK} may be the best. The interval of a place counts who is surely ahead and who surely behind; both "
        f"intervals say what other {'images' if answer.option.per_class else 'initialisations'} would change, not "
        "whether the metric is right."
    )
    if answer.question == "sources":
        return words
    sizes = sorted({row["image_size"] for row in answer.rows() if row.get("image_size")})
    seen = f" on pictures of {', '.join(map(str, sizes))} px" if sizes else ""
    return (
        f"{words} Parameters and operations are without a classifier{seen}; a multiplication and an addition are two "
        "operations. Milliseconds were measured here while the features were computed, without loading and, on a CPU, "
        "without the wait for other work. The accuracy is the one stated for the weights (on ImageNet, where the YAML "
        "says nothing else), the licence that of timm or of the package; an empty cell is not known."
    )
