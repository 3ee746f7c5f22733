import numpy as np
import pytest
import torch

from baselines import logme, ped, sfda
from baselines._ped import repel


def reference_step(features, labels, radius, time_step):
    """Pair after pair of classes, as balls that push each other."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    standard = (features - mean) / deviation
    groups = [standard[labels == y] for y in np.unique(labels)]
    centres = [g.mean(axis=0) for g in groups]
    radii = [radius * np.sqrt(g.var(axis=0).sum()) for g in groups]
    shifts = [np.zeros_like(mean) for _ in groups]
    for i in range(len(groups)):
        for j in range(len(groups)):
            gap = np.linalg.norm(centres[i] - centres[j])
            overlap = radii[i] + radii[j] - gap
            if i != j and overlap > 0:
                shifts[i] += (centres[i] - centres[j]) / gap * min(0.5 * time_step**2 * overlap, overlap)
    moved = standard + np.stack([shifts[y] for y in labels])
    return moved * deviation + mean, sum(np.abs(s).sum() for s in shifts)


def test_a_step_pushes_overlapping_classes_apart(case):
    features, labels = case
    moved, length = repel(torch.from_numpy(features), torch.from_numpy(labels), 0.6, 0.1)
    expected, expected_length = reference_step(features, labels, 0.6, 0.1)
    assert np.allclose(moved.numpy(), expected, atol=1e-10)
    assert length == pytest.approx(expected_length)


@pytest.mark.parametrize(("name", "metric"), [("logme", logme), ("sfda", sfda)])
def test_ped_scores_the_features_after_the_movement(case, name, metric):
    features, labels = case
    rows, first = features, None
    for _ in range(4):
        moved, length = reference_step(rows, labels, 0.6, 0.8)
        first = length if first is None else first
        if length <= 0.7 * first:
            break
        rows = moved
    assert ped(features, labels, name, time_step=0.8, stop=0.7, steps=4) == pytest.approx(
        metric(rows, labels), abs=1e-9
    )


def test_repulsion_makes_classes_easier_to_tell_apart(case):
    assert ped(*case, time_step=0.5) >= logme(*case)


def test_unknown_scores_are_refused():
    with pytest.raises(ValueError, match="score must be"):
        ped(np.eye(4), np.arange(4) % 2, "nce")
