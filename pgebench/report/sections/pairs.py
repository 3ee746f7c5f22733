"""The critical-difference diagram: metrics on the axis of their quality, joined where they cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

from pgebench.analysis.league import PRIMARY, TruthResult
from pgebench.analysis.pairs import level_groups
from pgebench.report.claims import ALPHA
from pgebench.report.palette import ROLE_COLOUR, role
from pgebench.report.svg import drawing
from pgebench.report.wording import number

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


def picture(found: Diagram) -> str:
    """For the page."""
    width, gutter, top = 640.0, 150.0, 24.0
    low, high = found.reach
    floor = top + BAR * len(found.bars) + 12

    def at(value: float) -> float:
        return round(gutter + (width - 2 * gutter) * (value - low) / (high - low), 1)

    body = [f'<line class="zero" x1="{at(low)}" x2="{at(high)}" y1="{top}" y2="{top}"/>']
    for tenth in range(round(low * 10), round(high * 10) + 1, 2):
        x = at(tenth / 10)
        body.append(f'<line class="zero" x1="{x}" x2="{x}" y1="{top - 4}" y2="{top}"/>')
        body.append(f'<text x="{x}" y="{top - 8}" text-anchor="middle">{number(tenth / 10, 1)}</text>')
    for i, (first, last) in enumerate(found.bars):
        y = top + BAR * (i + 1)
        x1, x2 = at(found.metrics[last][2]) - 2, at(found.metrics[first][2]) + 2
        names = ", ".join(name for name, _, _ in found.metrics[first : last + 1])
        body.append(f'<line class="bar" x1="{x1}" x2="{x2}" y1="{y}" y2="{y}" data-say="level: {escape(names)}"/>')
    for i, (name, kind, value) in enumerate(found.metrics):
        at_right = i < found.right
        line = i if at_right else len(found.metrics) - 1 - i
        y, x = floor + LINE * (line + 0.5), at(value)
        edge, anchor = (width - gutter + 8, "start") if at_right else (gutter - 8, "end")
        body.append(f'<polyline class="leader" points="{x},{top} {x},{y} {edge},{y}"/>')
        body.append(f'<circle class="pt full {kind}" cx="{x}" cy="{top}" r="2.5"/>')
        text = f"{escape(name)} {number(value)}" if at_right else f"{number(value)} {escape(name)}"
        shift = 4 if at_right else -4
        body.append(f'<text class="{kind}" x="{edge + shift}" y="{y + 4}" text-anchor="{anchor}">{text}</text>')
    height = floor + LINE * found.right + 4
    return drawing(width, height, "".join(body), "Critical-difference diagram of the metrics", "critical", 760)


def figure(found: Diagram, truth: str) -> Figure:
    """For papers."""
    low, high = found.reach
    rows = found.right
    inches = 0.7 + 0.09 * len(found.bars) + 0.2 * rows
    made = Figure(figsize=(8, inches), layout="constrained")
    axes = made.subplots()
    axes.set_xlim(low - 0.45 * (high - low), high + 0.45 * (high - low))
    floor = -0.5 * len(found.bars) - 0.5
    axes.set_ylim(floor - rows, 1.6)
    axes.axis("off")
    axes.plot([low, high], [0, 0], color="black", linewidth=0.8)
    for tenth in range(round(low * 10), round(high * 10) + 1, 2):
        axes.plot([tenth / 10] * 2, [0, 0.3], color="black", linewidth=0.8)
        axes.text(tenth / 10, 0.45, number(tenth / 10, 1), ha="center", fontsize=8)
    axes.text((low + high) / 2, 1.3, f"mean weighted tau with {truth}", ha="center", fontsize=8)
    for i, (first, last) in enumerate(found.bars):
        y = -0.5 * (i + 1)
        ends = [found.metrics[last][2], found.metrics[first][2]]
        axes.plot(ends, [y, y], color="black", linewidth=2.5, solid_capstyle="butt")
    for i, (name, kind, value) in enumerate(found.metrics):
        at_right = i < found.right
        y = floor - (i if at_right else len(found.metrics) - 1 - i) - 0.5
        edge = high + 0.03 * (high - low) if at_right else low - 0.03 * (high - low)
        axes.plot([value, value, edge], [0, y, y], color="#999999", linewidth=0.6)
        text = f" {name} {value:.2f}" if at_right else f"{value:.2f} {name} "
        side = "left" if at_right else "right"
        axes.text(edge, y, text, ha=side, va="center", fontsize=8, color=ROLE_COLOUR[kind])
    return made
