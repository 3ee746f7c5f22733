"""The page put together from answers and what is shown of the target."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import Any

from pgebench.core.text import one_line, storable
from pgebench.ranking.answer import WHAT, Answer, halving, how_sure
from pgebench.ranking.budgets import Pick, picks
from pgebench.ranking.page.candidates import COST, candidates_section, or_nothing, shown_rows
from pgebench.ranking.page.target import TargetShown
from pgebench.ranking.page.worth import worth_blocks
from pgebench.report.grid import Cell, grid
from pgebench.report.page import document
from pgebench.report.section import Block, Choice, Choices, Code, Facts, Heading, Photos, Section, Table, Words, told
from pgebench.report.wording import NOTHING, counted, duration, number, percent

FOLDER = Path(__file__).parent
TEMPLATE = "ranking.html.j2"

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
    sections = [_take(answers), *_won(answers), *(candidates_section(answer) for answer in answers)]
    sections += [_worth(answers), _target(target)]
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
        if "under_way" in answer.detail:
            blocks.append(Words(one_line(answer.detail["under_way"]["told"])))
        blocks.append(Words(one_line(how_sure(answer)[0])))
        blocks += [Words(one_line(line), soft=True) for line in halving(answer)]
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


def _won(answers: Sequence[Answer]) -> list[tuple[Section, Sequence[Block]]]:
    """What came of fine-tuning the first candidates, where that was asked for."""
    blocks: list[Block] = []
    for answer in answers:
        if "fine_tuned" not in answer.detail:
            continue
        rows = [
            [
                Cell(one_line(one["name"]), one["name"]),
                *(_share(one.get(part)) for part in ("validation", "test")),
                Cell(str(one["place"]), one["place"]),
                Cell(f"{one['learning_rate']:g}" if "error" not in one else one_line(one["error"])),
            ]
            for one in answer.detail["fine_tuned"]
        ]
        columns = [
            answer.question,
            "validation",
            "test",
            f"place by {answer.option.metric}",
            "learning rate, or why not",
        ]
        blocks += [Table(grid(columns, rows), long=(4,)), Words(one_line(answer.detail["verdict"]))]
        if "kept" in answer.detail:
            blocks.append(
                Words(f"The winner's weights lie beside this page; `{answer.detail['kept']}` describes them.")
            )
    return [told("won", "which really won", [Heading("Which really won"), *blocks])] if blocks else []


def _share(value: float | None) -> Cell:
    return Cell(NOTHING, nan) if value is None else Cell(percent(value, 1), value)


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
        gflops, milliseconds = (or_nothing(row.get(key), ".3g") for key in ("gflops", "ms_per_image"))
        found.append(f"{gflops} GFLOP and {milliseconds} ms per picture")
    if row.get("source_images") is not None:
        found.append(f"{row['source_images']} training images of {row['source_classes']} classes")
    return found


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
    if "finetune=" not in command and not all(answer.label_free for answer in answers):
        blocks.append(
            Words("Fine-tune the first three, see which really won, and keep the winner as a file of weights:")
        )
        blocks.append(Code(f"{one_line(command)} finetune=3"))
    blocks += [Words("This page again:"), Code(one_line(command))]
    return told("next", "what next", blocks)
