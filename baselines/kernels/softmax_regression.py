"""Multinomial logistic regression with an L2 penalty, the classifier of the linear probe and of PACTran."""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import torch


@dataclass(frozen=True)
class SoftmaxRegression:
    """A fitted classifier.

    Attributes:
        weights: (d, C).
        bias: (C,).
        loss: Mean cross-entropy in nats plus the penalty, at the optimum.
    """

    weights: torch.Tensor
    bias: torch.Tensor
    loss: float

    def logits(self, rows: torch.Tensor) -> torch.Tensor:
        """Linear scores.

        Args:
            rows: (n, d) float64.

        Returns:
            (n, C) scores.
        """
        return rows @ self.weights + self.bias


def fit_softmax_regression(rows: torch.Tensor, index: torch.Tensor, classes: int, penalty: float) -> SoftmaxRegression:
    """Minimises mean cross-entropy + penalty / 2 |weights|^2; the bias is free. The problem is convex, the start zero.

    Args:
        rows: (n, d) float64 features; principal components make the problem well-conditioned.
        index: (n,) class of each row in 0..C-1.
        classes: C; a class without rows gets no probability.
        penalty: Positive weight of the penalty.

    Returns:
        The classifier at the optimum, to 1e-7 in the gradient or 1,000 iterations.
    """
    n, d = rows.shape
    onehot = torch.nn.functional.one_hot(index, classes).to(rows)
    # The bias of an absent class would run to minus infinity; it is pinned instead.
    present = onehot.sum(dim=0) > 0
    # Steps are taken in units in which the curvature at the start is about one in every direction.
    units = torch.rsqrt(rows.square().mean(dim=0) * (classes - 1) / classes**2 + penalty)[:, None]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = torch.from_numpy(flat).to(rows.device).reshape(d + 1, classes)
        weights, bias = parameters[:d] * units, parameters[d]
        log_probabilities = torch.log_softmax(torch.where(present, rows @ weights + bias, -torch.inf), dim=1)
        loss = -log_probabilities.gather(1, index[:, None]).mean() + 0.5 * penalty * (weights**2).sum()
        error = (log_probabilities.exp() - onehot) / n
        gradient = (rows.T @ error + penalty * weights) * units
        return float(loss), torch.cat([gradient, error.sum(dim=0, keepdim=True)]).flatten().cpu().numpy()

    found = scipy.optimize.minimize(
        objective,
        np.zeros((d + 1) * classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 1000, "gtol": 1e-7, "ftol": 0.0, "maxcor": 20},
    )
    solution = torch.from_numpy(found.x).to(rows.device).reshape(d + 1, classes)
    return SoftmaxRegression(solution[:d] * units, torch.where(present, solution[d], -torch.inf), float(found.fun))
