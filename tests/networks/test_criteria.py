"""The criteria of a classifier against scikit-learn's, and where they cannot be had."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from pgebench.networks.criteria import class_scores, criteria, macro_auroc


@given(st.integers(0, 10_000), st.integers(3, 6), st.booleans())
def test_the_criteria_are_those_of_scikit_learn(seed: int, classes: int, tied: bool) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.concatenate([np.arange(classes), random.integers(0, classes, 30)]))
    scores = random.normal(size=(len(labels), classes)) + np.eye(classes)[labels]
    scores = scores.round() if tied else scores
    found = criteria(torch.from_numpy(scores), torch.from_numpy(labels))
    probabilities = torch.from_numpy(scores).softmax(1).numpy()
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, scores.argmax(1)))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, scores.argmax(1)))
    expected = roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert found["macro_auroc"] == pytest.approx(expected)


def test_a_criterion_that_cannot_be_had_is_left_out() -> None:
    one_class = criteria(torch.zeros(3, 2), torch.zeros(3, dtype=torch.int64))
    assert set(one_class) == {"accuracy", "balanced_accuracy"}
    overflown = criteria(torch.tensor([[math.inf, math.inf], [0.0, 1.0]]), torch.tensor([0, 1]))
    assert "macro_auroc" not in overflown


def test_a_class_without_test_images_does_not_count() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.3, 0.3, 0.4]])
    assert macro_auroc(probabilities, np.array([0, 2])) == 1.0


def test_class_scores_are_taken_in_evaluation_mode_and_in_order() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.9), torch.nn.Identity()).train()
    images = torch.arange(12.0).view(6, 2)
    assert class_scores(model, images).equal(images.double())
