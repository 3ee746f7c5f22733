"""From the gradients of an estimate to the scores of its variants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.table import FloatArray, Table
from pgebench.pge import GradientSettings, PrincipalGradient
from pgebench.pge.tensors import energy, inverse_noise, normalised, second_moment
from pgebench.studies.pge.evaluate import STATISTIC
from pgebench.studies.pge.products import Products, apart, products, score_arrays
from pgebench.studies.pge.tensor_groups import Parts
from pgebench.studies.pge.variants import (
    ALL,
    DISTANCES,
    INVERSE_NOISE,
    KINDS,
    MEANS,
    SECOND_MOMENT,
    TOGETHER,
    WEIGHTED_KINDS,
    Variant,
    compared_at,
)

Places = tuple[Mapping[str, int], Mapping[str, int]]
"""Where each source's and each target's gradient stands in the products, in the order of the table's axes."""


@dataclass(frozen=True)
class Estimated:
    """What became of one estimate.

    Attributes:
        products: Gradients per restart -> inner products of all datasets' gradients.
        compared: (tensors, average) -> those that all estimates are compared at, see ``compared_at``.
        energy: Share of each tensor, mean over datasets, shape (tensors,).
        names: Of the tensors.
        seconds: CPU seconds of one gradient, averaged over datasets.
    """

    products: Mapping[int, Products]
    compared: Mapping[tuple[str, str], Products]
    energy: FloatArray
    names: tuple[str, ...]
    seconds: float


Load = Callable[[int | None], Sequence[PrincipalGradient]]
"""Episodes per restart, or None for all -> the gradients of all datasets after so many; of 64 restarts, gigabytes."""


def estimated(
    load: Load, sources: Sequence[int], settings: GradientSettings, parts: Parts, seconds: float
) -> Estimated:
    """Everything that the study asks of the gradients of one estimate.

    Args:
        load: Gives the gradients, snapshot by snapshot: they are not held at once.
        sources: Places of the sources among them, from which units of entries and tensors are taken.
        settings: How they were estimated.
        parts: Names and groups of their tensors.
        seconds: CPU seconds of one gradient.

    Returns:
        Their products, whole and in parts.
    """
    restarts, at = compared_at(settings)
    found: dict[int, Products] = {}
    for after in (*settings.snapshots, None):
        gradients = load(after)
        episodes, sizes = after or settings.episodes, gradients[0].sizes
        found[episodes] = products([one.halves for one in gradients], sizes)
        if episodes == at:
            halves = [one.halves[:restarts] for one in gradients]
            compared = _compared(halves, sources, at, found[at].first(restarts), parts, sizes)
            shares = torch.stack([energy(one, sizes) for one in halves]).mean(0).numpy()
    return Estimated(found, compared, shares, parts.names, seconds)


def _compared(
    halves: Sequence[torch.Tensor],
    sources: Sequence[int],
    episodes: int,
    whole: Products,
    parts: Parts,
    sizes: Sequence[int],
) -> dict[tuple[str, str], Products]:
    """Products over parts of the tensors, in other units, and with other averages over restarts."""
    known = [halves[place] for place in sources]
    moment = second_moment(known, episodes)
    by_tensors = {
        ALL: whole,
        **{name: whole.weighted(weights) for name, weights in parts.groups.items()},
        INVERSE_NOISE: whole.weighted(inverse_noise(known, sizes).numpy()),
        SECOND_MOMENT: products([normalised(one, moment).float() for one in halves], sizes),
    }
    compared = {(name, DISTANCES): one for name, one in by_tensors.items()}
    if len(halves[0]) > 1:
        compared |= {(name, TOGETHER): one.together() for name, one in by_tensors.items()}
        compared[ALL, MEANS] = products([one.mean(0, keepdim=True) for one in halves], sizes)
    return compared


def side_by_side(gradients: Sequence[PrincipalGradient]) -> PrincipalGradient:
    """Gradients of one dataset at different weights as one with as many restarts, without snapshots."""
    if len(gradients) == 1:
        return replace(gradients[0], snapshots={})
    return replace(gradients[0], halves=torch.cat([one.halves for one in gradients]), snapshots={})


