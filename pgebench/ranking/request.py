"""What a user of ``pgebench-rank`` asks for. Imports nothing heavy: the command line has its defaults from here."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields
from typing import Any

from pgebench.core.errors import ConfigError

BUCKETS = 4096
"""Size of the count sketches that come with the package."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    Attributes:
        target: Folder of class folders, or name of an embedded dataset.
        budget: Minutes.
        question: ``sources``, ``backbones`` or ``both``.
        sources: Folders and names; none for all embedded datasets.
        backbones: Names and YAML files; none for those that are installed.
        backbone: Name of the network that is trained on sources.
        episodes: Most gradients of the target at each of eight initialisations.
        confidence: Of the set of candidates that may be the best.
        sketch: Buckets of a count sketch of the sources' gradients; 0 for whole ones.
        workers: Processes beside each other.
    """

    target: str
    budget: float = 5.0
    question: str = "both"
    sources: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    backbone: str = "test_resnet"
    episodes: int = 40
    confidence: float = 0.95
    sketch: int = BUCKETS
    workers: int = 1

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise ConfigError(f"budget={self.budget}: give minutes above 0")
        if not 0 < self.confidence < 1:
            raise ConfigError(f"confidence={self.confidence}: give a number between 0 and 1")
        if self.workers < 1:
            raise ConfigError(f"workers={self.workers}: give 1 or more")

    def command(self) -> str:
        """What to type for the same answer.

        Returns:
            A shell command with the options that are not at their defaults, but for ``workers``.

        >>> Wish("my photos", budget=2.0, sources=("emoji", "faces")).command()
        "pgebench-rank 'target=my photos' budget=2.0 sources=emoji,faces"
        """
        given = []
        for name, default in ((each.name, each.default) for each in fields(self)):
            value = getattr(self, name)
            if value != default and name != "workers":
                given.append(f"{name}={','.join(value) if isinstance(value, tuple) else value}")
        return shlex.join(["pgebench-rank", *given])


def options() -> dict[str, Any]:
    """The fields as options of a command line.

    Returns:
        Their defaults by name, without ``target``; a list is text with commas, as yet empty.

    >>> options()["budget"], options()["sources"], "target" in options()
    (5.0, '', False)
    """
    found = {each.name: each.default for each in fields(Wish) if each.name != "target"}
    return {name: "" if default == () else default for name, default in found.items()}
