"""An answer as text, and all of them as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pgebench.core.figures import png
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option
from pgebench.report.style import BLUE, GREY

WHAT = {"sources": "source", "backbones": "pretrained backbone"}


def text(answer: Answer, better: Option | None = None) -> str:
    """A table of the candidates, how sure it is, and what more time would buy.

    Args:
        answer: The answer.
        better: A more reliable metric that takes longer.
    """
    rows = answer.rows()
    width = max(len(row["name"]) for row in rows) + 2
    lines = [
        f"{answer.question.capitalize()} by {answer.option.metric}, {answer.images} images, {answer.seconds:.0f} s:",
        f"{'':4}{WHAT[answer.question]:{width}}{'score':>9}   {answer.confidence:.0%} interval",
    ]
    for row in rows:
        if row["place"] is None:
            lines.append(f"  - {row['name']:{width}}   failed: {row['error']}")
            continue
        interval = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(
            f"{row['place']:3d} {row['name']:{width}}{row['score']:9.3f}   {interval}{' *' * row['may_be_best']}"
        )
    return "\n".join([*lines, "", *_sure(answer), *([_more(better)] if better else []), ""])


def _sure(answer: Answer) -> list[str]:
    """What the images decide, and what the metric's score is worth at all."""
    reference, reliability = answer.reference, answer.option.reliability
    best, tied = answer.names[answer.standing.order[0]], len(answer.standing.tied)
    drawn = "initialisations and episodes" if answer.option.per_class is None else "images of these classes"
    if answer.standing.settled:
        first = f"With other {drawn} {best} would come first again (confidence {answer.confidence:.0%})."
    else:
        first = f"* With other {drawn} any of these {tied} might come first (confidence {answer.confidence:.0%})."
    thing, many = WHAT[answer.question], answer.question
    worth = (
        f"Is the score right? In the reference run ({reference.run}: {reference.candidates} {many}, "
        f"{reference.targets} rankings) {reliability.metric} ranked the {many} with a weighted tau of "
        f"{reliability.weighted_tau:.2f} ({reliability.low:.2f} to {reliability.high:.2f}; 1 is right, 0 is chance, "
        f"{reference.ceiling:.2f} the noise ceiling)."
    )
    lost = (
        f"The {thing} that it put first lost {100 * reliability.regret:.1f} points of accuracy against the best one on "
        f"average; one taken at random lost {100 * reference.regret_of_chance:.1f}."
    )
    doubt = [] if reliability.beats_chance else ["That is not distinguishable from chance: this is a hint at most."]
    return [first, worth, lost, *doubt]


def _more(better: Option) -> str:
    minutes = max(1, round(better.minutes + 0.5))
    return (
        f"With budget={minutes} it would be {better.metric}, whose weighted tau in the reference run is "
        f"{better.reliability.weighted_tau:.2f}."
    )


def picture(target: str, answers: Sequence[Answer]) -> bytes:
    """The answers beside each other, as PNG; blue: may be the best."""
    most = max(len(answer.names) for answer in answers)
    figure = Figure(figsize=(6.2 * len(answers), 1.5 + 0.3 * most), layout="constrained")
    for axes, answer in zip(figure.subplots(1, len(answers), squeeze=False)[0], answers, strict=True):
        _draw(axes, answer)
    figure.suptitle(f"What to fine-tune for {target}", x=0.01, ha="left", fontsize=12, fontweight="bold")
    return png(figure)


def _draw(axes: Axes, answer: Answer) -> None:
    rows: list[Mapping[str, Any]] = [row for row in answer.rows() if row["place"] is not None]
    axes.spines[["top", "right", "left"]].set_visible(False)
    for y, row in enumerate(rows):
        colour = BLUE if row["may_be_best"] else GREY
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        axes.plot(row["score"], y, "o", color=colour)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    reliability = answer.option.reliability
    axes.set_title(
        f"{answer.question} by {answer.option.metric}\nreference: weighted tau {reliability.weighted_tau:.2f} "
        f"({reliability.low:.2f} to {reliability.high:.2f})"
        + ("" if reliability.beats_chance else ", no better than chance"),
        loc="left",
        fontsize=9,
    )
    axes.set_xlabel(f"score, {answer.confidence:.0%} interval (blue: may be the best)")
