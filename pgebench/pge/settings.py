"""How a principal gradient is estimated."""

from __future__ import annotations

from dataclasses import dataclass

from pgebench.core.errors import ConfigError
from pgebench.pge.losses import LOSSES

RESTARTS = ("fresh", "paired", "fixed", "pretrained")


@dataclass(frozen=True)
class GradientSettings:
    """How a principal gradient is estimated; the defaults are those of the metric ``pge``.

    Args:
        restart: where each gradient is taken. ``fresh``: at new random weights every episode (the authors' released
            code). ``paired``: at ``restarts`` initialisations that all datasets share. ``fixed``: at one such
            initialisation. ``pretrained``: at the backbone's pretrained weights.
        restarts: number of initialisations; counts for ``paired`` alone.
        episodes: gradients at each initialisation; for ``fresh``, gradients in all.
        loss: ``proto`` (prototypical network), ``ce`` (random linear classifier) or ``supcon`` (supervised
            contrastive).
        way: classes in an episode; None for all of a dataset.
        shot: support images a class.
        query: query images a class.
        parameters: pattern (as of file names) of the parameters whose gradient is taken: ``*`` all of the backbone,
            ``layer4*`` a part of it, as if the rest were frozen.
        snapshots: numbers of episodes after which the running mean is kept too, in ascending order.
        autocast: whether networks compute in bfloat16 where torch allows.
        seed: of initialisations and episodes.
    """

    restart: str = "paired"
    restarts: int = 4
    episodes: int = 50
    loss: str = "proto"
    way: int | None = 5
    shot: int = 5
    query: int = 16
    parameters: str = "*"
    snapshots: tuple[int, ...] = ()
    autocast: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("restart", RESTARTS), ("loss", tuple(LOSSES))):
            if getattr(self, name) not in choices:
                raise ConfigError(f"gradient.{name}={getattr(self, name)}: choose from {', '.join(choices)}")
        for name, least in (("restarts", 1), ("episodes", 2), ("way", 2), ("shot", 1), ("query", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"gradient.{name}={value}: must be at least {least}")
        object.__setattr__(self, "snapshots", tuple(self.snapshots))
        if list(self.snapshots) != sorted(set(self.snapshots)) or any(
            not 2 <= number < self.episodes for number in self.snapshots
        ):
            raise ConfigError(
                f"gradient.snapshots={list(self.snapshots)}: must be ascending numbers from 2 to "
                f"gradient.episodes - 1 = {self.episodes - 1}"
            )

    @property
    def points(self) -> int:
        """Number of separately kept means: one an initialisation, one in all for ``fresh``."""
        return self.restarts if self.restart == "paired" else 1
