"""What every metric costs, and how reliable it is for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost, share_of
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.report.axes import TIMES, spread_labels, time_tick
from pgebench.report.claims import Finding, beats_chance, real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell, time_cell
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, Section, Table, Words, file_name
from pgebench.report.sections import cost_curve
from pgebench.report.sheet import sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.tops import ceiling_as_priced
from pgebench.report.wording import TRUTH_PRICED, duration, number, percent

NEARLY = 1.1
"""Two metrics whose costs differ by less than this factor cost the same to a reader."""

CURRENCIES = {
    False: {"cpu_s": "CPU seconds", "flops": "FLOPs"},
    True: {"without_checkpoints_cpu_s": "CPU seconds", "without_checkpoints_flops": "FLOPs"},
}
"""Whether source models are at hand -> field of a cost -> what it counts. Seconds on the clock are not among them: they
depend on what else ran."""

LINE = 14.0
"""Pixels from name to name."""


@dataclass(frozen=True)
class CostPoint:
    """One metric (or the truth itself) in the picture of reliability against cost.

    Attributes:
        name: Name to write.
        role: pge, metric, trivial or truth.
        total: Seconds for all scores, from scratch; positive.
        ready: Seconds with the source models at hand; positive, at most `total`.
        value: Mean weighted tau; for the truth its noise ceiling with one transfer per pair, as it is priced.
    """

    name: str
    role: str
    total: float
    ready: float
    value: float


def cost_points(analysis: Analysis, result: TruthResult) -> list[CostPoint]:
    """Points of the cost picture; metrics without a cost or a value are left out."""
    points = []
    for _, row in result.league.iterrows():
        total, ready, value = (float(row[name]) for name in ("cost_total_s", "cost_without_checkpoints_s", PRIMARY))
        if math.isfinite(total) and math.isfinite(value) and total > 0:
            # A logarithmic axis has no 0.
            ready = max(ready, total * 1e-4)
            points.append(
                CostPoint(str(row["metric"]), role(str(row["metric"]), str(row["kind"])), total, ready, value)
            )
    truth, ceiling = analysis.truth_costs.get(result.name), ceiling_as_priced(result)
    if truth and truth.total_s > 0 and math.isfinite(ceiling):
        points.append(CostPoint(f"{result.name} itself", "truth", truth.total_s, truth.total_s, ceiling))
    return points


def pareto_front(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Points that no other beats in both cost (from scratch) and reliability, the cheapest first.

    >>> a, b, c = (CostPoint(n, "metric", t, t, v) for n, t, v in (("a", 1, 0.2), ("b", 2, 0.1), ("c", 3, 0.5)))
    >>> [point.name for point in pareto_front([c, b, a])]
    ['a', 'c']
    """
    front: list[CostPoint] = []
    for point in sorted(points, key=lambda p: (p.total, -p.value, p.name)):
        if not front or point.value > front[-1].value:
            front.append(point)
    return front


