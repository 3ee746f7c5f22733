"""Trivial rankers. A metric that does not beat them has measured nothing about the pair of source and target."""

import math

import numpy as np

from baselines.kernels.checks import within


def random_score(seed: int) -> float:
    """A uniform random number: the null every metric is compared with.

    A control, not a metric of a paper.

    Args:
        seed: Any non-negative integer; the caller gives every cell its own.

    Returns:
        A number in [0, 1), the same for the same seed.

    >>> random_score(0) == random_score(0)
    True
    """
    return within(float(np.random.default_rng(seed).random()), 0.0, 1.0, "random score")


def source_accuracy(source_accuracy: float) -> float:
    """Accuracy of the source checkpoint on its own task: "take the best trained model".

    A control, not a metric of a paper.

    Args:
        source_accuracy: Validation accuracy as a fraction in [0, 1].

    Returns:
        The same number.

    Raises:
        ValueError: Not a fraction, a percentage for instance.

    >>> source_accuracy(0.93)
    0.93
    """
    if not 0.0 <= source_accuracy <= 1.0:
        raise ValueError(
            f"source_accuracy must be a fraction in [0, 1], got {source_accuracy!r}: divide percentages by 100"
        )
    return float(source_accuracy)


def source_size(source_size: int) -> float:
    """Number of training images of the source: "take the largest dataset".

    A control, not a metric of a paper.

    Args:
        source_size: Training images.

    Returns:
        Its natural logarithm, which ranks the same and correlates better; in [0, inf).

    Raises:
        ValueError: Not positive.

    >>> source_size(1)
    0.0
    """
    return _log_count(source_size, "source_size")


def number_of_classes(source_classes: int) -> float:
    """Number of classes of the source: "take the most fine-grained dataset".

    A control, not a metric of a paper.

    Args:
        source_classes: Classes of the source's head.

    Returns:
        Its natural logarithm, in [0, inf).

    Raises:
        ValueError: Not positive.

    >>> number_of_classes(1)
    0.0
    """
    return _log_count(source_classes, "source_classes")


def parameter_count(parameters: int) -> float:
    """Number of the backbone's parameters: "take the largest model".

    A control, not a metric of a paper.

    Args:
        parameters: Parameters without the classifier.

    Returns:
        Its natural logarithm, in [0, inf).

    Raises:
        ValueError: Not positive.

    >>> parameter_count(1)
    0.0
    """
    return _log_count(parameters, "parameters")


def flop_count(flops: float) -> float:
    """Floating-point operations of the backbone for one image: "take the dearest model".

    A control, not a metric of a paper.

    Args:
        flops: Multiplications and additions of a forward pass without the classifier.

    Returns:
        Its natural logarithm, in [0, inf).

    Raises:
        ValueError: Not a finite number from 1 on.

    >>> flop_count(1.0)
    0.0
    """
    if not 1 <= flops < math.inf:
        raise ValueError(f"flops must be a finite number of at least 1, got {flops!r}")
    return math.log(flops)


def feature_width(feature_width: int) -> float:
    """Number of the backbone's features: "take the widest model".

    A control, not a metric of a paper.

    Args:
        feature_width: Length of the vector that the classifier sees.

    Returns:
        Its natural logarithm, in [0, inf).

    Raises:
        ValueError: Not positive.

    >>> feature_width(1)
    0.0
    """
    return _log_count(feature_width, "feature_width")


def same_collection(source_collection: str, target_collection: str) -> float:
    """Whether source and target are views of one collection: "take the data that the target was cut from".

    A control, not a metric of a paper.

    Args:
        source_collection: Name of the data that the source is a view of.
        target_collection: The same of the target.

    Returns:
        1.0 if they are the same, else 0.0.

    >>> same_collection("mnist", "mnist"), same_collection("mnist", "fashion")
    (1.0, 0.0)
    """
    return float(source_collection == target_collection)


def _log_count(count: int, name: str) -> float:
    if count != int(count) or count < 1:
        raise ValueError(f"{name} must be a positive whole number, got {count!r}")
    return math.log(count)
