"""PGE, Principal Gradient Expectation (Qi et al., arXiv 2211.16299).

>>> from pgebench.pge import principal_gradient, gradient_distance
"""

from pgebench.pge.distance import DISTANCES, gradient_distance, pge_score
from pgebench.pge.episodes import Episode, EpisodeSampler
from pgebench.pge.expectation import GradientSettings, PrincipalGradient, principal_gradient
from pgebench.pge.losses import LOSSES, linear_loss, prototype_loss

__all__ = [
    "DISTANCES",
    "LOSSES",
    "Episode",
    "EpisodeSampler",
    "GradientSettings",
    "PrincipalGradient",
    "gradient_distance",
    "linear_loss",
    "pge_score",
    "principal_gradient",
    "prototype_loss",
]
