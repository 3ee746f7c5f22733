"""The verdict: what was found in plain words, each computed from the numbers.

A finding is a short title and one paragraph. Names of metrics are in back-ticks; the page turns them into code.
"""

from __future__ import annotations

import math

import numpy as np

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import STATIC, TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.quality import regret_at_random
from pgebench.report.claims import ALPHA, Finding, beats_chance, clearly_better, difference, real_metrics
from pgebench.report.section import Block, Findings, Heading, Report, Section, Words
from pgebench.report.sections import cost, failures, questions, relatedness, steadiness, truth
from pgebench.report.wording import MANY, counted, interval, names, number, points, reworded, signed


def findings(analysis: Analysis, result: TruthResult) -> list[Finding]:
    """All findings about one truth, the most important first.

    Args:
        analysis: The whole analysis, for the costs and failures.
        result: The truth to speak about.

    Returns:
        The paragraphs; those that have nothing to say are left out.
    """
    others = questions.finding(analysis)
    found = [
        _chance(result),
        _best(result),
        _pge(result),
        _static(result),
        _practice(result),
        truth.ceiling_finding(result),
        relatedness.finding(result),
        *steadiness.findings(analysis, result),
        others,
        truth.gain_finding(analysis.gains),
        cost.budget_finding(analysis, result),
        truth.other_truths_finding(analysis, result),
        failures.gaps_finding(analysis, result),
    ]
    # What is said about all the questions names each by its own words.
    return [
        one if one is others else Finding(reworded(one.title, analysis.question), reworded(one.text, analysis.question))
        for one in found
        if one is not None
    ]


def question(analysis: Analysis, result: TruthResult) -> str:
    """What was asked and how to read the answer."""
    accuracy = result.accuracy
    candidates = np.isfinite(accuracy).sum(axis=1)
    candidates = candidates[candidates > 0]
    span = (
        f"{candidates.min()}" if candidates.min() == candidates.max() else f"{candidates.min()} to {candidates.max()}"
    )
    backbones = int(np.isfinite(accuracy).any(axis=(1, 2)).sum())
    targets = int(np.isfinite(accuracy).any(axis=(0, 1)).sum())
    nets = f" and {backbones} backbones" if backbones > 1 else ""
    text = (
        f"For each of {counted(targets, 'target')}{nets}, the {span} "
        f"candidate sources are put in order by each metric and by the accuracy that was really obtained "
        f"({result.name}, mean of {counted(result.truth.shape[-1], 'seed')}). The main number is the weighted Kendall "
        "tau of the two orders, in which mistakes at the top weigh most: 1 is the same order, 0 no relation, -1 the "
        "reverse."
    )
    return f"{analysis.question.text} {reworded(text, analysis.question)}"


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


def _best(result: TruthResult) -> Finding | None:
    metrics = real_metrics(result.league)
    if metrics.empty:
        return None
    row = metrics.iloc[0]
    best = str(row["metric"])
    others = [str(name) for name in metrics["metric"][1:]]
    behind = [name for name in others if clearly_better(result, best, name)]
    level = [name for name in others if name not in behind]
    low, high = float(row[f"{PRIMARY}_low"]), float(row[f"{PRIMARY}_high"])
    span = f"95 % interval {interval(low, high)}" if math.isfinite(low) else "too few datasets for an interval"
    text = f"The highest mean weighted tau is {number(row[PRIMARY])} ({span}). "
    if best not in beats_chance(metrics)["metric"].tolist():
        text += "Even that is not distinguishable from chance. "
    if level:
        text += f"This experiment cannot tell it from {names(level, most=MANY)}. "
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
    best = str(ours["metric"].iloc[0])
    text = f"`{best}` reaches {number(float(ours[PRIMARY].iloc[0]))}, place {place[best]} of {len(metrics)}"
    pair = difference(result, best, str(others["metric"].iloc[0])) if len(others) else None
    if pair is not None:
        gap, low, high, p = pair
        verdict = "a clear difference" if p < ALPHA else "not a clear difference"
        text += f"; against the best other metric, `{others['metric'].iloc[0]}`, that is {signed(gap)}"
        text += f" ({interval(low, high)}), {verdict}" if math.isfinite(low) else ""
    text += "."
    variants = [str(name) for name in ours["metric"][1:]]
    if variants:
        said = [f"`{name}` {number(result.quality[name].mean(PRIMARY))}, place {place[name]}" for name in variants]
        behind = [name for name in variants if clearly_better(result, best, name)]
        text += f" The other variants: {'; '.join(said)}. Clearly behind `{best}`: {names(behind)}."
    return Finding("PGE", text)


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
            "On average it is ahead of every metric here, so much of what there is to predict is which sources are "
            "good for everyone."
        )
    return Finding("The yardstick: good sources for everyone", text.strip())


def _practice(result: TruthResult) -> Finding | None:
    metrics = real_metrics(result.league)
    metrics = metrics[metrics["regret"].notna()].sort_values(["regret", "metric"])
    if metrics.empty:
        return None
    blind = regret_at_random(result.transfers)
    row = metrics.iloc[0]
    text = (
        f"Taking the source that `{row['metric']}` puts first costs {points(row['regret'])} points of accuracy "
        f"against the best source, on average over the targets; taking one at random costs {points(blind)}."
    )
    bad = metrics[metrics["regret"] >= blind]["metric"].tolist()
    if bad:
        text += f" No better than a random pick: {names(bad)}."
    return Finding("In practice", text)


def _page(report: Report) -> list[Block]:
    if not report.results:
        return [
            Heading("No verdict yet", 3),
            Words(
                "There is no finished truth (transfer accuracy) in the records, so no metric can be judged. "
                "What is known so far follows."
            ),
        ]
    result = report.results[0]
    return [Words(question(report.analysis, result)), Findings(findings(report.analysis, result))]


def _markdown(report: Report) -> list[Block]:
    if report.results:
        return [Heading("Verdict"), *_page(report)]
    return [
        Heading("No verdict yet"),
        Words(
            "There is no finished truth (transfer accuracy) in the records, so no metric can be judged. The costs and "
            "failures below are\nwhat is known so far."
        ),
    ]


SECTION = Section("verdict", "Verdict", _page, _markdown, css="verdict")
