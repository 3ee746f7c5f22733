"""The metrics beside yardsticks that look at no image: who is good for everyone, who is near, who is large."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import STATIC, TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.quality import regret_at_random
from pgebench.report.claims import ALPHA, Finding, difference, real_metrics
from pgebench.report.sections.contrasts import planned_pair
from pgebench.report.sections.judged_otherwise import has_near, remains_far
from pgebench.report.wording import MANY, interval, names, number, points

NEAR = "same_collection"
"""The control that knows nothing but whether source and target are parts of one collection."""


def static_finding(result: TruthResult) -> Finding | None:
    """The metrics beside a ranking of sources that are good for everyone."""
    value = result.quality[STATIC].mean(PRIMARY)
    metrics = real_metrics(result.league)["metric"].tolist()
    if not math.isfinite(value) or not metrics:
        return None
    text = (
        f"The static ranker knows how good each source was on the other targets and looks at nothing else; it reaches "
        f"{number(value)}. {_beside(result, STATIC)}"
    )
    if value > float(real_metrics(result.league)[PRIMARY].iloc[0]):
        text += (
            " On average it is ahead of every metric here, so much of what there is to predict is which sources are "
            "good for everyone."
        )
    return Finding("The yardstick: good sources for everyone", text)


def near_finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """The metrics beside "is it a part of the same collection?", and what is left of them without such sources."""
    metrics = real_metrics(result.league)
    if metrics.empty or not has_near(analysis.table, result):
        return None
    text = ""
    if NEAR in result.quality and math.isfinite(value := result.quality[NEAR].mean(PRIMARY)):
        text = (
            f"`{NEAR}` knows nothing but whether source and target are parts of one collection; it reaches "
            f"{number(value)}. {_beside(result, NEAR)} "
        )
        if value > float(metrics[PRIMARY].iloc[0]):
            text += "On average it is ahead of every metric here. "
    left = remains_far(result)
    row = metrics.iloc[0]
    if math.isfinite(row["far_weighted_tau"]):
        low, high = row["far_weighted_tau_low"], row["far_weighted_tau_high"]
        span = f" ({interval(low, high)})" if math.isfinite(low) else ""
        rest = f"better than chance are {names(left, most=MANY)}" if left else "no metric is known to beat chance"
        text += (
            f"Without the sources of the target's own collection `{row['metric']}` reaches "
            f"{number(row['far_weighted_tau'])}{span} instead of {number(row[PRIMARY])}, and {rest}."
        )
    return Finding("The yardstick: near sources", text.strip()) if text else None


def practice_finding(result: TruthResult) -> Finding | None:
    """What it costs to follow the best metric, beside a random pick and the controls."""
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
    controls = result.league[(result.league["kind"] == "trivial") & (result.league["regret"] <= row["regret"])]
    if len(controls):
        controls = controls.sort_values(["regret", "metric"])
        said = ", ".join(f"`{one['metric']}` {points(one['regret'])}" for one in controls.to_dict("records"))
        text += f" No more than that is lost by a yardstick that is no metric: {said}."
    bad = metrics[metrics["regret"] >= blind]["metric"].tolist()
    if bad:
        text += f" No better than a random pick: {names(bad)}."
    return Finding("In practice", text)


def _beside(result: TruthResult, yardstick: str) -> str:
    """Which metrics are better and worse than a yardstick: as planned, or else corrected for all pairs."""
    metrics = real_metrics(result.league)["metric"].tolist()
    planned = {name: planned_pair(result, name, yardstick) for name in metrics}
    better: list[str] = []
    worse: list[str] = []
    for name in metrics:
        pair = planned[name] or difference(result, name, yardstick)
        if pair is not None and pair[3] < ALPHA and pair[0] != 0:
            (better if pair[0] > 0 else worse).append(name)
    text = f"Clearly better: {names(better)}." + (f" Clearly worse: {names(worse)}." if worse else "")
    named = [name for name in metrics if planned[name] is not None]
    if named and len(named) < len(metrics):
        text += f" The comparison was planned for {names(named)}; the others are corrected for all pairs."
    return text
