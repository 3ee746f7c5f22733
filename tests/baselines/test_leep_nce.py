import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import leep, nce

SETTINGS = settings(deadline=None, max_examples=40)


def reference_leep(theta, labels):
    """The definition, with an explicit joint table filled image by image."""
    n, source_classes = theta.shape
    targets = sorted(set(labels.tolist()))
    joint = {(y, z): 0.0 for y in targets for z in range(source_classes)}
    for row, y in zip(theta, labels.tolist(), strict=True):
        for z in range(source_classes):
            joint[y, z] += row[z] / n
    total = 0.0
    for row, y in zip(theta, labels.tolist(), strict=True):
        expected = 0.0
        for z in range(source_classes):
            marginal = sum(joint[t, z] for t in targets)
            if marginal > 0:
                expected += joint[y, z] / marginal * row[z]
        total += np.log(expected)
    return total / n


def reference_nce(source_labels, labels):
    pairs, n = list(zip(source_labels.tolist(), labels.tolist(), strict=True)), len(labels)
    return sum(np.log(pairs.count((z, y)) / source_labels.tolist().count(z)) for z, y in pairs) / n


def softmax(logits):
    exponent = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponent / exponent.sum(axis=1, keepdims=True)


def entropy(labels):
    p = np.unique(labels, return_counts=True)[1] / len(labels)
    return -(p * np.log(p)).sum()


@st.composite
def predictions(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, source_classes, classes = draw(st.integers(3, 30)), draw(st.integers(1, 6)), draw(st.integers(2, 4))
    labels = rng.integers(classes, size=n)
    labels[:2] = 0, 1
    return softmax(draw(st.sampled_from([0.1, 1.0, 30.0])) * rng.normal(size=(n, source_classes))), labels


@SETTINGS
@given(predictions())
def test_leep_is_the_explicit_joint_table(data):
    assert leep(*data) == pytest.approx(reference_leep(*data), abs=1e-12)


@SETTINGS
@given(predictions())
def test_nce_is_the_explicit_joint_table(data):
    theta, labels = data
    assert nce(theta.argmax(axis=1), labels) == pytest.approx(reference_nce(theta.argmax(axis=1), labels), abs=1e-12)


@SETTINGS
@given(predictions())
def test_scores_lie_between_minus_the_label_entropy_and_zero(data):
    theta, labels = data
    for value in (leep(theta, labels), nce(theta.argmax(axis=1), labels)):
        assert -entropy(labels) - 1e-12 <= value <= 0


@SETTINGS
@given(predictions())
def test_leep_of_one_hot_predictions_is_nce(data):
    theta, labels = data
    hard = theta.argmax(axis=1)
    assert leep(np.eye(theta.shape[1])[hard], labels) == pytest.approx(nce(hard, labels), abs=1e-12)


@SETTINGS
@given(predictions())
def test_renaming_classes_and_reordering_images_changes_nothing(data):
    theta, labels = data
    rng = np.random.default_rng(0)
    order, columns = rng.permutation(len(theta)), rng.permutation(theta.shape[1])
    renamed = (1000 - 7 * labels)[order]
    assert leep(theta[order][:, columns], renamed) == pytest.approx(leep(theta, labels), abs=1e-12)
    hard = theta.argmax(axis=1)
    assert nce(50 - 9 * hard[order], renamed) == pytest.approx(nce(hard, labels), abs=1e-12)


def test_a_source_that_tells_the_target_classes_apart_scores_zero():
    labels = np.array([3, 3, 8, 8, 8])
    assert leep(np.eye(2)[[1, 1, 0, 0, 0]], labels) == 0
    assert nce(np.array([7, 7, 2, 2, 2]), labels) == 0


def test_a_source_that_predicts_the_same_for_every_image_scores_minus_the_label_entropy():
    labels = np.array([0, 1, 1, 2])
    assert leep(np.full((4, 3), 1 / 3), labels) == pytest.approx(-entropy(labels))
    assert nce(np.zeros(4, int), labels) == pytest.approx(-entropy(labels))


def test_a_source_class_without_any_mass_does_no_harm():
    theta = np.array([[0.5, 0.0, 0.5], [0.1, 0.0, 0.9], [0.8, 0.0, 0.2]])
    labels = np.array([0, 1, 0])
    assert leep(theta, labels) == pytest.approx(leep(theta[:, [0, 2]], labels))


def test_half_precision_probabilities_and_torch_tensors_are_welcome():
    rng = np.random.default_rng(1)
    theta, labels = softmax(rng.normal(size=(200, 1000))), rng.integers(5, size=200)
    exact = leep(theta, labels)
    assert leep(torch.tensor(theta), torch.tensor(labels)) == pytest.approx(exact, abs=1e-12)
    assert leep(theta.astype(np.float32), labels) == pytest.approx(exact, abs=1e-6)
    assert leep(torch.tensor(theta).half(), labels) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize(
    ("theta", "labels", "message"),
    [
        (np.array([[3.0, -1.0], [0.2, 5.0]]), [0, 1], "source_probabilities must be probabilities.*softmax"),
        (np.array([[0.7, 0.7], [0.5, 0.5]]), [0, 1], "source_probabilities must be probabilities"),
        (np.array([[np.nan, 0.5], [0.5, 0.5]]), [0, 1], "source_probabilities holds 1 NaN"),
        (np.full((3, 2), 0.5), [0, 1], "labels has 2 entries but source_probabilities has 3 rows"),
        (np.full((2, 2), 0.5), [4, 4], "labels holds one class only"),
        (np.full((2, 2), 0.5), [0.0, 1.0], "labels must be integers"),
        (np.full((2, 2), 0.5), [[1, 0], [0, 1]], r"labels must have shape \(n,\)"),
        (np.empty((0, 2)), [], "source_probabilities is empty"),
        (np.full(2, 0.5), [0, 1], r"source_probabilities must have shape \(n, d\)"),
    ],
)
def test_leep_names_the_argument_that_is_wrong(theta, labels, message):
    with pytest.raises(ValueError, match=message):
        leep(theta, np.array(labels))


def test_nce_names_the_argument_that_is_wrong():
    with pytest.raises(ValueError, match="source_labels has 3 entries but labels has 2 rows"):
        nce(np.array([0, 1, 2]), np.array([0, 1]))
    with pytest.raises(ValueError, match="labels holds one class only"):
        nce(np.array([0, 1]), np.array([1, 1]))
    with pytest.raises(ValueError, match="source_labels must be integers"):
        nce(np.array([0.5, 1.0]), np.array([0, 1]))
