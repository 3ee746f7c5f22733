"""Head-based metrics: how well the source model's predictions predict the target labels."""

import torch

from baselines.checks import Array, class_indices, entropy, probability_matrix, within


def leep(source_probabilities: Array, labels: Array) -> float:
    """Log Expected Empirical Prediction.

    The soft joint P(y, z) = 1/n sum_i [y_i = y] theta_iz of target labels y and source classes z gives P(y | z), and
    the score is 1/n sum_i log sum_z P(y_i | z) theta_iz. It does not change when classes are renamed or samples
    reordered.

    Paper: Nguyen, Hassner, Seeger, Archambeau, "LEEP: a new measure to evaluate transferability of learned
    representations", ICML 2020, equations 1 and 2.

    Args:
        source_probabilities: (n, Cs) softmax outputs of the source head on the target images; not logits.
        labels: (n,) integer target labels.

    Returns:
        The score in nats, in [-H(Y), 0] with H(Y) the entropy of the labels; higher is more transferable.

    Raises:
        ValueError: Logits instead of probabilities, wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> leep(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([4, 4, 7]))
    0.0
    """
    theta = probability_matrix(source_probabilities)
    index, counts, _ = class_indices(labels, len(theta), against="source_probabilities")
    index = index.to(theta.device)
    joint = theta.new_zeros(len(counts), theta.shape[1]).index_add_(0, index, theta)
    mass = joint.sum(dim=0)
    # A source class that no image gives any mass has no conditional; it is never asked for one either.
    conditional = torch.where(mass > 0, joint / mass.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    total = 0.0
    for rows, classes in zip(theta.split(4096), index.split(4096), strict=True):
        total += float((rows * conditional[classes]).sum(dim=1).log().sum())
    return within(total / len(theta), -entropy(counts), 0.0, "LEEP")


def nce(source_labels: Array, labels: Array) -> float:
    """Negative Conditional Entropy -H(Y | Z) of the target labels given the hard source predictions.

    It does not change when source or target classes are renamed or samples reordered.

    Paper: Tran, Nguyen, Hassner, "Transferability and hardness of supervised classification tasks", ICCV 2019,
    equation 4, with Z the source head's most probable class on the target images.

    Args:
        source_labels: (n,) integer source class predicted for each target image.
        labels: (n,) integer target labels.

    Returns:
        The score in nats, in [-H(Y), 0]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, non-integers, an empty input, one target class only.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> nce(np.array([5, 5, 9]), np.array([0, 0, 1]))
    0.0
    """
    index, counts, _ = class_indices(labels)
    source, source_counts, _ = class_indices(source_labels, len(index), "source_labels", against="labels", least=1)
    joint = torch.bincount(source * len(counts) + index)
    return within(entropy(source_counts) - entropy(joint), -entropy(counts), 0.0, "NCE")
