"""What is missing: units that did not finish, and what is too small to lean on."""

from __future__ import annotations

import math

import pandas as pd

from pgebench.analysis.bootstrap import FEWEST
from pgebench.analysis.failures import waits_for_another
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.report.claims import ALPHA, Finding
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.repetitions import not_in_interval
from pgebench.report.section import Block, Code, Heading, Report, Section, Table, Words
from pgebench.report.wording import NOTHING, counted, p_text, percent

MOST_FAILURES = 100

MANY_TIES = 0.1
"""Share of tied pairs from which on a metric is named."""


def gaps_finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """What is missing or too small to lean on."""
    parts = []
    if len(analysis.failures):
        parts.append(f"{counted(len(analysis.failures), 'unit')} of work did not finish, see the table of failures.")
    partial = result.league[result.league["coverage"] < 1]
    if len(partial):
        said = [f"`{row['metric']}` {percent(row['coverage'])}" for _, row in partial.iterrows()]
        parts.append(f"Not every cell has a score (share that has one): {', '.join(said)}.")
    parts += _silent(result)
    sources, targets = result.truth.shape[1:3]
    few = [counted(count, thing) for count, thing in ((sources, "source"), (targets, "target")) if count < FEWEST]
    if len(few) == 2:
        parts.append(f"Only {few[0]} and {few[1]}: too few for intervals.")
    elif few:
        parts.append(f"Only {few[0]}: the intervals say nothing about other ones.")
    elif not any(result.drawn):
        parts.append(f"Sources and targets are of fewer than {FEWEST} collections each: too few for intervals.")
    parts += not_in_interval(analysis.table, result)
    lowest = 1 / math.factorial(sources)
    if lowest * len(result.league) > ALPHA:
        parts.append(
            f"With {counted(sources, 'source')} there are only {math.factorial(sources)} orders, so no p-value is "
            f"below {p_text(lowest)} and chance cannot be ruled out for any metric."
        )
    parts += [note for note in analysis.table.notes if note.startswith(f"{result.name}:")]
    return Finding("Handle with care", " ".join(parts)) if parts else None


def _silent(result: TruthResult) -> list[str]:
    """Metrics that give all candidates one score, or many of them."""
    parts = []
    constant = result.league[result.league["constant_targets"] > 0]
    if len(constant):
        said = [f"`{row['metric']}` {row['constant_targets']} of {row['targets']}" for _, row in constant.iterrows()]
        # With several backbones or lives a target has several orders.
        several = int(constant["targets"].max()) > result.truth.shape[2]
        parts.append(
            f"One score for all candidates, counted there as no information: {', '.join(said)} "
            f"{'rankings' if several else 'targets'}. A metric that "
            "saturates has no other where a target has no more images than the network has features."
        )
    metrics = result.league[
        (result.league["kind"] == "metric") & result.league["tied_pairs"].between(MANY_TIES, 1, inclusive="neither")
    ]
    if len(metrics):
        said = [f"`{row['metric']}` {percent(row['tied_pairs'])}" for _, row in metrics.iterrows()]
        parts.append(f"Scores that differ by rounding alone are tied (share of pairs): {', '.join(said)}.")
    return parts


def failure_grid(analysis: Analysis) -> Grid:
    """Units that did not finish, the first `MOST_FAILURES` of them."""
    rows = []
    for row in analysis.failures.head(MOST_FAILURES).to_dict("records"):
        what = next((row[name] for name in ("metric", "truth") if not pd.isna(row.get(name))), None)
        attempts = row.get("attempts")
        rows.append(
            [
                *[name_cell(row[name]) for name in ("stage", "status", "backbone", "source", "target")],
                name_cell(what),
                Cell(NOTHING if pd.isna(attempts) else str(int(attempts)), ""),
                Cell(NOTHING if pd.isna(row.get("error")) else str(row["error"])),
            ]
        )
    return grid(["stage", "status", "backbone", "source", "target", "what", "attempts", "error"], rows)


def _waiting(report: Report, whole: str) -> str:
    """How many failures are none of their own; `whole` names all of them."""
    waiting = int(waits_for_another(report.analysis.failures).sum())
    return f"{waiting} of {whole} only lack the result of another unit; the causes come first. " if waiting else ""


def _page(report: Report) -> list[Block]:
    failures = failure_grid(report.analysis)
    failed = len(report.analysis.failures)
    if not failed:
        return []
    blocks: list[Block] = [
        Heading("What did not finish"),
        Words(f"{_waiting(report, f'the {failed}')}Run the same command again: what is done is not computed twice."),
        *([Code(report.command)] if report.command else []),
        Table(failures, (7,)),
    ]
    if failed > len(failures.rows):
        blocks.append(Words(f"The first {len(failures.rows)} of {failed}; all are in records.csv.", soft=True))
    return blocks


def _markdown(report: Report) -> list[Block]:
    failed = len(report.analysis.failures)
    if not failed:
        return []
    command = f" (`{report.command}`)" if report.command else ""
    waiting = _waiting(report, "them").rstrip()
    again = f"Run the same command again: what is done is not computed twice{command}."
    return [
        Heading(f"What did not finish ({failed})"),
        Words(f"{waiting}\n{again}" if waiting else again),
        Table(failure_grid(report.analysis)),
    ]


SECTION = Section("failures", "Failures", _page, _markdown)
