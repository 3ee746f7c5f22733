"""Answers: candidates in order by one metric, with what is known of its worth; as JSON, as text and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pgebench.core.figures import png
from pgebench.ranking.budget import Option
from pgebench.ranking.data_sheet import DataSheet
from pgebench.ranking.facts import Facts
from pgebench.ranking.halving import Dropped, Halved, told
from pgebench.ranking.reliability import LABEL_FREE, Reference, Reliability
from pgebench.ranking.standing import Standing
from pgebench.report.style import BLUE, GREY

WHAT = {"sources": "source", "backbones": "pretrained backbone"}

SHOWN = 40
"""Candidates that a terminal and a picture show; the page has all."""


FEW = 10
"""Candidates without a score whose size is told all the same."""


@dataclass(frozen=True)
class Answer:
    """A ranking of candidates for a target.

    Attributes:
        question: ``sources`` or ``backbones``.
        option: The metric that was chosen, and the minutes that were expected.
        names: Of the candidates that have a score, in the order of ``standing``'s arrays.
        standing: Their order, with minus the score as the distance.
        reference: The run that the metric's reliability comes from.
        images: Training images of the target that were seen.
        seconds: Wall seconds.
        confidence: Of the set of candidates that may be the best.
        failed: Candidates without a score, with the reason.
        detail: What else there is to say, for the JSON.
        sheets: Of the candidates, those without a score included, what no metric is needed for.
        facts: Of pretrained backbones, what was known before they were looked at.
        dropped: Candidates that were dropped on fewer images, those of later rounds first.
        halved: The rounds in which they were.
    """

    question: str
    option: Option
    names: tuple[str, ...]
    standing: Standing
    reference: Reference
    images: int
    seconds: float
    confidence: float
    failed: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    sheets: Mapping[str, DataSheet] = field(default_factory=dict)
    facts: Mapping[str, Facts] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()
    halved: tuple[Halved, ...] = ()

    @property
    def looked_at(self) -> dict[str, int | None]:
        """The candidates with a score, and a few others, with the images of each class that they looked at."""
        # A network is built to count its size, which a thousand that cannot be had are not worth.
        others = list(self.failed)[:FEW]
        found: dict[str, int | None] = dict.fromkeys([*self.names, *others], self.option.per_class)
        for one in self.dropped:
            found[one.name] = one.per_class
        return found

    @property
    def label_free(self) -> bool:
        """Whether the metric has looked at no labels."""
        return self.option.metric in LABEL_FREE

    def rows(self) -> list[dict[str, Any]]:
        """One row per candidate, the best first, then those that were dropped, then those without a score."""
        found = self.standing
        scored: list[dict[str, Any]] = [
            {
                "place": place + 1,
                "name": self.names[candidate],
                "score": _short(-found.distance[candidate]),
                "low": _short(-found.high[candidate]),
                "high": _short(-found.low[candidate]),
                "places": [int(end) for end in found.places[candidate]],
                "may_be_best": candidate in found.tied,
            }
            for place, candidate in enumerate(found.order)
        ]
        dropped: list[dict[str, Any]] = [
            {
                "place": None,
                "name": one.name,
                "score": _short(one.score),
                "low": _short(one.low),
                "high": _short(one.high),
                "dropped": {"images_per_class": one.per_class, "place": one.place, "among": one.among},
            }
            for one in self.dropped
        ]
        failed: list[dict[str, Any]] = [
            {"place": None, "name": name, "error": reason} for name, reason in self.failed.items()
        ]
        return [row | self.sheets.get(str(row["name"]), DataSheet()).known for row in (*scored, *dropped, *failed)]

    def as_json(self) -> dict[str, Any]:
        """Everything, in JSON types."""
        reliability, reference = self.option.reliability, self.reference
        return {
            "question": self.question,
            "metric": self.option.metric,
            "label_free": self.label_free,
            "settled": self.standing.settled,
            "confidence": self.confidence,
            "images": self.images,
            "images_per_class": self.option.per_class,
            "expected_minutes": round(self.option.minutes, 2),
            "seconds": round(self.seconds, 1),
            "reference": {
                "run": reference.run,
                "truth": reference.truth,
                "targets": reference.targets,
                "candidates": reference.candidates,
                "measured": reliability.measured,
                "weighted_tau": _known(reliability.weighted_tau),
                "low": _known(reliability.low),
                "high": _known(reliability.high),
                "beats_chance": reliability.beats_chance,
                "points_lost": _known(round(100 * reliability.regret, 2)),
                "points_lost_at_random": round(100 * reference.regret_of_chance, 2),
                "noise_ceiling": reference.ceiling,
            },
            **({"halving": [vars(one) for one in self.halved]} if self.halved else {}),
            "ranking": self.rows(),
            **({"candidates": {name: self._known_of(name) for name in self.facts}} if self.facts else {}),
            **self.detail,
        }

    def _known_of(self, name: str) -> dict[str, Any]:
        """The facts of a candidate, with the size of its network where that could be built."""
        sizes = self.sheets.get(name, DataSheet()).known
        return {**self.facts[name].as_json(), **{key: sizes.get(key) for key in ("parameters", "gflops")}}


def _short(value: float) -> float | None:
    """Four decimals; None where an interval is unknown, which JSON has no number for."""
    return _known(round(float(value), 4))


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


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
    for row in rows[:SHOWN]:
        if "error" in row:
            lines.append(f"  - {row['name']:{width}}   failed: {row['error']}")
            continue
        if "dropped" in row:
            lines.append(f"  - {row['name']:{width}}{row['score']:9.3f}   {dropped_after(row)}")
            continue
        interval = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        lines.append(
            f"{row['place']:3d} {row['name']:{width}}{row['score']:9.3f}   {interval}{' *' * row['may_be_best']}"
        )
    if rest := rows[SHOWN:]:
        kinds = {"dropped": "dropped", "error": "failed"}
        counts = [f"{sum(key in row for row in rest)} {kind}" for key, kind in kinds.items()]
        lines.append(f"    and {len(rest)} more ({', '.join(counts)}), which are in ranking.json")
    return "\n".join([*lines, "", *how_sure(answer), *([_more(better)] if better else []), ""])


def dropped_after(row: Mapping[str, Any]) -> str:
    """When a candidate was dropped, in words.

    Args:
        row: Of ``Answer.rows``.
    """
    last = row["dropped"]
    return f"dropped: place {last['place']} of {last['among']} on {last['images_per_class']} images a class"


def how_sure(answer: Answer) -> list[str]:
    """What the images decide, and what the metric's score is worth at all, in sentences.

    Args:
        answer: The answer.
    """
    reference, reliability = answer.reference, answer.option.reliability
    best, tied = answer.names[answer.standing.order[0]], len(answer.standing.tied)
    drawn = "initialisations and episodes" if answer.option.per_class is None else "images of these classes"
    if len(answer.names) + len(answer.dropped) == 1:
        first = f"{best} is the only candidate with a score: there is nothing to rank it against."
    elif answer.standing.settled:
        first = f"With other {drawn} {best} would come first again (confidence {answer.confidence:.0%})."
    else:
        first = f"* With other {drawn} any of these {tied} might come first (confidence {answer.confidence:.0%})."
    if answer.label_free:
        first = first.replace("images of these classes", "images of this kind")
    if not reliability.measured:
        return [first, *halving(answer), _unmeasured(answer)]
    thing, many = WHAT[answer.question], answer.question
    worth = (
        f"Is the score right? In the reference run ({reference.run}: {reference.candidates} {many}, "
        f"{reference.targets} rankings) {reliability.metric} ranked the {many} with a weighted tau of "
        f"{reliability.weighted_tau:.2f} ({reliability.low:.2f} to {reliability.high:.2f}; 1 is right, 0 is chance, "
        f"{reference.ceiling:.2f} what the truth reaches with a repetition of itself)."
    )
    lost = (
        f"The {thing} that it put first lost {100 * reliability.regret:.1f} points of accuracy against the best one on "
        f"average; one taken at random lost {100 * reference.regret_of_chance:.1f}."
    )
    doubt = [] if reliability.beats_chance else ["That is not distinguishable from chance: this is a hint at most."]
    return [first, *halving(answer), worth, lost, *doubt]


def halving(answer: Answer) -> list[str]:
    """What was dropped on few images and how sure that is, in sentences; none where nothing was.

    Args:
        answer: The answer.
    """
    return told(answer.halved, answer.option.per_class or 0, len(answer.names))


def _unmeasured(answer: Answer) -> str:
    return (
        f"Is the score right? {answer.option.metric} looks at no labels, and in the reference run "
        f"({answer.reference.run}) it is unmeasured: whether it is better than chance is not known here. With ten "
        "labelled images a class there are metrics that have been measured."
    )


def _more(better: Option) -> str:
    minutes = max(1, round(better.minutes + 0.5))
    return (
        f"With budget={minutes} it would be {better.metric}, whose weighted tau in the reference run is "
        f"{better.reliability.weighted_tau:.2f}."
    )


def answers_png(target: str, answers: Sequence[Answer]) -> bytes:
    """The answers beside each other, as PNG; blue: may be the best."""
    most = min(SHOWN, max(len(answer.names) for answer in answers))
    figure = Figure(figsize=(6.2 * len(answers), 1.5 + 0.3 * most), layout="constrained")
    for axes, answer in zip(figure.subplots(1, len(answers), squeeze=False)[0], answers, strict=True):
        _draw(axes, answer)
    figure.suptitle(f"What to fine-tune for {target}", x=0.01, ha="left", fontsize=12, fontweight="bold")
    return png(figure)


def _in_short(reliability: Reliability) -> str:
    if not reliability.measured:
        return "without labels; unmeasured in the reference run"
    doubt = "" if reliability.beats_chance else ", no better than chance"
    span = f"{reliability.low:.2f} to {reliability.high:.2f}"
    return f"reference: weighted tau {reliability.weighted_tau:.2f} ({span}){doubt}"


def _draw(axes: Axes, answer: Answer) -> None:
    rows: list[Mapping[str, Any]] = [row for row in answer.rows()[:SHOWN] if row["place"] is not None]
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
        f"{answer.question} by {answer.option.metric}\n{_in_short(reliability)}",
        loc="left",
        fontsize=9,
    )
    axes.set_xlabel(f"score, {answer.confidence:.0%} interval (blue: may be the best)")
