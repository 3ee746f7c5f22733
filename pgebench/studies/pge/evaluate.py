"""Ways of estimating PGE, judged by their rankings: chosen on half of the collections, reported on the other half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.correlation import correlations
from pgebench.analysis.near_and_far import near_against_far
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray, Table, mean_over_seeds
from pgebench.core.errors import ConfigError
from pgebench.studies.pge.variants import MOST, Variant

STATISTIC = "weighted_tau"

AT_ONCE = 200
"""Variants whose correlations are computed at once."""

FIELDS = [field.name for field in fields(Variant)]


@dataclass(frozen=True)
class Halves:
    """The pairs on which a variant may be chosen, and those that are kept for the report.

    A pair belongs to a half with both of its datasets; pairs across the halves belong to neither. So no dataset, nor
    another view of its data, is seen on either side, as a source or as a target.

    Attributes:
        sources: Collection of each source.
        targets: Collection of each target.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]

    @cached_property
    def choosing(self) -> frozenset[str]:
        """Collections for choosing: every second one of the alphabet.

        >>> sorted(Halves(("mnist", "animals"), ("digits", "animals")).choosing)
        ['animals', 'mnist']
        """
        return frozenset(sorted({*self.sources, *self.targets})[::2])

    @cached_property
    def near(self) -> npt.NDArray[np.bool_]:
        """Whether source and target are of one collection, shape (sources, targets)."""
        return np.array([[one == other for other in self.targets] for one in self.sources])

    def members(self, collections: Sequence[str], chosen: bool) -> list[int]:
        """Places of the datasets of a half.

        Args:
            collections: ``sources`` or ``targets``.
            chosen: Whether of the half for choosing.

        Returns:
            In ascending order.
        """
        return [place for place, one in enumerate(collections) if (one in self.choosing) == chosen]

    def cut(self, values: FloatArray, chosen: bool) -> FloatArray:
        """The pairs of one half.

        Args:
            values: Shape (1, sources, targets, ...).
            chosen: Whether of the half for choosing.

        Returns:
            Shape (1, its sources, its targets, ...).
        """
        return values[:, self.members(self.sources, chosen)][:, :, self.members(self.targets, chosen)]


def halves_of(table: Table) -> Halves:
    """The halves of a table's collections.

    Args:
        table: With the collections of its datasets.

    Returns:
        The halves.
    """
    sources, targets = (tuple(table.collection(name) for name in axis) for axis in (table.sources, table.targets))
    return Halves(sources, targets)


def judge(
    scores: Mapping[Variant, FloatArray], truth: FloatArray, halves: Halves, resamples: int = 1000
) -> pd.DataFrame:
    """Mean weighted tau of every variant on both halves of the collections, with 95 % intervals.

    Args:
        scores: (1, sources, targets) of each variant, NaN where there is none.
        truth: (1, sources, targets, seeds).
        halves: The collections.
        resamples: Draws of the bootstrap over collections, the same for all variants.

    Returns:
        A row per variant: its fields, ``chosen_on`` (mean over the choosing half), ``tau``, ``low``, ``high`` (on the
        other half), ``far`` and ``near_against_far`` there, ``all_targets`` (on all pairs that have a score) and
        ``coverage`` (of the pairs of the halves).
    """
    variants = list(scores)
    reported = halves.cut(truth, False)
    kept = [halves.cut(scores[variant], False) for variant in variants]
    draws = _draws(kept, reported, halves, resamples)
    near = halves.cut(halves.near[None].astype(float), False)[0] > 0
    accuracy = mean_over_seeds(reported)
    between = near_against_far(np.stack(kept), accuracy, near)
    columns = {
        "chosen_on": _means([halves.cut(scores[variant], True) for variant in variants], halves.cut(truth, True)),
        "tau": _means(kept, reported),
        "low": [draws.interval(number)[0] for number in range(len(variants))],
        "high": [draws.interval(number)[1] for number in range(len(variants))],
        "far": _means([score + np.where(near, np.nan, 0.0) for score in kept], reported),
        "near_against_far": [float(mean_where_defined(one.reshape(-1))) for one in between],
        "all_targets": _means([scores[variant] for variant in variants], truth),
        "coverage": [_coverage(scores[variant], truth, halves) for variant in variants],
    }
    return pd.DataFrame([astuple(variant) for variant in variants], columns=FIELDS).assign(**columns)


