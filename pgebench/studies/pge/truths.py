"""The truths that a study of PGE compares its scores with: fine-tuning accuracies of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.table import FloatArray, Table
from pgebench.core.errors import ConfigError
from pgebench.studies.pge.gradients import Tasks
from pgebench.studies.pge.scoring import Places

TRUTH = "finetune"

NO_COLLECTIONS: Mapping[str, str] = MappingProxyType({})


def truths_of(folder: Path, backbone: str, collections: Mapping[str, str] = NO_COLLECTIONS) -> Table:
    """The table of a finished run, one backbone of it.

    Args:
        folder: Results of the run.
        backbone: Name in ``conf/backbone``.
        collections: Name of a dataset -> data that it is a view of.

    Returns:
        Its accuracies and the scores of its metrics.

    Raises:
        ConfigError: There is no such run, or it has no accuracies of this backbone.
    """
    path = folder / "records.parquet"
    if not path.is_file():
        raise ConfigError(f"truths={folder}: there is no records.parquet; name the results folder of a finished run")
    with path.open("rb") as file:  # pyarrow itself opens no path that is not UTF-8
        table = build_table(pd.read_parquet(file), collections=collections)
    if backbone not in table.backbones or TRUTH not in table.truth:
        raise ConfigError(f"truths={folder}: no {TRUTH} accuracies of backbone={backbone}")
    return table.only_backbone(backbone)


def cut_to(tasks: Tasks, table: Table) -> Table:
    """The part of a table about these tasks: a smaller experiment may be judged by the truths of a larger one.

    Args:
        tasks: Whose sources and targets are kept.
        table: Of a run that has at least these.

    Returns:
        The sources and targets that both know, in the table's order.
    """
    sources, targets = (
        [place for place, name in enumerate(known) if name in {one.name for one in wanted}]
        for known, wanted in ((table.sources, tasks.sources), (table.targets, tasks.targets))
    )

    def cut(values: FloatArray) -> FloatArray:
        return values[:, sources][:, :, targets]

    return replace(
        table,
        sources=tuple(table.sources[place] for place in sources),
        targets=tuple(table.targets[place] for place in targets),
        truths={name: replace(one, values=cut(one.values)) for name, one in table.truths.items()},
        replicates={name: replace(one, values=cut(one.values)) for name, one in table.replicates.items()},
    )


def places_of(tasks: Tasks, table: Table) -> Places:
    """Where each source's and each target's gradient stands in the products, in the order of the table's axes.

    Args:
        tasks: Whose gradients they are: first those of the sources, then those of the targets.
        table: Whose axes count.

    Returns:
        The places of the sources, and those of the targets.

    Raises:
        ConfigError: The table does not know one of the datasets.
    """
    order = [*(("source", source.name) for source in tasks.sources), *(("target", one.name) for one in tasks.targets)]
    place = {key: number for number, key in enumerate(order)}
    missing = sorted({name for role, name in place} - {*table.sources, *table.targets})
    if missing:
        raise ConfigError(f"truths: nothing is known about {', '.join(missing)}; name the results of this experiment")
    return {name: place["source", name] for name in table.sources}, {
        name: place["target", name] for name in table.targets
    }
