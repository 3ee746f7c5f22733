"""The page put together from answers and what is shown of the target."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from pgebench.core.text import one_line, storable
from pgebench.ranking.answer import WHAT, Answer, how_sure
from pgebench.ranking.budgets import Pick, picks
from pgebench.ranking.page.figures import cost_picture, scores_picture
from pgebench.ranking.page.target import TargetShown
from pgebench.ranking.page.worth import worth_blocks
from pgebench.report.grid import Cell, Grid, grid, value_cell
from pgebench.report.page import document
from pgebench.report.section import (
    Block,
    Choice,
    Choices,
    Code,
    Facts,
    Figure,
    Heading,
    Key,
    Photos,
    Section,
    Table,
    Words,
    told,
)
from pgebench.report.wording import NOTHING, counted, duration, interval, number, percent

FOLDER = Path(__file__).parent
TEMPLATE = "ranking.html.j2"

COST = {"backbones": "gflops"}
"""Question -> the cost that its budgets go by; sources cost the same once a network was trained on them."""

BUDGETS = {"small": "Small", "medium": "Medium", "any": "Any size"}


def ranking_page(
    answers: Sequence[Answer], target: TargetShown, command: str, fine_tune: Sequence[str], seconds: float
) -> str:
    """The page, as HTML that UTF-8 can hold.

    Args:
        answers: One per question, each with at least one candidate that has a score.
        target: What is shown of the user's data.
        command: That was typed.
        fine_tune: Of each answer, the command that fine-tunes the winner.
        seconds: That it all took.
    """
    sections = [_take(answers), *(_candidates(answer) for answer in answers), _worth(answers), _target(target)]
    sections.append(_next(answers, command, fine_tune))
    tiles = [
        (str(target.images), f"training images {_in_classes(target)}"),
        *((str(len(one.names)), f"{one.question}, by {one.option.metric}") for one in answers),
        (duration(seconds), "in all"),
    ]
    title = one_line(f"What to fine-tune for {target.name}")
    return storable(document(TEMPLATE, FOLDER, title, tiles, sections))


def _in_classes(target: TargetShown) -> str:
    return f"of {counted(len(target.classes), 'class', 'classes')}" if target.classes else "without labels"


def shown_rows(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer with names and reasons that fit on one line."""
    return [
        {key: one_line(value) if isinstance(value, str) else value for key, value in row.items()}
        for row in answer.rows()
    ]


def chosen(answer: Answer) -> list[Pick]:
    """What to take for which budget; ``candidate`` counts the rows of the answer from 0, the best first.

    Args:
        answer: The answer.
    """
    rows = [row for row in answer.rows() if row["place"] is not None]
    costs = [float(row.get(COST.get(answer.question, ""), nan)) for row in rows]
    # Rows are in the order of the score, so that of two equal scores the one that the answer has first is taken.
    return picks(costs, [-float(place) for place in range(len(rows))])


def _take(answers: Sequence[Answer]) -> tuple[Section, Sequence[Block]]:
    blocks: list[Block] = [Heading("Take this one")]
    for answer in answers:
        rows = shown_rows(answer)
        if len(answers) > 1:
            blocks.append(Heading(f"As {WHAT[answer.question]}", 3))
        blocks.append(Choices([_choice(answer, rows, pick) for pick in chosen(answer)]))
        blocks.append(Words(one_line(how_sure(answer)[0])))
        if not answer.option.reliability.measured:
            blocks.append(
                Words(f"Without labels, by `{answer.option.metric}`, which is unmeasured in the reference run.")
            )
        elif not answer.option.reliability.beats_chance:
            blocks.append(
                Words(
                    f"In the reference run `{answer.option.metric}` was not distinguishable from chance for "
                    f"{answer.question}: take this for a hint at most, see below."
                )
            )
    return told("take", "take this one", blocks, css="verdict")


