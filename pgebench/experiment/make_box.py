"""Making a box: ``python -m pgebench.experiment.make_box results=FOLDER store=FOLDER``.

The evidence of a finished run goes beside its records, from the store that it was computed into.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pgebench.box.file import META, write_box
from pgebench.core.errors import ConfigError
from pgebench.core.identity import canonical_json
from pgebench.core.records import DONE
from pgebench.core.say import say
from pgebench.core.terminal import command
from pgebench.pge.sketch import sketched
from pgebench.plan.composing import sweep_of
from pgebench.plan.units import merged, plan
from pgebench.stages.gradient import from_tensors
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

LEFT_OUT = "what checkpoints make of their own sources' images (source_features, source_targets), for its size"


@dataclass(frozen=True)
class MakeBoxOptions:
    """Put the evidence of a finished run of an experiment into its results folder, so that box=FOLDER can use it.

    Attributes:
        results: The run's results folder, with records.parquet and meta.json.
        store: The store that it was computed into.

    Examples:
        ``python -m pgebench.experiment.make_box results=results/embedded store=results/store``
    """

    results: Path
    store: Path = Path("results/store")


def main(arguments: list[str]) -> None:
    """Make the box.

    Args:
        arguments: ``key=value``, see `MakeBoxOptions`.
    """
    command("python -m pgebench.experiment.make_box", MakeBoxOptions, _make, arguments)


def _make(options: MakeBoxOptions) -> None:
    path = options.results / META
    if not path.is_file():
        raise ConfigError(f"results={options.results}: there is no {META}; name the results folder of a finished run")
    experiment = str(json.loads(path.read_bytes())["experiment"])
    units = {unit.key: unit for unit in merged(map(plan, sweep_of(experiment).cells))}
    store = open_store(options.store)
    tensors = evidence_of(list(units.values()), store)
    size = write_box(options.results, experiment, tensors, [LEFT_OUT])
    say(f"{len(tensors)} units of evidence, {size / 1e6:.1f} MB: {options.results}")


def evidence_of(units: Sequence[Unit], store: Store) -> dict[str, Mapping[str, torch.Tensor]]:
    """What metrics look at: features, labels, Fisher information and the like, and sketches of principal gradients.

    Args:
        units: Of an experiment whose evidence is all there.
        store: That it is in.

    Returns:
        Artifacts by content key; not those of checkpoints on their own sources.

    Raises:
        ConfigError: A unit is not done: the store is that of another run, or of another version.
    """
    found: dict[str, Mapping[str, torch.Tensor]] = {}
    together: dict[str, list[Unit]] = {}
    for unit in units:
        own = unit.stage == "evidence" and unit.label.source == unit.label.target
        if unit.stage not in ("evidence", "fisher", "gradient", "triplets") or own:
            continue
        if store.record(unit)["status"] != DONE:
            raise ConfigError(f"store={store.root}: {unit} is not there; name the store that the results come from")
        if unit.stage == "gradient":
            together.setdefault(_estimate(unit), []).append(unit)
        else:
            found[unit.key] = store.load(unit)
    for group in together.values():
        small = sketched([from_tensors(store.load(unit)) for unit in group])
        for unit, one in zip(group, small, strict=True):
            found[unit.key] = {"halves": one.halves, "sizes": torch.tensor(one.sizes)}
    return found


def _estimate(unit: Unit) -> str:
    """What gradients must have in common to be compared: everything but the dataset."""
    params: dict[str, Any] = {name: value for name, value in unit.params.items() if name != "dataset"}
    return canonical_json(params)


if __name__ == "__main__":
    main(sys.argv[1:])
