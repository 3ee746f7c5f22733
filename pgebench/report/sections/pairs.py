"""Which metrics can be told apart: the planned differences, the critical-difference diagram, and every difference.

In the diagram metrics stand on the axis of their quality, joined where they cannot be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.pairs import level_groups
from pgebench.report.claims import ALPHA, clearly_better
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import (
    Block,
    Details,
    Figure,
    FigureFile,
    Heading,
    Report,
    Section,
    Table,
    Words,
    file_name,
)
from pgebench.report.sections import contrasts
from pgebench.report.sheet import sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.wording import MANY, NOTHING, interval, names, number, p_text, signed

LINE, BAR = 15.0, 7.0
"""Pixels from label to label and from bar to bar."""


@dataclass(frozen=True)
class Diagram:
    """What stands where; both pictures are drawn from it.

    Attributes:
        metrics: Name, role and value, the best first.
        bars: First and last position in `metrics` of each group that cannot be told apart.
    """

    metrics: list[tuple[str, str, float]]
    bars: list[tuple[int, int]]

    @property
    def right(self) -> int:
        """How many of the metrics, the best ones, are named at the right."""
        return (len(self.metrics) + 1) // 2

    @property
    def reach(self) -> tuple[float, float]:
        """Ends of the axis, in steps of 0.1."""
        values = [value for _, _, value in self.metrics]
        return int(min(values) * 10 - 1) / 10, int(max(values) * 10 + 1) / 10


def diagram(result: TruthResult) -> Diagram | None:
    """The diagram of a league; None if fewer than two metrics were compared."""
    compared = {*result.pairs["better"], *result.pairs["worse"]}
    league = result.league[result.league["metric"].isin(compared) & result.league[PRIMARY].notna()]
    if len(league) < 2:
        return None
    metrics = [
        (str(row["metric"]), role(str(row["metric"]), str(row["kind"])), float(row[PRIMARY]))
        for _, row in league.iterrows()
    ]
    return Diagram(metrics, level_groups([name for name, _, _ in metrics], result.pairs, ALPHA))


def picture(found: Diagram) -> Picture:
    """The diagram, the best metrics at the right."""
    gutter = max(150.0, text_width([f"{name} -0.00" for name, _, _ in found.metrics]) + 14)
    width, top = 340.0 + 2 * gutter, 24.0
    low, high = found.reach
    floor = top + BAR * len(found.bars) + 12

    def at(value: float) -> float:
        return gutter + (width - 2 * gutter) * (value - low) / (high - low)

    marks: list[Mark] = [Line(((at(low), top), (at(high), top)), "grid")]
    for tenth in range(round(low * 10), round(high * 10) + 1, 2):
        x = at(tenth / 10)
        marks.append(Line(((x, top - 4), (x, top)), "grid"))
        marks.append(Text(x, top - 8, number(tenth / 10, 1), anchor="middle"))
    for i, (name, who, value) in enumerate(found.metrics):
        at_right = i < found.right
        line = i if at_right else len(found.metrics) - 1 - i
        x, y = at(value), floor + LINE * (line + 0.5)
        edge = width - gutter + 8 if at_right else gutter - 8
        marks.append(Line(((x, top), (x, y), (edge, y)), "leader"))
        text = f"{name} {number(value)}" if at_right else f"{number(value)} {name}"
        look = "named" if who == "pge" else "label"
        marks.append(Text(edge + (4 if at_right else -4), y + 4, text, look, who, "start" if at_right else "end"))
    for i, (first, last) in enumerate(found.bars):
        y = top + BAR * (i + 1)
        ends = ((at(found.metrics[last][2]) - 2, y), (at(found.metrics[first][2]) + 2, y))
        level = ", ".join(name for name, _, _ in found.metrics[first : last + 1])
        marks.append(Line(ends, "bar", say=f"level: {level}"))
    marks += [Circle(at(value), top, 2.5, "full", who) for _, who, value in found.metrics]
    height = floor + LINE * found.right + 4
    return Picture(width, height, tuple(marks), "Critical-difference diagram of the metrics")


def comparison_grid(result: TruthResult) -> Grid:
    """For each metric: which others it beats, which it cannot be told from, and which beat it."""
    compared = set(result.pairs["better"]) | set(result.pairs["worse"])
    metrics = [metric for metric in result.metrics if metric in compared]
    rows = []
    for metric in metrics:
        others = [other for other in metrics if other != metric]
        above = [other for other in others if clearly_better(result, metric, other)]
        below = [other for other in others if clearly_better(result, other, metric)]
        level = [other for other in others if other not in above and other not in below]
        rows.append(
            [name_cell(metric), *[Cell(names(group, NOTHING, MANY), len(group)) for group in (above, level, below)]]
        )
    return grid(["metric", "clearly better than", "not distinguishable from", "clearly worse than"], rows)


def pair_grid(result: TruthResult) -> Grid:
    """All paired differences."""
    rows = [
        [
            name_cell(row["better"]),
            name_cell(row["worse"]),
            Cell(signed(row["difference"]), row["difference"]),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(p_text(row["p_holm"]), row["p_holm"]),
        ]
        for _, row in result.pairs.iterrows()
        if math.isfinite(row["difference"])
    ]
    notes = {i: "clear" for i, row in enumerate(rows) if isinstance(row[4].sort, float) and row[4].sort < ALPHA}
    return grid(["metric", "against", "difference of weighted τ", "95 % interval", "p (Holm)"], rows, notes)


TITLE = Heading("Exploration: which metrics can be told apart", 3)


def _explored(result: TruthResult) -> str:
    first = "All pairs, as if none had been planned" if len(result.contrasts) else "No difference was planned"
    return f"{first}: differences of weighted τ on the same resamples, corrected for the number of pairs (Holm, 5 %)."


def _page(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    blocks: list[Block] = [
        *contrasts.blocks(result),
        TITLE,
        Words(f"{_explored(result)} Overlapping intervals of the league do not mean that two are equal.", soft=True),
    ]
    if found := diagram(result):
        caption = (
            "Critical-difference diagram: metrics by mean weighted τ, the best at the right; a bar joins metrics no "
            "two of which can be told apart."
        )
        blocks.append(Figure(file_name("critical", result.name), caption, picture(found)))
    blocks.append(Details("The same as a table", [Table(comparison_grid(result), (1, 2, 3))]))
    if (pairs := pair_grid(result)).rows:
        blocks.append(Details("All differences", [Table(pairs)]))
    return blocks


def _markdown(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    return [
        *contrasts.blocks(result),
        TITLE,
        Words(_explored(result)),
        Figure(
            file_name("critical", result.name),
            "Critical-difference diagram: a bar joins metrics no two of which can be told apart",
        ),
        Table(comparison_grid(result)),
    ]


def _files(report: Report) -> Iterator[FigureFile]:
    for result in report.results:
        if found := diagram(result):
            drawn = sheet(f"mean weighted tau with {result.name}", picture(found))
            yield FigureFile(file_name("critical", result.name), drawn, result.pairs)


SECTION = Section("pairs", "", _page, _markdown, _files)