def picture(points: list[CostPoint]) -> Picture:
    """Reliability against cost on a logarithmic time axis; filled from scratch, hollow with source models at hand."""
    right = text_width([point.name for point in points]) + 16
    left, bottom, top = 30.0, 24.0, 8.0
    width, height = 300.0 + left + right, max(330.0, LINE * (len(points) + 1) + bottom)
    decades = [math.log10(value) for point in points for value in (point.ready, point.total)]
    first, last = min(decades) - 0.1, max(decades) + 0.1
    values = [point.value for point in points]
    low, high = min(0.0, math.floor(min(values) * 5) / 5), min(1.0, math.ceil(max(values) * 5 + 0.2) / 5)

    def at_x(seconds: float) -> float:
        return left + (width - left - right) * (math.log10(seconds) - first) / (last - first)

    def at_y(value: float) -> float:
        return height - bottom - (height - bottom - top) * (value - low) / (high - low)

    marks: list[Mark] = []
    for step in range(round((high - low) * 5) + 1):
        y = at_y(low + step / 5)
        marks.append(Line(((left, y), (width - right, y)), "grid"))
        marks.append(Text(left - 6, y + 4, number(low + step / 5, 1), anchor="end"))
    free = 0.0
    for seconds in TIMES:
        if first <= math.log10(seconds) <= last:
            x, tick = at_x(seconds), time_tick(seconds)
            marks.append(Line(((x, top), (x, height - bottom)), "grid"))
            half = text_width([tick]) / 2
            if x - half >= free:
                marks.append(Text(x, height - bottom + 16, tick, anchor="middle"))
                free = x + half + 3
    marks.append(Line(tuple((at_x(point.total), at_y(point.value)) for point in pareto_front(points)), "front"))
    labels = spread_labels([at_y(point.value) for point in points], LINE, LINE / 2, height - bottom)
    for point, label in zip(points, labels, strict=True):
        x, y, ready = at_x(point.total), at_y(point.value), at_x(point.ready)
        say = f"{point.name}: {number(point.value)}, {duration(point.total)} from scratch"
        if point.ready < point.total:
            marks.append(Line(((ready, y), (x, y)), "thin", point.role))
            marks.append(Circle(ready, y, 4, "hollow", point.role))
            say += f", {duration(point.ready)} with trained source models"
        marks.append(Line(((x, y), (width - right + 6, label)), "leader"))
        marks.append(Circle(x, y, 5, "full", point.role, say=say))
        marks.append(Text(width - right + 9, label + 4, point.name))
    return Picture(width, height, tuple(marks), "Mean weighted tau against computing time")


def budget_finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Which metric to use for how much computing."""
    truth = analysis.truth_costs.get(result.name)
    if truth is None or truth.total_s <= 0:
        return None
    top = ceiling_as_priced(result)
    dear = f"Counted as {TRUTH_PRICED}, the truth takes {duration(truth.total_s)} from scratch"
    same = math.isfinite(result.ceiling[PRIMARY].halves)
    repeated = "from the same checkpoints" if same else "with everything trained anew"
    dear += f"; two such truths {repeated} agree with {number(top)}." if math.isfinite(top) else "."
    useful = set(beats_chance(real_metrics(result.league))["metric"])
    found = [point for point in cost_points(analysis, result) if point.name in useful]
    if not found:
        return Finding("Which metric for which budget", f"None: no metric is known to beat chance. {dear}")
    ready = [CostPoint(p.name, p.role, p.ready, p.ready, p.value) for p in found]
    fresh_text = f"With nothing trained yet, {_steps(pareto_front(found), analysis.metric_costs, truth)}."
    ready_steps = _steps(pareto_front(ready), analysis.metric_costs, truth, at_hand=True)
    ready_text = f"With trained source models at hand, for the truth as well, {ready_steps}."
    return Finding("Which metric for which budget", f"{fresh_text} {ready_text} {dear}")


def _steps(front: list[CostPoint], costs: Mapping[str, Cost], truth: Cost, at_hand: bool = False) -> str:
    """The best metric for each budget, in words; of those that cost nearly the same only the best."""
    steps = [
        point
        for point, dearer in zip(front, [*front[1:], None], strict=True)
        if dearer is None or dearer.total > NEARLY * point.total
    ]
    return "; ".join(
        f"from {duration(point.total)} on{_shares(costs[point.name], truth, at_hand)}: `{point.name}`, "
        f"{number(point.value)}"
        for point in steps
    )


def _shares(cost: Cost, truth: Cost, at_hand: bool) -> str:
    """Shares of the truth's cost in brackets, those that are known; "" if none is."""
    shares = [(share_of(cost, truth, field), unit) for field, unit in CURRENCIES[at_hand].items()]
    said = [f"{percent(share)} of the {unit}" for share, unit in shares if math.isfinite(share)]
    return f" ({', '.join(said)} of the truth)" if said else ""


