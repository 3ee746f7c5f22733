"""``truth=published.NAME``: from a published table to a results folder, with nothing trained."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pgebench.core.errors import ConfigError
from pgebench.core.files import write_atomically
from pgebench.core.machine import machine, versions
from pgebench.published.records import records
from pgebench.published.remarks import remarks
from pgebench.published.tables import PublishedTable, load, names

PROTOCOL = "published"


def chosen_table(experiment: str, truths: Iterable[Mapping[str, Mapping[str, Any]]]) -> PublishedTable | None:
    """The published table that an experiment asks for; None if it has truths of its own.

    Args:
        experiment: Name of the experiment, and of its results folder.
        truths: The config's ``truth`` of each job: name of the truth -> fields of ``TruthConfig``.

    Raises:
        ConfigError: More than one truth, of which one is published; a table that does not exist; or an experiment
            that is not named after it, whose results would be overwritten.

    >>> print(chosen_table("smoke", [{"finetune": {"protocol": "finetune", "table": None}}]))
    None
    """
    every = {name: truth for job in truths for name, truth in job.items()}
    tables = [str(truth["table"]) for truth in every.values() if truth["protocol"] == PROTOCOL]
    if not tables:
        return None
    if len(every) > 1:
        raise ConfigError(
            f"truth={','.join(sorted(every))}: a published table is never mixed with another truth; "
            "give one truth=published.NAME"
        )
    if tables[0] not in names():
        raise ConfigError(f"truth={PROTOCOL}.{tables[0]}: no such table; choose from {', '.join(names())}")
    table = load(tables[0])
    if experiment != table.truth:
        raise ConfigError(f"experiment={experiment}: a published table is an experiment of its own; leave this out")
    return table


def write_records(table: PublishedTable, results: Path, seed: int = 0) -> None:
    """Write ``records.parquet`` and ``meta.json`` of a published table, from which the report is built.

    Args:
        table: The table.
        results: The folder; made when missing.
        seed: Of the report's bootstrap.

    Raises:
        StoreError: The folder cannot be written.
    """
    about = table.about
    meta = {
        "experiment": table.truth,
        "command": f"pgebench truth={table.truth}",
        "versions": versions(),
        "machine": machine("cpu"),
        "primary_truth": table.truth,
        "question": about.question,
        "criterion": about.criterion,
        "families": about.families,
        "collections": about.collections,
        "seed": seed,
        "config": asdict(about),
        "notes": [
            f"{about.title}. Every {about.criterion} was published by {about.paper} ({about.venue}) and read in "
            f"{about.file} of {about.repository} at {about.commit[:7]}. Nothing was trained here; costs are not known.",
            f"How the models were trained: {about.training}",
            *about.notes,
            *remarks(table),
        ],
    }
    write_atomically(results / "records.parquet", records(table).to_parquet(index=False))
    write_atomically(results / "meta.json", json.dumps(meta, indent=1, sort_keys=True).encode())
