"""Tables of the study's report: rows of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

import pandas as pd

from pgebench.studies.pge.controls import KINDS as CONTROL_KINDS
from pgebench.studies.pge.controls import ROWS, Controls
from pgebench.studies.pge.variants import (
    ALL,
    AVERAGES,
    DISTANCES,
    ESTIMATES,
    TENSORS,
    TOGETHER,
    Variant,
    compared_at,
)

NOTHING = "-"

CONVERGENCE_KINDS = ("unit", "product", "unit_debiased")

ABLATION_KINDS = ("unit", "unit_debiased", "unit_per_layer", "product", "gain", "descent", "projection")
"""Columns of the ablation of estimates; the others are in variants.csv."""

PART_KINDS = ("unit", "gain")
"""Distance and directed form that are shown over parts of the tensors."""

WIDE = ("paired", "wide")
WIDE_KINDS = ("unit", "unit_debiased", "gain")
FEWEST = 48
"""Estimates, kinds and smallest cost by which restarts are weighed against gradients at each."""

PART_ESTIMATES = ("paired", "wide", "open_scaled")

MOST_TENSORS = 8

ENERGY_ESTIMATES = ("paired", "open", "open_scaled")


def convergence(judged: pd.DataFrame, agreement: pd.DataFrame) -> list[list[str]]:
    """Agreement and mean weighted tau on all pairs against the number of gradients."""
    rows = []
    for row in agreement.to_dict("records"):
        fresh = row["estimate"] == "official"
        if fresh or (row["estimate"] == "paired" and row["restarts"] in (1, 4, 8)):
            variants = [Variant(row["estimate"], row["restarts"], row["gradients"], kind) for kind in CONVERGENCE_KINDS]
            start = "fresh" if fresh else f"{int(row['restarts'])} shared"
            values = [value(judged, variant, "all_targets") for variant in variants]
            rows.append([start, str(row["gradients"]), f"{row['agreement']:.2f}", *values])
    return sorted(rows, key=lambda row: (row[0], int(row[1])))


def ablation(judged: pd.DataFrame, agreement: pd.DataFrame) -> list[list[str]]:
    """Every estimate at the same number of gradients."""
    rows = []
    for name, settings in ESTIMATES.items():
        restarts, episodes = compared_at(settings)
        gradients = restarts * episodes
        found = agreement[
            (agreement.estimate == name) & (agreement.restarts == restarts) & (agreement.gradients == gradients)
        ]
        if found.empty:
            continue
        row = found.iloc[0]
        cells = [interval(judged, Variant(name, restarts, gradients, kind)) for kind in ABLATION_KINDS]
        rows.append(
            [
                name,
                str(gradients),
                f"{float(row.seconds_a_gradient) * gradients:.1f}",
                f"{float(row.agreement):.2f}",
                *cells,
            ]
        )
    return rows


def groups(draws: Mapping[int, Sequence[float]]) -> list[list[str]]:
    """Values of disjoint groups of initialisations: how many, and how far they lie apart.

    >>> groups({1: [0.1, 0.3], 2: [0.25]})
    [['1', '2', '0.20', '0.10 to 0.30', '0.14'], ['2', '1', '0.25', '-', '-']]
    """
    rows = []
    for size, values in draws.items():
        found = pd.Series(values)
        apart = len(found) > 1
        spread = f"{found.min():.2f} to {found.max():.2f}" if apart else NOTHING
        deviation = f"{found.std():.2f}" if apart else NOTHING
        rows.append([str(size), str(len(found)), f"{found.mean():.2f}", spread, deviation])
    return rows


def wide(judged: pd.DataFrame) -> list[list[str]]:
    """Restarts against gradients at each, at equal cost: a row for each way of dividing so many."""
    found = judged[
        judged.estimate.isin(WIDE)
        & (judged.kind == "unit")
        & (judged.tensors == ALL)
        & (judged.average == DISTANCES)
        & (judged.gradients >= FEWEST)
    ]
    # The first restarts of both are the same, and so are their first gradients.
    found = found.drop_duplicates(["restarts", "gradients"]).sort_values(["gradients", "restarts"])
    rows = []
    for row in found.to_dict("records"):
        estimate, restarts, gradients = (row[name] for name in ("estimate", "restarts", "gradients"))
        variants = [Variant(estimate, restarts, gradients, kind) for kind in WIDE_KINDS]
        own = [cell for one in variants for cell in (value(judged, one, "all_targets"), interval(judged, one))]
        rows.append([f"{restarts} x {gradients // restarts}", str(gradients), *own])
    return rows


def parts(judged: pd.DataFrame) -> list[list[str]]:
    """Which tensors are compared, and what is averaged over restarts, for the estimates of ``PART_ESTIMATES``."""
    rows = []
    for name in PART_ESTIMATES:
        restarts, episodes = compared_at(ESTIMATES[name])
        for tensors in TENSORS:
            for average in AVERAGES:
                variants = [Variant(name, restarts, restarts * episodes, kind, tensors, average) for kind in PART_KINDS]
                if any(row_of(judged, variant) is not None for variant in variants):
                    cells = [interval(judged, variant) for variant in variants]
                    rows.append([name, plain(tensors), average, *cells])
    return rows


def near_and_far(judged: pd.DataFrame, variants: Sequence[Variant]) -> list[list[str]]:
    """All sources, the far ones alone, and near ones against far ones, on the reporting half."""
    return [
        [name_of(variant), *(value(judged, variant, column) for column in ("tau", "far", "near_against_far"))]
        for variant in variants
    ]


def energies(energy: pd.DataFrame) -> list[list[str]]:
    """The tensors that hold most of a gradient, and how many hold nothing."""
    rows = []
    for name in ENERGY_ESTIMATES:
        if name not in set(energy.estimate):
            continue
        own = energy[energy.estimate == name].sort_values("share", ascending=False, kind="stable")
        held = own[own.share > 0][:MOST_TENSORS]
        listed = ", ".join(f"`{row.tensor}` {row.share:.0%}" for row in held.itertuples())
        rows.append([name, str(len(own)), str(int((own.share == 0).sum())), listed])
    return rows


def controls(found: Controls) -> list[list[str]]:
    """Mean distance of every comparison."""
    means = found.distances.groupby("comparison")[list(CONTROL_KINDS)].mean()
    return [[words, *(f"{one:.2f}" for one in list(means.loc[row]))] for row, words in ROWS.items()]


def plain(name: str) -> str:
    """A name in words."""
    return name.replace("_", " ")


def name_of(variant: Variant) -> str:
    """A variant in words.

    >>> name_of(Variant("paired", 4, 200, "unit")), name_of(Variant("open", 4, 200, "gain", "norms", "together"))
    ('paired 4 x 50, unit', 'open 4 x 50, gain, norms, restarts together')
    """
    if not variant.kind:
        return variant.estimate
    words = [f"{variant.estimate} {variant.restarts} x {variant.gradients // variant.restarts}", plain(variant.kind)]
    if variant.tensors != ALL:
        words.append(plain(variant.tensors))
    if variant.average != DISTANCES:
        words.append("restarts together" if variant.average == TOGETHER else "mean gradient of all restarts")
    return ", ".join(words)


def row_of(judged: pd.DataFrame, variant: Variant) -> dict[str, Any] | None:
    """What is known of a variant; None if it is not there or has no score for some pair."""
    keys = [field.name for field in fields(Variant)]
    found = judged[(judged[keys] == pd.Series(astuple(variant), index=keys)).all(axis=1)]
    complete = len(found) > 0 and found.iloc[0]["coverage"] == 1
    return {str(key): one for key, one in found.iloc[0].items()} if complete else None


def value(judged: pd.DataFrame, variant: Variant, column: str) -> str:
    """One number of a variant."""
    row = row_of(judged, variant)
    return NOTHING if row is None or not math.isfinite(row[column]) else f"{row[column]:.2f}"


def interval(judged: pd.DataFrame, variant: Variant) -> str:
    """The mean weighted tau of a variant on the reporting half, with its interval."""
    row = row_of(judged, variant)
    return NOTHING if row is None else with_interval(row)


def with_interval(row: Mapping[Any, Any]) -> str:
    """The same of a row of ``judge``."""
    if not math.isfinite(row["low"]):
        return f"{row['tau']:.2f}"
    return f"{row['tau']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
