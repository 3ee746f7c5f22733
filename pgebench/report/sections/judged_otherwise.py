"""The metrics judged otherwise: by other checkpoints, in a rerun, beside chance, and without the near sources."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import BESIDE, TruthResult
from pgebench.analysis.table import Table as Arrays
from pgebench.report.claims import ALPHA
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Heading, Report, Table, Words
from pgebench.report.wording import NOTHING, interval, number, p_text

Row = pd.Series


def has_near(table: Arrays, result: TruthResult) -> bool:
    """Whether some source is of the collection of a target that it was transferred to."""
    return bool((table.near & np.isfinite(result.accuracy).any(axis=0)).any())


def otherwise_grid(result: TruthResult) -> Grid:
    """The number of each metric beside those of other judges; columns that nothing is known of are left out."""
    league = result.league[result.league[PRIMARY].notna()]
    columns: list[tuple[str, Callable[[Row], Cell]]] = [
        ("metric", lambda row: name_cell(row["metric"])),
        ("weighted τ", lambda row: value_cell(row[PRIMARY])),
    ]
    if league["rerun_low"].notna().any():
        columns.append(("expected in a rerun", lambda row: _span(row, "rerun_low", "rerun_high")))
    if league["others_weighted_tau"].notna().any() and len(result.transfers.numbers) > 1:
        columns += [
            ("by other checkpoints", lambda row: value_cell(row["others_weighted_tau"])),
            ("by the mean of all checkpoints", lambda row: value_cell(row["mean_truth_weighted_tau"])),
        ]
    columns += [
        ("shuffled copies, mean", lambda row: value_cell(row["null_mean"])),
        ("95 % of them", lambda row: _span(row, "null_low", "null_high")),
    ]
    rows = [[cell(row) for _, cell in columns] for _, row in league.iterrows()]
    return grid([title for title, _ in columns], rows, _trivial(league))


def far_grid(result: TruthResult) -> Grid:
    """Each metric without the sources of the target's own collection, the best of the whole league first."""
    league = result.league[result.league["far_weighted_tau"].notna()]
    between = result.near_and_far.groupby("metric")["near_against_far"].mean()
    rows = [
        [
            name_cell(row["metric"]),
            value_cell(row[PRIMARY]),
            value_cell(row["far_weighted_tau"]),
            _span(row, "far_weighted_tau_low", "far_weighted_tau_high"),
            Cell(p_text(row["far_p_holm"]), row["far_p_holm"]),
            value_cell(float(between[row["metric"]])),
        ]
        for _, row in league.iterrows()
    ]
    columns = [
        *("metric", "all sources, weighted τ", "without near ones", "95 % interval", "p (Holm)"),
        "near against far, τ",
    ]
    return grid(columns, rows, _trivial(league))


def far_by_backbone_grid(result: TruthResult) -> Grid:
    """On each backbone: all sources, the far ones alone, near ones against far ones; no rows with a single backbone."""
    found = result.near_and_far
    backbones = list(dict.fromkeys(found["backbone"]))
    by_name = found.set_index(["metric", "backbone"])
    rows = []
    for metric in result.metrics if len(backbones) > 1 else ():
        cells = [name_cell(metric)]
        for backbone in backbones:
            row = by_name.loc[(metric, backbone)]
            far = float(row["far"])
            text = f"{number(far)} ({interval(row['far_low'], row['far_high'])})" if math.isfinite(far) else NOTHING
            cells += [value_cell(float(row[PRIMARY])), Cell(text, far), value_cell(float(row["near_against_far"]))]
        rows.append(cells)
    titles = [f"{backbone}, {what}" for backbone in backbones for what in ("all", "far alone", "near against far")]
    return grid(["metric", *titles], rows)


def remains_far(result: TruthResult) -> list[str]:
    """Real metrics that beat chance without the near sources."""
    league = result.league
    clear = (league["kind"] == "metric") & (league["far_p_holm"] < ALPHA) & (league["far_weighted_tau"] > 0)
    return [str(name) for name in league[clear]["metric"]]


def blocks(report: Report, result: TruthResult) -> list[Block]:
    """For the section of the league, on both pages alike.

    Args:
        report: The whole report.
        result: Of the truth of the league.

    Returns:
        One table, a second one where there are near sources, and a third one then for several backbones.
    """
    several = len(result.transfers.numbers) > 1
    words = "Shuffled copies of a score show what its number would be by chance."
    if several:
        words = (
            "Expected in a rerun: where the number of the same study, with everything trained and drawn anew, falls in "
            "95 of 100 cases (same datasets). By other checkpoints: a score judged by transfers of checkpoints that it "
            "did not look at, so without the luck that it shares with its own. The mean of all checkpoints is a "
            f"less noisy judge, but not that of the checkpoint at hand. {words}"
        )
    found: list[Block] = [
        Heading("Judged otherwise" if several else "Beside chance", 3),
        Words(report.say(words), soft=True),
        Table(otherwise_grid(result)),
    ]
    if has_near(report.analysis.table, result) and (far := far_grid(result)).rows:
        tests = len(result.league)
        words = (
            "Sources of the target's own collection are left out, so that nothing is won by seeing that two datasets "
            f"are parts of one. The p-value has {BESIDE} shuffles, so with {tests} metrics none is below "
            f"{p_text(min(1.0, tests / (BESIDE + 1)))}. Near against far: of the pairs of a near and a far source, the "
            "share that is ordered as by the truth minus the share that is ordered the other way."
        )
        found += [Heading(report.say("Without near sources"), 3), Words(report.say(words), soft=True), Table(far)]
        if (by_backbone := far_by_backbone_grid(result)).rows:
            words = (
                "Weighted τ of all sources, that of the far ones alone with its 95 % interval, and near against far."
            )
            title = report.say("Near and far sources on each backbone")
            found += [Heading(title, 3), Words(report.say(words), soft=True), Table(by_backbone)]
    return found


def _span(row: Row, low: str, high: str) -> Cell:
    return Cell(interval(row[low], row[high]), float(row[low]))


def _trivial(league: pd.DataFrame) -> dict[int, str]:
    return {i: "trivial" for i, kind in enumerate(league["kind"]) if kind == "trivial"}
