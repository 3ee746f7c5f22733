"""Head-based metrics: how well the source model's predictions predict the target labels."""

from collections.abc import Iterator

import torch

from baselines.kernels.checks import Array, check_probabilities, class_indices, entropy, raw_matrix, row_chunks, within


def leep(source_probabilities: Array, labels: Array) -> float:
    """Log Expected Empirical Prediction.

    The soft joint P(y, z) = 1/n sum_i [y_i = y] theta_iz of target labels y and source classes z gives P(y | z), and
    the score is 1/n sum_i log sum_z P(y_i | z) theta_iz. It does not change when classes are renamed or samples
    reordered.

    Paper: Nguyen, Hassner, Seeger, Archambeau, "LEEP: a new measure to evaluate transferability of learned
    representations", ICML 2020.

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
    matrix = raw_matrix(source_probabilities, "source_probabilities")
    index, counts, _ = class_indices(labels, len(matrix), against="source_probabilities")
    index = index.to(matrix.device)
    joint = torch.zeros(len(counts), matrix.shape[1], dtype=torch.float64, device=matrix.device)
    sums = []
    for block, classes in _blocks(matrix, index):
        sums.append(check_probabilities(block, "source_probabilities"))
        joint.index_add_(0, classes, block / sums[-1][:, None])
    mass = joint.sum(dim=0)
    # A source class that no image gives any mass has no conditional; it is never asked for one either.
    conditional = torch.where(mass > 0, joint / mass.clamp_min(torch.finfo(torch.float64).tiny), 0.0)
    total = 0.0
    for (block, classes), norm in zip(_blocks(matrix, index), sums, strict=True):
        # One product for all target classes is faster than a row of the table for each image, unless there are many.
        if len(counts) <= 200:
            expected = (block @ conditional.T).gather(1, classes[:, None])[:, 0]
        else:
            expected = torch.linalg.vecdot(block, conditional[classes])
        total += float(torch.log(expected / norm).sum())
    return within(total / len(matrix), -entropy(counts), 0.0, "LEEP")


def _blocks(matrix: torch.Tensor, index: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Float64 rows with their classes, in blocks that stay in the processor's cache."""
    start = 0
    for block in row_chunks(matrix, 4 * 2**20):
        yield block, index[start : start + len(block)]
        start += len(block)


def nce(source_labels: Array, labels: Array) -> float:
    """Negative Conditional Entropy -H(Y | Z) of the target labels given the hard source predictions.

    It does not change when source or target classes are renamed or samples reordered.

    Paper: Tran, Nguyen, Hassner, "Transferability and hardness of supervised classification tasks", ICCV 2019, with Z
    the source head's most probable class on the target images.

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
