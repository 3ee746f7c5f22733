"""Layouts: which views of which collections are sources and targets, and how often each is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgebench.studies.statistics.components import IN_EMBEDDED, IN_EMBEDDED_FULL, Components

WHOLE = "whole"
"""A view that overlaps with all others of its collection."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """Shape of a study with collections, checkpoints and draws.

    Attributes:
        name: What the reader calls it.
        source_names: `collection/view` of each source.
        target_names: `collection/view` of each target.
        checkpoints: Checkpoint of each transfer.
        components: Sizes of the levels.
        draws: Draws of a metric that sees no checkpoint.
    """

    name: str
    source_names: tuple[str, ...]
    target_names: tuple[str, ...]
    checkpoints: tuple[int, ...]
    components: Components
    draws: int = 4

    @property
    def sources(self) -> int:
        """Number of sources."""
        return len(self.source_names)

    @property
    def targets(self) -> int:
        """Number of targets."""
        return len(self.target_names)

    @property
    def seeds(self) -> int:
        """Number of transfers of a pair."""
        return len(self.checkpoints)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The checkpoints of a source, each once."""
        return tuple(sorted(set(self.checkpoints)))

    @property
    def backbones(self) -> int:
        """One: what several would show is known from the other parts of the study."""
        return 1

    @property
    def collections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Collection of each source, and of each target."""
        source, target = (
            tuple(name.split("/")[0] for name in names) for names in (self.source_names, self.target_names)
        )
        return source, target

    @property
    def near(self) -> Mask:
        """Whether source and target are of one collection, shape (sources, targets)."""
        source, target = self.collections
        return np.array([[one == other for other in target] for one in source])

    @property
    def absent(self) -> Mask:
        """Pairs that share images, shape (sources, targets)."""
        whole = np.array([[WHOLE in one + other for other in self.target_names] for one in self.source_names])
        same = np.array([[one == other for other in self.target_names] for one in self.source_names])
        return np.asarray(same | (self.near & whole))


def _views(collections: int, views: tuple[str, ...], first: int = 0) -> tuple[str, ...]:
    return tuple(f"{first + number}/{view}" for number in range(collections) for view in views)


_SOURCES, _TARGETS = _views(4, ("a", "b")) + _views(3, (WHOLE,), 4), _views(4, ("a", "b"))
EMBEDDED = Layout("embedded", _SOURCES, _TARGETS, (0, 0, 1, 2), IN_EMBEDDED)
"""The main job."""

_ALL = _views(4, ("a", "b", WHOLE)) + _views(4, (WHOLE,), 4)
EMBEDDED_FULL = Layout("embedded_full", _ALL, _ALL, (0, 1, 2), IN_EMBEDDED_FULL)
"""The reference study."""
