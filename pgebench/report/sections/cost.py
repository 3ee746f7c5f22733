"""The findings about luck and limits: stability, other questions, gain over training from scratch, budgets."""

from __future__ import annotations

import math

import pandas as pd

from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.analysis.question import PAIRS, QUESTIONS
from pgebench.analysis.stability import OWN, Stability
from pgebench.report.claims import Finding, beats_chance, real_metrics
from pgebench.report.layout import CostPoint, cost_points, pareto_front
from pgebench.report.wording import MANY, counted, duration, interval, names, number, percent, points

STEADY, SHAKY = 0.9, 0.5
"""Rank agreement (tau-b) from which a ranking is called steady, and below which it is called shaky."""

CLASS_ORDER = "class order"

NEARLY = 1.1
"""Two metrics whose costs differ by less than this factor cost the same to a reader."""


def stability(analysis: Analysis, result: TruthResult) -> list[Finding]:
    """Which rankings survive which change; nothing for experiments without variations."""
    found = analysis.stability
    if found is None:
        return []
    real = set(real_metrics(result.league)["metric"])
    rows = found.metrics[found.metrics["metric"].isin(real)]
    worst = rows.groupby("metric")["agreement"].min()
    steady = [name for name in result.metrics if worst.get(name, 0.0) >= STEADY]
    shaky = rows[rows["agreement"] < SHAKY]
    text = ""
    if steady:
        text += f"Every factor leaves the rankings nearly as they were (agreement {STEADY} or more): {names(steady)}. "
    for factor in found.factors:
        broken = shaky.loc[shaky["factor"] == factor, "metric"].tolist()
        ordered = [name for name in result.metrics if name in broken]
        if ordered:
            shown = names(ordered) if len(ordered) <= MANY else f"{len(ordered)} metrics"
            text += f"A change of {factor} alone turns much of the ranking around (below {SHAKY}): {shown}. "
    least = found.setups.dropna().iloc[0] if found.setups["setup_stability"].notna().any() else None
    if least is not None:
        text += (
            f"The league of the metrics itself depends most on {least['factor']}: under different settings of it, two "
            f"leagues agree with a tau of {number(least['setup_stability'])}."
        )
    findings = [Finding("How steady the scores are", text.strip())]
    return [*findings, *_pge_range(found), *_class_order(found, real, result)]


def _pge_range(found: Stability) -> list[Finding]:
    rows = found.levels[found.levels["metric"] == "pge"]
    if rows.empty:
        return []
    own = float(rows.loc[rows["level"] == OWN, PRIMARY].iloc[0])
    parts = []
    for factor, group in rows[rows["level"] != OWN].groupby("factor", sort=False):
        span = [own, *group[PRIMARY]]
        parts.append(f"{factor} {interval(min(span), max(span))}")
    text = (
        f"`pge` reaches {number(own)} in the experiment itself. With one factor changed its number lies between: "
        f"{'; '.join(parts)}. The interval of the league is about other datasets and does not contain this spread."
    )
    return [Finding("The luck in PGE", text)]


def _class_order(found: Stability, real: set[str], result: TruthResult) -> list[Finding]:
    rows = found.metrics[(found.metrics["factor"] == CLASS_ORDER) & found.metrics["metric"].isin(real)]
    if rows.empty:
        return []
    changed = {row["metric"]: row for row in rows[rows["changed"] > 0].to_dict("records")}
    ordered = [name for name in result.metrics if name in changed]
    if not ordered:
        return [Finding("Renumbering the classes", "It changes no score of any metric, as it must be.")]
    said = [f"`{name}` (rank agreement {number(changed[name]['agreement'])})" for name in ordered]
    text = f"It changes no score of {counted(len(rows) - len(ordered), 'metric')}, as it must be. "
    text += f"It does change: {', '.join(said)}. Metrics that draw at random draw anew for the renumbered task."
    return [Finding("Renumbering the classes", text)]


def questions(analysis: Analysis) -> Finding | None:
    """That other questions have other answers."""
    found = analysis.answers
    if found.empty or found["question"].nunique() < 2:
        return None
    titles = {"sources": "sources for a target", "backbones": "backbones", "targets": "targets for a source"}
    parts = []
    for name in (*QUESTIONS, PAIRS.name):
        rows = found[found["question"] == name].dropna(subset=[PRIMARY])
        rows = rows[rows["metric"].isin(real_metrics(analysis.results[0].league)["metric"])]
        if len(rows):
            best = rows.sort_values([PRIMARY, "metric"], ascending=[False, True]).iloc[0]
            parts.append(f"{titles.get(name, 'all pairs in one list')}: `{best['metric']}` ({number(best[PRIMARY])})")
    if not parts:
        return None
    return Finding(
        "Other questions, other answers",
        f"The metric that ranks best depends on what is ranked; {'; '.join(parts)}. The league is about "
        f"{titles.get(analysis.question.name, analysis.question.name)} alone.",
    )


def gain(gains: pd.DataFrame) -> Finding | None:
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


def budget(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Which metric to use for how much computing."""
    truth = analysis.truth_costs.get(result.name)
    if truth is None or truth.total_s <= 0:
        return None
    top = result.ceiling[PRIMARY].repeat
    dear = f"Transferring every source to every target takes {duration(truth.total_s)}"
    dear += f" and is right up to the noise ceiling, {number(top)}." if math.isfinite(top) else "."
    useful = set(beats_chance(real_metrics(result.league))["metric"])
    found = [point for point in cost_points(analysis, result) if point.name in useful]
    if not found:
        return Finding("Which metric for which budget", f"None: no metric is known to beat chance. {dear}")
    ready = [CostPoint(p.name, p.role, p.ready, p.ready, p.value) for p in found]
    fresh_text = f"With nothing trained yet, {_steps(pareto_front(found), truth.total_s)}."
    ready_text = f"With trained source models at hand, {_steps(pareto_front(ready), truth.total_s)}."
    return Finding("Which metric for which budget", f"{fresh_text} {ready_text} {dear}")


def _steps(front: list[CostPoint], whole: float) -> str:
    """The best metric for each budget, in words; of those that cost nearly the same only the best."""
    steps = [
        point
        for point, dearer in zip(front, [*front[1:], None], strict=True)
        if dearer is None or dearer.total > NEARLY * point.total
    ]
    return "; ".join(
        f"from {duration(point.total)} ({percent(point.total / whole)} of the truth's cost) on: `{point.name}`, "
        f"{number(point.value)}"
        for point in steps
    )