def _means(scores: Sequence[FloatArray], truth: FloatArray) -> list[float]:
    """Mean weighted tau of each over the targets; a score that is constant for a target counts as 0 there."""
    accuracy = np.swapaxes(mean_over_seeds(truth), 1, 2)
    means = []
    for first in range(0, len(scores), AT_ONCE):
        stacked = np.swapaxes(np.stack(scores[first : first + AT_ONCE]), 2, 3)
        found = correlations(stacked, accuracy, if_constant=0.0, wanted=(STATISTIC,))[STATISTIC]
        means += [float(mean_where_defined(one.reshape(-1))) for one in found]
    return means


def _coverage(score: FloatArray, truth: FloatArray, halves: Halves) -> float:
    """Share of the pairs with a truth that have a score; pairs across the halves count nowhere."""
    counted = [
        (np.isfinite(halves.cut(truth, half)).any(axis=-1), np.isfinite(halves.cut(score, half)))
        for half in (True, False)
    ]
    measured = sum(int(known.sum()) for known, _ in counted)
    return sum(int((known & scored).sum()) for known, scored in counted) / measured if measured else float("nan")


def choose(tables: Sequence[pd.DataFrame]) -> tuple[Variant, float]:
    """The variant of PGE with the best mean over the choosing halves of one or several studies.

    Args:
        tables: From ``judge``, one per study.

    Returns:
        The variant, and that mean; ties go to fewer gradients. What has no score for some pair of some study, is
        missing in one, or takes more than ``MOST`` gradients is not chosen.

    Raises:
        ConfigError: No variant is in all of them.
    """
    every = pd.concat(tables)
    below = every[(every.kind != "") & (every.coverage == 1) & (every.gradients <= MOST)]
    found = below.groupby(FIELDS, as_index=False, sort=False)["chosen_on"].agg(["mean", "size"])
    found = found[found["size"] == len(tables)]
    if found.empty:
        raise ConfigError("chosen: no variant has a score for every pair in all of these studies")
    best = found.sort_values(["mean", "gradients"], ascending=[False, True], kind="stable").iloc[0]
    return Variant(*(best[name] for name in FIELDS)), float(best["mean"])


def agreement_of_halves(judged: pd.DataFrame) -> tuple[int, float]:
    """Whether what is best where it is chosen is best where it is reported.

    Args:
        judged: From ``judge``.

    Returns:
        The number of variants of PGE with a score for every pair, and the rank correlation (Spearman) of their means on
        the two halves: near 0, a choice among them is luck; NaN for fewer than three and where all are equal.
    """
    whole = judged[(judged.kind != "") & (judged.coverage == 1)].dropna(subset=["chosen_on", "tau"])
    if len(whole) < 3 or whole["chosen_on"].nunique() == 1 or whole["tau"].nunique() == 1:
        return len(whole), float("nan")
    return len(whole), float(whole["chosen_on"].corr(whole["tau"], method="spearman"))


def differences(
    scores: Mapping[Variant, FloatArray],
    truth: FloatArray,
    halves: Halves,
    pairs: Sequence[tuple[Variant, Variant]],
    resamples: int = 1000,
) -> pd.DataFrame:
    """Differences of the mean weighted tau on the reporting half, on the same resamples.

    Args:
        scores: as for ``judge``.
        truth: as for ``judge``.
        halves: as for ``judge``.
        pairs: what is compared: the first minus the second.
        resamples: draws of the bootstrap.

    Returns:
        A row per pair: ``first``, ``second``, ``difference``, ``low``, ``high``, ``p``.
    """
    variants = list(dict.fromkeys(variant for pair in pairs for variant in pair))
    kept = [halves.cut(scores[variant], False) for variant in variants]
    draws = _draws(kept, halves.cut(truth, False), halves, resamples)
    rows = [(*pair, *draws.difference(*(variants.index(variant) for variant in pair))) for pair in pairs]
    return pd.DataFrame(rows, columns=["first", "second", "difference", "low", "high", "p"])


def _draws(scores: Sequence[FloatArray], truth: FloatArray, halves: Halves, resamples: int) -> Resamples:
    """Draws of the reporting half, collection by collection."""
    sources, targets = (
        [axis[place] for place in halves.members(axis, False)] for axis in (halves.sources, halves.targets)
    )
    found = bootstrap(
        np.stack(scores), truth, sources=sources, targets=targets, resamples=resamples, statistics=(STATISTIC,)
    )
    return found[STATISTIC]
