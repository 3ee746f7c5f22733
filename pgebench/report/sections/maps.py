"""The pictures as PNG files, for the Markdown report, W&B and papers.

Figures are made with matplotlib's object interface (no pyplot, no global state). The HTML page draws its own
pictures, which follow the reader's theme and answer to the pointer, see `pgebench.report.svg`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.analysis.table import FloatArray, Table, mean_over_seeds, within_target_z
from pgebench.report import atlas, critical, curves, steadiness
from pgebench.report.export import cells
from pgebench.report.layout import (
    TIMES,
    Z_LIMIT,
    CostPoint,
    centred_accuracy,
    cost_points,
    pareto_front,
    spread_labels,
    time_tick,
)
from pgebench.report.palette import BAND, BLUE, GREEN, ROLE_COLOUR, VERMILLION, role

DIVERGING = LinearSegmentedColormap.from_list("okabe_ito_diverging", [BLUE, "#FFFFFF", VERMILLION])


def figures(analysis: Analysis) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """File name (without suffix), figure and the numbers in it; pictures that would be empty are left out."""
    table = analysis.table
    for result in analysis.results:
        numbers = cells(result, table)
        if result.league[PRIMARY].notna().any():
            yield f"league_{result.name}", league_figure(result), result.league
            if costs := cost_points(analysis, result):
                yield f"cost_{result.name}", cost_figure(analysis, result), pd.DataFrame([vars(cost) for cost in costs])
            if drawn := curves.figure(analysis, result):
                yield f"curves_{result.name}", drawn, curves.numbers(analysis, result)
            yield f"scatter_{result.name}", scatter_figure(result), numbers
        if found := critical.diagram(result):
            yield f"critical_{result.name}", critical.figure(found, result.name), result.pairs
        for b, backbone in enumerate(table.backbones):
            if np.isfinite(result.truth[b]).any():
                here = numbers[numbers["backbone"] == backbone]
                # A swept path is part of a backbone's name, and no folder.
                yield f"map_{result.name}_{backbone.replace('/', '_')}", map_figure(result, table, b), here
    if analysis.results and analysis.stability:
        result = analysis.results[0]
        kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
        made = steadiness.figure(analysis.stability, result.metrics, kinds)
        yield f"stability_{result.name}", made, analysis.stability.metrics
    for backbone, embedding in atlas.atlases(analysis):
        places = pd.DataFrame(embedding.points, columns=["x", "y"]).assign(dataset=embedding.names)
        yield f"atlas_{backbone}", atlas.figure(embedding, table.targets, backbone), places


def _bare(axes: Axes) -> None:
    """Without the box: only what carries information."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0)


