"""Metrics whose sampling error is known, and one that a small sample is not enough for."""

from __future__ import annotations

import numpy as np


def mean_feature(features: np.ndarray, labels: np.ndarray) -> float:
    return float(features.mean())


def two_of_each_class(features: np.ndarray, labels: np.ndarray) -> float:
    if np.bincount(labels).min() < 2:
        raise ValueError("two images of each class are needed")
    return 1.0
