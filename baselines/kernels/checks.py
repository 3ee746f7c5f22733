"""Input and output checks shared by all metrics: one place, one wording.

Arrays become torch tensors here (NumPy arrays without a copy), so that every metric is written once and runs where its
features are: on the CPU, or on the CUDA device they already occupy. All arithmetic is float64.
"""

import math
import warnings
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
import torch

Array: TypeAlias = np.ndarray | torch.Tensor

# Softmax rows summed in float16 over 1,000 classes are off by up to 1e-3; logits are off by far more than this.
_ROW_SUM_TOLERANCE = 1e-2
_CHUNK_BYTES = 32 * 2**20


class BoundsError(ArithmeticError):
    """A metric's value lies outside its mathematical bounds: a bug or a loss of precision, never a result."""


class Classes(NamedTuple):
    """Labels as indices.

    Attributes:
        of_sample: (n,) int64 CPU tensor, class of each sample in 0..C-1.
        sizes: (C,) int64 CPU tensor, samples of each class, none of them zero.
        values: The C labels in ascending order.
    """

    of_sample: torch.Tensor
    sizes: torch.Tensor
    values: list[int]


def within(value: float, low: float, high: float, name: str, tolerance: float = 1e-8) -> float:
    """Returns `value` clipped to [low, high]; raises if it is outside by more than rounding explains.

    Args:
        value: What the metric computed.
        low: Its mathematical lower bound, may be -inf.
        high: Its mathematical upper bound, may be inf.
        name: The metric's name for the message.
        tolerance: Slack relative to the largest of 1 and the finite bounds.

    Returns:
        The value as a Python float inside [low, high].

    Raises:
        BoundsError: The value is NaN or outside the bounds.

    >>> within(1.0 + 1e-12, 0.0, 1.0, "H-score")
    1.0
    """
    slack = tolerance * max([1.0, *(abs(bound) for bound in (low, high) if math.isfinite(bound))])
    if not low - slack <= value <= high + slack:
        raise BoundsError(
            f"{name} = {value!r} lies outside its mathematical bounds [{low:.6g}, {high:.6g}]: "
            "a loss of precision or a bug, please report it with the input"
        )
    return float(min(max(value, low), high))


def to_tensor(array: Array, name: str) -> torch.Tensor:
    """Views an array as a detached tensor on its own device, in its own dtype, without a copy where possible.

    Args:
        array: NumPy array, memory map or torch tensor of real numbers.
        name: Argument name for messages.

    Returns:
        A tensor that must not be written to: it may share memory with `array`.

    Raises:
        ValueError: The array holds no real numbers, for instance objects or strings.
    """
    if isinstance(array, torch.Tensor):
        tensor = array.detach()
        if tensor.device.type not in ("cpu", "cuda"):
            tensor = tensor.cpu()  # float64 does not exist on the other devices
    else:
        values = np.asarray(array)
        if values.dtype.kind not in "fiub":
            raise ValueError(f"{name} must hold real numbers, got dtype {values.dtype}")
        if not values.dtype.isnative or any(stride < 0 for stride in values.strides):
            values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))
        with warnings.catch_warnings():
            # A read-only memory map is welcome: nothing here writes to its input.
            warnings.filterwarnings("ignore", message=".*not writable.*", category=UserWarning)
            tensor = torch.from_numpy(values)
    if tensor.dtype == torch.bool:
        tensor = tensor.to(torch.uint8)
    if tensor.is_complex():
        raise ValueError(f"{name} must hold real numbers, got dtype {tensor.dtype}")
    return tensor