def league_figure(result: TruthResult) -> Figure:
    """Mean weighted tau of each metric with its interval, its null band and the noise ceiling."""
    league = result.league[result.league[PRIMARY].notna()]
    figure = Figure(figsize=(8, 0.9 + 0.36 * len(league)), layout="constrained")
    axes = figure.subplots()
    _bare(axes)
    axes.axvline(0, color="#999999", linewidth=0.8)
    ceiling = result.ceiling[PRIMARY]
    if math.isfinite(ceiling.repeat):
        axes.axvspan(ceiling.repeat, ceiling.perfect, color=GREEN, alpha=0.15, linewidth=0)
        label = "noise ceiling: repeated truth (line) to perfect score"
        axes.axvline(ceiling.repeat, color=GREEN, linewidth=1.5, label=label)
    for y, (_, row) in enumerate(league.iterrows()):
        colour = ROLE_COLOUR[role(str(row["metric"]), str(row["kind"]))]
        width = row["null_high"] - row["null_low"]
        band = axes.barh(y, width, 0.6, left=row["null_low"], color=BAND, zorder=0)
        if y == 0:
            band.set_label("95 % of its shuffled copies")
        axes.plot([row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]], [y, y], color=colour, linewidth=2)
        face = "white" if row["kind"] == "trivial" else colour
        axes.plot(row[PRIMARY], y, "o", color=colour, markerfacecolor=face, markersize=7)
        axes.annotate(f"{row[PRIMARY]:.2f}", (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    axes.set_yticks(range(len(league)), league["metric"])
    axes.set_ylim(len(league) - 0.5, -0.5)
    axes.set_xlim(min(-0.4, axes.get_xlim()[0]), 1.0)
    axes.set_xlabel(f"mean weighted Kendall tau with the {result.name} accuracy (95 % interval)")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    return figure


def map_figure(result: TruthResult, table: Table, backbone: int) -> Figure:
    """Source x target maps of the truth and of each metric; colour is standardised within the target."""
    accuracy = mean_over_seeds(result.truth)
    metrics = [m for m in result.metrics if np.isfinite(result.scores[m][backbone]).any()]
    columns = 4
    small_rows = math.ceil(len(metrics) / columns)
    n_sources, n_targets = len(table.sources), len(table.targets)
    truth_size = max(3.4, 0.45 * n_sources + 1.6)
    figure = Figure(figsize=(9, truth_size + 2.1 * small_rows + 0.6), layout="constrained")
    grid = figure.add_gridspec(1 + small_rows, columns, height_ratios=[truth_size, *[2.1] * small_rows])
    top = figure.add_subplot(grid[0, :])
    image = _heat(top, within_target_z(accuracy)[backbone])
    top.set_title(f"{result.name} accuracy in %, {table.backbones[backbone]}", fontsize=10, loc="left")
    top.set_xticks(range(n_targets), table.targets, rotation=35, ha="right", fontsize=8)
    top.set_yticks(range(n_sources), table.sources, fontsize=8)
    top.set_xlabel("target", fontsize=9)
    top.set_ylabel("source", fontsize=9)
    for s, t in np.argwhere(np.isfinite(accuracy[backbone])):
        top.text(t, s, f"{100 * accuracy[backbone, s, t]:.0f}", ha="center", va="center", fontsize=7, color="#222222")
    bar = figure.colorbar(image, ax=top, shrink=0.7, label="standard deviations from\nthe target's mean")
    bar.ax.tick_params(labelsize=8)
    for i, metric in enumerate(metrics):
        axes = figure.add_subplot(grid[1 + i // columns, i % columns])
        _heat(axes, within_target_z(result.scores[metric])[backbone])
        axes.set_title(metric, fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def _heat(axes: Axes, z: FloatArray):  # type: ignore[no-untyped-def]  # the image, for the colour bar
    axes.set_facecolor("#EEEEEE")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return axes.imshow(np.ma.masked_invalid(z), cmap=DIVERGING, vmin=-Z_LIMIT, vmax=Z_LIMIT, aspect="auto")


def scatter_figure(result: TruthResult) -> Figure:
    """Score against accuracy, one panel a metric, one point a (backbone, source, target)."""
    gain = 100 * centred_accuracy(result)
    metrics = [m for m in result.metrics if np.isfinite(result.scores[m]).any()]
    columns = min(4, len(metrics))
    rows = math.ceil(len(metrics) / columns)
    figure = Figure(figsize=(2.3 * columns + 0.5, 2.2 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    kinds = result.league.set_index("metric")["kind"]
    for axes in panels.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes, metric in zip(panels.flat, metrics, strict=False):
        _bare(axes)
        axes.axhline(0, color="#CCCCCC", linewidth=0.8)
        axes.axvline(0, color="#CCCCCC", linewidth=0.8)
        z = within_target_z(result.scores[metric])
        colour = ROLE_COLOUR[role(metric, str(kinds[metric]))]
        axes.scatter(z.ravel(), gain.ravel(), s=12, alpha=0.6, linewidths=0, color=colour)
        axes.set_title(metric, fontsize=9, loc="left")
    figure.supxlabel("score, standard deviations from the target's mean", fontsize=9)
    figure.supylabel("accuracy, points from the target's mean", fontsize=9)
    return figure


LABEL_INCHES = 0.17
"""Height of one line of labels."""


def cost_figure(analysis: Analysis, result: TruthResult) -> Figure:
    """Reliability against cost; filled from scratch, hollow with the source models at hand."""
    points = cost_points(analysis, result)
    inches = max(4.0, LABEL_INCHES * len(points) + 0.6)
    figure = Figure(figsize=(8, inches + 0.6), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(TIMES))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: time_tick(seconds)))
    axes.xaxis.set_minor_locator(NullLocator())
    for point in points:
        _cost_marker(axes, point)
    front = pareto_front(points)
    axes.plot([p.total for p in front], [p.value for p in front], color="#999999", linewidth=1, linestyle=":", zorder=0)
    low, high = axes.get_ylim()
    gap = (high - low) * LABEL_INCHES / inches
    heights = spread_labels([point.value for point in points], gap)
    axes.set_ylim(min(low, *heights) - gap / 2, max(high, *heights) + gap / 2)
    for point, height in zip(points, heights, strict=True):
        # All names stand in one column at the right: beside their points they would cover each other.
        axes.annotate(
            point.name,
            (point.total, point.value),
            xytext=(1.03, height),
            textcoords=axes.get_yaxis_transform(),
            fontsize=8,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#BBBBBB", "linewidth": 0.6, "relpos": (0, 0.5), "shrinkB": 4},
        )
    axes.set_xlabel("computing time for all scores of this experiment (hollow: source models already trained)")
    axes.set_ylabel("mean weighted Kendall tau")
    return figure


def _cost_marker(axes: Axes, point: CostPoint) -> None:
    colour = GREEN if point.role == "truth" else ROLE_COLOUR[point.role]
    if point.ready < point.total:
        axes.plot([point.ready, point.total], [point.value] * 2, color=colour, linewidth=0.8, alpha=0.5)
        axes.plot(point.ready, point.value, "o", color=colour, markerfacecolor="white", markersize=6)
    axes.plot(point.total, point.value, "D" if point.role == "truth" else "o", color=colour, markersize=7)
