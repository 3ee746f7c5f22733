"""How far the truth can be trusted: its noise ceiling, what more seeds would bring, and what there was to predict."""

from __future__ import annotations

import math

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.levels import named_levels
from pgebench.analysis.quality import ranking_quality
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.grid import STATISTIC_TITLES, Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Figure, Heading, Key, Report, Section, Table, Words
from pgebench.report.sections import edges
from pgebench.report.svg import Mark, Picture, Rect, Text
from pgebench.report.wording import counted, names, number, percent, points

SEEDS = (1, 2, 3, 5, 10, 20)
"""Numbers of seeds of the truth for which the noise ceiling is foretold."""

GAINS = ("best_gain", "mean_gain", "worst_gain")

# A truth that repeats itself at least this well is called reliable (weighted tau).
GOOD_CEILING = 0.8
LOW_CEILING = 0.6


def ceiling_finding(result: TruthResult) -> Finding:
    """How well the truth repeats itself, and what follows for the metrics."""
    top = result.ceiling[PRIMARY]
    if not math.isfinite(top.repeat):
        return Finding(
            "The truth has no error bar",
            "With a single seed of the truth nobody knows how well the truth would repeat itself, so no noise "
            "ceiling can be given: a metric far below 1 may be poor or the truth noisy. Run at least two seeds.",
        )
    word = "low" if top.repeat < LOW_CEILING else "moderate" if top.repeat < GOOD_CEILING else "high"
    text = (
        f"If all of the {result.name} runs were repeated with new seeds, the two truths would agree with a "
        f"weighted tau of about {number(top.repeat)}, and a score that knew the noise-free answer would reach about "
        f"{number(top.perfect)}. No metric can be expected above that. "
    )
    wanted = top.seeds_for(PRIMARY, GOOD_CEILING)
    if top.repeat < GOOD_CEILING:
        text += "Part of what the metrics lack is noise of the truth, not their fault. "
        if math.isfinite(wanted):
            text += (
                f"About {math.ceil(wanted)} seeds instead of {top.seeds} would lift it to {number(GOOD_CEILING, 1)}. "
            )
        else:
            text += "The halves of the seeds do not agree at all, so nothing can be measured with this truth. "
    metrics = real_metrics(result.league)
    reach = metrics[metrics[f"{PRIMARY}_high"] >= top.perfect]["metric"].tolist()
    if reach:
        text += f"Intervals that include it: {names(reach)}."
    return Finding(f"The noise ceiling is {word}", text.strip())


