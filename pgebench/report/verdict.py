"""The findings in plain words, each computed from the numbers.

A finding is a short title and one paragraph. Names of metrics are in back-ticks; the page turns them into code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.summary import PRIMARY, STATIC, Analysis, TruthResult
from pgebench.analysis.table import mean_over_seeds
from pgebench.report.wording import counted, duration, interval, names, number, percent, points, signed

ALPHA = 0.05
# A truth that repeats itself at least this well is called reliable (weighted tau).
GOOD_CEILING = 0.8
LOW_CEILING = 0.6


@dataclass(frozen=True)
class Finding:
    """One paragraph of the verdict.

    Attributes:
        title: A few words.
        text: One paragraph.
    """

    title: str
    text: str


def findings(analysis: Analysis, result: TruthResult) -> list[Finding]:
    """All findings about one truth, the most important first.

    Args:
        analysis: The whole analysis, for the costs and failures.
        result: The truth to speak about.

    Returns:
        The paragraphs; those that have nothing to say are left out.
    """
    found = [
        _chance(result),
        _best(result),
        _pge(result),
        _static(result),
        _practice(result),
        _ceiling(result),
        _relatedness(result),
        _cost(analysis, result),
        _other_truths(analysis, result),
        _gaps(analysis, result),
    ]
    return [finding for finding in found if finding is not None]


def real_metrics(league: pd.DataFrame) -> pd.DataFrame:
    """Rows of the league that are metrics and not trivial yardsticks, and have a value."""
    return league[(league["kind"] == "metric") & league[PRIMARY].notna()]


def beats_chance(league: pd.DataFrame) -> pd.DataFrame:
    """Rows better than a shuffled copy of themselves, corrected for the number of metrics."""
    return league[(league["p_holm"] < ALPHA) & (league[PRIMARY] > 0)]


def question(result: TruthResult) -> str:
    """What was asked and how to read the answer."""
    accuracy = mean_over_seeds(result.truth)
    candidates = np.isfinite(accuracy).sum(axis=1)
    candidates = candidates[candidates > 0]
    span = (
        f"{candidates.min()}" if candidates.min() == candidates.max() else f"{candidates.min()} to {candidates.max()}"
    )
    backbones = int(np.isfinite(accuracy).any(axis=(1, 2)).sum())
    targets = int(np.isfinite(accuracy).any(axis=(0, 1)).sum())
    return (
        f"Which source should I start from? For each of {counted(targets, 'target dataset')}"
        f"{f' and {backbones} backbones' if backbones > 1 else ''}, the {span} candidate sources are put in "
        f"order by each "
        f"metric and by the accuracy that was really obtained ({result.name}, mean of "
        f"{counted(result.truth.shape[-1], 'seed')}). The main number is the weighted Kendall tau of the two "
        f"orders, in which "
        "mistakes at the top weigh most: 1 is the same order, 0 no relation, -1 the reverse."
    )


def _chance(result: TruthResult) -> Finding:
    metrics = real_metrics(result.league)
    if metrics.empty:
        return Finding("No metric to judge", "There is no metric with scores and a truth to compare them with.")
    better = beats_chance(metrics)["metric"].tolist()
    worse = metrics[metrics[PRIMARY] < metrics["null_low"]]["metric"].tolist()
    rest = [name for name in metrics["metric"] if name not in better and name not in worse]
    title = f"{len(better)} of {counted(len(metrics), 'metric')} {'beat' if len(better) != 1 else 'beats'} chance"
    text = (
        f"Better than a shuffled copy of themselves (Holm-corrected, 5 %): {names(better)}. "
        if better
        else "No metric ranks the sources better than a shuffled copy of itself would (Holm-corrected, 5 %). "
    )
    if rest:
        text += f"Not distinguishable from chance: {names(rest)}. "
    if worse:
        text += f"Worse than chance, the order points the wrong way: {names(worse)}. "
    return Finding(title, text.strip())


def _pair(result: TruthResult, first: str, second: str) -> tuple[float, float, float, float] | None:
    """Difference first - second with interval and corrected p, None if not compared."""
    pairs = result.pairs
    for better, worse, sign in ((first, second, 1.0), (second, first, -1.0)):
        row = pairs[(pairs["better"] == better) & (pairs["worse"] == worse)]
        if len(row):
            low, high = sorted((sign * float(row["low"].iloc[0]), sign * float(row["high"].iloc[0])))
            return sign * float(row["difference"].iloc[0]), low, high, float(row["p_holm"].iloc[0])
    return None


def clearly_better(result: TruthResult, first: str, second: str) -> bool:
    """Whether `first` beats `second` on the same resamples, corrected for all pairs."""
    pair = _pair(result, first, second)
    return pair is not None and pair[0] > 0 and pair[3] < ALPHA


def _best(result: TruthResult) -> Finding | None:
    metrics = real_metrics(result.league)
    if metrics.empty:
        return None
    row = metrics.iloc[0]
    best = str(row["metric"])
    others = [str(name) for name in metrics["metric"][1:]]
    behind = [name for name in others if clearly_better(result, best, name)]
    level = [name for name in others if name not in behind]
    text = (
        f"The highest mean weighted tau is {number(row[PRIMARY])} (95 % interval "
        f"{interval(row[f'{PRIMARY}_low'], row[f'{PRIMARY}_high'])}). "
    )
    if level:
        text += f"This experiment cannot tell it from {names(level)}. "
    if behind:
        text += f"Clearly behind it: {names(behind)}. "
    return Finding(f"Best on average: `{best}`", text.strip())


def _pge(result: TruthResult) -> Finding | None:
    metrics = real_metrics(result.league)
    ours = metrics[metrics["metric"].str.startswith("pge")]
    others = metrics[~metrics["metric"].str.startswith("pge")]
    if ours.empty:
        return None
    place = {name: i + 1 for i, name in enumerate(metrics["metric"])}
    parts = []
    for _, row in ours.iterrows():
        name = str(row["metric"])
        text = f"`{name}` reaches {number(row[PRIMARY])}, place {place[name]} of {len(metrics)}"
        pair = _pair(result, name, str(others["metric"].iloc[0])) if len(others) else None
        if pair is not None:
            difference, low, high, p = pair
            verdict = "a clear difference" if p < ALPHA else "not a clear difference"
            text += (
                f"; against the best other metric, `{others['metric'].iloc[0]}`, that is {signed(difference)} "
                f"({interval(low, high)}), {verdict}"
            )
        parts.append(text + ".")
    if len(ours) < 2:
        return Finding("PGE", " ".join(parts))
    first, second = str(ours["metric"].iloc[0]), str(ours["metric"].iloc[1])
    clear = clearly_better(result, first, second)
    parts.append(f"`{first}` is {'clearly' if clear else 'not clearly'} better than `{second}`.")
    return Finding("PGE", " ".join(parts))


def _static(result: TruthResult) -> Finding | None:
    value = result.quality[STATIC].mean(PRIMARY)
    metrics = real_metrics(result.league)["metric"].tolist()
    if not math.isfinite(value) or not metrics:
        return None
    better = [name for name in metrics if clearly_better(result, name, STATIC)]
    worse = [name for name in metrics if clearly_better(result, STATIC, name)]
    text = (
        f"The static ranker knows how good each source was on the other targets and looks at nothing else; it reaches "
        f"{number(value)}. Clearly better: {names(better)}. "
    )
    if worse:
        text += f"Clearly worse: {names(worse)}. "
    if value > float(real_metrics(result.league)[PRIMARY].iloc[0]):
        text += (
            "It is ahead of every metric here, so much of what there is to predict is which sources are good for "
            "everyone."
        )
    return Finding("The yardstick: good sources for everyone", text.strip())


def _practice(result: TruthResult) -> Finding | None:
    metrics = real_metrics(result.league)
    metrics = metrics[metrics["regret"].notna()].sort_values(["regret", "metric"])
    if metrics.empty:
        return None
    accuracy = mean_over_seeds(result.truth)
    blind = ranking_quality(np.where(np.isfinite(accuracy), 0.0, np.nan), result.truth).mean("regret")
    row = metrics.iloc[0]
    text = (
        f"Taking the source that `{row['metric']}` puts first costs {points(row['regret'])} points of accuracy "
        f"against the best "
        f"source, on average over the targets; taking one at random costs {points(blind)}."
    )
    bad = metrics[metrics["regret"] >= blind]["metric"].tolist()
    if bad:
        text += f" No better than a random pick: {names(bad)}."
    return Finding("In practice", text)


def _ceiling(result: TruthResult) -> Finding:
    ceiling = result.ceiling[PRIMARY]
    if not math.isfinite(ceiling.repeat):
        return Finding(
            "The truth has no error bar",
            "With a single seed of the truth nobody knows how well the truth would repeat itself, so no noise "
            "ceiling can be "
            "given: a metric far below 1 may be poor, or the truth may be noisy. Run at least two seeds.",
        )
    word = "low" if ceiling.repeat < LOW_CEILING else "moderate" if ceiling.repeat < GOOD_CEILING else "high"
    text = (
        f"If all of the {result.name} runs were repeated with new seeds, the two truths would agree with a "
        f"weighted tau of "
        f"about {number(ceiling.repeat)}, and a score that knew the noise-free answer would reach about "
        f"{number(ceiling.perfect)}. No metric can be expected above that. "
    )
    wanted = ceiling.seeds_for(PRIMARY, GOOD_CEILING)
    if ceiling.repeat < GOOD_CEILING:
        text += "Part of what the metrics lack is noise of the truth, not their fault. "
        if math.isfinite(wanted):
            text += (
                f"About {math.ceil(wanted)} seeds instead of {ceiling.seeds} would lift it to "
                f"{number(GOOD_CEILING, 1)}. "
            )
        else:
            text += "The halves of the seeds do not agree at all, so nothing can be measured with this truth. "
    metrics = real_metrics(result.league)
    reach = metrics[metrics[f"{PRIMARY}_high"] >= ceiling.perfect]["metric"].tolist()
    if reach:
        text += f"Intervals that include it: {names(reach)}."
    return Finding(f"The noise ceiling is {word}", text.strip())


def _relatedness(result: TruthResult) -> Finding | None:
    shares = result.shares.within_target
    if not math.isfinite(shares["source"]):
        return None
    text = (
        f"Of the differences between the sources of one target, {percent(shares['source'])} is a source being "
        f"good for every "
        f"target and {percent(shares['interaction'])} is this source suiting this target (relatedness)"
    )
    known = math.isfinite(shares["seeds"])
    text += f"; {percent(shares['seeds'])} is seed noise. " if known else ", seed noise included. "
    metrics = result.league[result.league["kind"] == "metric"]
    sees = metrics[(metrics["interaction_p_holm"] < ALPHA) & (metrics["interaction_weighted_tau"] > 0)][
        "metric"
    ].tolist()
    if len(metrics):
        text += f"Metrics that see relatedness itself, with the source effect taken out: {names(sees)}."
    return Finding("What there was to predict", text)


def _cost(analysis: Analysis, result: TruthResult) -> Finding | None:
    useful = beats_chance(real_metrics(result.league))
    useful = useful[useful["cost_total_s"].notna()]
    truth = analysis.truth_costs.get(result.name)
    text = f"Obtaining the truth took {duration(truth.total_s)} of computing. " if truth else ""
    if useful.empty:
        return Finding("Cost", text + "No metric beats chance, so none is worth its cost.") if text else None
    fresh = useful.sort_values(["cost_total_s", "metric"]).iloc[0]
    ready = useful.sort_values(["cost_without_checkpoints_s", "metric"]).iloc[0]
    share = fresh["cost_share_of_truth"]
    text += (
        f"The cheapest metric that beats chance is `{fresh['metric']}`: {duration(fresh['cost_total_s'])} for "
        f"all scores"
    )
    text += f", {percent(share)} of the truth. " if math.isfinite(share) else ". "
    if ready["metric"] != fresh["metric"] or ready["cost_without_checkpoints_s"] < fresh["cost_total_s"]:
        text += (
            f"With trained source models already at hand it is `{ready['metric']}`: "
            f"{duration(ready['cost_without_checkpoints_s'])}. "
        )
    best = str(real_metrics(result.league)["metric"].iloc[0])
    level = useful[[name == best or not clearly_better(result, best, name) for name in useful["metric"]]]
    if len(level):
        cheap = level.sort_values(["cost_total_s", "metric"]).iloc[0]
        text += f"Among those level with the best, the cheapest from scratch is `{cheap['metric']}`."
    return Finding("Cost", text.strip())


def _other_truths(analysis: Analysis, result: TruthResult) -> Finding | None:
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


def _gaps(analysis: Analysis, result: TruthResult) -> Finding | None:
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
    if sources < 4:
        parts.append(f"Only {counted(sources, 'source')}: the intervals say nothing about other sources.")
    if targets < 2:
        parts.append("Only one target: the intervals say nothing about other targets.")
    parts += [note for note in analysis.table.notes if note.startswith(f"{result.name}:")]
    return Finding("Handle with care", " ".join(parts)) if parts else None
