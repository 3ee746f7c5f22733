"""PGE, Principal Gradient Expectation (Qi et al., arXiv 2211.16299).

>>> from pgebench.pge import principal_gradient, gradient_distance
"""

from pgebench.core.settings import GradientSettings
from pgebench.pge.directed import DIRECTED, pge_directed
from pgebench.pge.distance import DISTANCES, gradient_distance, pge_score
from pgebench.pge.episodes import Episode, EpisodeSampler
from pgebench.pge.expectation import PrincipalGradient, Progress, principal_gradient
from pgebench.pge.halves import Estimate
from pgebench.pge.losses import LOSSES, contrastive_loss, linear_loss, prototype_loss

__all__ = [
    "DIRECTED",
    "DISTANCES",
    "LOSSES",
    "Episode",
    "EpisodeSampler",
    "Estimate",
    "GradientSettings",
    "PrincipalGradient",
    "Progress",
    "contrastive_loss",
    "gradient_distance",
    "linear_loss",
    "pge_directed",
    "pge_score",
    "principal_gradient",
    "prototype_loss",
]
