"""The three words of the paper, stability, reliability and cost, as one number each for a few metrics.

Nothing is computed here that the sections of these names do not show as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost, share_of
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.stability import OWN, Stability
from pgebench.report.claims import real_metrics
from pgebench.report.style import role

RIVALS = ("leep", "logme", "nce")
"""What the paper compares PGE with."""

REPEATS = frozenset({"metric_seed", "target.draw", "seed"})
"""Settings that draw again what a metric saw: its own luck, the images of the target, the checkpoint of the source."""

BESIDE = frozenset({"truth", "budget.truth_seeds", "transfer_seed"})
"""Settings of the truth, which leave the scores as they are."""

STABILITY, RELIABILITY, COST = "stability", "reliability", "cost"


@dataclass(frozen=True)
class Dial:
    """One word about one metric; what this experiment does not measure is NaN.

    Attributes:
        value: Stability: the lowest rank agreement with itself under other draws, other images or another checkpoint.
            Reliability: the number of the league. Cost: the share of the truth's CPU seconds.
        low: Of the range to draw: the lowest agreement; the interval of the league.
        high: The highest agreement; the interval of the league.
        also: Further numbers on the same axis: the agreement under each of these, or the share of the truth's FLOPs.
        where: Stability: the factor of `value`.
        chance: Reliability: where 95 % of shuffled copies fall.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    also: tuple[float, ...] = ()
    where: str = ""
    chance: tuple[float, float] = (math.nan, math.nan)

    @property
    def is_measured(self) -> bool:
        """Whether there is a number to show."""
        return math.isfinite(self.value)


@dataclass(frozen=True)
class Dialled:
    """A metric with its dials.

    Attributes:
        metric: Its name.
        role: What it is drawn in.
        dials: Word -> dial.
        cost: Of all its scores, if it is known.
    """

    metric: str
    role: str
    dials: dict[str, Dial]
    cost: Cost | None


def chosen(result: TruthResult) -> list[str]:
    """PGE, the best of the others and the rivals of the paper, as far as the league has them.

    PGE is `pge`; where it did not run, the best of its variants stands for it.

    Args:
        result: Of one truth.

    Returns:
        Names, PGE first, then in the order of the league.
    """
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    variants = [name for name in result.metrics if role(name, str(kinds[name])) == "pge"]
    pge = ["pge"] if "pge" in variants else variants[:1]
    others = [str(name) for name in real_metrics(result.league)["metric"] if name not in pge]
    wanted = {*others[:1], *RIVALS} - set(pge)
    return [*pge, *[name for name in result.metrics if name in wanted]]


def dialled(analysis: Analysis, result: TruthResult) -> list[Dialled]:
    """The dials of the chosen metrics.

    Args:
        analysis: For stability and costs.
        result: The primary truth, which the stability is about.

    Returns:
        One entry per metric, in the order of `chosen`.
    """
    league = {str(row["metric"]): row for row in result.league.to_dict("records")}
    truth = analysis.truth_costs.get(result.name)
    found = []
    for name in chosen(result):
        row, cost = league[name], analysis.metric_costs.get(name)
        reliability = Dial(
            value=float(row[PRIMARY]),
            low=float(row[f"{PRIMARY}_low"]),
            high=float(row[f"{PRIMARY}_high"]),
            chance=(float(row["null_low"]), float(row["null_high"])),
        )
        dials = {
            STABILITY: _steadiness(analysis.stability, name),
            RELIABILITY: reliability,
            COST: Dial(share_of(cost, truth, "cpu_s"), also=_known([share_of(cost, truth, "flops")])),
        }
        found.append(Dialled(name, role(name, str(row["kind"])), dials, cost))
    return found


def repeats(found: Stability | None) -> list[str]:
    """The factors of an experiment that only draw again what a metric saw; what else is varied is another question.

    Args:
        found: What its variations say.

    Returns:
        Names in the order of the records; none without such a factor.
    """
    if found is None:
        return []
    levels = found.levels[found.levels["level"] != OWN]
    return [factor for factor in found.factors if all(map(_repeats, levels.loc[levels["factor"] == factor, "level"]))]


def _repeats(level: str) -> bool:
    changed = {setting.partition("=")[0] for setting in level.split()} - BESIDE
    return bool(changed) and changed <= REPEATS


def _steadiness(found: Stability | None, metric: str) -> Dial:
    if found is None:
        return Dial()
    asked = (found.metrics["metric"] == metric) & found.metrics["factor"].isin(repeats(found))
    rows = found.metrics[asked & found.metrics["agreement"].notna()]
    if rows.empty:
        return Dial()
    values = [float(value) for value in rows["agreement"]]
    lowest = values.index(min(values))
    return Dial(values[lowest], values[lowest], max(values), tuple(values), str(rows["factor"].iloc[lowest]))


def _known(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(value for value in values if math.isfinite(value))
