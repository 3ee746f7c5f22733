"""The losses whose gradient PGE averages."""

from __future__ import annotations

import math

import pytest
import torch

from pgebench.pge import contrastive_loss, linear_loss, prototype_loss


def test_renumbering_the_classes_leaves_the_prototype_loss_unchanged() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 1])
    renumbered = prototype_loss(support[order], query, torch.argsort(order)[labels])
    torch.testing.assert_close(renumbered, prototype_loss(support, query, labels))


def test_renumbering_the_classes_changes_the_linear_loss() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 1])
    renumbered = linear_loss(support[order], query, torch.argsort(order)[labels], seed=3)
    assert not torch.isclose(renumbered, linear_loss(support, query, labels, seed=3))


def test_the_contrastive_loss_is_that_of_the_paper_written_out() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(5, 5), torch.tensor([0, 1, 1, 2, 2])
    features = [*support.flatten(0, 1), *query]
    classes = [0, 0, 1, 1, 2, 2, *labels.tolist()]
    unit = [feature / feature.norm() for feature in features]
    total = 0.0
    for i, anchor in enumerate(unit):
        others = [j for j in range(len(unit)) if j != i]
        positives = [j for j in others if classes[j] == classes[i]]
        bottom = sum(math.exp(float(anchor @ unit[j]) / 0.1) for j in others)
        total -= sum(math.log(math.exp(float(anchor @ unit[p]) / 0.1) / bottom) for p in positives) / len(positives)
    assert float(contrastive_loss(support, query, labels)) == pytest.approx(total / len(unit), rel=1e-5)


def test_renumbering_the_classes_leaves_the_contrastive_loss_unchanged() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 1])
    renumbered = contrastive_loss(support[order], query, torch.argsort(order)[labels])
    torch.testing.assert_close(renumbered, contrastive_loss(support, query, labels))
