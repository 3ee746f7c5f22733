"""Tridiagonal form of the covariance of features, from which LogME has its spectrum."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from baselines.kernels.linear_algebra import copy_of
from baselines.kernels.streaming_statistics import SufficientStatistics


@dataclass(frozen=True, eq=False)
class TridiagonalForm:
    """T = Q^T S Q for the covariance S of n samples, in an orthogonal basis Q that begins with the mean.

    Because the mean is (mean, 0, 0, ...) in this basis, the uncentred X^T X = n (S + mean mean^T) is tridiagonal in it
    too and differs from n T in one number, so nothing is lost to rounding however far the samples are from the origin.

    Attributes:
        diagonal: (d,) diagonal of T.
        off_diagonal: (d - 1,) second diagonal of T.
        offsets: (d, C) coordinates of the class means minus the mean.
        mean: The one coordinate of the mean that is not zero; its sign is arbitrary.
    """

    diagonal: np.ndarray
    off_diagonal: np.ndarray
    offsets: np.ndarray
    mean: float

    def uncentred_spectrum(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues of X^T X and the coordinates of X^T Y, the sums of classes, along its eigenvectors.

        Args:
            counts: (C,) samples of each class.

        Returns:
            (d,) eigenvalues in ascending order and (d, C) coordinates.
        """
        n = counts.sum()
        diagonal = n * self.diagonal
        diagonal[0] += n * self.mean**2
        sums = self.offsets * counts
        sums[0] += self.mean * counts
        if len(diagonal) == 1:
            return diagonal, sums
        values, vectors = scipy.linalg.eigh_tridiagonal(diagonal, n * self.off_diagonal, lapack_driver="stevd")
        return values, vectors.T @ sums


def tridiagonal_form(statistics: SufficientStatistics) -> TridiagonalForm:
    """Tridiagonal form of the covariance, by a reduction of 4/3 d^3 operations.

    Args:
        statistics: Statistics on the CPU.

    Returns:
        The form.

    >>> import numpy as np
    >>> from baselines.kernels.streaming_statistics import sufficient_statistics
    >>> form = tridiagonal_form(sufficient_statistics(np.array([[0.0, 1], [2, 1], [4, 4]]), np.array([0, 0, 1])))
    >>> round(float(form.diagonal.sum()), 6)  # the total variance
    4.666667
    """
    matrix = copy_of(statistics.covariance).numpy().T
    offsets = np.array(statistics.class_offsets.numpy().T, order="F")
    mean = statistics.mean.numpy()
    # A reflection I - v v^T turns the mean into the first axis.
    norm = float(np.linalg.norm(mean))
    first = -norm if mean[0] > 0 else norm
    if norm > 0:
        vector = mean.copy()
        vector[0] -= first
        vector *= np.sqrt(2) / np.linalg.norm(vector)
        offsets -= np.outer(vector, vector @ offsets)
        product = scipy.linalg.blas.dsymv(1.0, matrix, vector, lower=1)
        product -= (product @ vector / 2) * vector
        matrix = scipy.linalg.blas.dsyr2(-1.0, vector, product, lower=1, a=matrix, overwrite_a=1)
    if len(matrix) == 1:
        return TridiagonalForm(matrix[0], np.empty(0), offsets, first)
    lapack = scipy.linalg.lapack
    work = int(lapack.dsytrd_lwork(len(matrix), lower=1)[0])
    # The reflections of the reduction leave the first axis alone.
    reduced, diagonal, off_diagonal, scales, info = lapack.dsytrd(matrix, lower=1, lwork=work, overwrite_a=1)
    reflectors = np.asfortranarray(reduced[1:, :-1])
    rotated, _, info_q = lapack.dormqr("L", "T", reflectors, scales, offsets[1:], 64 * max(1, offsets.shape[1]))
    if info or info_q:
        raise np.linalg.LinAlgError("reduction to tridiagonal form failed")
    return TridiagonalForm(diagonal, off_diagonal, np.vstack([offsets[:1], rotated]), first)