def row_chunks(matrix: torch.Tensor, chunk_bytes: int = _CHUNK_BYTES) -> Iterator[torch.Tensor]:
    """Yields consecutive blocks of rows as float64, each about `chunk_bytes` long.

    Args:
        matrix: (n, d) tensor of any real dtype.
        chunk_bytes: Size of a float64 block.

    Yields:
        (m, d) float64 blocks that together are the matrix; they may share its memory.
    """
    rows = max(1, chunk_bytes // (8 * max(1, matrix.shape[1])))
    for start in range(0, len(matrix), rows):
        yield matrix[start : start + rows].double()


def check_finite(block: torch.Tensor, name: str) -> None:
    """Raises a `ValueError` if the block holds NaN or infinity.

    Args:
        block: float64 tensor.
        name: Argument name for the message.

    Raises:
        ValueError: There is a NaN or an infinity.
    """
    # One sum is several times cheaper than isfinite().all(); only huge finite values that overflow need a second look.
    if not math.isfinite(float(block.sum())):
        bad = int((~torch.isfinite(block)).sum())
        if bad:
            raise ValueError(f"{name} holds {bad} NaN or infinite values: drop those rows or repair the checkpoint")


def raw_matrix(array: Array, name: str = "features") -> torch.Tensor:
    """Checks the shape of a feature matrix and returns it unconverted, for passes that go chunk by chunk.

    Args:
        array: (n, d) real numbers.
        name: Argument name for messages.

    Returns:
        (n, d) tensor in its own dtype; values are not checked yet, see `check_finite`.

    Raises:
        ValueError: Not two-dimensional, or empty.
    """
    matrix = to_tensor(array, name)
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have shape (n, d), got {tuple(matrix.shape)}: flatten or pool it first")
    if 0 in matrix.shape:
        raise ValueError(f"{name} is empty, shape {tuple(matrix.shape)}: at least one row and one column are needed")
    return matrix


def feature_matrix(array: Array, name: str = "features") -> torch.Tensor:
    """Checks a feature matrix and returns it as float64.

    Args:
        array: (n, d) finite real numbers.
        name: Argument name for messages.

    Returns:
        (n, d) float64 tensor that may share memory with `array`.

    Raises:
        ValueError: Not two-dimensional, empty, or with NaN or infinite values.
    """
    matrix = raw_matrix(array, name).double()
    check_finite(matrix, name)
    return matrix


def check_probabilities(block: torch.Tensor, name: str) -> torch.Tensor:
    """Checks that rows are probability distributions, up to float16 rounding.

    Args:
        block: (m, k) float64.
        name: Argument name for messages.

    Returns:
        (m,) row sums, by which rows are to be divided so that they sum to one exactly.

    Raises:
        ValueError: NaN, or not probabilities; logits are the usual reason.
    """
    check_finite(block, name)
    sums = block.sum(dim=1)
    if float(block.min()) < 0 or float((sums - 1).abs().max()) > _ROW_SUM_TOLERANCE:
        raise ValueError(
            f"{name} must be probabilities: non-negative with rows that sum to 1, got values in "
            f"[{float(block.min()):.4g}, {float(block.max()):.4g}] and row sums in "
            f"[{float(sums.min()):.4g}, {float(sums.max()):.4g}]; if these are logits, apply a softmax first"
        )
    return sums


def class_indices(
    array: Array, n: int | None = None, name: str = "labels", against: str = "features", least: int = 2
) -> Classes:
    """Maps integer labels to 0..C-1, so that gaps and negative values in the labels mean nothing.

    Args:
        array: (n,) integers.
        n: Required length, None for any.
        name: Argument name for messages.
        against: The argument whose rows fix `n`, for messages.
        least: Fewest classes that make sense; source labels may all agree, target labels may not.

    Returns:
        The class of each sample, the samples of each class, and the labels.

    Raises:
        ValueError: Wrong shape or length, empty, not integers, or fewer than `least` classes.
    """
    tensor = to_tensor(array, name)
    if tensor.ndim != 1:
        raise ValueError(
            f"{name} must have shape (n,), got {tuple(tensor.shape)}: pass class indices, not one-hot rows"
        )
    if tensor.is_floating_point():
        raise ValueError(f"{name} must be integers, got dtype {tensor.dtype}: convert class names or floats to indices")
    if len(tensor) == 0:
        raise ValueError(f"{name} is empty: at least one sample a class is needed")
    if n is not None and len(tensor) != n:
        raise ValueError(
            f"{name} has {len(tensor)} entries but {against} has {n} rows: they must describe the same samples"
        )
    values, index, counts = np.unique(tensor.cpu().numpy(), return_inverse=True, return_counts=True)
    if len(values) < least:
        raise ValueError(f"{name} holds one class only ({values[0]}): a transferability metric needs at least {least}")
    return Classes(
        torch.from_numpy(index.astype(np.int64)), torch.from_numpy(counts.astype(np.int64)), [int(v) for v in values]
    )


def entropy(counts: torch.Tensor) -> float:
    """Entropy in nats of the empirical distribution with these counts.

    Args:
        counts: Non-negative integers of any shape.

    Returns:
        -sum p log p, with 0 log 0 = 0.

    >>> round(entropy(torch.tensor([1, 1])), 6)
    0.693147
    """
    p = counts.double().flatten() / counts.sum()
    return float(-torch.special.xlogy(p, p).sum())
