"""Sections of the page about the layouts of the experiments themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import pandas as pd

from pgebench.analysis.levels import Levels
from pgebench.studies.statistics.figure import NOMINAL
from pgebench.studies.statistics.layout import EMBEDDED, EMBEDDED_FULL
from pgebench.studies.statistics.nested import APART, CHECKPOINT, DIFFERENCE, DRAW, DRAWN, ONCE
from pgebench.studies.statistics.tables import beside_expected, by_quantity, how_many

METRICS = {CHECKPOINT: "looks at the checkpoint", DRAW: "has draws of its own", DIFFERENCE: "difference of the two"}
WAYS = {
    DRAWN: "As the report draws them:",
    APART: "Every view taken for a collection of its own:",
    ONCE: "With a single draw of the second metric:",
}


def nested_sections(parts: Mapping[str, pd.DataFrame]) -> list[str]:
    """Sections of the layouts.

    Args:
        parts: Name of the study -> its rows; those that are not there have no section.

    Returns:
        Markdown, block by block.
    """
    sections = []
    if "population" in parts or "rerun" in parts:
        sections += ["## The experiments themselves", _layouts()]
    if "population" in parts:
        rows = parts["population"]
        sections += ["### Coverage of the population value", POPULATION, how_many(rows)]
        sections += [_verdict(rows[rows["quantity"].isin(_REPORT)])]
        for way, title in WAYS.items():
            metrics = {f"{name} {way}": head for name, head in METRICS.items()}
            widths = {f"width {name} {way}": f"width: {head}" for name, head in METRICS.items()}
            sections += [title, by_quantity(rows, metrics | widths)]
    if "rerun" in parts:
        rows = parts["rerun"]
        names = {f"rerun {name}": METRICS[name] for name in (CHECKPOINT, DRAW)}
        names |= {f"reach {name}": f"reach: {METRICS[name]}" for name in (CHECKPOINT, DRAW)}
        within = rows[rows["quantity"].str.startswith("rerun")]
        sections += ["### Coverage of a rerun from nothing", RERUN, how_many(rows, resampled=False), _verdict(within)]
        sections += [by_quantity(rows, names)]
    for part, title, words, prefix, thing in (
        ("two_ceilings", "### The two noise ceilings", CEILINGS, "", "ceiling"),
        ("levels", "### Levels of the truth", LEVELS, "level_", "level"),
    ):
        if part in parts:
            rows = parts[part]
            sections += [title, words, how_many(rows, resampled=False), beside_expected(rows, prefix, thing)]
    if "contrast_power" in parts:
        rows = parts["contrast_power"]
        names = {name: str(name).removeprefix("power_").replace(" ", ", ") for name in rows["quantity"].unique()}
        sections += ["### Power of a planned contrast", POWER, how_many(rows), by_quantity(rows, names)]
    return sections


_EXPERIMENTS = EMBEDDED, EMBEDDED_FULL
_REPORT = [f"{name} {DRAWN}" for name in METRICS]


def _layouts() -> str:
    shares = {one.name: [getattr(one.components, level.name) for level in fields(Levels)] for one in _EXPERIMENTS}
    return LAYOUTS.format(**{name: ", ".join(f"{share:.2f}" for share in of_one) for name, of_one in shares.items()})


def _verdict(rows: pd.DataFrame) -> str:
    """How many coverages are nominal, and which are not."""
    outside = rows[(rows["value"] < NOMINAL[0]) | (rows["value"] > NOMINAL[1])]
    text = f"{len(rows) - len(outside)} of {len(rows)} coverages are within 92 to 98 %"
    if outside.empty:
        return text + "."
    named = [f"{row['situation']}, {row['quantity']} {row['value']:.3f}" for _, row in outside.iterrows()]
    return f"{text}; the others: {'; '.join(named)}."


LAYOUTS = """*embedded*: 11 sources in 7 collections (pairs of views for 4, 3 single), 8 targets in the 4 with pairs,
3 checkpoints of every source with 2, 1 and 1 transfers. *embedded_full*: 16 sources and targets in 8 collections (4
with two views and the whole they are cut from, 4 single), 3 checkpoints with one transfer each. A pair that shares
images is missing.

accuracy = target + source + near (same collection) + relatedness + checkpoint + checkpoint x target + transfer, with
shares of the variance within a target as the references estimate them: {embedded} in
*embedded*, {embedded_full} in *embedded_full*. Views of one collection share half
of the source's variance, pairs of two collections half of that of relatedness. A metric sees every level with
correlation 0.75 and has errors of its own with the same structure. The one that looks at the checkpoint sees the
checkpoint's levels too and has one score per checkpoint. The other sees none and has 4 draws; each adds noise of
variance 0.2 to the scores, half of it the same for all targets of a source."""

POPULATION = """The true value is the mean number of 2000 further studies of the same shape, with new collections,
sources, targets, checkpoints, transfers and draws; the difference is a planned contrast. Whoever takes views for
collections of their own has shorter intervals, which hold the value less often. With a single draw the number itself
scatters more, and its interval is wider. The intervals are rather too wide: with few collections the part of single
cells weighs much, and a rank correlation holds pairs of sources, which a resample counts more than once (see *Where the
width comes from*). To count pairs apart, by what is linear in the draws and what is not, was tried and given up: it
mends the tables in which relatedness is all, and makes intervals much too short where the source effect is all."""

RERUN = """The same sources and targets with all their effects; checkpoints, transfers and draws are new. The number of
the second study must lie within the reach that the first one foretells. *reach* is the mean reach."""

CEILINGS = """*Same checkpoints*: one transfer of every checkpoint against another one of the same checkpoint; with one
transfer per checkpoint it is not known. *Everything anew*: the mean over the checkpoints against that of a rerun.
*perfect*: against the truth without the luck of the transfer, or without that of checkpoint and transfer. *True* is
the agreement of simulated truths."""

LEVELS = """Shares of the variance of one transfer within a target. With one transfer per checkpoint its luck cannot be
told from the checkpoint's and is planted there. What views have in common makes the sources of one study more alike
than those of the world, so that *source* and *relatedness* come out a little too low."""

POWER = """Share of studies in which a planned contrast finds a true difference in weighted tau at 5 %, between a good
metric that looks at the checkpoint (planted 0.75) and a worse one: another that looks at the *checkpoint*, or one with
a *draw* of its own."""
