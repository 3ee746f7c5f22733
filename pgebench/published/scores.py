"""Published scores as a league takes them: higher is better, and the products that their authors report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pgebench.published.tables import PublishedTable


def oriented_scores(table: PublishedTable) -> pd.DataFrame:
    """The published scores with the sign that their authors mean, then the products of two of them.

    A product brings both metrics to [0, 1] over all candidates of a target, the target's own source included, and
    multiplies them: the combination of Juodelyte et al. (arXiv 2412.20172) as their notebook has it.

    Args:
        table: With or without printed scores.

    Returns:
        Rows (metric, backbone, source), columns targets; a higher score promises a better transfer.

    >>> from pgebench.published import load
    >>> printed, oriented = load("model_spider").scores, oriented_scores(load("model_spider"))
    >>> rows = [frame.loc[("otce", "googlenet", "imagenet"), "aircraft"] for frame in (printed, oriented)]
    >>> [float(row) for row in rows]
    [198.4737, -198.4737]
    """
    distance = table.scores.index.get_level_values("metric").isin(table.about.lower_is_better)
    oriented = table.scores.mul(np.where(distance, -1.0, 1.0), axis="index")
    products = {name: _product(oriented, first, second) for name, (first, second) in table.about.products.items()}
    return pd.concat([oriented, *([pd.concat(products, names=["metric"])] if products else [])])


def of_metric(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The scores of one metric.

    Args:
        scores: Rows (metric, backbone, source), columns targets.
        metric: One of them.

    Returns:
        Rows (backbone, source), columns targets.
    """
    return scores[scores.index.get_level_values("metric") == metric].droplevel("metric")


def _product(scores: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    return _to_unit(of_metric(scores, first)) * _to_unit(of_metric(scores, second))


def _to_unit(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of one metric over each target's candidates in [0, 1]; 0 where they are all the same."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low).where(high > low, 1.0)
