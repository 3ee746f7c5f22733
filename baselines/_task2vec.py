"""Task2Vec: tasks embedded by the Fisher information of a network, or of a linear head on its features.

The original embeds a task by the diagonal Fisher information of all filters of a probe network whose head was trained
on the task. `task_head` trains such a head, `pgebench.networks.fisher` makes the embedding, and `task2vec` compares
two of them. `task2vec_head` needs no network: it looks at the information in the head alone, one entry a feature.
"""

import math

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, to_tensor, within
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.softmax_regression import SoftmaxRegression, fit_softmax_regression


def task2vec(target_information: Array, source_information: Array) -> float:
    """Minus the Task2Vec distance between the Fisher informations of source and target about one probe network.

    It does not change when both informations are multiplied by the same constant; it is 0 for equal ones.

    Paper: Achille et al., "Task2Vec: task embedding for meta-learning", ICCV 2019, arXiv 1902.03545. Their probe is one
    network trained on ImageNet; the runner hands over the information about the source's own.

    Args:
        target_information: (k,) Fisher information of each filter about the target.
        source_information: (k,) the same about the source's own images, of the same network.

    Returns:
        The score, in [-1, 0]; higher is closer.

    Raises:
        ValueError: Not two non-negative vectors of one length, or one without any information.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> task2vec(np.array([1.0, 0.0]), np.array([1.0, 0.0])), task2vec(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    (0.0, -1.0)
    """
    return 0.0 - task2vec_distance(target_information, source_information, "target_information", "source_information")


def task2vec_head(
    features: Array, labels: Array, source_features: Array, source_targets: Array, penalty: float = 1e-2
) -> float:
    """Minus the Task2Vec distance between source and target, both embedded by `fisher_embedding` in one feature space.

    It does not change when classes are renamed, samples reordered, or both sets of features multiplied by the same
    constant; it is 0 for equal tasks. Rotations matter: an embedding has one entry a feature.

    Paper: after Achille et al., "Task2Vec: task embedding for meta-learning", ICCV 2019, with the head for the network.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        penalty: Weight decay of the heads.

    Returns:
        The score, in [-1, 0]; higher is closer.

    Raises:
        ValueError: Wrong shapes, different numbers of features, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0, 1], [1, 0], [4, 1], [5, 0]]), np.array([0, 0, 1, 1])
    >>> task2vec_head(x, y, x, y)
    0.0
    """
    target = fisher_embedding(features, labels, penalty)
    source = fisher_embedding(source_features, source_targets, penalty, "source_features", "source_targets")
    return 0.0 - task2vec_distance(target, source)


def fisher_embedding(
    features: Array,
    labels: Array,
    penalty: float = 1e-2,
    name: str = "features",
    label_name: str = "labels",
) -> torch.Tensor:
    """Diagonal Fisher information of a linear softmax head fitted to a task, averaged over the classes it tells apart.

    The information about the weight from feature j to class c is the mean over images of x_j^2 p_c (1 - p_c). Features
    are centred and divided by their root mean squared norm.

    Args:
        features: (n, d) features.
        labels: (n,) integer labels.
        penalty: Weight decay of the head.
        name: Argument name of the features for messages.
        label_name: Argument name of the labels for messages.

    Returns:
        (d,) non-negative embedding.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, constant features.
    """
    rows = feature_matrix(features, name)
    index, counts, _ = class_indices(labels, len(rows), label_name, against=name)
    centred, _ = _standardised(rows, name)
    # The head's predictions do not depend on the basis, so they come from the smaller problem.
    points = principal_components(centred)
    fitted = fit_softmax_regression(points, index.to(rows.device), len(counts), penalty)
    probabilities = torch.softmax(fitted.logits(points), dim=1)
    doubt = (probabilities * (1 - probabilities)).mean(dim=1)
    return (centred**2).T @ doubt / len(rows)


def task_head(features: Array, labels: Array, penalty: float = 1e-2) -> SoftmaxRegression:
    """The linear softmax head of `fisher_embedding`, in the units and the basis of the features.

    Args:
        features: (n, d) features.
        labels: (n,) integer labels; the c-th smallest is class c of the head.
        penalty: Weight decay of the head on features that are centred and divided by their root mean squared norm.

    Returns:
        The head, with weights (d, C) and biases (C,) for the features as they are.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, constant features.

    >>> import numpy as np
    >>> x, y = np.array([[5.0, 1], [5, 0], [9, 1], [9, 0]]), np.array([0, 0, 1, 1])
    >>> task_head(x, y).logits(torch.from_numpy(x)).argmax(dim=1).tolist()
    [0, 0, 1, 1]
    """
    rows = feature_matrix(features, "features")
    index, counts, _ = class_indices(labels, len(rows), "labels", against="features")
    centred, norm = _standardised(rows, "features")
    points = principal_components(centred)
    fitted = fit_softmax_regression(points, index.to(rows.device), len(counts), penalty)
    axes = centred.T @ (points / points.square().sum(dim=0))
    weights = axes @ fitted.weights / norm
    return SoftmaxRegression(weights, fitted.bias - rows.mean(dim=0) @ weights, fitted.loss)


def _standardised(rows: torch.Tensor, name: str) -> tuple[torch.Tensor, float]:
    """Rows (n, d) centred and divided by their root mean squared norm, and that norm."""
    largest = float(rows.abs().max()) or 1.0
    centred = rows / largest - (rows / largest).mean(dim=0)
    norm = float(torch.linalg.vecdot(centred, centred).mean().sqrt())
    if norm == 0.0:
        raise ValueError(f"{name} are all constant: they carry no information about any task")
    return centred / norm, norm * largest


def task2vec_distance(first: Array, second: Array, first_name: str = "first", second_name: str = "second") -> float:
    """Symmetric Task2Vec distance, the cosine distance of a / (a + b) and b / (a + b).

    Args:
        first: (k,) embedding, non-negative.
        second: (k,) embedding, non-negative.
        first_name: Argument name of the first for messages.
        second_name: Argument name of the second for messages.

    Returns:
        The distance, in [0, 1]; 0 for equal embeddings.

    Raises:
        ValueError: Not two non-negative vectors of one length, or one without any information.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> task2vec_distance(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    0.0
    """
    a, b = to_tensor(first, first_name).double(), to_tensor(second, second_name).double()
    both = f"{first_name} and {second_name}"
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"{both} must be vectors of one length, got {tuple(a.shape)} and {tuple(b.shape)}")
    if not all(bool(((v >= 0) & torch.isfinite(v)).all()) and float(v.sum()) > 0 for v in (a, b)):
        raise ValueError(f"{both} must be finite, non-negative and not zero: they are Fisher informations")
    if torch.equal(a, b):
        return 0.0
    informative = (a + b) > 0
    a, b = a[informative], b[informative]
    a, b = a / (a + b), b / (a + b)
    cosine = float(a @ b / math.sqrt(float(a @ a) * float(b @ b)))
    return within(1.0 - cosine, 0.0, 1.0, "Task2Vec distance")