def cost_grid(analysis: Analysis, result: TruthResult) -> Grid:
    """What each metric costs, and the truth below."""
    truth = analysis.truth_costs.get(result.name)
    charged = [(metric, analysis.metric_costs[metric]) for metric in result.metrics if metric in analysis.metric_costs]
    rows = []
    for name, cost in [*charged, *([(f"{result.name} (truth)", truth)] if truth else [])]:
        shares = [share_of(cost, truth, field) for field in CURRENCIES[False]]
        rows.append(
            [
                name_cell(name),
                *[time_cell(seconds) for seconds in (cost.per_dataset_s, cost.per_checkpoint_s, cost.per_pair_s)],
                time_cell(cost.total_s),
                time_cell(cost.without_checkpoints_s),
                time_cell(cost.cpu_s),
                Cell(f"{cost.images:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), cost.images),
                Cell(number(cost.flops / 1e12, 3), cost.flops),
                *[Cell(percent(share), share) for share in shares],
                Cell(number(cost.peak_rss_mb, 0), cost.peak_rss_mb),
                Cell(f"{cost.unknown} missing" if cost.unknown else "complete", cost.unknown),
            ]
        )
    columns = ["", "per dataset", "per source model", "per pair", "all scores", "with models at hand", "CPU time"]
    shares_of_truth = [f"of the truth's {unit}" for unit in CURRENCIES[False].values()]
    return grid([*columns, "images", "TFLOP", *shares_of_truth, "peak MB", "records"], rows)


def _charged(report: Report) -> tuple[TruthResult, Grid] | None:
    """The primary truth and the table of costs; None without either."""
    if not report.results:
        return None
    costs = cost_grid(report.analysis, report.results[0])
    return (report.results[0], costs) if costs.rows else None


def _circumstances(report: Report, alone: str, together: str) -> str:
    """How the times were taken, in the words of a page; "" if nobody knows."""
    if all(cost.alone for cost in report.analysis.metric_costs.values()):
        return alone
    itself = report.itself
    workers = itself["workers"].dropna() if "workers" in itself.columns else ()
    most = int(max(workers)) if len(workers) else 0
    return together.format(most) if most > 1 else ""


def _page(report: Report) -> list[Block]:
    if not (charged := _charged(report)):
        return []
    result, costs = charged
    truth = report.analysis.truth_costs.get(result.name)
    words = (
        "Every metric is charged for all that it reads, source models included, as if it were the only one: shared "
        "work is counted in full for each, so the rows must not be added up."
    )
    words += f" Obtaining {TRUTH_PRICED} took {duration(truth.total_s)}." if truth else ""
    words += _circumstances(
        report,
        " The times were taken without neighbours, one job after another.",
        " The times were taken with up to {} jobs at once on this machine; alone, each would be somewhat quicker.",
    )
    caption = (
        "Mean weighted τ against computing time (logarithmic). Filled: from scratch; hollow: source models already "
        "trained; green: the truth itself with one transfer per pair, at the noise ceiling of so many; dotted: nothing "
        "is both cheaper and better."
    )
    points = cost_points(report.analysis, result)
    return [
        Heading("Cost"),
        Words(words),
        *([Figure(file_name("cost", result.name), caption, picture(points))] if points else []),
        *cost_curve.page(report, result),
        Heading("What each part costs", 3),
        Words(
            f"Shares are those of {TRUTH_PRICED}, in CPU seconds and in FLOPs: seconds on the clock depend on what "
            "else ran. CPU seconds leave out the work of an accelerator. TFLOP: operations of the networks, counted by "
            "torch; other arithmetic is not in it.",
            soft=True,
        ),
        Table(costs),
    ]


def _markdown(report: Report) -> list[Block]:
    if not (charged := _charged(report)):
        return []
    result, costs = charged
    words = (
        f"Every metric is charged for all that it reads, shared work in full; its shares are those of {TRUTH_PRICED}."
    )
    words += _circumstances(
        report, " Taken without neighbours, one job after another.", " Taken with up to {} jobs at once."
    )
    return [
        Heading("Cost"),
        Words(words),
        Table(costs),
        *cost_curve.markdown(report, result),
        Figure(
            file_name("cost", result.name), "Reliability against computing time; hollow: source models already trained"
        ),
    ]


def _files(report: Report) -> Iterator[FigureFile]:
    for result in report.results:
        if points := cost_points(report.analysis, result):
            title = "mean weighted Kendall tau against computing time for all scores of this experiment"
            drawn = sheet(f"{title} (hollow: source models already trained)", picture(points))
            numbers = pd.DataFrame([vars(point) for point in points])
            yield FigureFile(file_name("cost", result.name), drawn, numbers)
        yield from cost_curve.files(report, result)


SECTION = Section("cost", "Cost", _page, _markdown, _files)
