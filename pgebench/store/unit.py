"""The unit of work: what it computes is its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pgebench.core.identity import Label, digest


@dataclass(frozen=True)
class Unit:
    """One piece of work with a content key.

    Args:
        stage: name of the stage that can run it (a key of ``pgebench.stages.STAGES``).
        version: version of that stage's code; a new one makes old results unreachable.
        params: every field that decides the result, in JSON types. No paths, devices or worker counts.
        inputs: the units whose results it reads, by role; their keys are part of this unit's key.
        label: names for the table.
        files: where the files lie that ``params`` know by their checksum, by role. Not part of the identity.

    >>> a = Unit("score", 1, {"metric": "leep"}, label=Label(source="mnist"))
    >>> b = Unit("score", 1, {"metric": "leep"}, label=Label(source="another name"))
    >>> a.key == b.key
    True
    """

    stage: str
    version: int
    params: Mapping[str, Any]
    inputs: Mapping[str, Unit] = field(default_factory=dict)
    label: Label = field(default_factory=Label)
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """The sha256 of the canonical JSON of stage, version, parameters and inputs' keys."""
        return digest(self.identity())

    def identity(self) -> dict[str, Any]:
        """The dict that is hashed; kept in the record so that a key can be explained.

        Returns:
            Stage, version, parameters and inputs' keys.
        """
        return {
            "stage": self.stage,
            "version": self.version,
            "params": dict(self.params),
            "inputs": {role: unit.key for role, unit in self.inputs.items()},
        }

    def __str__(self) -> str:
        return f"{self.stage} {self.label}"

    def __hash__(self) -> int:
        return hash(self.key)
