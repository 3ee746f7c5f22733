"""The estimates that the study compares, and the ways of comparing their gradients."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pgebench.pge import GradientSettings

GRADIENTS = 200
"""Gradients of a dataset at which the estimates are compared: those of the metric ``pge`` in the experiments."""

RESTARTS = 4
"""Initialisations then, where they are shared."""

_OPEN_SCALED = GradientSettings(branches="open", temperature=1.0)


@dataclass(frozen=True)
class Start:
    """Weights at which gradients are taken, other than those that the library draws.

    Attributes:
        scale: All weights but those of norms and biases are multiplied by it.
        steps: Training steps from there, on few-shot tasks of datasets that contain neither side of a pair.
    """

    scale: float = 1.0
    steps: int = 0


STARTS = {
    "scaled_half": Start(scale=0.5),
    "scaled_double": Start(scale=2.0),
    "warm_20": Start(steps=20),
    "warm_200": Start(steps=200),
}
"""Name of an estimate -> its weights; everything else is as in the metric ``pge``."""

ESTIMATES: dict[str, GradientSettings] = {
    # The two that are followed gradient by gradient; the second is the authors' procedure.
    "paired": GradientSettings(restarts=8, episodes=100, snapshots=(3, 6, 12, 25, 50)),
    "official": GradientSettings(
        restart="fresh", branches="open", crop=0.875, episodes=800, snapshots=(25, 50, 100, 200, 400)
    ),
    # One thing changed at a time; 200 gradients each.
    "paired_ce": GradientSettings(loss="ce"),
    "paired_supcon": GradientSettings(loss="supcon", way=None, shot=2, query=2),
    "fresh": GradientSettings(restart="fresh", episodes=200),
    "fresh_ce": GradientSettings(restart="fresh", episodes=200, loss="ce"),
    "fresh_supcon": GradientSettings(restart="fresh", episodes=200, loss="supcon", way=None, shot=2, query=2),
    # Few gradients at many initialisations: 32 x 12 and 64 x 6 of them are within MOST.
    "wide": GradientSettings(restarts=64, episodes=12, snapshots=(3, 6)),
    # Where the gradient is taken, and the geometry of the loss.
    "open": GradientSettings(branches="open"),
    "scaled": GradientSettings(temperature=1.0),
    # Both, at 400 gradients: 4 x 50, 8 x 25 and 8 x 50 of them are told apart.
    "open_scaled": replace(_OPEN_SCALED, restarts=8, episodes=50, snapshots=(25,)),
    # One thing changed from there.
    "open_sharp": replace(_OPEN_SCALED, temperature=0.1),
    "open_cosine": replace(_OPEN_SCALED, prototypes="cosine"),
    "open_scaled_crop": replace(_OPEN_SCALED, crop=0.875),
    "open_scaled_2_way": replace(_OPEN_SCALED, way=2),
    "open_scaled_1_shot": replace(_OPEN_SCALED, shot=1),
    **{name: GradientSettings() for name in STARTS},
}
"""Name -> settings. All are of the seed 0: nothing is chosen by its seed."""

MOST = 400
"""Gradients of a dataset that a variant may take to be chosen."""

CONTROLLED = (
    ("proto", "first_half"),
    ("proto", "second_half"),
    ("proto", "permuted"),
    ("proto", "shuffled"),
    ("ce", "permuted"),
)
"""(loss, control) of the gradients that show what PGE sees; settings are otherwise those of the metric ``pge``."""

KINDS = (
    *("unit", "product", "unit_debiased", "product_debiased", "unit_per_layer", "product_per_layer"),
    *("descent", "gain", "gain_debiased", "projection", "projection_debiased"),
)
"""Distances and directed forms, see ``pgebench.pge.gradient_distance`` and ``pgebench.pge.pge_directed``."""

WEIGHTED_KINDS = ("unit", "unit_debiased", "gain", "gain_debiased")
"""Those that are also taken over a part of the tensors, and with other averages over restarts."""

ALL, INVERSE_NOISE, SECOND_MOMENT = "all", "inverse_noise", "second_moment"
GROUPS = ("norms", "stem", "last_block_but_one", "last_block")
TENSORS = (ALL, *GROUPS, INVERSE_NOISE, SECOND_MOMENT)
"""Which tensors are compared, and in which units: all as they are, a part of them, all with the same noise, all entries
with the same second moment (the last two as the sources' gradients have it)."""

DISTANCES, TOGETHER, MEANS = "distances", "together", "gradients"
AVERAGES = (DISTANCES, TOGETHER, MEANS)
"""What is averaged over restarts: the distances; nothing, for the gradients of all restarts together are one long
gradient; or the gradients themselves."""


@dataclass(frozen=True)
class Variant:
    """One way of scoring.

    Attributes:
        estimate: Name of the estimate, or of another metric.
        restarts: Initialisations averaged over; 0 where that means nothing.
        gradients: Number of gradients of a dataset; 0 likewise.
        kind: One of ``KINDS``; empty likewise.
        tensors: One of ``TENSORS``.
        average: One of ``AVERAGES``.
    """

    estimate: str
    restarts: int = 0
    gradients: int = 0
    kind: str = ""
    tensors: str = ALL
    average: str = DISTANCES


OFFICIAL = Variant("official", 1, GRADIENTS, "product")
DEFAULT = Variant("paired", RESTARTS, GRADIENTS, "unit")
MANY = Variant("wide", 32, 384, "unit")
"""The default's distance at many initialisations of few gradients: what the luck of the weights leaves of it."""


def needed_for(best: Variant) -> dict[str, GradientSettings]:
    """The estimates of a variant and of those that it is named beside, with no more gradients than they use.

    >>> {name: settings.episodes for name, settings in needed_for(Variant("open", 4, 200, "unit")).items()}
    {'open': 50, 'paired': 50, 'wide': 12, 'official': 200}
    >>> needed_for(Variant("wide", 32, 384, "unit"))["wide"].points
    32
    """
    found: dict[str, GradientSettings] = {}
    for one in (best, DEFAULT, MANY, OFFICIAL):
        settings = ESTIMATES[one.estimate]
        restarts, episodes = compared_at(settings)
        if (one.restarts, one.gradients) == (restarts, restarts * episodes):
            settings = replace(settings, episodes=episodes, snapshots=())
            settings = replace(settings, restarts=restarts) if settings.restart == "paired" else settings
        found.setdefault(one.estimate, settings)
    return found


def compared_at(settings: GradientSettings) -> tuple[int, int]:
    """Initialisations, and gradients at each, at which an estimate is compared with others over parts of the tensors.

    Of few gradients at each initialisation as many as may be chosen, of the others ``GRADIENTS`` in all.

    >>> [compared_at(ESTIMATES[name]) for name in ("open_scaled", "fresh", "wide")]
    [(4, 50), (1, 200), (32, 12)]
    """
    restarts = min(RESTARTS, settings.points)
    if restarts * settings.episodes >= GRADIENTS:
        return restarts, GRADIENTS // restarts
    return min(2 ** (MOST // settings.episodes).bit_length() // 2, settings.points), settings.episodes
