"""What of a published table says nothing in a league: holes, ties, constant scores. One line each, for its report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from pgebench.analysis.question import QUESTIONS
from pgebench.core.metric_facts import TIE
from pgebench.published.scores import oriented_scores
from pgebench.published.tables import MODEL, PublishedTable
from pgebench.report.wording import counted

AXES = (*MODEL, "target")
FEW = 6
"""So many cells are named; of more only the number is said."""

Order = tuple[str, ...]
"""One order of candidates: its group, where there are several, and its task."""


def remarks(table: PublishedTable) -> list[str]:
    """Lines on cells that a reader may believe to count, and that do not.

    Args:
        table: The table.

    Returns:
        Sentences; none for a table without holes, ties and constant scores.

    >>> from pgebench.published import load
    >>> for line in remarks(load("tllib")):
    ...     print(line)
    Equal values: 8 pairs of candidates, in 3 of 8 orders; neither order of such a pair is right.
    """
    truths = _long(table.transfers)
    axes = [axis for axis in AXES if axis != QUESTIONS[table.about.question].candidate]
    order = [axis for axis in axes if truths[axis].nunique() > 1] or axes[-1:]
    judged = _long(oriented_scores(table).reset_index("metric"), "metric").merge(truths[list(AXES)], on=list(AXES))
    return [*_own(table), *_holes(table), *_ties(truths, order), *_unscored(table, judged), *_constant(judged, order)]


def _long(values: pd.DataFrame, *more: str) -> pd.DataFrame:
    """One row per cell that has a value: its names and the value."""
    ids = [*MODEL, *more]
    return values.reset_index().melt(ids, var_name="target", value_name="value").dropna(subset=["value"])


def _own(table: PublishedTable) -> Iterator[str]:
    left_out = int((table.accuracy.notna() & table.transfers.isna()).to_numpy().sum())
    if left_out:
        yield f"A source is not judged on its own target: {left_out} of the published values are left out."


def _holes(table: PublishedTable) -> Iterator[str]:
    """Cells without a value that are not a source on its own target."""
    holes = [
        f"{backbone} from {source} on {target}"
        for target, column in table.accuracy.items()
        for (backbone, source) in column.index[column.isna()]
        if source != target
    ]
    if holes:
        named = f" ({'; '.join(holes)})" if len(holes) <= FEW else ""
        yield f"No value: {len(holes)} of {table.accuracy.size} cells{named}; the candidate is not in that order."


def _ties(truths: pd.DataFrame, order: list[str]) -> Iterator[str]:
    """Equal truths, and orders in which nothing differs."""
    counts = {key: rows["value"].value_counts() for key, rows in truths.groupby(order)}
    flat = [_order(key) for key, count in counts.items() if len(count) < 2]
    pairs = [int((count * (count - 1) // 2).sum()) for count in counts.values() if len(count) > 1]
    if any(pairs):
        yield (
            f"Equal values: {counted(sum(pairs), 'pair')} of candidates, in {sum(map(bool, pairs))} of "
            f"{counted(len(counts), 'order')}; neither order of such a pair is right."
        )
    if flat:
        yield f"Nothing to put in order, and left out for every metric: {_named(flat)}."


def _unscored(table: PublishedTable, judged: pd.DataFrame) -> Iterator[str]:
    """Targets without scores."""
    targets: set[Order] = {(str(target),) for target in table.transfers}
    scored: dict[str, set[Order]] = {
        str(metric): {(str(target),) for target in rows["target"]} for metric, rows in judged.groupby("metric")
    }
    for metrics, without in _alike({metric: targets - there for metric, there in scored.items()}):
        yield (
            f"No score on {_named(without)} of {metrics}: judged on the other {len(targets) - len(without)} targets, "
            f"beside rankers that are judged on all {len(targets)}."
        )


def _constant(judged: pd.DataFrame, order: list[str]) -> Iterator[str]:
    """Scores that are the same for every candidate of an order."""
    found: dict[str, set[Order]] = {}
    for (metric, *key), rows in judged.groupby(["metric", *order]):
        values = rows["value"]
        if values.max() - values.min() <= TIE * values.abs().max():
            found.setdefault(str(metric), set()).add(_order(tuple(key)))
    for metrics, orders in _alike(found):
        yield f"The same score for every candidate, on {_named(orders)} of {metrics}: it counts as 0 there."


def _alike(found: Mapping[str, set[Order]]) -> Iterator[tuple[str, set[Order]]]:
    """Metrics, as one text, of which the same orders were found; those of which none were are left out."""
    groups: dict[frozenset[Order], list[str]] = {}
    for metric, orders in found.items():
        groups.setdefault(frozenset(orders), []).append(f"`{metric}`")
    yield from ((", ".join(metrics), set(orders)) for orders, metrics in groups.items() if orders)


def _order(key: object) -> Order:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


def _named(orders: Iterable[Order]) -> str:
    return ", ".join(" on ".join(order) for order in sorted(orders))
