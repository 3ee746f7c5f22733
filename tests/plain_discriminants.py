"""What linear discriminants are made of, the plain way."""

import numpy as np


def within(features, labels):
    return sum(
        (labels == y).mean() * np.atleast_2d(np.cov(features[labels == y].T, bias=True)) for y in np.unique(labels)
    )


def adaptive(features, labels):
    return max(np.exp(-5 * np.linalg.eigvalsh(within(features, labels))[-1]), 1e-10)


def truth(probabilities, labels):
    return probabilities[np.arange(len(labels)), labels]
