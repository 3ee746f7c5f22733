"""Records of a published table, so that the analysis and the report read it like an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from baselines import number_of_classes, parameter_count, random_score, source_accuracy
from pgebench.analysis.build_table import build_table
from pgebench.analysis.judge import STANDARDISED
from pgebench.analysis.question import QUESTIONS, ask
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.table import within_target_z
from pgebench.core.identity import derive_seed, digest
from pgebench.core.records import COLUMNS, DONE, TYPES
from pgebench.published.scores import oriented_scores
from pgebench.published.tables import PublishedTable, model_facts

CELL = ("backbone", "source", "target")


def records(table: PublishedTable) -> pd.DataFrame:
    """One truth a cell, and the scores of the trivial rankers and of the published metrics.

    Args:
        table: The published table.

    Returns:
        Columns as in ``pgebench.run.table.frame``. Costs are missing: nobody published them. A published metric is
        called ``logme (tllib)``. A trivial ranker is left out where a fact that it needs is not known for every model,
        or is the same for all. A source has no row for its own target.
    """
    truths = _truths(table)
    scores = [*_published(table), *_trivial(table), *_static(table, _frame(truths))]
    return _frame([*truths, *scores])


def _truths(table: PublishedTable) -> list[dict[str, Any]]:
    return [
        {"stage": "truth", **cell, "truth": table.truth, "seed": 0, "value": value}
        for cell, value in _cells(table.transfers)
    ]


def _published(table: PublishedTable) -> Iterator[dict[str, Any]]:
    scores, transfers = oriented_scores(table), table.transfers
    for metric in scores.index.get_level_values("metric").unique():
        for cell, value in _cells(scores.loc[metric].where(transfers.notna())):
            yield _score(f"{metric} ({table.name})", cell, value)


def _trivial(table: PublishedTable) -> Iterator[dict[str, Any]]:
    facts, classes = model_facts(), table.about.source_classes
    cells = [cell for cell, _ in _cells(table.transfers)]
    backbones = {cell["backbone"] for cell in cells}
    known = len(backbones) > 1 and backbones <= set(facts.index)
    from_imagenet = {cell["source"] for cell in cells} == {"imagenet"}
    parameters, top1 = facts["parameters"].to_dict(), facts["imagenet_top1"].to_dict()
    for cell in cells:
        if known:
            yield _score("parameter_count", cell, parameter_count(parameters[cell["backbone"]]))
        if known and from_imagenet:
            yield _score("source_accuracy", cell, source_accuracy(top1[cell["backbone"]] / 100))
        if classes:
            yield _score("number_of_classes", cell, number_of_classes(classes[cell["source"]]))
        yield _score("random", cell, random_score(derive_seed("published", table.name, *cell.values())))


def _static(table: PublishedTable, truths: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The static ranker on z-scores, so that a target on which models differ much does not decide alone."""
    question = QUESTIONS[table.about.question]
    asked = ask(build_table(truths), question)
    standardised = within_target_z(asked.truth[table.truth][..., 0])
    values = static_scores(standardised[..., None])
    axes = (asked.backbones, asked.sources, asked.targets)
    for position in np.argwhere(np.isfinite(values)):
        named = {CELL[axis]: axes[i][position[i]] for i, axis in enumerate(question.axes)}
        yield _score(STANDARDISED, {name: named[name] for name in CELL}, float(values[tuple(position)]))


def _cells(values: pd.DataFrame) -> Iterator[tuple[dict[str, str], float]]:
    for key, row in values.iterrows():
        assert isinstance(key, tuple)
        backbone, source = key
        for target, value in row.dropna().items():
            yield dict(zip(CELL, (str(backbone), str(source), str(target)), strict=True)), float(value)


def _score(metric: str, cell: dict[str, str], value: float) -> dict[str, Any]:
    return {"stage": "score", **cell, "metric": metric, "seed": 0, "value": value}


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    common = {"status": DONE, "attempts": 1, "detail": "{}", "inputs": "[]"}
    keyed = [{**row, **common, "key": digest(["published", row])} for row in rows]
    return pd.DataFrame(keyed, columns=list(COLUMNS)).astype(TYPES)
