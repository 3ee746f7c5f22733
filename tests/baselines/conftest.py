"""Real-looking cases every metric is tried on: more samples than dimensions, as many, and fewer."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

SHAPES = {"n<d": (24, 40, 4), "n=d": (30, 30, 3), "n>d": (90, 12, 5)}


@pytest.fixture(params=SHAPES, ids=list(SHAPES))
def case(request):
    """Features, labels: classes overlap, features have a mean and unequal scales."""
    n, d, classes = SHAPES[request.param]
    rng = np.random.default_rng(n + d)
    labels = np.concatenate([np.repeat(np.arange(classes), 2), rng.integers(classes, size=n - 2 * classes)])
    centres = rng.normal(size=(classes, d))
    features = (centres[labels] + 1.5 * rng.normal(size=(n, d))) * rng.uniform(0.5, 2.0, size=d) + 1.0
    order = rng.permutation(n)
    return features[order], labels[order]


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """On a busy machine two threads wait for each other a hundred times longer than tiny products take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)
