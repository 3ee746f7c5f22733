"""Distances and directed forms between many principal gradients, from their inner products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pgebench.analysis.table import FloatArray
from pgebench.pge import DIRECTED
from pgebench.pge.halves import CROSS_FITTED


@dataclass(frozen=True)
class Products:
    """Inner products of gradients, which all distances are functions of.

    Attributes:
        values: float64 (restarts, layers, datasets, 2, datasets, 2): the product of a half of one dataset's gradient
            with a half of another's, in one layer at one restart.
    """

    values: FloatArray

    def first(self, restarts: int) -> Products:
        """Those of the first restarts only."""
        return Products(self.values[:restarts])

    def weighted(self, weights: FloatArray) -> Products:
        """Those of gradients whose layers count so much, shape (layers,): each is scaled by the root of its weight."""
        return Products(self.values * weights[None, :, None, None, None, None])

    def together(self) -> Products:
        """Those of gradients in which all restarts stand behind each other, as if they were one."""
        return Products(self.values.sum(axis=0, keepdims=True))

    def agreement(self) -> FloatArray:
        """Cosine between the halves of each dataset's gradient, averaged over restarts; (datasets,)."""
        total = self.values.sum(axis=1)
        n = total.shape[1]
        diagonal = total[:, np.arange(n), :, np.arange(n), :]  # (datasets, restarts, 2, 2)
        norms = np.sqrt(diagonal[..., 0, 0] * diagonal[..., 1, 1])
        return np.asarray((diagonal[..., 0, 1] / norms).mean(axis=1))

    def norms(self) -> FloatArray:
        """Norm of each dataset's gradient, averaged over restarts; (datasets,)."""
        mean = self.values.sum(axis=1).mean(axis=(2, 4))
        return np.asarray(np.sqrt(np.diagonal(mean, axis1=1, axis2=2)).mean(axis=0))

    def scores(self, kind: str) -> FloatArray:
        """How transferable each dataset (first axis) is to each other one; (datasets, datasets), higher is more.

        NaN where noise is all there is, and where the tensors that count have no gradient.

        Args:
            kind: a distance, whose negative it is, or a directed form.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.directed(kind) if kind in DIRECTED else -self.distances(kind)

    def directed(self, form: str) -> FloatArray:
        """A directed form from each dataset to each other one, averaged over restarts; NaN where noise is all there is.

        Args:
            form: a key of ``pgebench.pge.DIRECTED``.
        """
        total = self.values.sum(axis=1)
        mean, own, between = _mean_own_between(total)
        norm = np.where(between > 0, between, np.nan) if form.endswith(CROSS_FITTED) else own
        power = {"descent": 0.0, "gain": 0.5, "projection": 1.0}[form.removesuffix(CROSS_FITTED)]
        return np.asarray((mean / norm[:, :, None] ** power).mean(axis=0))

    def distances(self, kind: str) -> FloatArray:
        """Distances of all datasets, averaged over restarts; (datasets, datasets), NaN where noise is all there is.

        Args:
            kind: a key of ``pgebench.pge.DISTANCES``, with ``_per_layer`` behind it for the mean over layers.
        """
        if kind.endswith("_per_layer"):
            layers = np.stack(
                [_distance(self.values[:, layer], kind.removesuffix("_per_layer")) for layer in self._live_layers()]
            )
            return np.asarray(layers.mean(axis=(0, 1)))
        return np.asarray(_distance(self.values.sum(axis=1), kind).mean(axis=0))

    def _live_layers(self) -> list[int]:
        """Layers in which every dataset has a gradient."""
        n = self.values.shape[2]
        squares = self.values[:, :, np.arange(n), :, np.arange(n), :].mean(
            axis=(-1, -2)
        )  # (datasets, restarts, layers)
        return [int(layer) for layer in np.flatnonzero((squares > 0).all(axis=(0, 1)))]


def products(gradients: Sequence[torch.Tensor], sizes: Sequence[int]) -> Products:
    """Inner products of gradients.

    Args:
        gradients: (restarts, 2, parameters) of each dataset, float32.
        sizes: number of entries of each layer.

    Returns:
        The products, in double precision.
    """
    n, restarts = len(gradients), gradients[0].shape[0]
    found = np.empty((restarts, len(sizes), n, 2, n, 2))
    by_layer = [gradient.split(list(sizes), dim=-1) for gradient in gradients]
    for layer in range(len(sizes)):
        # Layer by layer: all layers in double precision would be several times what the gradients take.
        rows = torch.stack([parts[layer] for parts in by_layer], dim=1).double().flatten(1, 2)
        found[:, layer] = torch.bmm(rows, rows.mT).view(restarts, n, 2, n, 2).numpy()
    return Products(found)


def apart(groups: Sequence[tuple[Products, Sequence[int]]], datasets: int) -> Products:
    """Products of groups of datasets whose gradients cannot be compared with each other's, being at other weights.

    Args:
        groups: Products of each group, and where its datasets stand among all.
        datasets: Number of all.

    Returns:
        Products of all, NaN between groups.
    """
    restarts, layers = groups[0][0].values.shape[:2]
    whole = np.full((restarts, layers, datasets, 2, datasets, 2), np.nan)
    for found, places in groups:
        rows = np.array(places)
        whole[:, :, rows[:, None], :, rows[None, :], :] = np.moveaxis(found.values, (2, 4), (0, 1))
    return Products(whole)


def score_arrays(found: Products, sources: Mapping[str, int], targets: Mapping[str, int], kind: str) -> FloatArray:
    """Scores of shape (1, sources, targets) as the analysis wants them.

    Args:
        found: products of all gradients.
        sources: name of a source -> its place among the gradients.
        targets: likewise for targets.
        kind: a distance or a directed form.
    """
    return np.asarray(found.scores(kind)[np.ix_(list(sources.values()), list(targets.values()))][None])


def _distance(total: FloatArray, kind: str) -> FloatArray:
    """Distances at each restart from products (restarts, datasets, 2, datasets, 2)."""
    mean, own, between = _mean_own_between(total)
    if kind.endswith("_debiased"):
        square = np.where(between > 0, between, np.nan)
        cross = (total[:, :, 0, :, 1] + np.swapaxes(total[:, :, 0, :, 1], 1, 2)) / 2
    else:
        square, cross = own, mean
    norms = square[:, :, None] * square[:, None, :]
    if kind.startswith("unit"):
        squared = 2 - 2 * mean / np.sqrt(norms)
    else:
        squared = (square[:, :, None] + square[:, None, :] - 2 * cross) / norms
    if not kind.endswith("_debiased"):
        squared = np.maximum(squared, 0)  # rounding
    return np.asarray(np.sign(squared) * np.sqrt(np.abs(squared)))


def _mean_own_between(total: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Products of gradients (restarts, datasets, datasets), their squared norms, and these without noise."""
    n = total.shape[1]
    mean = total.mean(axis=(2, 4))
    return mean, np.diagonal(mean, axis1=1, axis2=2), total[:, np.arange(n), 0, np.arange(n), 1]
