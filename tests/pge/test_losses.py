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


def plain_geometry(support, query, labels, prototypes: str, temperature: float | None) -> float:
    """Prototypes in float and with loops."""
    centres = [feature.mean(0) for feature in support]
    distances = [
        [
            1 - float(one @ centre / (one.norm() * centre.norm()))
            if prototypes == "cosine"
            else float((one - centre).square().sum())
            for centre in centres
        ]
        for one in query
    ]
    unit = 1.0 if temperature is None else temperature * sum(map(sum, distances)) / (len(query) * len(centres))
    total = 0.0
    for row, label in zip(distances, labels.tolist(), strict=True):
        total -= math.log(math.exp(-row[label] / unit) / sum(math.exp(-one / unit) for one in row))
    return total / len(query)


@pytest.mark.parametrize("prototypes", ["euclidean", "cosine"])
@pytest.mark.parametrize("temperature", [None, 1.0, 0.2])
def test_the_geometry_of_prototypes_written_out(prototypes: str, temperature: float | None) -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    found = prototype_loss(support, query, labels, prototypes=prototypes, temperature=temperature)
    assert float(found) == pytest.approx(plain_geometry(support, query, labels, prototypes, temperature), rel=1e-5)


@pytest.mark.parametrize("prototypes", ["euclidean", "cosine"])
def test_with_a_temperature_wider_features_are_no_more_certain(prototypes: str) -> None:
    """A hundred times as large features, and as many copies of each: nothing that a softmax should feel."""
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    wide = [100 * one.repeat_interleave(20, dim=-1) for one in (support, query)]
    narrow = prototype_loss(support, query, labels, prototypes=prototypes, temperature=0.5)
    torch.testing.assert_close(prototype_loss(*wide, labels, prototypes=prototypes, temperature=0.5), narrow)


def test_the_unit_of_the_distances_is_a_constant_to_the_gradient() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5, requires_grad=True), torch.tensor([0] * 6)
    (found,) = torch.autograd.grad(prototype_loss(support, query, labels, temperature=0.5), query)
    unit = 0.5 * float((query.detach()[:, None] - support.mean(1)).square().sum(-1).mean())
    (expected,) = torch.autograd.grad(prototype_loss(support / unit**0.5, query / unit**0.5, labels), query)
    torch.testing.assert_close(found, expected)


def test_features_that_are_all_alike_have_a_loss_and_no_gradient() -> None:
    query = torch.ones(6, 5, requires_grad=True)
    loss = prototype_loss(torch.ones(3, 2, 5), query, torch.tensor([0, 0, 1, 1, 2, 2]), temperature=1.0)
    assert loss.item() == pytest.approx(math.log(3))
    assert not torch.autograd.grad(loss, query)[0].any()
