"""Ways of estimating PGE, judged by how well they rank: chosen on one half of the targets, reported on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.table import FloatArray

STATISTIC = "weighted_tau"

CHOOSING = frozenset({"animals", "digits", "faces", "glyphs"})
"""Collections whose views are the targets on which a variant may be chosen: every second one of the alphabet. The
others (clipart, emoji, fashion, mnist) are kept for the report."""


@dataclass(frozen=True)
class Variant:
    """One way of scoring.

    Attributes:
        estimate: name of the estimate, or of another metric.
        restarts: initialisations averaged over; 0 where that means nothing.
        gradients: number of gradients of a dataset; 0 likewise.
        distance: the distance; empty likewise.
    """

    estimate: str
    restarts: int = 0
    gradients: int = 0
    distance: str = ""


def is_for_choosing(target: str) -> bool:
    """Whether a target belongs to the half on which variants are chosen.

    >>> is_for_choosing("animals_a"), is_for_choosing("mnist_0_4")
    (True, False)
    """
    return target.split("_")[0] in CHOOSING


def judge(
    scores: Mapping[Variant, FloatArray], truth: FloatArray, targets: Sequence[str], resamples: int = 1000
) -> pd.DataFrame:
    """Mean weighted tau of every variant on both halves of the targets, with 95 % intervals.

    Args:
        scores: (1, sources, targets) of each variant, NaN where there is none.
        truth: (1, sources, targets, seeds).
        targets: names along the third axis.
        resamples: draws of the bootstrap, the same for all variants.

    Returns:
        A row per variant: its fields, ``chosen_on`` (mean over the choosing half), ``tau``, ``low``, ``high`` (on the
        other half), ``all_targets`` and ``coverage``.
    """
    half = np.array([is_for_choosing(target) for target in targets])
    variants = list(scores)
    stacked = np.stack([scores[variant] for variant in variants])
    draws = bootstrap(stacked[..., ~half], truth[:, :, ~half], resamples=resamples, statistics=(STATISTIC,))[STATISTIC]
    rows = []
    for number, variant in enumerate(variants):
        qualities = [
            ranking_quality(scores[variant][..., part], truth[:, :, part]) for part in (half, ~half, slice(None))
        ]
        chosen_on, tau, everywhere = (quality.mean(STATISTIC) for quality in qualities)
        low, high = draws.interval(number)
        rows.append((*vars(variant).values(), chosen_on, tau, low, high, everywhere, qualities[2].coverage))
    fields = [*vars(variants[0]), "chosen_on", "tau", "low", "high", "all_targets", "coverage"]
    return pd.DataFrame(rows, columns=fields)


def differences(
    scores: Mapping[Variant, FloatArray],
    truth: FloatArray,
    targets: Sequence[str],
    pairs: Sequence[tuple[Variant, Variant]],
    resamples: int = 1000,
) -> pd.DataFrame:
    """Differences of the mean weighted tau on the reporting half, on the same resamples.

    Args:
        scores: as for ``judge``.
        truth: as for ``judge``.
        targets: as for ``judge``.
        pairs: what is compared: the first minus the second.
        resamples: draws of the bootstrap.

    Returns:
        A row per pair: ``first``, ``second``, ``difference``, ``low``, ``high``, ``p``.
    """
    kept = ~np.array([is_for_choosing(target) for target in targets])
    variants = list(dict.fromkeys(variant for pair in pairs for variant in pair))
    stacked = np.stack([scores[variant][..., kept] for variant in variants])
    draws = bootstrap(stacked, truth[:, :, kept], resamples=resamples, statistics=(STATISTIC,))[STATISTIC]
    rows = [(*pair, *draws.difference(*(variants.index(variant) for variant in pair))) for pair in pairs]
    return pd.DataFrame(rows, columns=["first", "second", "difference", "low", "high", "p"])
