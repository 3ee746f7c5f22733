"""Relatedness: which metrics see more than sources that are good for everyone."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import ALPHA, Finding
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Heading, Report, Section, Table, Words
from pgebench.report.wording import interval, names, p_text, percent


def finding(result: TruthResult) -> Finding | None:
    """What makes sources differ, and which metrics see more than good sources."""
    shares = result.levels.shares
    if not shares:
        return None
    related = shares["near"] + shares["relatedness"]
    text = (
        f"Of the differences between the sources of one target, {percent(shares['source'])} is a source being "
        f"good for every target and {percent(related)} is this source suiting this target (relatedness)"
    )
    # Exactly 0 without any source of a target's collection: an estimate never is.
    text += f", of which {percent(shares['near'])} is being of the same collection" if result.levels.near else ""
    luck = [name for name in ("checkpoint", "checkpoint_relatedness", "transfer") if name in shares]
    text += f"; {percent(sum(shares[name] for name in luck))} is luck of training. " if luck else ", luck included. "
    metrics = result.league[result.league["kind"] == "metric"]
    clear = (metrics["interaction_p_holm"] < ALPHA) & (metrics["interaction_weighted_tau"] > 0)
    sees = metrics[clear]["metric"].tolist()
    if len(metrics):
        text += f"Metrics that see relatedness itself, with the source effect taken out: {names(sees)}."
    return Finding("What there was to predict", text.strip())


def relatedness_grid(result: TruthResult) -> Grid:
    """Each metric against the whole truth and against the interaction alone."""
    rows = [
        [
            name_cell(row["metric"]),
            value_cell(row[PRIMARY]),
            value_cell(row["interaction_weighted_tau"]),
            Cell(
                interval(row["interaction_weighted_tau_low"], row["interaction_weighted_tau_high"]),
                row["interaction_weighted_tau_low"],
            ),
            value_cell(row["interaction_pearson"]),
            Cell(p_text(row["interaction_p_holm"]), row["interaction_p_holm"]),
        ]
        for _, row in result.league.iterrows()
        if math.isfinite(row["interaction_weighted_tau"])
    ]
    columns = ["metric", "whole truth, weighted τ", "interaction, weighted τ", "95 % interval", "Pearson", "p (Holm)"]
    return grid(columns, rows)


TITLE = Heading("Relatedness")


def _page(report: Report) -> list[Block]:
    if not report.results:
        return []
    words = (
        "truth = target effect + source effect + interaction. A metric that merely knows which sources are good for "
        "everyone does well on the whole truth and not on the interaction; a metric that sees which source suits this "
        "target does well on both. The source effect is taken out of the score as well."
    )
    return [TITLE, Words(report.say(words)), Table(relatedness_grid(report.results[0]))]


def _markdown(report: Report) -> list[Block]:
    if not report.results:
        return []
    words = (
        "The truth is split into a source effect, a target effect and the interaction. A metric that only knows good "
        "sources scores on\nthe whole truth and not on the interaction."
    )
    return [TITLE, Words(report.say(words)), Table(relatedness_grid(report.results[0]))]


SECTION = Section("related", "Relatedness", _page, _markdown)