def other_truths_finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Whether another definition of the truth orders the sources alike."""
    parts = []
    for other in analysis.results:
        if other.name == result.name:
            continue
        same = ranking_quality(other.accuracy, result.accuracy[..., None]).mean(PRIMARY)
        if math.isfinite(same):
            top = real_metrics(other.league)
            leader = f"; there the best metric is `{top['metric'].iloc[0]}`" if len(top) else ""
            parts.append(
                f"`{other.name}` orders the sources like `{result.name}` with a weighted tau of {number(same)}{leader}."
            )
    return Finding("The other definition of the truth", " ".join(parts)) if parts else None


def gain_finding(gains: pd.DataFrame) -> Finding | None:
    """Whether transfer was worth anything."""
    if gains.empty:
        return None
    best, mean, hurt = (float(gains[name].mean()) for name in ("best_gain", "mean_gain", "hurt"))
    return Finding(
        "Is transfer worth it",
        f"Against training from random weights on the target alone, the best source gains {points(best)} points of "
        f"accuracy on average over the targets and a source taken at random {points(mean)}; "
        f"{percent(hurt)} of the transfers end below training from scratch.",
    )


def ceiling_grid(result: TruthResult) -> Grid:
    """Reliability of the truth for each correlation; no rows with a single seed, which says nothing of it."""
    rows = [
        [Cell(STATISTIC_TITLES[name]), *[value_cell(value) for value in (top.halves, top.repeat, top.perfect)]]
        for name, top in result.ceiling.items()
        if top.half
    ]
    half = next(iter(result.ceiling.values())).half
    return grid(["", f"{half} against {half} seeds", "noise ceiling", "perfect score"], rows)


def seeds_grid(result: TruthResult) -> Grid:
    """The noise ceiling with other numbers of seeds, foretold from this truth."""
    top = result.ceiling[PRIMARY]
    if not math.isfinite(top.halves):
        return grid([], [])
    cells = [value_cell(top.with_seeds(PRIMARY, seeds)) for seeds in SEEDS]
    return grid(["seeds of the truth", *map(str, SEEDS)], [[Cell("noise ceiling, weighted τ"), *cells]])


def gain_grid(gains: pd.DataFrame) -> Grid:
    """Transfer against training from scratch, one row a backbone and target."""
    several = gains["backbone"].nunique() > 1 if len(gains) else False
    rows = []
    for row in gains.to_dict("records"):
        cells = [name_cell(row["backbone"])] if several else []
        cells += [
            name_cell(row["target"]),
            Cell(percent(row["scratch"], 1), float(row["scratch"])),
            name_cell(row["best_source"]),
            *[Cell(f"{'+' if row[key] > 0 else ''}{points(row[key])}", float(row[key])) for key in GAINS],
            Cell(percent(row["hurt"]), float(row["hurt"])),
        ]
        rows.append(cells)
    columns = ["target", "from scratch", "best source", "best gain", "mean gain", "worst gain", "sources that hurt"]
    return grid((["backbone"] if several else []) + columns, rows)


def shares(result: TruthResult) -> list[tuple[str, str, float]]:
    """Look, name and share of what makes the sources of one target differ; those that nobody knows are left out."""
    found = result.levels.shares
    return [(look, name, found[look]) for look, name in named_levels() if look in found]


def share_bar(parts: list[tuple[str, str, float]]) -> Picture:
    """Shares as one bar."""
    width, x = 480.0, 0.0
    marks: list[Mark] = []
    for look, name, share in parts:
        marks.append(Rect(x, 0, max(width * share - 1, 0), 20, look, say=f"{name} {100 * share:.0f} %"))
        if share > 0.08:
            marks.append(Text(x + width * share / 2, 14, f"{100 * share:.0f} %", "in", anchor="middle"))
        x += width * share
    return Picture(width, 20, tuple(marks), ", ".join(f"{name} {100 * share:.0f} %" for _, name, share in parts))


def _tables(report: Report, result: TruthResult) -> list[Block]:
    """What both pages show."""
    blocks: list[Block] = []
    if (seeds := seeds_grid(result)).rows:
        blocks += [Words("What more seeds would bring, foretold from these:", soft=True), Table(seeds)]
    blocks += edges.blocks(report.analysis.edges)
    if (gains := gain_grid(report.analysis.gains)).rows:
        blocks += [
            Heading("Transfer against training from scratch", 3),
            Words(
                "Points of accuracy over the same network trained on the target alone, from random weights, with "
                "learning rates of its own.",
                soft=True,
            ),
            Table(gains),
        ]
    return blocks


TITLE = Heading("How far the truth can be trusted")
UNKNOWN = Words("There is a single seed, so nothing is known of it.")


def _page(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    ceiling, parts = ceiling_grid(result), shares(result)
    halves = Words(
        f"The {counted(result.truth.shape[-1], 'seed')} of {result.name} are split into halves; how well the two "
        f"halves order the {report.say('sources')} alike tells how well the whole truth would agree with a repetition "
        "(Spearman-Brown)."
    )
    blocks: list[Block] = [TITLE, *([halves, Table(ceiling)] if ceiling.rows else [UNKNOWN]), *_tables(report, result)]
    if parts:
        named = [(look, report.say(name), share) for look, name, share in parts]
        blocks += [
            Heading(report.say("What makes sources differ on the same target"), 3),
            Figure("", "", share_bar(named)),
            Key([(look, f"{name}, {100 * share:.0f} %") for look, name, share in named]),
        ]
    return blocks


def _markdown(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    ceiling = ceiling_grid(result)
    said = ", ".join(f"{100 * share:.0f} % {report.say(name)}" for _, name, share in shares(result))
    differences = report.say("Of the accuracy differences between the sources of one target:")
    return [
        TITLE,
        Table(ceiling) if ceiling.rows else UNKNOWN,
        *_tables(report, result),
        Words(f"{differences} {said}." if said else differences),
    ]


SECTION = Section("truth", "Truth", _page, _markdown)
