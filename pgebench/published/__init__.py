"""Fine-tuning accuracies and scores that papers have published, each table with its provenance.

The numbers are facts typed in from the papers' repositories; tables are never mixed. ``pgebench truth=published.sfda``
judges trivial rankers and the published scores by such a table, with nothing trained, and
``python -m pgebench.published`` writes what the tables say of themselves: values outside the bounds of their metric,
correlations that do not follow from the scores, and accuracies on which two tables disagree.
"""

from pgebench.published.tables import PublishedTable, load, names

__all__ = ["PublishedTable", "load", "names"]
