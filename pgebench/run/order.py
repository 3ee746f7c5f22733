"""An order: units for a process, with where and by which rules it computes them. It travels as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from pgebench.run.policy import Rules
from pgebench.store.unit import Unit, from_json, with_inputs


@dataclass(frozen=True)
class WorkOrder:
    """What a process is to compute. It plans nothing, and of the data it needs only what the store keeps.

    Args:
        units: in the order in which they run.
        store: folder of the store.
        locks: kind of its locks.
        device: as the user names it; the process finds out which one that is where it runs.
        threads: that torch may use.
        together: as the user says it, ``auto``, true or false; the rules say what came of it where the units run.
        rules: what happens at failures, and how long a unit may take.
        paths: folders that Python imports from, for functions of the user's own.
    """

    units: Sequence[Unit]
    store: Path
    locks: str
    device: str
    threads: int
    together: bool | str
    rules: Rules
    paths: Sequence[str] = ()

    def as_json(self) -> str:
        """The order as text.

        Returns:
            One line.
        """
        content: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        content["rules"] = {**asdict(self.rules), "stop": self.rules.stop and str(self.rules.stop)}
        content["store"], content["units"] = str(self.store), [unit.key for unit in self.units]
        content["planned"] = [unit.as_json() for unit in with_inputs(self.units)]
        return json.dumps(content)


def order_from(text: str | bytes) -> WorkOrder:
    """The order that ``WorkOrder.as_json`` wrote.

    Raises:
        ValueError: It is none of this version.
        KeyError: A part is missing.
        TypeError: A part is none of this version.

    >>> order = WorkOrder([], Path("store"), "flock", "cpu", 1, "auto", Rules(retry=2))
    >>> order_from(order.as_json()) == order
    True
    """
    content = json.loads(text)
    planned = {unit.key: unit for unit in from_json(content.pop("planned"))}
    rules = Rules(**content["rules"])
    content |= {
        "rules": replace(rules, stop=rules.stop and Path(rules.stop)),
        "store": Path(content["store"]),
        "units": [planned[key] for key in content["units"]],
        "paths": tuple(content["paths"]),
    }
    return WorkOrder(**content)
