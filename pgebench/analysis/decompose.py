"""Two-way decomposition: truth(source, target) = mean + target effect + source effect + interaction.

The *source effect* is what makes a source good for everyone, the *target effect* how easy a target is, and the
*interaction* what is left: this source for this target, i.e. relatedness. Choosing a source within a target is
about the last two only. Cells may be missing (the diagonal always is), so the effects are found by least squares,
each backbone on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pgebench.analysis.table import FloatArray

CONNECTED = 1e-9
"""Eigenvalue of a Laplacian below which it is 0: there are as many of these as parts without a cell in common."""

ROUNDING = 1e-12
"""Of the largest value: what differs by less is equal, as in `pgebench.analysis.table.within_target_z`."""


@dataclass(frozen=True)
class TwoWay:
    """Least-squares effects of one matrix.

    Attributes:
        source: Effect of each source, shape (sources,), mean 0 over the sources seen; NaN for a source never seen.
        target: Mean level plus effect of each target, shape (targets,); NaN for a target never seen.
        interaction: What the two leave over, shape (sources, targets), NaN in missing cells.
    """

    source: FloatArray
    target: FloatArray
    interaction: FloatArray


def two_way(matrix: FloatArray) -> TwoWay:
    """Fit a source and a target effect to a matrix with missing cells.

    Args:
        matrix: Shape (sources, targets), NaN where absent.

    Returns:
        The effects and the residual.

    >>> matrix = np.add.outer([0.0, 1.0, 2.0], [10.0, 20.0, 30.0])
    >>> matrix[0, 0] = np.nan
    >>> fit = two_way(matrix)
    >>> fit.source.round(6).tolist(), float(np.nanmax(np.abs(fit.interaction))) < 1e-9
    ([-1.0, 0.0, 1.0], True)
    """
    there = np.isfinite(matrix)
    sources, targets = matrix.shape
    if not there.any():
        return TwoWay(np.full(sources, np.nan), np.full(targets, np.nan), np.full(matrix.shape, np.nan))
    at_source, at_target = np.nonzero(there)
    design = np.zeros((at_source.size, sources + targets))
    design[np.arange(at_source.size), at_source] = 1.0
    design[np.arange(at_source.size), sources + at_target] = 1.0
    # The constant can move freely between the two sets of effects: the minimum-norm solution, then centred.
    effects = np.linalg.lstsq(design, matrix[there], rcond=None)[0]
    source = np.where(there.any(axis=1), effects[:sources], np.nan)
    target = np.where(there.any(axis=0), effects[sources:], np.nan)
    level = float(np.mean(source[there.any(axis=1)]))
    source, target = source - level, target + level
    residual = matrix - source[:, None] - target[None, :]
    # What is left of an additive matrix is rounding, be it of its spread or of its values; as exact zeros it is seen to
    # be constant.
    spread = float(np.max(np.abs(matrix[there] - matrix[there].mean()), initial=0.0))
    rounding = max(1e-9 * spread, ROUNDING * float(np.max(np.abs(matrix[there]))))
    residual = np.where(np.abs(residual) <= rounding, 0.0, residual)
    return TwoWay(source, target, np.where(there, residual, np.nan))


def source_effects(values: FloatArray) -> FloatArray:
    """Source effects of many matrices at once, those that `two_way` finds for each.

    The effects of the targets come first, from as many equations as there are targets; those of the sources follow.

    Args:
        values: Shape (..., sources, targets), NaN where absent.

    Returns:
        Shape (..., sources), mean 0 over the sources seen; NaN for a source never seen.

    >>> matrix = np.add.outer([0.0, 1.0, 2.0], [10.0, 20.0, 30.0])
    >>> matrix[0, 0] = np.nan
    >>> source_effects(np.stack([matrix, 2 * matrix])).round(6).tolist()
    [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0]]
    """
    there = np.isfinite(values)
    seen, known = there.any(axis=-1), np.where(there, values, 0.0)
    share = there / np.maximum(there.sum(axis=-1, keepdims=True), 1)
    mean = (share * known).sum(axis=-1)
    across = np.swapaxes(there.astype(float), -1, -2)
    # Equal columns and rows of a Laplacian: a target weighs by its sources, less what these share with other targets.
    laplacian = across.sum(axis=-1)[..., None] * np.eye(values.shape[-1]) - across @ share
    size, axes = np.linalg.eigh(laplacian)
    zero = size < CONNECTED
    right = known.sum(axis=-2) - (across @ mean[..., None])[..., 0]
    turned = (np.swapaxes(axes, -1, -2) @ right[..., None])[..., 0]
    of_target = (axes @ np.where(zero, 0.0, turned / np.where(zero, 1.0, size))[..., None])[..., 0]
    effect = mean - (share @ of_target[..., None])[..., 0]
    level = np.where(seen, effect, 0.0).sum(axis=-1, keepdims=True) / np.maximum(seen.sum(axis=-1, keepdims=True), 1)
    result = np.where(seen, effect - level, np.nan)
    # Parts without any cell in common: how they compare is a convention, which `two_way` has.
    parts = zero.sum(axis=-1) - (~there.any(axis=-2)).sum(axis=-1)
    for at in zip(*np.nonzero(parts > 1), strict=True):
        result[at] = two_way(values[at]).source
    return np.asarray(result)


def interactions(values: FloatArray, *, rescale_targets: bool = False) -> FloatArray:
    """Interaction part of each backbone's matrix.

    Args:
        values: Shape (backbones, sources, targets), NaN where absent.
        rescale_targets: Bring the targets' spreads to one size first. Needed for scores, whose unit changes from
            target to target (LEEP and LogME depend on the number of classes); not for accuracy, whose unit is the
            same everywhere.

    Returns:
        Same shape.
    """
    parts = [two_way(matrix / _target_scale(matrix) if rescale_targets else matrix).interaction for matrix in values]
    return np.stack(parts) if parts else values.copy()


def _target_scale(matrix: FloatArray) -> FloatArray:
    """Spread of each target relative to the others, shape (targets,).

    Measured on pairs of sources, each pair against the same pair on the other targets, so that *which* sources a target
    lacks does not matter: a score that depends on the source alone gets scale 1 everywhere and interaction 0.
    """
    scale = np.ones(matrix.shape[1])
    # A target whose sources differ by rounding alone has no spread to be scaled by.
    largest = np.where(np.isfinite(matrix), np.abs(matrix), 0.0).max(axis=0, initial=0.0)
    for _ in range(5):
        scaled = matrix / scale
        gaps = np.abs(scaled[:, None, :] - scaled[None, :, :])
        there = np.isfinite(gaps)
        seen = there.sum(-1)
        usual = np.where(there, gaps, 0.0).sum(-1) / np.maximum(seen, 1)
        expected = np.where(there, usual[..., None], 0.0).sum((0, 1))
        observed = np.where(there, gaps, 0.0).sum((0, 1))
        # A mean gap, against the mean of as many values of the largest size.
        usable = (expected > 0) & (observed * scale > ROUNDING * largest * there.sum((0, 1)))
        scale = scale * np.where(usable, observed / np.where(usable, expected, 1.0), 1.0)
    return scale
