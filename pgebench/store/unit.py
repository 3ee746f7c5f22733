"""The unit of work: what it computes is its identity; and its one JSON form, for every process that is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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

    def named(self) -> dict[str, Any]:
        """Key, stage and label: what a process needs that looks at records and computes nothing.

        Returns:
            JSON types; the first columns of the table.
        """
        return {"key": self.key, "stage": self.stage, **vars(self.label)}

    def as_json(self) -> dict[str, Any]:
        """Everything, the inputs by their keys; ``from_json`` turns a list of such units into units again.

        Returns:
            JSON types.
        """
        return {**self.named(), **self.identity(), "files": dict(self.files)}

    def __str__(self) -> str:
        return f"{self.stage} {self.label}"

    def __hash__(self) -> int:
        return hash(self.key)


def with_inputs(units: Iterable[Unit]) -> list[Unit]:
    """These units and all that they stand on, each key once, inputs before the units that read them.

    Args:
        units: In any order.

    Returns:
        The units themselves in their order, each after what it reads.

    >>> low = Unit("evidence", 1, {"n": 1})
    >>> high = Unit("score", 1, {}, {"evidence": low})
    >>> [unit.stage for unit in with_inputs([high, low])]
    ['evidence', 'score']
    """
    found: dict[str, Unit] = {}

    def add(unit: Unit) -> None:
        if unit.key not in found:
            for needed in unit.inputs.values():
                add(needed)
            found.setdefault(unit.key, unit)

    for unit in units:
        add(unit)
    return list(found.values())


def from_json(rows: Sequence[Mapping[str, Any]]) -> list[Unit]:
    """The units of ``Unit.as_json``.

    Args:
        rows: Inputs before the units that read them.

    Returns:
        The units, in this order.

    Raises:
        KeyError: A field, or a unit that another one reads, is missing.
        ValueError: A unit does not have the key that stands with it.

    >>> unit = Unit("score", 1, {"metric": "leep"}, label=Label(source="mnist"))
    >>> from_json([unit.as_json()]) == [unit]
    True
    """
    found: dict[str, Unit] = {}
    for row in rows:
        # What an earlier version wrote has fewer names.
        label = Label(**{each: row[each] for each in Label.__dataclass_fields__ if each in row})
        inputs = {role: found[key] for role, key in row["inputs"].items()}
        unit = Unit(row["stage"], row["version"], row["params"], inputs, label, row["files"])
        if unit.key != row["key"]:
            raise ValueError(
                f"{unit} is not the unit {row['key']}: it was written by another version, or changed since"
            )
        found[unit.key] = unit
    return list(found.values())