def _choice(answer: Answer, rows: Sequence[dict[str, Any]], pick: Pick) -> Choice:
    row = rows[pick.candidate]
    title = BUDGETS[pick.budget]
    if pick.budget != "any":
        title = f"{title}: at most {pick.most:.3g} GFLOP per picture, {pick.among} of {len(answer.names)} candidates"
    elif len(answer.names) > 1:
        title = f"{title}: the best of {len(answer.names)}"
    parts = [f"place {row['place']}, score {number(row['score'], 3)}", *_costs(row)]
    return Choice(title, row["name"], "; ".join(parts))


def _costs(row: dict[str, Any]) -> list[str]:
    found = []
    if row.get("parameters") is not None and "source_images" not in row:
        found.append(f"{row['parameters'] / 1e6:.3g} M parameters")
    if row.get("gflops") is not None and "source_images" not in row:
        found.append(f"{row['gflops']:.3g} GFLOP and {_or_nothing(row.get('ms_per_image'), '.3g')} ms per picture")
    if row.get("source_images") is not None:
        found.append(f"{row['source_images']} training images of {row['source_classes']} classes")
    return found


def _candidates(answer: Answer) -> tuple[Section, Sequence[Block]]:
    rows = shown_rows(answer)
    scored = [row for row in rows if row["place"] is not None]
    kinds = {"backbones": "Pretrained backbones", "sources": "Sources"}
    blocks: list[Block] = [
        Heading(kinds[answer.question]),
        Key([("round metric", "may be the best"), ("round trivial", "is behind the first one")]),
        Figure(
            "",
            f"Score by {answer.option.metric} and its {answer.confidence:.0%} interval; higher is better.",
            scores_picture(scored, answer.confidence),
        ),
        Table(_table(answer, scored)),
        Words(_columns(answer), soft=True),
        *_failed([row for row in rows if row["place"] is None]),
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
            Cell(_or_nothing(row.get("gflops"), ".3g"), row.get("gflops", nan)),
            Cell(_or_nothing(row.get("ms_per_image"), ".3g"), row.get("ms_per_image", nan)),
            Cell("" if accuracy != accuracy else percent(accuracy, 1), accuracy),
            Cell(row.get("licence", ""), row.get("licence", "")),
        ]
    return cells


def _or_nothing(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)


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
        "operations. Milliseconds were measured here while the features were computed, loading not counted, other work "
        "not kept off. The accuracy is the one stated for the weights (on ImageNet, where the YAML says nothing else), "
        "the licence that of timm or of the package; an empty cell is not known."
    )


def _worth(answers: Sequence[Answer]) -> tuple[Section, Sequence[Block]]:
    blocks: list[Block] = [Heading("What this is worth")]
    for answer in answers:
        blocks += worth_blocks(answer)
    return told("worth", "what it is worth", blocks)


def _target(target: TargetShown) -> tuple[Section, Sequence[Block]]:
    return told(
        "pictures",
        "your pictures",
        [
            Heading("Your pictures"),
            Words(
                f"{len(target.samples)} of the {target.images} training images, "
                f"{'drawn across the classes' if target.classes else 'drawn at random'} (the same ones each time). "
                "Test images are neither shown nor looked at.",
                soft=True,
            ),
            Photos(target.samples),
            Heading("What was read", 3),
            Facts(target.facts),
        ],
    )


def _next(answers: Sequence[Answer], command: str, fine_tune: Sequence[str]) -> tuple[Section, Sequence[Block]]:
    blocks: list[Block] = [Heading("What next")]
    for answer, line in zip(answers, fine_tune, strict=True):
        if answer.label_free:
            blocks.append(Words("Fine-tuning needs classes: put some images of each class into a folder of its own."))
            continue
        best = one_line(answer.rows()[0]["name"])
        blocks += [
            Words(f"Fine-tune the first {WHAT[answer.question]}, {best}, and see its accuracy on your test images:"),
            Code(one_line(line)),
        ]
    blocks += [Words("This page again:"), Code(one_line(command))]
    return told("next", "what next", blocks)
