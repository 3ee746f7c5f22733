"""Changes between two runs: settings, units, league and costs, as a pure function of their tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pgebench.analysis.alike import judged
from pgebench.analysis.bootstrap import FEWEST
from pgebench.analysis.build_table import build_table
from pgebench.analysis.composites import with_composite_names, with_composites
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import costs
from pgebench.analysis.judge import STATIC
from pgebench.analysis.league import experiment_itself
from pgebench.analysis.lives import over_lives
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.question import QUESTIONS, ask
from pgebench.analysis.rerun import rerun_reach
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.static_ranker import static_replicates
from pgebench.analysis.table import FloatArray, Table
from pgebench.core.identity import Label
from pgebench.core.metric_facts import Facts

Run = tuple[pd.DataFrame, Mapping[str, Any]]
"""The records of a run and its meta, with the facts of its metrics as `metric_facts`."""

TOLERANCE = 1e-6
"""Relative difference of two values up to which they are the same: rounding differs between machines."""

RESAMPLES = 2000
NEVER_COMPARED = ("created",)
COMPARED_AS_FACTS = re.compile(r"config\.metric\..+\.(kind|term_of)")
"""Settings that runs of earlier versions lack; the facts made of them are there for every run."""


@dataclass(frozen=True)
class Comparison:
    """What differs between a run A and a run B.

    Attributes:
        settings: Columns key, a, b (JSON text, None where absent): entries of the meta that differ, its nested keys
            joined by dots.
        units: Number of distinct units of A and of B.
        variations: How many of them belong to variations alone; they have no part in leagues and costs.
        only: Names of the units that only A has, and that only B has.
        values: Columns unit, a, b, difference: same key, another value, the largest difference first.
        failed: Columns unit, run ("A" or "B"), error: not done in one run, and done or unknown in the other.
        leagues: Truth -> columns metric, a, b (mean weighted tau), place_a, place_b, and over the shared targets
            targets (their number), difference (B - A), low, high. NaN where a run lacks the metric or an interval
            cannot be had. Also reach: how far from A its own spread foretells a rerun, see `rerun_reach`; NaN with one
            checkpoint per source.
        costs: Columns name, kind (metric or truth), a, b (wall seconds for everything), ratio (b / a).
    """

    settings: pd.DataFrame
    units: tuple[int, int]
    variations: tuple[int, int]
    only: tuple[list[str], list[str]]
    values: pd.DataFrame
    failed: pd.DataFrame
    leagues: dict[str, pd.DataFrame]
    costs: pd.DataFrame

    @property
    def unchanged(self) -> bool:
        """Whether settings, units and values are the same; costs may differ."""
        return not (len(self.settings) or any(self.only) or len(self.values) or len(self.failed))


def compare_runs(first: Run, second: Run, seed: int = 0) -> Comparison:
    """Compare two runs.

    Args:
        first: Records (columns as in `pgebench.core.records.COLUMNS`; those of later versions may be missing) and meta
            of A.
        second: The same of B. Its league answers the question of A.
        seed: Of the bootstrap.

    Returns:
        What differs, A's side first.

    Raises:
        ValueError: The meta of A names no question that is known.
    """
    units = [_distinct(records) for records, _ in (first, second)]
    itself = [experiment_itself(records) for records, _ in (first, second)]
    facts = (first[1].get("metric_facts", {}), second[1].get("metric_facts", {}))
    a, b = units
    return Comparison(
        settings=_settings(first[1], second[1]),
        units=(len(a), len(b)),
        variations=(len(a) - itself[0]["key"].nunique(), len(b) - itself[1]["key"].nunique()),
        only=(_names(a[~a.index.isin(b.index)]), _names(b[~b.index.isin(a.index)])),
        values=_values(a, b),
        failed=pd.concat([_failed(a, b, "A"), _failed(b, a, "B")], ignore_index=True),
        leagues=_leagues(itself[0], itself[1], facts, str(first[1].get("question", "sources")), seed),
        costs=pd.concat([_costs(itself[0], itself[1], facts, kind) for kind in ("metric", "truth")], ignore_index=True),
    )


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> pd.DataFrame:
    flat_a, flat_b = (dict(_flat(meta)) for meta in (a, b))
    keys = sorted(key for key in {*flat_a, *flat_b} if not COMPARED_AS_FACTS.fullmatch(key))
    rows = [(key, flat_a.get(key), flat_b.get(key)) for key in keys if flat_a.get(key) != flat_b.get(key)]
    return pd.DataFrame(rows, columns=["key", "a", "b"], dtype=object)


def _flat(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested mappings as JSON text, by their keys joined with dots."""
    for key, value in node.items():
        if not above and key in NEVER_COMPARED:
            continue
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(value, sort_keys=True)


def _distinct(records: pd.DataFrame) -> pd.DataFrame:
    """One row a unit, by key; of the rows of a unit that has several names the first."""
    return records.drop_duplicates("key").set_index("key").sort_index()


def _names(units: pd.DataFrame) -> list[str]:
    """Each unit in words, in the order of the alphabet."""
    return sorted(_name(row) for row in units.to_dict("records"))


def _name(row: Mapping[Any, Any]) -> str:
    fields = ("backbone", "source", "target", "metric", "truth", "seed", "variant", "checkpoint")
    shown = {field: row[field] for field in fields if field in row and pd.notna(row[field])}
    return f"{row['stage']} {Label(**shown)}"


