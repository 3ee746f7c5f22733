"""What finished runs say about the three words, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, inf, nan
from pathlib import Path

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost, costs, of_one_life
from pgebench.analysis.cost_curve import next_source_s, next_target_s
from pgebench.analysis.stability import stability
from pgebench.core.errors import ConfigError
from pgebench.report.build import read_results
from pgebench.report.dials import RIVALS
from pgebench.run.table import load_summary

TRUTH = "finetune"

VARIANTS = ("pge", "pge_product", "pge_official")
"""The default, the same gradients with the authors' distance, and the authors' procedure."""

SECONDS, OPERATIONS = "processor time", "FLOPs"
"""Currencies."""

CHEAPER = "sources from which pge is cheaper"

RELIABLE, STABLE, EFFICIENT = "reliable", "stable", "efficient"

SOURCES = (10, 100, 1000)
"""Numbers of sources for which one more target is priced."""

COLUMNS = ("word", "run", "quantity", "metric", "value", "low", "high")


def measured(leagues: Sequence[Path], varied: Path) -> pd.DataFrame:
    """The numbers of every metric that the page shows.

    Args:
        leagues: Results folders; the costs are those of the first.
        varied: Results folder of a run with variations.

    Returns:
        Columns of ``COLUMNS``: the word that a number belongs to, the name of the run's folder, what it is, of which
        metric, the number, and its 95 % interval where there is one.

    Raises:
        ConfigError: A folder lacks its table, or the second kind has no variations.
    """
    rows = [row for folder in leagues for row in _reliable(folder)]
    return pd.DataFrame([*rows, *_stable(varied), *_efficient(leagues[0])], columns=list(COLUMNS))


def league_of(folder: Path) -> pd.DataFrame:
    """The league of a run against fine-tuning, metrics as index.

    Args:
        folder: Its results.

    Raises:
        ConfigError: There is no such league.
    """
    if not (folder / "summary.csv").is_file():
        raise ConfigError(f"league={folder}: there is no summary.csv; name the results folder of a finished run")
    rows = load_summary(folder)
    rows = rows[(rows["truth"] == TRUTH) & (rows["kind"] == "metric")]
    if rows.empty:
        raise ConfigError(f"league={folder}: its league has no metric against {TRUTH}")
    return rows.set_index("metric")


def shown(league: pd.DataFrame) -> list[str]:
    """The metrics that a table shows: PGE, its rivals, and the best of the league if it is none of them.

    Args:
        league: Metrics as index, with the column of the main number.

    >>> shown(pd.DataFrame({"weighted_tau": [0.1, 0.2, 0.4]}, index=["pge", "leep", "ped"]))
    ['pge', 'leep', 'ped']
    """
    first = [name for name in (*VARIANTS, *RIVALS) if name in league.index]
    best = str(league[PRIMARY].idxmax())
    return first if best in first else [*first, best]


def _reliable(folder: Path) -> list[tuple[object, ...]]:
    league = league_of(folder)
    rows: list[tuple[object, ...]] = []
    for metric in shown(league):
        one = league.loc[metric]
        for name, column in (("all sources", PRIMARY), ("far sources alone", f"far_{PRIMARY}")):
            if column in league:
                numbers = one[column], one[f"{column}_low"], one[f"{column}_high"]
                rows.append((RELIABLE, folder.name, name, metric, *numbers))
        rows.append((RELIABLE, folder.name, "regret", metric, one["regret"], one["regret_low"], one["regret_high"]))
        if "rerun_low" in league:
            rows.append((RELIABLE, folder.name, "a rerun", metric, nan, one["rerun_low"], one["rerun_high"]))
    return rows


def _stable(folder: Path) -> list[tuple[object, ...]]:
    league = league_of(folder)
    records, meta = read_results(folder)
    found = stability(records, TRUTH, meta["metric_facts"])
    if found is None:
        raise ConfigError(f"stability={folder}: the run has no variations; name one of experiment=stability")
    wanted = shown(league)
    rows = found.metrics[found.metrics["metric"].isin(wanted)]
    ordered = rows.sort_values(["factor", "metric"], key=lambda column: column.map([*found.factors, *wanted].index))
    return [
        (STABLE, folder.name, row.factor, row.metric, row.agreement, row.quality_low, row.quality_high)
        for row in ordered.itertuples()
    ]


def _efficient(folder: Path) -> list[tuple[object, ...]]:
    records, _ = read_results(folder)
    paid = of_one_life(records)
    # Processor time instead of wall time, which other jobs on the machine lengthen. The work of networks beside it, for
    # reading from disk is most of a pair's time here; what is done with their outputs is not counted, and is little.
    networks = paid["flops"].fillna(0.0) if "flops" in paid else nan
    rows: list[tuple[object, ...]] = []
    for unit, column in ((SECONDS, paid["cpu_s"]), (OPERATIONS, networks)):
        rows += _prices(folder, unit, paid.assign(wall_s=column))
    return [(*row, nan, nan) for row in rows]


def _prices(folder: Path, unit: str, paid: pd.DataFrame) -> list[tuple[object, ...]]:
    prices = {**costs(paid, "truth"), **costs(paid, "metric")}
    rows: list[tuple[object, ...]] = []
    for metric in (TRUTH, *shown(league_of(folder))):
        if metric in prices:
            cost = prices[metric]
            # A source is priced alone: what it costs for no target.
            rows.append((EFFICIENT, folder.name, f"{unit}: one more source", metric, next_source_s(cost, 0)))
            for count in SOURCES:
                quantity = f"{unit}: one more target, {count} sources"
                rows.append((EFFICIENT, folder.name, quantity, metric, next_target_s(cost, count)))
    if "pge" in prices:
        for metric in RIVALS:
            if metric in prices:
                sources = cheaper_from(prices["pge"], prices[metric])
                rows.append((EFFICIENT, folder.name, f"{unit}: {CHEAPER}", metric, sources))
    return rows


def cheaper_from(one: Cost, other: Cost) -> float:
    """The smallest number of sources at which one more target costs less by one metric than by another.

    Args:
        one: Of the first metric.
        other: Of the second.

    Returns:
        At least 1; infinity if there is none.

    >>> blank = dict.fromkeys(Cost.__dataclass_fields__, 0)
    >>> pge, leep = Cost(**blank | {"per_target_s": 2.0}), Cost(**blank | {"per_pair_s": 0.5})
    >>> cheaper_from(pge, leep), cheaper_from(leep, pge)
    (5.0, 1.0)
    """
    ahead, saved = one.per_target_s - other.per_target_s, other.per_pair_s - one.per_pair_s
    if ahead < 0:
        return 1.0
    return floor(ahead / saved) + 1.0 if saved > 0 else inf
