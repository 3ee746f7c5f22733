"""Controls: distances between a task and changed copies of it, beside those to other tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.store.unit import Unit
from pgebench.studies.pge.products import Products, products
from pgebench.studies.pge.variants import CONTROLLED

KINDS = ("unit", "unit_debiased")
DEFAULT_EPISODES, DEFAULT_RESTARTS = 50, 4
"""The estimate of the metric ``pge``; the longer one of the study holds it as a snapshot of its first restarts."""

ROWS = {
    "split": "same task, the other half of its images",
    "permuted": "same task, classes renumbered",
    "permuted_ce": "same task, classes renumbered; cross-entropy loss",
    "near": "other classes of the same collection",
    "far": "other collections",
    "far_ce": "other collections; cross-entropy loss",
    "shuffled": "same images, labels assigned at random",
    "far_shuffled": "other collections, labels of both at random",
}
"""What is compared -> in words."""


@dataclass(frozen=True)
class Controls:
    """What the controls showed.

    Attributes:
        distances: a row per comparison and dataset: ``comparison``, ``dataset``, and a column for each of ``KINDS``.
        without_labels: Spearman correlation, over pairs of tasks, between distances of gradients with true labels and
            with labels assigned at random: how much of what PGE measures needs no labels.
    """

    distances: pd.DataFrame
    without_labels: float


def control_distances(
    store: Store,
    estimates: Mapping[tuple[str, str, str], Unit],
    controls: Mapping[tuple[str, str, str], Unit],
    names: Sequence[str],
    collections: Mapping[str, str],
) -> Controls:
    """Distances of every comparison.

    Args:
        store: with all gradients.
        estimates: units of ``estimate_units``.
        controls: units of ``control_units``.
        names: the datasets.
        collections: name of a dataset -> data that it is a view of.
    """
    plain = [_default(store, estimates["paired", "source", name]) for name in names]
    cross_entropy = [_halves(store, estimates["paired_ce", "source", name]) for name in names]
    sizes = gradient.from_tensors(store.load(estimates["paired", "source", names[0]])).sizes
    changed = {
        (loss, control): [_halves(store, controls[loss, control, name]) for name in names]
        for loss, control in CONTROLLED
    }
    n = len(names)
    proto = products(
        [
            *plain,
            *changed["proto", "first_half"],
            *changed["proto", "second_half"],
            *changed["proto", "permuted"],
            *changed["proto", "shuffled"],
        ],
        sizes,
    )
    ce = products([*cross_entropy, *changed["ce", "permuted"]], sizes)
    of = np.array([collections[name] for name in names])
    same = of[:, None] == of
    near, far = same & ~np.eye(n, dtype=bool), ~same
    rows: list[tuple[object, ...]] = []
    for kind in KINDS:
        d, e = proto.distances(kind), ce.distances(kind)
        base, first, second, permuted, shuffled = (slice(k * n, (k + 1) * n) for k in range(5))
        values = {
            "split": np.diagonal(d[first, second]),
            "permuted": np.diagonal(d[base, permuted]),
            "permuted_ce": np.diagonal(e[base, first]),
            "near": _mean_where(d[base, base], near),
            "far": _mean_where(d[base, base], far),
            "far_ce": _mean_where(e[base, base], far),
            "shuffled": np.diagonal(d[base, shuffled]),
            "far_shuffled": _mean_where(d[shuffled, shuffled], far),
        }
        rows += [
            (comparison, name, kind, value)
            for comparison in ROWS
            for name, value in zip(names, values[comparison], strict=True)
        ]
    table = pd.DataFrame(rows, columns=["comparison", "dataset", "kind", "distance"])
    wide = table.pivot(index=["comparison", "dataset"], columns="kind", values="distance").reset_index()
    return Controls(wide[["comparison", "dataset", *KINDS]], _without_labels(proto, n))


def _without_labels(proto: Products, n: int) -> float:
    d = proto.distances("unit")
    pairs = np.triu_indices(n, 1)
    true, random = d[:n, :n][pairs], d[4 * n :, 4 * n :][pairs]
    return float(pd.Series(true).corr(pd.Series(random), method="spearman"))


def _mean_where(distances: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return np.array([row[mask].mean() for row, mask in zip(distances, chosen, strict=True)])


def _default(store: Store, unit: Unit) -> torch.Tensor:
    return gradient.from_tensors(store.load(unit)).after(DEFAULT_EPISODES).halves[:DEFAULT_RESTARTS]


def _halves(store: Store, unit: Unit) -> torch.Tensor:
    return gradient.from_tensors(store.load(unit)).halves
