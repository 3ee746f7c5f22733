"""Entropy of the source head's predictions: is the model sure of images that it was not trained for? No labels."""

import math

import torch

from baselines.kernels.checks import Array, check_probabilities, raw_matrix, row_chunks, within


def prediction_entropy(source_probabilities: Array) -> float:
    """Minus the mean entropy of the source head's predictions on the target's images.

    It looks at no labels. It does not change when samples or source classes are reordered. A head of few classes has
    less entropy to give, so of two unsure heads the smaller one wins.

    Paper: after Tu et al., "Ranked from within: ranking large multimodal models without labels", ICML 2025, arXiv
    2412.06461, who rank models by the uncertainty of their outputs. Theirs are models that answer questions; here it is
    the head of the source.

    Args:
        source_probabilities: (n, Cs) predictions of the source head, rows that sum to 1.

    Returns:
        The score in nats, in [-log Cs, 0]; higher, a surer head, is more transferable.

    Raises:
        ValueError: Wrong shape, an empty input, NaN, or rows that are no probabilities.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(prediction_entropy(np.array([[1.0, 0.0], [0.5, 0.5]])), 6)  # half of log 2
    -0.346574
    """
    matrix = raw_matrix(source_probabilities, "source_probabilities")
    total = 0.0
    for block in row_chunks(matrix):
        p = block / check_probabilities(block, "source_probabilities")[:, None]
        total += float(torch.special.xlogy(p, p).sum())
    return within(total / len(matrix), -math.log(matrix.shape[1]), 0.0, "prediction entropy")
