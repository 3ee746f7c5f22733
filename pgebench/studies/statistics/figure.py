"""Figure of the study: coverage, chance and power."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pgebench.report.style import BLUE, GREEN, VERMILLION
from pgebench.studies.statistics.nested import CHECKPOINT, DIFFERENCE, DRAWN

# The band in which the coverage of a 95 % interval counts as nominal.
NOMINAL = (0.92, 0.98)
ABOVE: dict[str, Any] = {"frameon": False, "fontsize": 8, "loc": "lower left", "bbox_to_anchor": (0, 1)}
DOTS: dict[str, Any] = {"fmt": "o", "markersize": 4}


def draw_study(rows: pd.DataFrame) -> Figure:
    """Coverage of the weighted tau's intervals, rejection under the null, power; bars are 95 % Monte Carlo intervals.

    Args:
        rows: The means, as in `statistics.csv`.
    """
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    _coverage(left, pd.concat([_of_layouts(rows), rows[rows["study"] == "coverage"]]))
    _chance(middle, rows[rows["study"] == "chance"])
    _power(right, rows[rows["study"] == "power"])
    for axes in (left, middle, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def label(row: pd.Series) -> str:
    """Situation, size and seeds in a few characters.

    >>> label(pd.Series({"situation": "both", "sources": 8, "targets": 11, "seeds": 3}))
    'both, 8 x 11, 3 seeds'
    """
    seeds = f"{row['seeds']} seed" + ("s" if row["seeds"] > 1 else "")
    return f"{row['situation']}, {row['sources']} x {row['targets']}, {seeds}"


def _of_layouts(rows: pd.DataFrame) -> pd.DataFrame:
    """Coverage in the layouts of the experiments, as that of a situation."""
    names = {f"{CHECKPOINT} {DRAWN}": "interval", f"{DIFFERENCE} {DRAWN}": "difference"}
    part = rows[(rows["study"] == "population") & rows["quantity"].isin(list(names))]
    return part.assign(quantity=part["quantity"].map(names))


def _coverage(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows[rows["statistic"] == "weighted_tau"]
    axes.axvspan(*NOMINAL, color=GREEN, alpha=0.15, linewidth=0)
    axes.axvline(0.95, color=GREEN, linewidth=1)
    labels: list[str] = []
    for shift, (quantity, colour) in enumerate({"interval": BLUE, "difference": VERMILLION}.items()):
        part = rows[rows["quantity"] == quantity]
        labels = [label(row) for _, row in part.iterrows()]
        heights = [y + 0.25 * shift for y in range(len(part))]
        name = "one metric" if quantity == "interval" else "difference of two"
        axes.errorbar(part["value"], heights, xerr=1.96 * part["error"], **DOTS, color=colour, label=name)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0.88, 1.005)
    axes.set_xlabel("intervals that hold the true weighted tau")
    axes.legend(**ABOVE)


def _chance(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axvline(0.05, color=GREEN, linewidth=1)
    names = {"rejected": ("one test", BLUE), "family": ("any of eight, Holm", VERMILLION)}
    labels: list[str] = []
    for shift, (quantity, (name, colour)) in enumerate(names.items()):
        part = rows[rows["quantity"] == quantity]
        labels = [str(row["situation"]) for _, row in part.iterrows()]
        heights = [y + 0.2 * shift for y in range(len(part))]
        axes.errorbar(part["value"], heights, xerr=1.96 * part["error"], **DOTS, color=colour, label=name)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_xlim(0, max(0.12, axes.get_xlim()[1]))
    axes.invert_yaxis()
    axes.set_xlabel("rejected at 5 %, nothing to find")
    axes.legend(**ABOVE)


def _power(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axhline(0.8, color="#999999", linewidth=0.8, linestyle=":")
    colours = {"power_0.1": BLUE, "power_0.2": VERMILLION, "power_0.3": GREEN}
    styles = {8: "--", 16: "-"}
    for _, part in rows.groupby(["quantity", "sources"], sort=True):
        quantity, sources = str(part["quantity"].iloc[0]), int(part["sources"].iloc[0])
        axes.plot(
            part["targets"],
            part["value"],
            styles[sources],
            marker="o",
            markersize=3,
            color=colours[quantity],
            label=f"{quantity.removeprefix('power_')}, {sources} sources",
        )
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("targets")
    axes.set_ylabel("found at 5 %")
    axes.legend(**ABOVE, title="difference in weighted tau", title_fontsize=8)
