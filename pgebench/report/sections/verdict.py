"""The verdict: what was found in plain words, each computed from the numbers.

A finding is a short title and one paragraph. Names of metrics are in back-ticks; the page turns them into code.
"""

from __future__ import annotations

import math

import numpy as np

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.report.claims import Finding, beats_chance, clearly_better, real_metrics
from pgebench.report.repetitions import checkpoints_of, repeated
from pgebench.report.section import Block, Findings, Heading, Report, Section, Words
from pgebench.report.sections import (
    ceilings,
    contrasts,
    cost,
    edges,
    failures,
    headroom,
    influence,
    pge,
    questions,
    relatedness,
    scale,
    steadiness,
    truth,
    yardsticks,
)
from pgebench.report.wording import MANY, counted, interval, names, number, reworded


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
        contrasts.finding(result),
        _best(result),
        influence.finding(result),
        pge.finding(analysis, result),
        pge.dead_finding(analysis.dead),
        yardsticks.near_finding(analysis, result),
        yardsticks.static_finding(result),
        yardsticks.practice_finding(result),
        scale.finding(result),
        headroom.finding(result, analysis.table.sources),
        ceilings.finding(result),
        relatedness.finding(result),
        *steadiness.findings(analysis, result),
        others,
        truth.gain_finding(analysis.gains),
        edges.finding(analysis.edges),
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


def in_short(analysis: Analysis, result: TruthResult) -> list[Finding]:
    """What is told about a further truth: who beats chance, what was planned, and who is best.

    Args:
        analysis: The whole analysis, for the question.
        result: The truth to speak about.

    Returns:
        The paragraphs.
    """
    found = [_chance(result), contrasts.finding(result), _best(result)]
    return [
        Finding(reworded(one.title, analysis.question), reworded(one.text, analysis.question))
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
    beside = (
        " A score stands beside the transfers of the checkpoint that it looked at, one that sees none beside those of "
        "every checkpoint."
        if checkpoints_of(result) > 1
        else ""
    )
    text = (
        f"For each of {counted(targets, 'target')}{nets}, the {span} candidate sources are put in order by each metric "
        f"and by the accuracy that was really obtained ({result.name}). {repeated(result)}{beside} The main number is "
        "the weighted Kendall tau of the two orders, in which mistakes at the top weigh most: 1 is the same order, 0 "
        "no relation, -1 the reverse."
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
    if math.isfinite(row["rerun_low"]):
        text += (
            f"If the same study ran again with everything trained anew, it would be expected between "
            f"{number(row['rerun_low'])} and {number(row['rerun_high'])}. "
        )
    if best not in beats_chance(metrics)["metric"].tolist():
        text += "Even that is not distinguishable from chance. "
    if level:
        text += f"Corrected for all pairs, it cannot be told from {names(level, most=MANY)}. "
    if behind:
        text += f"Clearly behind it: {names(behind)}. "
    return Finding(f"Best on average: `{best}`", text.strip())


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
