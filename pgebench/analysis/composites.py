"""Composites: metrics whose last step needs all models compared; their raw terms are scaled over the hub and added.

A score that is scaled over a hub changes when the hub does, so it cannot be the result of one cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from pgebench.analysis.table import FloatArray, Replicates, Table
from pgebench.core.metric_facts import Facts

ROUNDING = 1e-12
"""Relative width of a term's values that is no more than their last digits."""


def with_composites(table: Table, facts: Facts) -> Table:
    """The table with each composite in the place of its terms; terms that are not complete stay as they are.

    Args:
        table: With the terms as metrics.
        facts: Which metric is a term of which composite.

    Returns:
        A new table; the same one if there is no complete composite.
    """
    for name, terms in _complete(table.replicates, facts):
        table = table.with_replicates(name, _sum([table.replicates[term] for term in terms])).without_scores(terms)
    return table


def _sum(terms: Sequence[Replicates]) -> Replicates:
    """The composite of each replicate; terms that looked at other checkpoints than the first make none."""
    looked_at = tuple(seen for seen in terms[0].looked_at if all(seen in term.looked_at for term in terms))
    parts = [
        sum_of_scaled([term.values[..., term.looked_at.index(seen)] for term in terms])
        for seen in dict.fromkeys(looked_at)
    ]
    nothing = np.empty((*terms[0].values.shape[:3], 0))
    return Replicates(np.stack(parts, axis=-1) if parts else nothing, tuple(dict.fromkeys(looked_at)))


def with_composite_names(records: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The records with the terms of each complete composite renamed to it, so that its cost is that of all terms.

    Args:
        records: With the column `metric`.
        facts: Which metric is a term of which composite.

    Returns:
        The records with other names in this column.
    """
    present = set(records.loc[records["stage"] == "score", "metric"].dropna().astype(str))
    renamed = {term: name for name, terms in _complete(present, facts) for term in terms}
    return records.assign(metric=records["metric"].map(lambda metric: renamed.get(metric, metric)))


def sum_of_scaled(terms: list[FloatArray]) -> FloatArray:
    """Add terms after scaling each to [0, 1] over the sources of each (backbone, target).

    Args:
        terms: Each of shape (backbones, sources, targets), NaN where absent.

    Returns:
        Same shape; NaN where a term is absent. A term that is equal for all sources, but for rounding, adds 0: scaling
        would blow its last digits up to a ranking.

    >>> sum_of_scaled([np.array([[[1.0], [2.0], [3.0]]]), np.array([[[5.0], [5.0], [5.0]]])]).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    total = np.zeros_like(terms[0])
    for term in terms:
        there = np.isfinite(term)
        # A sweep that has just begun may have no source yet.
        low = np.where(there, term, np.inf).min(axis=1, keepdims=True, initial=np.inf)
        high = np.where(there, term, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
        varies = high - low > ROUNDING * np.maximum(np.abs(high), np.abs(low))
        scaled = (term - np.where(varies, low, 0.0)) / np.where(varies, high - low, 1.0)
        total += np.where(there, np.where(varies, scaled, 0.0), np.nan)
    return total


def composites(facts: Facts) -> dict[str, tuple[str, ...]]:
    """The composites that metrics are terms of, each term higher for more transferable.

    Args:
        facts: With `term_of` of the terms.

    Returns:
        Composite -> its terms, two at least, in the order of the alphabet.

    >>> composites({"a": {"term_of": "sum"}, "b": {"term_of": "sum"}, "c": {}, "d": {"term_of": "one"}})
    {'sum': ('a', 'b')}
    """
    terms: dict[str, list[str]] = {}
    for metric in sorted(facts):
        if name := facts[metric].get("term_of"):
            terms.setdefault(str(name), []).append(metric)
    return {name: tuple(found) for name, found in sorted(terms.items()) if len(found) > 1}


def _complete(names: Iterable[str], facts: Facts) -> list[tuple[str, tuple[str, ...]]]:
    present = set(names)
    known = composites(facts).items()
    return [(name, terms) for name, terms in known if present.issuperset(terms) and name not in present]
