"""The two noise ceilings in words and as tables, and what more repetitions would bring."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import CORRELATIONS, PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.grid import STATISTIC_TITLES, Cell, Grid, grid, value_cell
from pgebench.report.repetitions import checkpoints_of, transfers_of
from pgebench.report.section import Block, Report, Table, Words
from pgebench.report.tops import ANEW, SAME, Top, tops
from pgebench.report.wording import names, number

REPETITIONS = (1, 2, 3, 5, 10, 20)
"""Numbers of checkpoints, or of transfers, for which the noise ceiling is foretold."""

# A truth that repeats itself at least this well is called reliable (weighted tau).
GOOD_CEILING = 0.8
LOW_CEILING = 0.6


def finding(result: TruthResult) -> Finding:
    """How well the truth repeats itself, and what follows for the metrics."""
    known = {top.name: top for top in tops(result)}
    if not known:
        return Finding(
            "The truth has no error bar",
            "With a single transfer per pair from a single checkpoint nobody knows how well the truth would repeat "
            "itself, so no noise ceiling can be given: a metric far below 1 may be poor or the truth noisy. Transfer "
            "twice (`budget.truth_seeds=2`), or better, train every source model twice (`checkpoints=2`).",
        )
    lowest = min(top.repeat[PRIMARY] for top in known.values())
    word = "low" if lowest < LOW_CEILING else "moderate" if lowest < GOOD_CEILING else "high"
    parts = [_same(known.get(SAME)), _anew(known.get(ANEW), result)]
    if lowest < GOOD_CEILING:
        parts.append(f"Part of what the metrics lack is noise of the truth, not their fault. {_more(result)}".strip())
    # A metric may look at the very checkpoints, so only the higher one bounds them all.
    perfect = max(top.perfect[PRIMARY] for top in known.values())
    metrics = real_metrics(result.league)
    reach = metrics[metrics[f"{PRIMARY}_high"] >= perfect]["metric"].tolist()
    if reach:
        parts.append(f"Intervals that include {number(perfect)}: {names(reach)}.")
    return Finding(f"The noise ceiling is {word}", " ".join(parts))


def _same(top: Top | None) -> str:
    if top is None:
        return (
            "Every checkpoint was transferred once per pair, so nobody knows what a perfect score for which "
            "checkpoint is best would reach."
        )
    return (
        f"A perfect score for which checkpoint is best would reach about {number(top.perfect[PRIMARY])}: transfers "
        f"repeated from the same checkpoints agree with a weighted tau of {number(top.repeat[PRIMARY])}."
    )


def _anew(top: Top | None, result: TruthResult) -> str:
    if top is None:
        return (
            "Every source model was trained once, so nobody knows what a perfect score for which source is best "
            "would reach: no more than that, for it cannot know how a single training came out."
        )
    whole = result.rerun[PRIMARY]
    return (
        f"A perfect score for which source is best, which cannot know how a single training came out, would reach "
        f"about {number(top.perfect[PRIMARY])}: with everything trained anew two truths of one checkpoint per source "
        f"model agree with {number(top.repeat[PRIMARY])}, the means of {checkpoints_of(result)} with "
        f"{number(whole.repeat)}. A metric that looks at no checkpoint cannot be expected above the perfect score for "
        "the source."
    )


def _more(result: TruthResult) -> str:
    """How many repetitions would be enough."""
    several = checkpoints_of(result) > 1
    top, thing = (result.rerun, "checkpoints per source model") if several else (result.ceiling, "transfers per pair")
    wanted, now = top[PRIMARY].seeds_for(PRIMARY, GOOD_CEILING), checkpoints_of(result) if several else None
    if math.isinf(wanted):
        return "Two halves of the repetitions do not agree at all, so nothing can be measured with this truth."
    if not math.isfinite(wanted) or math.ceil(wanted) <= (now or top[PRIMARY].seeds):
        return ""
    have = str(now) if several else transfers_of(result)
    return (
        f"The mean over about {math.ceil(wanted)} {thing} instead of {have} would repeat itself with "
        f"{number(GOOD_CEILING, 1)}."
    )


def blocks(report: Report, result: TruthResult) -> list[Block]:
    """For the section of the truth, on both pages alike.

    Args:
        report: The whole report.
        result: Of the truth.

    Returns:
        Words and tables; a sentence if nothing was repeated.
    """
    found = ceiling_grid(result)
    if not found.rows:
        return [Words("There is a single transfer per pair from a single checkpoint, so nothing is known of it.")]
    several = checkpoints_of(result) > 1
    words = (
        f"The repetitions of {result.name} are split into halves; how well the two halves order the sources alike "
        "tells how well the truth would agree with a repetition of itself (Spearman-Brown). "
    )
    words += (
        "The league is held against the truth of one checkpoint per source model, one life."
        if several
        else "Every source model was trained once: what another training would change cannot be told from these."
    )
    more = (
        "What more checkpoints per source model would bring to their mean, foretold from these:"
        if several
        else "What more transfers from the same checkpoints would bring, foretold from these:"
    )
    made: list[Block] = [Words(report.say(words)), Table(found)]
    if (foretold := foretold_grid(result)).rows:
        made += [Words(more, soft=True), Table(foretold)]
    return made


def ceiling_grid(result: TruthResult) -> Grid:
    """Both ceilings, of one life, and of the mean over all; no rows if nothing was repeated."""
    checkpoints, transfers = checkpoints_of(result), transfers_of(result)
    says = {
        SAME: ("transfers, from the same checkpoints", transfers),
        ANEW: ("everything, one checkpoint per source model", "1"),
    }
    rows = [[Cell(text) for text in says[top.name]] + _values(top) for top in tops(result)]
    if checkpoints > 1 and math.isfinite(result.rerun[PRIMARY].repeat):
        mean = Top(
            "",
            "",
            "",
            {name: result.rerun[name].repeat for name in CORRELATIONS},
            {name: result.rerun[name].perfect for name in CORRELATIONS},
        )
        rows.append([Cell("everything, the mean of all checkpoints"), Cell(str(checkpoints)), *_values(mean)])
    titles = [STATISTIC_TITLES[name] for name in CORRELATIONS[1:]]
    columns = ["what is made anew", "repetitions averaged", "noise ceiling, weighted τ", "perfect score, weighted τ"]
    return grid([*columns, *(f"noise ceiling, {title}" for title in titles)], rows)


def _values(top: Top) -> list[Cell]:
    shown = [top.repeat[PRIMARY], top.perfect[PRIMARY], *(top.repeat[name] for name in CORRELATIONS[1:])]
    return [value_cell(value) for value in shown]


def foretold_grid(result: TruthResult) -> Grid:
    """The noise ceiling with other numbers of checkpoints, or of transfers where each source model was trained once."""
    several = checkpoints_of(result) > 1
    top = (result.rerun if several else result.ceiling)[PRIMARY]
    if not math.isfinite(top.halves):
        return grid([], [])
    rows = [
        [Cell(title), *[value_cell(of(PRIMARY, count)) for count in REPETITIONS]]
        for title, of in (("noise ceiling, weighted τ", top.with_seeds), ("perfect score", top.perfect_with))
    ]
    return grid(["checkpoints per source model" if several else "transfers per pair", *map(str, REPETITIONS)], rows)
