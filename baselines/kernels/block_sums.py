"""Sums over a block of rows, on the device of the data.

On the CPU everything beside X^T X runs in one thread of NumPy: BLAS threads stay busy for a while after a product, and
threads of torch that start meanwhile lose more to them than a second core gains.
"""

import numpy as np
import scipy.linalg
import scipy.sparse
import torch


def add_gram(total: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Adds rows^T rows to the lower triangle of `total`, in place where possible; see `mirror`.

    Args:
        total: (d, d) float64, only its lower triangle is meaningful.
        rows: (m, d) float64.

    Returns:
        The sum; use it instead of `total`.
    """
    if rows.is_cuda:
        return total.addmm_(rows.T, rows)
    # Fortran sees the C-contiguous (m, d) block as its (d, m) transpose, so nothing is copied.
    upper = scipy.linalg.blas.dsyrk(1.0, rows.contiguous().numpy().T, beta=1.0, c=total.numpy().T, overwrite_c=True)
    return torch.from_numpy(upper.T)


def shifted(block: torch.Tensor, shift: torch.Tensor, buffer: torch.Tensor) -> torch.Tensor:
    """Writes block - shift into a buffer.

    Args:
        block: (m, d) rows of any real dtype.
        shift: (d,) float64.
        buffer: (m, d) float64.

    Returns:
        The buffer.
    """
    if block.is_cuda:
        return torch.sub(block, shift, out=buffer)
    # NumPy has no bfloat16.
    rows = (block.float() if block.dtype == torch.bfloat16 else block).numpy()
    with np.errstate(invalid="ignore", over="ignore"):  # the caller looks at the sums and names what is wrong
        np.subtract(rows, shift.numpy(), out=buffer.numpy())
    return buffer


def squared_norms(rows: torch.Tensor) -> torch.Tensor:
    """Squared norms of rows.

    Args:
        rows: (m, d) float64.

    Returns:
        (m,) squared norms.
    """
    if rows.is_cuda:
        return torch.linalg.vecdot(rows, rows)
    values = rows.numpy()
    with np.errstate(invalid="ignore", over="ignore"):
        return torch.from_numpy(np.einsum("ij,ij->i", values, values))


def weighted_sum(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted sum of rows.

    Args:
        rows: (m, d) float64.
        weights: (m,) float64.

    Returns:
        (d,) sum.
    """
    if rows.is_cuda:
        return weights @ rows
    # SciPy's BLAS like the other products: NumPy has threads of its own.
    return torch.from_numpy(scipy.linalg.blas.dgemv(1.0, rows.numpy().T, weights.numpy()))


def add_class_sums(total: torch.Tensor, rows: torch.Tensor, index: torch.Tensor) -> None:
    """Adds the rows of each class to its sum, in place.

    Args:
        total: (C, d) float64 sums.
        rows: (m, d) float64.
        index: (m,) class of each row in 0..C-1.
    """
    if rows.is_cuda:
        total.index_add_(0, index, rows)
        return
    m, classes = len(rows), len(total)
    members = scipy.sparse.csr_array((np.ones(m), (index.numpy(), np.arange(m))), shape=(classes, m))
    sums = total.numpy()
    sums += members @ rows.numpy()
