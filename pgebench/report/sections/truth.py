"""The findings about the circumstances: how good the truth is, what there was to predict, cost, and gaps."""

from __future__ import annotations

import math

from pgebench.analysis.bootstrap import FEWEST
from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.table import mean_over_seeds
from pgebench.report.claims import ALPHA, Finding, real_metrics
from pgebench.report.wording import counted, names, number, p_text, percent

# A truth that repeats itself at least this well is called reliable (weighted tau).
GOOD_CEILING = 0.8
LOW_CEILING = 0.6


def ceiling(result: TruthResult) -> Finding:
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


def relatedness(result: TruthResult) -> Finding | None:
    """What makes sources differ, and which metrics see more than good sources."""
    shares = result.shares.within_target
    if not math.isfinite(shares["source"]):
        return None
    text = (
        f"Of the differences between the sources of one target, {percent(shares['source'])} is a source being "
        f"good for every target and {percent(shares['interaction'])} is this source suiting this target (relatedness)"
    )
    known = math.isfinite(shares["seeds"])
    text += f"; {percent(shares['seeds'])} is seed noise. " if known else ", seed noise included. "
    metrics = result.league[result.league["kind"] == "metric"]
    clear = (metrics["interaction_p_holm"] < ALPHA) & (metrics["interaction_weighted_tau"] > 0)
    sees = metrics[clear]["metric"].tolist()
    if len(metrics):
        text += f"Metrics that see relatedness itself, with the source effect taken out: {names(sees)}."
    return Finding("What there was to predict", text.strip())


def other_truths(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Whether another definition of the truth orders the sources alike."""
    parts = []
    for other in analysis.results:
        if other.name == result.name:
            continue
        same = ranking_quality(mean_over_seeds(other.truth), result.truth).mean(PRIMARY)
        if math.isfinite(same):
            top = real_metrics(other.league)
            leader = f"; there the best metric is `{top['metric'].iloc[0]}`" if len(top) else ""
            parts.append(
                f"`{other.name}` orders the sources like `{result.name}` with a weighted tau of {number(same)}{leader}."
            )
    return Finding("The other definition of the truth", " ".join(parts)) if parts else None


def gaps(analysis: Analysis, result: TruthResult) -> Finding | None:
    """What is missing or too small to lean on."""
    parts = []
    if len(analysis.failures):
        parts.append(f"{counted(len(analysis.failures), 'unit')} of work did not finish, see the table of failures.")
    partial = result.league[result.league["coverage"] < 1]
    if len(partial):
        said = [f"`{row['metric']}` {percent(row['coverage'])}" for _, row in partial.iterrows()]
        parts.append(f"Not every cell has a score (share that has one): {', '.join(said)}.")
    constant = result.league[result.league["constant_targets"] > 0]
    if len(constant):
        parts.append(
            f"Constant over the sources of some target, counted there as no information: {names(constant['metric'])}."
        )
    sources, targets = result.truth.shape[1:3]
    few = [counted(count, thing) for count, thing in ((sources, "source"), (targets, "target")) if count < FEWEST]
    if len(few) == 2:
        parts.append(f"Only {few[0]} and {few[1]}: too few for intervals.")
    elif few:
        parts.append(f"Only {few[0]}: the intervals say nothing about other ones.")
    lowest = 1 / math.factorial(sources)
    if lowest * len(result.league) > ALPHA:
        parts.append(
            f"With {counted(sources, 'source')} there are only {math.factorial(sources)} orders, so no p-value is "
            f"below {p_text(lowest)} and chance cannot be ruled out for any metric."
        )
    parts += [note for note in analysis.table.notes if note.startswith(f"{result.name}:")]
    return Finding("Handle with care", " ".join(parts)) if parts else None
