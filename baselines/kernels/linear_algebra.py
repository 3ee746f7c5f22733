"""Symmetric linear algebra on the device of the data.

On the CPU the routines of NumPy and SciPy are used, whose eigensolver is the faster one. On CUDA those of torch run
where the data are.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch

EPS = float(np.finfo(np.float64).eps)
_TILE = 128


class SquareRoot(NamedTuple):
    """F with F F^T = M.

    Attributes:
        factor: (d, k) F.
        triangular: Whether F is lower triangular by construction.
    """

    factor: torch.Tensor
    triangular: bool


def zero_matrix(rows: int, columns: int, like: torch.Tensor) -> torch.Tensor:
    """A matrix of zeros.

    Args:
        rows: Number of rows.
        columns: Number of columns.
        like: Tensor whose device is taken.

    Returns:
        (rows, columns) float64.
    """
    if like.is_cuda:
        return like.new_zeros(rows, columns, dtype=torch.float64)
    # NumPy asks the system for huge pages, torch does not: filling a fresh matrix then takes a third of the time.
    return torch.from_numpy(np.zeros((rows, columns)))


def copy_of(matrix: torch.Tensor) -> torch.Tensor:
    """A contiguous copy of a matrix, cheaper than `clone`, see `zero_matrix`.

    Args:
        matrix: (m, k) float64.

    Returns:
        The copy.
    """
    return zero_matrix(matrix.shape[0], matrix.shape[1], like=matrix).copy_(matrix)


def mirror(lower: torch.Tensor) -> torch.Tensor:
    """Completes, in place where possible, a matrix of which only the lower triangle is meaningful.

    Args:
        lower: (d, d) matrix.

    Returns:
        The symmetric matrix; use it instead of `lower`.
    """
    if lower.is_cuda:
        return lower.tril() + lower.tril(-1).T
    entries = lower.numpy()
    # Tile by tile: a second matrix of this size, or a transposed walk through memory, costs more than the copying.
    for start in range(0, len(entries), _TILE):
        stop = start + _TILE
        for row in range(start, min(stop, len(entries))):
            entries[start:row, row] = entries[row, start:row]
        for below in range(stop, len(entries), _TILE):
            entries[start:stop, below : below + _TILE] = entries[below : below + _TILE, start:stop].T
    return lower


def eigh(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues in ascending order and eigenvectors in columns of a symmetric matrix.

    Args:
        matrix: (k, k) symmetric float64.

    Returns:
        (k,) eigenvalues and (k, k) eigenvectors.
    """
    if matrix.is_cuda:
        values, vectors = torch.linalg.eigh(matrix)
        return values, vectors
    pair = np.linalg.eigh(matrix.numpy())
    return torch.from_numpy(pair[0]), torch.from_numpy(pair[1])


def eigvalsh(matrix: torch.Tensor) -> torch.Tensor:
    """Eigenvalues of a symmetric matrix in ascending order.

    Args:
        matrix: (k, k) symmetric float64; only its lower triangle is read.

    Returns:
        (k,) eigenvalues.
    """
    if matrix.is_cuda:
        return torch.linalg.eigvalsh(matrix)
    return torch.from_numpy(scipy.linalg.eigvalsh(matrix.numpy(), lower=True, check_finite=False, driver="evr"))


def cholesky(matrix: torch.Tensor) -> torch.Tensor | None:
    """Lower Cholesky factor, or None if the matrix is not safely positive definite.

    Args:
        matrix: (k, k) symmetric float64.

    Returns:
        The factor, or None when a pivot is within rounding of zero.
    """
    if matrix.is_cuda:
        factor, status = torch.linalg.cholesky_ex(matrix)
        failed = int(status) != 0
    else:
        # The upper factor of the Fortran view of this memory is the lower one of the matrix.
        upper, failed = scipy.linalg.lapack.dpotrf(copy_of(matrix).numpy().T, lower=0, clean=1, overwrite_a=1)
        factor = torch.from_numpy(upper.T)
    if failed:
        return None
    pivots = factor.diagonal() ** 2
    return None if float(pivots.min()) <= len(matrix) * EPS * float(matrix.diagonal().max()) * 1e2 else factor


def congruence(root: SquareRoot, matrix: torch.Tensor) -> torch.Tensor:
    """F^T M F for a symmetric matrix M; only the lower triangle of the result is meaningful.

    Args:
        root: F, (d, k).
        matrix: (d, d) symmetric M.

    Returns:
        (k, k) product.
    """
    factor = root.factor
    if matrix.is_cuda or not root.triangular:
        return factor.T @ matrix @ factor
    # Half of the operations of the two general products.
    product, _ = scipy.linalg.lapack.dsygst(copy_of(matrix).numpy().T, factor.numpy(), itype=2, lower=1, overwrite_a=1)
    return torch.from_numpy(product.T).T


