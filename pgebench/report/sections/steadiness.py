"""What the stability suite found, in words: whose ranking survives which change."""

from __future__ import annotations

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.stability import OWN, Stability
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.repetitions import drawn_often
from pgebench.report.wording import MANY, counted, interval, names, number

STEADY, SHAKY = 0.9, 0.5
"""Rank agreement (tau-b) from which a ranking is called steady, and below which it is called shaky."""

CLASS_ORDER = "class order"


def findings(analysis: Analysis, result: TruthResult) -> list[Finding]:
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
    found_out = [Finding("How steady the scores are", text.strip())]
    return [*found_out, *_pge_range(found, "pge" in drawn_often(result)), *_class_order(found, real, result)]


def _pge_range(found: Stability, drawn: bool) -> list[Finding]:
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
        f"{'; '.join(parts)}. The interval of the league is about other datasets"
    )
    text += (
        ", with the draws of its own; it does not hold what the other factors change."
        if drawn
        else " and does not contain this spread."
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
