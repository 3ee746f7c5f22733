"""PED: a score of features after their classes have repelled each other, as fine-tuning would make them."""

from typing import Literal

import torch

from baselines._logme import logme
from baselines._sfda import sfda
from baselines.kernels.checks import Array, class_indices, feature_matrix


def ped(
    features: Array,
    labels: Array,
    score: Literal["logme", "sfda"] = "logme",
    radius: float = 0.6,
    time_step: float = 0.1,
    stop: float = 0.5,
    steps: int = 6,
) -> float:
    """Potential Energy Decline: features are moved by `repel`, then scored by LogME or SFDA.

    It does not change when classes are renamed, samples reordered, or features shifted or (with LogME) multiplied by a
    constant. Rotations matter, because features are standardised one by one before the classes move.

    Paper: Li, Hu, Ge, Shan, Duan, "Exploring model transferability through the lens of potential energy", ICCV 2023.
    The authors standardise with the statistics of ImageNet features; here the target's own are used.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        score: The metric that the moved features are given to.
        radius: Radius of a class in standard deviations.
        time_step: Duration of a step.
        stop: The movement ends when a step is shorter than this share of the first one.
        steps: Most steps.

    Returns:
        The score, with the bounds of the metric chosen; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, an unknown score.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x = np.array([[0.0, 1], [1, 0], [8, 9], [9, 9]])
    >>> ped(x, np.array([0, 0, 1, 1])) == logme(x, np.array([0, 0, 1, 1]))  # far apart: nothing moves
    True
    """
    if score not in ("logme", "sfda"):
        raise ValueError(f"score must be 'logme' or 'sfda', got {score!r}")
    rows = feature_matrix(features)
    index = class_indices(labels, len(rows)).of_sample.to(rows.device)
    first = None
    for _ in range(steps):
        moved, length = repel(rows, index, radius, time_step)
        first = length if first is None else first
        if length == 0.0 or length <= stop * first:
            break
        rows = moved
    return logme(rows, labels) if score == "logme" else sfda(rows, labels)


def repel(rows: torch.Tensor, index: torch.Tensor, radius: float, time_step: float) -> tuple[torch.Tensor, float]:
    """One step in which every pair of overlapping classes pushes each other apart.

    In standardised features a class is a ball around its mean with `radius` times the root of its total variance. Two
    balls that overlap by o accelerate each other by o along the line between their centres, for a path of min(o t^2 /
    2, o).

    Args:
        rows: (n, d) float64 features.
        index: (n,) class of each row in 0..C-1.
        radius: Radius in standard deviations.
        time_step: Duration t of the step.

    Returns:
        The moved rows, and the sum of the absolute displacements of the classes.

    >>> rows = torch.tensor([[0.0], [2.0], [10.0], [12.0]], dtype=torch.float64)
    >>> moved, displaced = repel(rows, torch.tensor([0, 0, 1, 1]), radius=0.1, time_step=1.0)
    >>> torch.equal(moved, rows), displaced  # balls that do not overlap
    (True, 0.0)
    """
    mean, deviation = rows.mean(dim=0), rows.std(dim=0, unbiased=False)
    # Constant features, up to rounding, stay where they are.
    constant = deviation <= 1e-13 * rows.abs().amax(dim=0)
    deviation = torch.where(constant, 1.0, deviation)
    standard = torch.where(constant, 0.0, (rows - mean) / deviation)
    classes = int(index.max()) + 1
    sizes = torch.bincount(index, minlength=classes).to(rows)[:, None]
    centres = rows.new_zeros(classes, rows.shape[1]).index_add_(0, index, standard) / sizes
    spread = rows.new_zeros(classes, rows.shape[1]).index_add_(0, index, (standard - centres[index]) ** 2) / sizes
    radii = radius * spread.sum(dim=1).sqrt()
    gaps = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist")
    overlap = (radii[:, None] + radii - gaps).clamp_min(0).fill_diagonal_(0)
    # Classes with one and the same centre have no direction to flee in.
    push = overlap * min(0.5 * time_step**2, 1.0) / torch.where(gaps > 1e-12, gaps, torch.inf)
    shift = push.sum(dim=1, keepdim=True) * centres - push @ centres
    return rows + shift[index] * torch.where(constant, 0.0, deviation), float(shift.abs().sum())
