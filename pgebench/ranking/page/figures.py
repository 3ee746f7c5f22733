"""Pictures of an answer: scores with their intervals, and score against cost with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pgebench.ranking.budgets import pareto_front
from pgebench.report.svg import LETTER, Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.wording import interval, number

Row = Mapping[str, Any]

LONGEST = 24
"""Letters of a name in a picture; the whole name is in the table, and said when the point is touched."""

WIDE, ROW, TOP = 470.0, 18.0, 26.0
HEIGHT, LEFT, RIGHT, BOTTOM = 290.0, 46.0, 12.0, 40.0


def short(name: str) -> str:
    """A name that fits into a picture.

    >>> short("resnet18"), len(short("x" * 400))
    ('resnet18', 24)
    """
    # Names of one family differ at their ends.
    head = LONGEST // 2 - 1
    return name if len(name) <= LONGEST else f"{name[:head]}\N{HORIZONTAL ELLIPSIS}{name[head + 1 - LONGEST :]}"


def scores_picture(rows: Sequence[Row], confidence: float) -> Picture:
    """The candidates below each other, the best first, each with the interval of its score.

    Args:
        rows: Of the answer that have a score.
        confidence: Of the intervals.
    """
    left = LETTER * max(len(short(row["name"])) for row in rows) + 12
    ends = [end for row in rows for end in (row["low"], row["high"], row["score"]) if end is not None]
    low, high = _room(min(ends), max(ends))
    height = TOP + ROW * len(rows) + 8

    def across(value: float) -> float:
        return left + (WIDE - RIGHT - left) * (value - low) / (high - low)

    marks: list[Mark] = []
    for tick in _ticks(low, high):
        marks.append(Line(((across(tick), TOP - 6), (across(tick), height - 4)), "grid"))
        marks.append(Text(across(tick), TOP - 11, _tick(tick, high - low), anchor="middle"))
    for place, row in enumerate(rows):
        y = TOP + ROW * place + 8
        if row["low"] is not None:
            marks.append(Line(((across(row["low"]), y), (across(row["high"]), y)), "span", _role(row), say=said(row)))
        # As the key has it: who is behind is hollow, also for those who do not tell the colours apart.
        look = "dot" if row["may_be_best"] else "hollow"
        marks.append(Circle(across(row["score"]), y, 4, look, _role(row), say=said(row)))
        marks.append(Text(left - 8, y + 4, short(row["name"]), anchor="end"))
    return Picture(WIDE, height, tuple(marks), f"Score of each candidate with its {confidence:.0%} interval")


def cost_picture(rows: Sequence[Row], cost: str, title: str) -> Picture | None:
    """Score against cost, the Pareto front as a line; None with fewer than two candidates of known cost.

    Args:
        rows: Of the answer that have a score.
        cost: Name of the cost in a row.
        title: Of the axis.
    """
    shown = [row for row in rows if row.get(cost)]
    if len(shown) < 2:
        return None
    costs, scores = np.array([row[cost] for row in shown], float), np.array([row["score"] for row in shown], float)
    low, high = _room(scores.min(), scores.max(), 0.12)
    # Scores below zero with several decimals are wider than the usual gutter.
    ticks = {tick: _tick(tick, high - low) for tick in _ticks(low, high)}
    gutter = max(LEFT, text_width([*ticks.values()]) + 8)
    left, right = np.log10(costs.min()) - 0.08, np.log10(costs.max()) + 0.08

    def at(one: int) -> tuple[float, float]:
        x = gutter + (WIDE - RIGHT - gutter) * (np.log10(costs[one]) - left) / (right - left)
        return float(x), float(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 12) * (scores[one] - low) / (high - low))

    marks: list[Mark] = []
    for tick, text in ticks.items():
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 12) * (tick - low) / (high - low)
        marks.append(Line(((gutter, y), (WIDE - RIGHT, y)), "grid"))
        marks.append(Text(gutter - 6, y + 4, text, anchor="end"))
    for tick in _round_costs(10**left, 10**right):
        x = gutter + (WIDE - RIGHT - gutter) * (np.log10(tick) - left) / (right - left)
        marks.append(Line(((x, 12), (x, HEIGHT - BOTTOM)), "grid"))
        marks.append(Text(x, HEIGHT - BOTTOM + 15, f"{tick:g}", anchor="middle"))
    marks.append(Text((gutter + WIDE - RIGHT) / 2, HEIGHT - 6, f"{title} (score upwards)", anchor="middle"))
    front = pareto_front(costs.tolist(), scores.tolist())
    if len(front) > 1:
        marks.append(Line(tuple(at(one) for one in front), "front"))
    for one, row in enumerate(shown):
        marks.append(Circle(*at(one), 5, "dot" if one in front else "hollow", _role(row), say=said(row)))
    marks += _labels([(*at(one), short(str(shown[one]["name"]))) for one in front], gutter)
    return Picture(WIDE, HEIGHT, tuple(marks), f"Score against {title}, with the Pareto front")


def said(row: Row) -> str:
    """What a point says when it is touched."""
    span = "" if row["low"] is None else f" ({interval(row['low'], row['high'], 3)})"
    costs = [
        f"{row[key]:{form}} {unit}"
        for key, form, unit in (("gflops", ".3g", "GFLOP"), ("ms_per_image", ".3g", "ms per picture"))
        if row.get(key) is not None
    ]
    return ", ".join([f"{row['place']}. {row['name']}: score {number(row['score'], 3)}{span}", *costs])


def _role(row: Row) -> str:
    return "metric" if row["may_be_best"] else "trivial"


def _labels(points: Sequence[tuple[float, float, str]], gutter: float) -> list[Mark]:
    """Names beside their points where they do not lie over each other; the last ones, the best, come first."""
    taken: list[tuple[float, float, float, float]] = []
    marks: list[Mark] = []
    for x, y, name in reversed(points):
        width = LETTER * len(name)
        for left, base in ((x - width - 9, y + 4), (x + 9, y + 4), (x - width / 2, y - 9), (x - width / 2, y + 18)):
            box = (left, base - 11, left + width, base + 2)
            inside = box[0] >= gutter and box[1] >= 0 and box[2] <= WIDE and box[3] <= HEIGHT - BOTTOM
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                marks.append(Text(left, base, name))
                break
    return marks


def _meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _room(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """A range with room at both ends; of a single value, around it."""
    span = (high - low) or abs(high) or 1.0
    return low - share * span, high + share * span


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers within a range."""
    rough = (high - low) / 4
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * min((1, 2, 5, 10), key=lambda factor: abs(factor * size - rough))
    first = int(np.ceil(low / step))
    return [step * position for position in range(first, int(np.floor(high / step)) + 1)]


def _tick(value: float, span: float) -> str:
    return number(value, max(0, min(4, 1 - int(np.floor(np.log10(span))))))


def _round_costs(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within a range; powers alone where there would be many."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [factor * 10.0**power for power in powers for factor in (1, 2, 5) if low <= factor * 10.0**power <= high]
    return found if len(found) <= 7 else [tick for tick in found if np.log10(tick) % 1 == 0]