def solve_lower(factor: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Solution L^-1 B for a lower triangular L.

    Args:
        factor: (d, d) lower triangular.
        columns: (d, m).

    Returns:
        (d, m) solution.
    """
    if factor.is_cuda:
        return torch.linalg.solve_triangular(factor, columns, upper=False)
    solution, _ = scipy.linalg.lapack.dtrtrs(factor.numpy().T, columns.numpy(), lower=0, trans=1)
    return torch.from_numpy(solution)


def inverse_trace(matrix: torch.Tensor, rows: torch.Tensor) -> float:
    """trace(R M^+ R^T) for rows R and the inverse, or pseudo-inverse, of a semi-definite matrix M.

    Args:
        matrix: (d, d) positive semi-definite up to rounding.
        rows: (m, d) rows in its range.

    Returns:
        The trace.
    """
    factor = cholesky(matrix)
    if factor is not None:
        whitened = solve_lower(factor, rows.T)
    else:
        values, vectors = eigh(matrix)
        keep = values > len(matrix) * EPS * values[-1].clamp_min(0) * 10
        whitened = (rows @ vectors[:, keep]) / values[keep].sqrt()
    return float(whitened.square().sum())


def solve(matrix: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Solution R M^-1 for a symmetric positive definite matrix M; eigenvalues at rounding level are raised to it.

    Args:
        matrix: (d, d) positive definite up to rounding.
        rows: (m, d).

    Returns:
        (m, d) solution.
    """
    factor = cholesky(matrix)
    if factor is not None:
        if matrix.is_cuda:
            return torch.cholesky_solve(rows.T, factor).T
        solution, _ = scipy.linalg.lapack.dpotrs(factor.numpy().T, np.asfortranarray(rows.numpy().T), lower=0)
        return torch.from_numpy(solution).T
    values, vectors = eigh(matrix)
    floor = (len(matrix) * EPS * values[-1]).clamp_min(torch.finfo(torch.float64).tiny)
    return (rows @ vectors / torch.maximum(values, floor)) @ vectors.T


def largest_eigenvalue(matrix: torch.Tensor) -> float:
    """Largest eigenvalue of a positive semi-definite matrix.

    Args:
        matrix: (d, d) positive semi-definite.

    Returns:
        The eigenvalue, at least 0.
    """
    if matrix.is_cuda or len(matrix) <= 200:
        return max(0.0, float(eigvalsh(matrix)[-1]))
    start = np.random.default_rng(0).normal(size=len(matrix))
    return max(0.0, float(scipy.sparse.linalg.eigsh(matrix.numpy(), 1, v0=start, return_eigenvectors=False)[0]))


def square_root(matrix: torch.Tensor) -> SquareRoot:
    """A factor F with F F^T = matrix, for a positive semi-definite matrix.

    Args:
        matrix: (d, d) positive semi-definite up to rounding.

    Returns:
        The factor: Cholesky where that is safe, eigenvectors otherwise.
    """
    factor = cholesky(matrix)
    if factor is not None:
        return SquareRoot(factor, triangular=True)
    values, vectors = eigh(matrix)
    return SquareRoot(vectors * values.clamp_min(0).sqrt(), triangular=False)


def nuclear_norm(matrix: torch.Tensor) -> float:
    """Sum of the singular values.

    Args:
        matrix: (m, k) float64.

    Returns:
        The nuclear norm.

    >>> nuclear_norm(torch.diag(torch.tensor([3.0, -4.0], dtype=torch.float64)))
    7.0
    """
    return float(torch.linalg.svdvals(matrix).sum())


def principal_components(rows: torch.Tensor, dimensions: int | None = None, share: float | None = None) -> torch.Tensor:
    """Coordinates of the centred rows along their principal axes, largest variance first, without a null space.

    Only differences between rows are kept; all of them are, if neither limit is given. An axis points to where the
    third moment of the coordinates is positive, so that the result does not depend on the order of the rows.

    Args:
        rows: (n, d) float64.
        dimensions: At most so many axes.
        share: As many axes as hold this share of the variance.

    Returns:
        (n, r) coordinates; r = 1 with zeros if all rows are equal.
    """
    n, d = rows.shape
    centred = rows - rows.mean(dim=0)
    # Rescaled, so that neither tiny nor huge features leave the range in which squares are safe.
    scale = float(centred.abs().max())
    if scale == 0.0:
        return rows.new_zeros(n, 1)
    unit = centred / scale
    wide = n < d
    values, vectors = eigh(unit @ unit.T if wide else unit.T @ unit)
    values, vectors = values.flip(0), vectors.flip(1)
    rank = max(1, int((values > max(n, d) * EPS * values[0] * 10).sum()))
    if dimensions is not None:
        rank = min(rank, dimensions)
    if share is not None:
        held = torch.cumsum(values.clamp_min(0), 0) / values.clamp_min(0).sum()
        rank = min(rank, int((held < share - 1e-12).sum()) + 1)
    coordinates = vectors[:, :rank] * values[:rank].sqrt() if wide else unit @ vectors[:, :rank]
    sign = torch.where((coordinates**3).sum(dim=0) < 0, -1.0, 1.0)
    return coordinates * (sign * scale)
