"""Ways of estimating PGE, judged by their rankings: chosen on half of the collections, reported on the other half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.near_and_far import near_against_far
from pgebench.analysis.quality import mean_where_defined, ranking_quality
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray, Table, mean_over_seeds
from pgebench.studies.pge.variants import Variant

STATISTIC = "weighted_tau"


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
        other half), ``far`` and ``near_against_far`` there, ``all_targets`` (on all pairs) and ``coverage``.
    """
    variants = list(scores)
    reported = halves.cut(truth, False)
    draws = _draws({variant: halves.cut(scores[variant], False) for variant in variants}, reported, halves, resamples)
    near = halves.cut(halves.near[None].astype(float), False)[0] > 0
    off = np.where(near, np.nan, 0.0)[None]
    accuracy = mean_over_seeds(reported)
    rows = []
    for number, variant in enumerate(variants):
        score = halves.cut(scores[variant], False)
        everywhere = ranking_quality(scores[variant], truth)
        chosen_on = ranking_quality(halves.cut(scores[variant], True), halves.cut(truth, True)).mean(STATISTIC)
        tau, far = (
            ranking_quality(*one).mean(STATISTIC)
            for one in ((score, reported), (score + off, reported + off[..., None]))
        )
        between = float(mean_where_defined(near_against_far(score, accuracy, near).reshape(-1)))
        low, high = draws.interval(number)
        judged = chosen_on, tau, low, high, far, between, everywhere.mean(STATISTIC), everywhere.coverage
        rows.append((*vars(variant).values(), *judged))
    judged_by = ("chosen_on", "tau", "low", "high", "far", "near_against_far", "all_targets", "coverage")
    return pd.DataFrame(rows, columns=[*(field.name for field in fields(Variant)), *judged_by])


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
    kept = {variant: halves.cut(scores[variant], False) for variant in variants}
    draws = _draws(kept, halves.cut(truth, False), halves, resamples)
    rows = [(*pair, *draws.difference(*(variants.index(variant) for variant in pair))) for pair in pairs]
    return pd.DataFrame(rows, columns=["first", "second", "difference", "low", "high", "p"])


def _draws(scores: Mapping[Variant, FloatArray], truth: FloatArray, halves: Halves, resamples: int) -> Resamples:
    """Draws of the reporting half, collection by collection."""
    sources, targets = (
        [axis[place] for place in halves.members(axis, False)] for axis in (halves.sources, halves.targets)
    )
    stacked = np.stack(list(scores.values()))
    found = bootstrap(stacked, truth, sources=sources, targets=targets, resamples=resamples, statistics=(STATISTIC,))
    return found[STATISTIC]
