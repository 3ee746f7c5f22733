"""Task2Vec on arrays: tasks embedded by the Fisher information of a linear head on fixed features.

The original embeds a task by the diagonal Fisher information of all filters of a probe network whose head was trained
on the task. This is its part that needs no network: the information in the head, one entry a feature.
`task2vec_distance` also takes embeddings made from a network.
"""

import math

import torch

from baselines.checks import Array, class_indices, feature_matrix, to_tensor, within
from baselines.linear_algebra import principal_components
from baselines.softmax_regression import fit_softmax_regression


def task2vec(
    features: Array, labels: Array, source_features: Array, source_targets: Array, penalty: float = 1e-2
) -> float:
    """Minus the Task2Vec distance between source and target, both embedded by `fisher_embedding` in one feature space.

    It does not change when classes are renamed, samples reordered, or both sets of features multiplied by the same
    constant; it is 0 for equal tasks. Rotations matter: an embedding has one entry a feature.

    Paper: Achille et al., "Task2Vec: task embedding for meta-learning", ICCV 2019.

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
    >>> task2vec(x, y, x, y)
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
    n = len(rows)
    index, counts, _ = class_indices(labels, n, label_name, against=name)
    largest = float(rows.abs().max()) or 1.0
    centred = rows / largest - (rows / largest).mean(dim=0)
    norm = float(torch.linalg.vecdot(centred, centred).mean().sqrt())
    if norm == 0.0:
        raise ValueError(f"{name} are all constant: they carry no information about any task")
    centred = centred / norm
    # The head's predictions do not depend on the basis, so they come from the smaller problem.
    points = principal_components(centred)
    fitted = fit_softmax_regression(points, index.to(rows.device), len(counts), penalty)
    probabilities = torch.softmax(fitted.logits(points), dim=1)
    doubt = (probabilities * (1 - probabilities)).mean(dim=1)
    return (centred**2).T @ doubt / n


def task2vec_distance(first: Array, second: Array) -> float:
    """Symmetric Task2Vec distance, the cosine distance of a / (a + b) and b / (a + b).

    Args:
        first: (k,) embedding, non-negative.
        second: (k,) embedding, non-negative.

    Returns:
        The distance, in [0, 1]; 0 for equal embeddings.

    Raises:
        ValueError: Not two non-negative vectors of one length, or one without any information.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> task2vec_distance(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    0.0
    """
    a, b = to_tensor(first, "first").double(), to_tensor(second, "second").double()
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"first and second must be vectors of one length, got {tuple(a.shape)} and {tuple(b.shape)}")
    if not all(bool(((v >= 0) & torch.isfinite(v)).all()) and float(v.sum()) > 0 for v in (a, b)):
        raise ValueError("first and second must be finite, non-negative and not zero: they are Fisher informations")
    if torch.equal(a, b):
        return 0.0
    informative = (a + b) > 0
    a, b = a[informative], b[informative]
    a, b = a / (a + b), b / (a + b)
    cosine = float(a @ b / math.sqrt(float(a @ a) * float(b @ b)))
    return within(1.0 - cosine, 0.0, 1.0, "Task2Vec distance")
