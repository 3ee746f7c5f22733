"""Dials as bullet graphs: a bar on an axis from 0, beside its yardsticks, a panel a word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pgebench.analysis.correlation import PRIMARY
from pgebench.report.dials import COST, RELIABILITY, STABILITY, Dial, Dialled
from pgebench.report.svg import Line, Mark, Picture, Rect, Text, text_width
from pgebench.report.tops import Top
from pgebench.report.wording import interval, number, percent

UNMEASURED = "unmeasured here"

ROW, BAR, TRACK, VALUE = 18.0, 8.0, 190.0, 40.0
"""Pixels: height of a dial and of its bar, width of its axis and of the number beside it."""

HEAD, FOOT, GAP = 18.0, 16.0, 12.0
"""Heights of the words above a panel, of the numbers below it, and between two panels."""

EXPLAINED = {
    STABILITY: "lowest rank agreement with itself",
    RELIABILITY: "weighted tau with the truth",
    COST: "CPU seconds, share of the truth's",
}
"""Word -> what its bars are."""


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    left: float

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return self.left + TRACK * (inside - self.low) / (self.high - self.low)


def picture(found: Sequence[Dialled], ceilings: Sequence[Top], gutter: float) -> Picture:
    """Three panels below each other.

    Args:
        found: Metrics with their dials; at least one.
        ceilings: Noise ceilings of the truth.
        gutter: Pixels of the names.

    Returns:
        The picture. A word that nobody has a number for is one empty dial, which says so.
    """
    marks: list[Mark] = []
    top = 0.0
    for word in (STABILITY, RELIABILITY, COST):
        dials = [one.dials[word] for one in found]
        axis = _axis(word, dials, gutter)
        marks.append(Text(0, top + 11, word.capitalize(), "in"))
        marks.append(Text(gutter, top + 11, EXPLAINED[word]))
        bottom = top + HEAD
        if not any(dial.is_measured for dial in dials):
            marks += _empty(axis, bottom)
            top = bottom + ROW + GAP
            continue
        last = bottom + ROW * len(found)
        marks += _yardsticks(word, axis, bottom, last, ceilings)
        for one, dial in zip(found, dials, strict=True):
            marks.append(Text(gutter - 8, bottom + ROW / 2 + 4, one.metric, anchor="end"))
            marks += _dial(word, one, dial, axis, bottom)
            bottom += ROW
        marks += _ticks(word, axis, last)
        top = last + FOOT + GAP
    label = "stability, reliability and cost of PGE and its rivals; the table beside it has the numbers"
    return Picture(gutter + TRACK + VALUE, top - GAP, tuple(marks), label)


def _axis(word: str, dials: Sequence[Dial], left: float) -> _Axis:
    numbers = [n for dial in dials for n in (dial.value, dial.low, dial.high, *dial.also) if math.isfinite(n)]
    low, high = min([0.0, *numbers]), max([1.0, *numbers])
    # Round edges read better than where a bar happens to end.
    low = math.floor(low * 4) / 4 if word != COST else 0.0
    return _Axis(low, high if word == COST else 1.0, left)


def _empty(axis: _Axis, y: float) -> list[Mark]:
    """A dial that measures nothing."""
    middle = y + ROW / 2
    said = axis.left + text_width([UNMEASURED]) + 6
    return [
        Text(axis.left, middle + 4, UNMEASURED),
        Line(((said, middle), (max(said, axis.left + TRACK), middle)), "front"),
    ]


def _yardsticks(word: str, axis: _Axis, top: float, bottom: float, ceilings: Sequence[Top]) -> list[Mark]:
    """What the bars of a panel are held against: the ceilings of the truth, and 0."""
    marks: list[Mark] = []
    for ceiling in ceilings if word == RELIABILITY else ():
        left, right = axis(ceiling.repeat[PRIMARY]), axis(ceiling.perfect[PRIMARY])
        marks.append(Rect(left, top, right - left, bottom - top, ceiling.band))
        marks.append(Line(((left, top), (left, bottom)), ceiling.line))
    if word == COST:
        marks.append(Line(((axis(1.0), top), (axis(1.0), bottom)), "repeat"))
    return [*marks, Line(((axis(0.0), top), (axis(0.0), bottom)), "origin")]


def _dial(word: str, one: Dialled, dial: Dial, axis: _Axis, y: float) -> list[Mark]:
    """One bar with its range, and its number."""
    if not dial.is_measured:
        return _empty(axis, y)
    middle, zero, end = y + ROW / 2, axis(0.0), axis(dial.value)
    marks: list[Mark] = []
    if math.isfinite(dial.chance[0]):
        left, right = (axis(edge) for edge in dial.chance)
        marks.append(Rect(left, y + 2, right - left, ROW - 4, "null"))
    marks.append(Rect(min(zero, end), middle - BAR / 2, abs(end - zero), BAR, "pt", one.role, _said(word, one, dial)))
    if math.isfinite(dial.low) and dial.low < dial.high:
        marks.append(Line(((axis(dial.low), middle), (axis(dial.high), middle)), "span", one.role))
    for value in dial.also:
        marks.append(Line(((axis(value), middle - BAR / 2 - 1), (axis(value), middle + BAR / 2 + 1)), "span", one.role))
    text = percent(dial.value) if word == COST else number(dial.value)
    text = text.replace("under ", "<")
    return [*marks, Text(axis.left + TRACK + VALUE, middle + 4, text, "in", anchor="end")]


def _said(word: str, one: Dialled, dial: Dial) -> str:
    """What a dial says when it is touched."""
    if word == STABILITY:
        return f"{one.metric}: rank agreement {number(dial.value)} when {dial.where} changes, up to {number(dial.high)}"
    if word == RELIABILITY:
        return f"{one.metric}: weighted tau {number(dial.value)}, 95 % interval {interval(dial.low, dial.high)}"
    flops = f", {percent(dial.also[0])} of its FLOPs" if dial.also else ""
    return f"{one.metric}: {percent(dial.value)} of the CPU seconds of the truth{flops}"


def _ticks(word: str, axis: _Axis, y: float) -> list[Mark]:
    """Numbers below a panel, as far as there is room."""
    marks: list[Mark] = []
    free = -math.inf
    for tick in sorted({axis.low, 0.0, 0.5, 1.0, math.floor(axis.high)}):
        text = percent(tick) if word == COST else number(tick, 2 if tick % 0.5 else 1)
        half = text_width([text]) / 2
        if axis(tick) - half >= free:
            marks.append(Text(axis(tick), y + 12, text, anchor="middle"))
            free = axis(tick) + half + 4
    return marks
