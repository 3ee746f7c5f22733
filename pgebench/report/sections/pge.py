"""PGE in the league, whatever its place: its number, the luck of its own draws, and the best other metric."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from pgebench.analysis.alike import quality_by_draw
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.report.claims import ALPHA, Finding, clearly_better, difference, real_metrics
from pgebench.report.repetitions import drawn_often, drawn_once
from pgebench.report.sections.contrasts import planned_pair
from pgebench.report.wording import MANY, interval, names, number, percent, signed


def finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Where PGE stands.

    Args:
        analysis: For the scores of each draw.
        result: The truth to speak about.

    Returns:
        None without any PGE in the league.
    """
    metrics = real_metrics(result.league)
    ours = metrics[metrics["metric"].str.startswith("pge")]
    others = metrics[~metrics["metric"].str.startswith("pge")]
    if ours.empty:
        return None
    place = {name: i + 1 for i, name in enumerate(metrics["metric"])}
    row = ours.iloc[0]
    best = str(row["metric"])
    low, high = float(row[f"{PRIMARY}_low"]), float(row[f"{PRIMARY}_high"])
    span = f" (95 % interval {interval(low, high)})" if math.isfinite(low) else ""
    text = f"`{best}` reaches {number(float(row[PRIMARY]))}{span}, place {place[best]} of {len(metrics)}"
    if len(others):
        text += _against(result, best, str(others["metric"].iloc[0]))
    text += f". {_luck(analysis, result, best)}"
    variants = [str(name) for name in ours["metric"][1:]]
    if variants:
        said = [f"`{name}` {number(result.quality[name].mean(PRIMARY))}, place {place[name]}" for name in variants]
        behind = [name for name in variants if clearly_better(result, best, name)]
        text += f" The other variants: {'; '.join(said)}. Clearly behind `{best}`: {names(behind)}."
    return Finding("PGE", text)


def dead_finding(dead: pd.DataFrame) -> Finding | None:
    """A warning of tensors whose gradient is exactly zero at every draw, with their names and the remedy.

    Args:
        dead: See `pgebench.analysis.dead_tensors.dead_tensors`.

    Returns:
        None where every tensor has a gradient.
    """
    if dead.empty:
        return None
    said = []
    for row in dead.to_dict("records"):
        found = list(row["dead"])
        rest = len(found) - MANY
        listed = names(found) if rest <= 0 else f"{', '.join(f'`{one}`' for one in found[:MANY])} and {rest} more"
        said.append(
            f"On `{row['backbone']}`, {len(found)} of {row['tensors']} parameter tensors ({percent(row['share'])} of "
            f"the parameters) have a gradient of exactly zero at every draw of `{row['metric']}`, so it sees nothing "
            f"of them: {listed}. {percent(row['in_few'])} of the gradient lies in {row['few']} tensors."
        )
    remedy = "Where residual branches start at zero, `metric.<name>.gradient.branches=open` starts them alive."
    return Finding("PGE sees a part of the network", f"{' '.join(said)} {remedy}")


def _against(result: TruthResult, best: str, other: str) -> str:
    """The difference from the best other metric, as it was planned or else as one of all pairs."""
    planned = planned_pair(result, best, other)
    pair = planned or difference(result, best, other)
    if pair is None:
        return ""
    gap, low, high, p = pair
    text = f"; against the best other metric, `{other}`, that is {signed(gap)}"
    if math.isfinite(low):
        how = "" if planned else " when corrected for all pairs"
        text += f" ({interval(low, high)}), {'a clear difference' if p < ALPHA else 'not a clear difference'}{how}"
    return text


def _luck(analysis: Analysis, result: TruthResult, metric: str) -> str:
    """What another draw of its initialisations and episodes would change."""
    if metric in drawn_once(result):
        once = "Its initialisations and episodes were drawn once"
        return f"{once}: the interval does not hold what another draw changes." if any(result.drawn) else f"{once}."
    if metric not in drawn_often(result):
        return ""
    drawn = quality_by_draw(analysis.table.replicates[metric], result.transfers)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 2:
        return ""
    return (
        f"That is the mean over {len(drawn)} draws of its initialisations and episodes, which lie between "
        f"{number(float(drawn.min()))} and {number(float(drawn.max()))} (standard deviation "
        f"{number(float(drawn.std(ddof=1)))}); this luck is in the interval."
    )