def _values(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    shared = a.index.intersection(b.index)
    left, right = (units.loc[shared, "value"].to_numpy(dtype=float) for units in (a, b))
    done = ((a.loc[shared, "status"] == "done") & (b.loc[shared, "status"] == "done")).to_numpy()
    changed = done & ~np.isclose(left, right, rtol=TOLERANCE, atol=1e-12, equal_nan=True)
    units = [_name(row) for row in a.loc[shared[changed]].to_dict("records")]
    frame = pd.DataFrame({"unit": units, "a": left[changed], "b": right[changed]})
    frame["difference"] = frame["b"] - frame["a"]
    order = frame["difference"].abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order].reset_index(drop=True)


def _failed(here: pd.DataFrame, there: pd.DataFrame, run: str) -> pd.DataFrame:
    done_there = here.index.isin(there.index[there["status"] == "done"])
    known_there = here.index.isin(there.index)
    rows = here[(here["status"] != "done") & (done_there | ~known_there)]
    found = [
        (_name(row), run, row["error"] if pd.notna(row["error"]) else row["status"]) for row in rows.to_dict("records")
    ]
    return pd.DataFrame(found, columns=["unit", "run", "error"]).sort_values("unit", ignore_index=True)


def _leagues(
    a: pd.DataFrame, b: pd.DataFrame, facts: tuple[Facts, Facts], question: str, seed: int
) -> dict[str, pd.DataFrame]:
    if question not in QUESTIONS:
        raise ValueError(f"question={question} in meta.json: choose from {', '.join(QUESTIONS)}")
    tables = [
        with_composites(ask(build_table(records, known), QUESTIONS[question]), known)
        for records, known in zip((a, b), facts, strict=True)
    ]
    truths = sorted({name for table in tables for name in table.truth})
    return {
        truth: _league(_with_static(tables[0], truth), _with_static(tables[1], truth), truth, seed) for truth in truths
    }


def _with_static(table: Table, truth: str) -> Table:
    """The table with the static ranker of a truth, as in the report; the same one if it lacks the truth."""
    return table.with_replicates(STATIC, static_replicates(table.truths[truth])) if truth in table.truths else table


def _league(a: Table, b: Table, truth: str, seed: int) -> pd.DataFrame:
    taus = [_per_target(table, truth) for table in (a, b)]
    means = [{metric: float(mean_where_defined(tau.to_numpy().ravel())) for metric, tau in run.items()} for run in taus]
    places = [pd.Series(mean, dtype=float).rank(ascending=False, method="min") for mean in means]
    reach = _reach(a, truth, seed)
    rows = []
    for metric in sorted({*means[0], *means[1]}):
        row = [metric, *(mean.get(metric, np.nan) for mean in means), *(place.get(metric) for place in places)]
        if metric in taus[0] and metric in taus[1]:
            row += _difference(taus[0][metric], taus[1][metric], seed)
        else:
            row += [0, np.nan, np.nan, np.nan]
        rows.append([*row, reach.get(metric, np.nan)])
    columns = ["metric", "a", "b", "place_a", "place_b", "targets", "difference", "low", "high", "reach"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        ["place_a", "place_b", "metric"], na_position="last", ignore_index=True
    )


def _reach(table: Table, truth: str, seed: int) -> dict[str, float]:
    """How far from each metric's number that of a rerun is expected."""
    if truth not in table.truths:
        return {}
    found = rerun_reach(list(table.replicates.values()), table.truths[truth], seed=seed)
    return dict(zip(table.replicates, found.tolist(), strict=True))


def _per_target(table: Table, truth: str) -> dict[str, pd.DataFrame]:
    """Metric -> weighted tau, one row per backbone, one column per target."""
    if truth not in table.truths:
        return {}
    sides = judged(list(table.replicates.values()), table.truths[truth], table.sources, table.targets)
    return {
        metric: pd.DataFrame(
            over_lives(found.per_target[PRIMARY], len(table.backbones)), index=table.backbones, columns=table.targets
        )
        for metric, found in zip(table.replicates, sides.quality(), strict=True)
    }


def _difference(a: pd.DataFrame, b: pd.DataFrame, seed: int) -> list[float]:
    """Number of shared targets, mean of B - A over them, and its 95 % interval from resampled targets."""
    paired = (b - a).dropna(axis=0, how="all").dropna(axis=1, how="all")
    targets, values = paired.shape[1], paired.to_numpy(dtype=float)
    estimate = float(mean_where_defined(values.ravel()))
    if targets < FEWEST:
        return [targets, estimate, np.nan, np.nan]
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(targets, np.full(targets, 1 / targets), size=RESAMPLES).astype(float)
    weights = np.broadcast_to(drawn[:, None, :], (RESAMPLES, *values.shape)).reshape(RESAMPLES, -1)
    means: FloatArray = mean_where_defined(values.ravel(), weights)[None]
    # Targets alone are drawn, so every kind of draw is the same one.
    draws = Resamples(np.array([estimate]), means, means, means, targets, 0, (-2.0, 2.0))
    return [targets, estimate, *draws.interval(0)]


def _costs(a: pd.DataFrame, b: pd.DataFrame, facts: tuple[Facts, Facts], kind: str) -> pd.DataFrame:
    named = [with_composite_names(records, known) for records, known in zip((a, b), facts, strict=True)]
    left, right = (costs(records, kind) for records in named)
    rows = []
    for name in sorted({*left, *right}):
        seconds = [run[name].total_s if name in run else np.nan for run in (left, right)]
        rows.append((name, kind, *seconds, seconds[1] / seconds[0] if seconds[0] else np.nan))
    return pd.DataFrame(rows, columns=["name", "kind", "a", "b", "ratio"])
