"""The box as files: records and meta of a results folder, and beside them its evidence with checksums. No pickle."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from pgebench.box.compact import compact, restored
from pgebench.core.errors import ConfigError
from pgebench.core.files import write_atomically
from pgebench.core.suggest import suggest
from pgebench.core.version import __version__

FORMAT = 1

INDEX, EVIDENCE, RECORDS, META = "box.json", "evidence.safetensors.gz", "records.parquet", "meta.json"

SHIPPED = Path(__file__).parent / "shipped"
"""Boxes inside the package, each in a folder of its name."""


@dataclass(frozen=True)
class Box:
    """A finished study with what its metrics looked at.

    Attributes:
        name: As the user gave it.
        experiment: That it is a run of.
        made_by: Version of pgebench.
        records: The study's table of records.
        meta: What its report says beside the table.
        tensors: Of each unit of evidence, by its content key, as ``compact`` makes them.
        left_out: What the study's metrics looked at and the box does not hold, in words.
    """

    name: str
    experiment: str
    made_by: str
    records: pd.DataFrame
    meta: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, torch.Tensor]]
    left_out: Sequence[str] = ()

    def evidence(self, key: str) -> dict[str, torch.Tensor]:
        """The artifact of a unit.

        Args:
            key: Of the unit, which the box holds.

        Returns:
            Tensors by name, as the stage would give them, rounded to half precision.
        """
        return restored(self.tensors[key])


def write_box(
    folder: Path, experiment: str, tensors: Mapping[str, Mapping[str, torch.Tensor]], left_out: Sequence[str] = ()
) -> int:
    """Put the evidence of a results folder beside its records.

    Args:
        folder: With ``records.parquet`` and ``meta.json``.
        experiment: That it is a run of.
        tensors: Artifacts by the content keys of their units.
        left_out: What is not in them, in words.

    Returns:
        Bytes of the evidence.

    Raises:
        StoreError: The folder cannot be written.
    """
    small = {key: compact(found) for key, found in tensors.items()}
    named = {f"{key}/{name}": one.contiguous() for key, found in small.items() for name, one in found.items()}
    # Coordinates of sketches are a triangle and zeros, which take no room when they are packed.
    content = gzip.compress(save(named), mtime=0)
    index = {
        "format": FORMAT,
        "pgebench": __version__,
        "experiment": experiment,
        "left_out": list(left_out),
        "sha256": {EVIDENCE: _sha256(content), RECORDS: _sha256((folder / RECORDS).read_bytes())},
    }
    write_atomically(folder / EVIDENCE, content)
    write_atomically(folder / INDEX, json.dumps(index, indent=1, sort_keys=True).encode())
    return len(content)


def shipped() -> list[str]:
    """Names of the boxes inside the package.

    Returns:
        In alphabetical order.

    >>> shipped()
    ['embedded']
    """
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{INDEX}"))


def open_box(name: str) -> Box:
    """A box, whole and as it was written.

    Args:
        name: Of one that is inside the package, or the results folder of a study with a box.

    Returns:
        The box.

    Raises:
        ConfigError: There is none, it is of another format, or one of its files is damaged.

    >>> open_box("embeded")
    Traceback (most recent call last):
    ...
    pgebench.core.errors.ConfigError: box=embeded: no such box, and no folder with a box.json; did you mean embedded? \
choose from embedded
    """
    folder = SHIPPED / name if name in shipped() else Path(name)
    if not (folder / INDEX).is_file():
        raise ConfigError(f"box={name}: no such box, and no folder with a {INDEX}; {suggest(name, shipped())}")
    try:
        index = json.loads((folder / INDEX).read_bytes())
        if index["format"] != FORMAT:
            raise ConfigError(
                f"box={name}: it is of format {index['format']} (pgebench {index['pgebench']}), this version reads "
                f"{FORMAT}; take the version that made it, or make the box anew"
            )
        contents = {file: (folder / file).read_bytes() for file in (EVIDENCE, RECORDS, META)}
        damaged = [file for file, checksum in index["sha256"].items() if _sha256(contents[file]) != checksum]
        if damaged:
            raise ConfigError(f"box={name}: {damaged[0]} is not the file that was written; fetch or make the box anew")
        return Box(
            name,
            index["experiment"],
            index["pgebench"],
            pd.read_parquet(BytesIO(contents[RECORDS])),
            json.loads(contents[META]),
            _by_key(load(gzip.decompress(contents[EVIDENCE]))),
            tuple(index["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, SafetensorError) as error:
        raise ConfigError(f"box={name}: {folder} cannot be read as a box ({error}); fetch or make it anew") from error


def _by_key(named: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in named.items():
        key, _, own = name.partition("/")
        found.setdefault(key, {})[own] = tensor
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
