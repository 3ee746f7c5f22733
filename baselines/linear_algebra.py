"""Symmetric linear algebra on the device of the data.

On the CPU the NumPy and SciPy routines are used: their `syrk` computes X^T X in half the time of a general product, and
their eigensolver is the faster one. On CUDA the torch routines run where the data are.
"""

import numpy as np
import scipy.linalg
import scipy.sparse.linalg
import torch

EPS = float(np.finfo(np.float64).eps)


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


def mirror(lower: torch.Tensor) -> torch.Tensor:
    """Completes a matrix of which only the lower triangle is meaningful.

    Args:
        lower: (d, d) matrix.

    Returns:
        The symmetric matrix with that lower triangle.
    """
    triangle = lower.tril()
    triangle += lower.tril(-1).T
    return triangle


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


def spectral_projections(matrix: torch.Tensor, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues of a symmetric matrix and the coordinates V^T B of vectors B in its eigenbasis, without V itself.

    The matrix is reduced to tridiagonal form T = Q^T M Q. B goes through Q as 2 d reflections and through the
    eigenvectors of T as one product, which saves the product of Q and those eigenvectors, a third of a full
    eigendecomposition.

    Args:
        matrix: (d, d) symmetric float64.
        vectors: (d, C) float64.

    Returns:
        (d,) eigenvalues in ascending order and (d, C) coordinates.
    """
    d = len(matrix)
    if matrix.is_cuda or d < 8:
        values, basis = eigh(matrix)
        return values, basis.T @ vectors
    lapack = scipy.linalg.lapack
    work = int(lapack.dsytrd_lwork(d, lower=1)[0])
    # A symmetric matrix is its own transpose, so the Fortran view of its memory needs no copy beyond the one
    # overwritten.
    reflectors, diagonal, off_diagonal, scales, info = lapack.dsytrd(matrix.numpy().T, lower=1, lwork=work)
    rotated = np.array(vectors.numpy(), order="F")
    columns = np.asfortranarray(reflectors[1:, :-1])
    rotated[1:], _, info_q = lapack.dormqr("L", "T", columns, scales, rotated[1:], 64 * max(1, rotated.shape[1]))
    if info or info_q:
        raise np.linalg.LinAlgError("reduction to tridiagonal form failed")
    values, basis = scipy.linalg.eigh_tridiagonal(diagonal, off_diagonal, lapack_driver="stevd")
    return torch.from_numpy(values), torch.from_numpy(basis.T @ rotated)


def eigvalsh(matrix: torch.Tensor) -> torch.Tensor:
    """Eigenvalues of a symmetric matrix in ascending order.

    Args:
        matrix: (k, k) symmetric float64; only its lower triangle is read.

    Returns:
        (k,) eigenvalues.
    """
    return torch.linalg.eigvalsh(matrix) if matrix.is_cuda else torch.from_numpy(np.linalg.eigvalsh(matrix.numpy()))


def cholesky(matrix: torch.Tensor) -> torch.Tensor | None:
    """Lower Cholesky factor, or None if the matrix is not safely positive definite.

    Args:
        matrix: (k, k) symmetric float64.

    Returns:
        The factor, or None when a pivot is within rounding of zero.
    """
    factor, info = torch.linalg.cholesky_ex(matrix)
    if int(info):
        return None
    pivots = factor.diagonal() ** 2
    return None if float(pivots.min()) <= len(matrix) * EPS * float(matrix.diagonal().max()) * 1e2 else factor


def inverse_products(matrix: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Quadratic products R M^+ R^T of rows R with the inverse, or pseudo-inverse, of a semi-definite matrix M.

    Args:
        matrix: (d, d) positive semi-definite up to rounding.
        rows: (m, d) rows in its range.

    Returns:
        (m, m) products.
    """
    factor = cholesky(matrix)
    if factor is not None:
        whitened = torch.linalg.solve_triangular(factor, rows.T, upper=False)
        return whitened.T @ whitened
    values, vectors = eigh(matrix)
    keep = values > len(matrix) * EPS * values[-1].clamp_min(0) * 10
    whitened = (rows @ vectors[:, keep]) / values[keep].sqrt()
    return whitened @ whitened.T


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
        return torch.cholesky_solve(rows.T, factor).T
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


def square_root(matrix: torch.Tensor) -> torch.Tensor:
    """A factor F with F F^T = matrix, for a positive semi-definite matrix.

    Args:
        matrix: (d, d) positive semi-definite up to rounding.

    Returns:
        (d, k) factor: Cholesky where that is safe, eigenvectors otherwise.
    """
    factor = cholesky(matrix)
    if factor is not None:
        return factor
    values, vectors = eigh(matrix)
    return vectors * values.clamp_min(0).sqrt()


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
