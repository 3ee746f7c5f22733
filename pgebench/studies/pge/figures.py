"""Figures of the study: convergence, the authors' budget, and controls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pgebench.report.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION
from pgebench.studies.pge.controls import KINDS, ROWS, Controls
from pgebench.studies.pge.variants import ALL, DISTANCES

CURVES = {
    ("paired", 1): (SKY, "1 initialisation, shared"),
    ("paired", 2): (GREEN, "2 initialisations, shared"),
    ("paired", 4): (BLUE, "4 initialisations, shared"),
    ("paired", 8): (PURPLE, "8 initialisations, shared"),
    ("official", 1): (VERMILLION, "a fresh initialisation each (authors' procedure)"),
}


def convergence_figure(judged: pd.DataFrame, agreement: pd.DataFrame) -> Figure:
    """Agreement of halves and ranking quality against the number of gradients of a dataset."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    # Over all tensors, distances averaged: what the curves are of.
    judged = judged[(judged.tensors == ALL) & (judged.average == DISTANCES)]
    for (estimate, restarts), (colour, label) in CURVES.items():
        chosen = agreement[(agreement.estimate == estimate) & (agreement.restarts == restarts)]
        left.plot(chosen.gradients, chosen.agreement, "o-", color=colour, markersize=4, label=label)
        for axes, kind in ((middle, "unit"), (right, "product")):
            rows = judged[
                (judged.estimate == estimate) & (judged.restarts == restarts) & (judged.kind == kind)
            ].sort_values("gradients")
            axes.plot(rows.gradients, rows.all_targets, "o-", color=colour, markersize=4)
    for axes, title in (
        (left, "cosine between the halves of a gradient"),
        (middle, "mean weighted tau, unit distance"),
        (right, "mean weighted tau, product distance"),
    ):
        _plain(axes)
        axes.set_xscale("log")
        axes.set_xlabel("gradients of a dataset")
        axes.set_title(title, fontsize=10, loc="left")
    left.set_ylim(0, 1)
    low = float(judged.loc[judged.kind.isin(["unit", "product"]), "all_targets"].min())
    for axes in (middle, right):
        axes.set_ylim(min(-0.1, low - 0.05), 0.7)
        axes.axhline(0, color="#999999", linewidth=0.8)
        for metric, style in (("logme", "--"), ("static", ":")):
            value = judged.loc[judged.estimate == metric, "all_targets"]
            if len(value):
                axes.axhline(float(value.iloc[0]), color=GREY, linestyle=style, linewidth=1)
                axes.annotate(
                    metric, (1.0, float(value.iloc[0])), xycoords=("axes fraction", "data"), fontsize=8, color=GREY
                )
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=8)
    return figure


def full_budget_figure(curve: pd.DataFrame, others: pd.DataFrame, kinds: Sequence[str]) -> Figure:
    """The authors' procedure up to their budget: agreement of halves beside what was foretold, and ranking quality.

    Args:
        curve: Rows of ``pgebench.studies.pge.full_budget_curve.curve``.
        others: Rows of ``beside`` there.
        kinds: Distances of which the curve has columns.
    """
    figure = Figure(figsize=(4 + 3.5 * len(kinds), 4), layout="constrained")
    left, *panels = figure.subplots(1, 1 + len(kinds))
    single = curve[~curve.draws.str.contains("+", regex=False)]
    first = single[single.draws == single.draws.iloc[0]]
    together = curve[curve.draws.str.contains("+", regex=False)]
    follow = pd.concat([first, together])
    left.plot(curve.gradients, curve.agreement, "o", color=VERMILLION, markersize=4, label="measured")
    left.plot(follow.gradients, follow.foretold, "--", color=GREY, linewidth=1, label="foretold")
    left.fill_between(
        follow.gradients, follow.agreement_low, follow.agreement_high, color=VERMILLION, alpha=0.15, linewidth=0
    )
    left.set_ylim(min(-0.05, float(curve.agreement_low.min())), 1)
    left.set_title("cosine between the halves of a gradient", fontsize=10, loc="left")
    left.legend(frameon=False, fontsize=8, loc="upper left")
    for axes, kind in zip(panels, kinds, strict=True):
        axes.plot(single.gradients, single[kind], "o", color=VERMILLION, markersize=4)
        axes.plot(follow.gradients, follow[kind], "-", color=VERMILLION, linewidth=1.2)
        axes.fill_between(
            follow.gradients, follow[f"{kind}_low"], follow[f"{kind}_high"], color=VERMILLION, alpha=0.15, linewidth=0
        )
        axes.axhline(0, color="#999999", linewidth=0.8)
        for metric, style in (("logme", "--"), ("static", ":")):
            for value in others.loc[others.metric == metric, "tau"]:
                axes.axhline(value, color=GREY, linestyle=style, linewidth=1)
                axes.annotate(metric, (1.0, value), xycoords=("axes fraction", "data"), fontsize=8, color=GREY)
        axes.set_ylim(-0.8, 0.8)
        axes.set_title(f"mean weighted tau, {kind} distance", fontsize=10, loc="left")
    for axes in (left, *panels):
        _plain(axes)
        axes.set_xscale("log")
        axes.set_xlabel("gradients of a dataset")
    return figure


def controls_figure(controls: Controls) -> Figure:
    """What PGE sees: the distance of every comparison, a dot per task."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    panels = figure.subplots(1, len(KINDS), sharey=True)
    jitter = np.linspace(-0.18, 0.18, controls.distances.dataset.nunique())
    for axes, kind in zip(panels, KINDS, strict=True):
        _plain(axes)
        for y, comparison in enumerate(ROWS):
            values = controls.distances.loc[controls.distances.comparison == comparison, kind].to_numpy()
            colour = ORANGE if comparison.endswith("_ce") else BLUE
            axes.plot(values, y + jitter, "o", color=colour, markersize=4, alpha=0.8)
            axes.plot([np.nanmean(values)] * 2, [y - 0.3, y + 0.3], color="black", linewidth=1.5)
        axes.axvline(0, color="#999999", linewidth=0.8)
        axes.axvline(np.sqrt(2), color="#999999", linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"{kind.replace('_', ', ')} distance", fontsize=9)
        axes.set_title("dotted: orthogonal gradients", fontsize=8, color=GREY, loc="right")
    panels[0].set_yticks(range(len(ROWS)), list(ROWS.values()), fontsize=8)
    panels[0].invert_yaxis()
    return figure


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