def combined(groups: Sequence[tuple[Estimated, Sequence[int]]], datasets: int) -> Estimated:
    """One estimate of groups of datasets, each at weights of its own: only pairs within a group have a score.

    Args:
        groups: What became of each, and where its datasets stand among all.
        datasets: Number of all.

    Returns:
        The estimate of all.
    """
    first = groups[0][0]
    return Estimated(
        {count: apart([(one.products[count], places) for one, places in groups], datasets) for count in first.products},
        {key: apart([(one.compared[key], places) for one, places in groups], datasets) for key in first.compared},
        np.mean([one.energy for one, _ in groups], axis=0),
        first.names,
        float(np.mean([one.seconds for one, _ in groups])),
    )


def variants_of(name: str, one: Estimated, settings: GradientSettings) -> Iterator[tuple[Variant, Products]]:
    """All variants of an estimate, with the products that their scores are made of.

    Args:
        name: Of the estimate.
        one: What became of it.
        settings: How it was made.

    Yields:
        Each variant once.
    """
    for episodes, found in one.products.items():
        for restarts in _groups(len(found.values)):
            for kind in KINDS:
                yield Variant(name, restarts, restarts * episodes, kind), found.first(restarts)
    restarts, episodes = compared_at(settings)
    for (tensors, average), found in one.compared.items():
        if (tensors, average) != (ALL, DISTANCES):
            for kind in WEIGHTED_KINDS:
                yield Variant(name, restarts, restarts * episodes, kind, tensors, average), found


def _groups(restarts: int) -> list[int]:
    """1, 2, 4 ... as many as there are."""
    return [2**power for power in range(restarts.bit_length())]


def scored(found: Products, places: Places, kind: str, truth: FloatArray) -> FloatArray:
    """Scores (1, sources, targets) where the truth was measured: a dataset is not its own source.

    Args:
        found: Products of all gradients.
        places: Of sources and targets.
        kind: A distance or a directed form.
        truth: Shape (1, sources, targets, seeds).

    Returns:
        The scores, NaN elsewhere.
    """
    measured = np.isfinite(truth).any(axis=-1)
    return np.where(measured, score_arrays(found, *places, kind), np.nan)


def agreement(all_estimated: Mapping[str, Estimated]) -> pd.DataFrame:
    """Mean agreement of halves and CPU seconds, a row per estimate, number of restarts and of gradients."""
    rows = [
        (name, restarts, restarts * episodes, float(found.first(restarts).agreement().mean()), one.seconds)
        for name, one in all_estimated.items()
        for episodes, found in one.products.items()
        for restarts in _groups(len(found.values))
    ]
    return pd.DataFrame(rows, columns=["estimate", "restarts", "gradients", "agreement", "seconds_a_gradient"])


def energy_table(all_estimated: Mapping[str, Estimated]) -> pd.DataFrame:
    """Share of the gradient in each tensor, a row per estimate and tensor: ``estimate``, ``tensor``, ``share``."""
    rows = [
        (name, tensor, float(share))
        for name, one in all_estimated.items()
        for tensor, share in zip(one.names, one.energy, strict=True)
    ]
    return pd.DataFrame(rows, columns=["estimate", "tensor", "share"])


def norm_confound(found: Products, places: Places, truth: FloatArray) -> dict[str, float]:
    """Spearman correlation of each kind's scores with the norms of the sources' gradients, mean over targets."""
    norms = found.norms()[list(places[0].values())]
    result = {}
    for kind in KINDS:
        scores = scored(found, places, kind, truth)[0]
        ranks = [
            pd.Series(scores[:, t]).corr(pd.Series(norms).where(np.isfinite(scores[:, t])), method="spearman")
            for t in range(scores.shape[1])
        ]
        result[kind] = float(np.nanmean(ranks)) if np.isfinite(ranks).any() else float("nan")
    return result


def spread_over_draws(found: Products, places: Places, table: Table, truth: str) -> dict[int, list[float]]:
    """Mean weighted tau over all targets of estimates with disjoint initialisations, unit distance.

    Returns:
        Number of initialisations (1, 2, 4 ... as many as there are) -> the value of each group of so many.
    """
    restarts = len(found.values)
    accuracy = table.truth[truth]
    result: dict[int, list[float]] = {}
    for size in _groups(restarts):
        groups = [Products(found.values[first : first + size]) for first in range(0, restarts - size + 1, size)]
        scores = [scored(group, places, "unit", accuracy) for group in groups]
        result[size] = [ranking_quality(score, accuracy).mean(STATISTIC) for score in scores]
    return result
