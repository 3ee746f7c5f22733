"""Bounds of metrics: values outside cannot be what their column says, whatever the features were."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from pgebench.published.tables import PublishedTable


def _entropy(classes: int) -> tuple[float, float]:
    return -math.log(classes), 0.0


BOUNDS: dict[str, tuple[str, Callable[[int], tuple[float, float]]]] = {
    "h_score": ("[0, C - 1], the rank of the class means", lambda classes: (0.0, classes - 1.0)),
    "leep": ("[-ln C, 0], a mean log probability, at worst that of guessing by class frequency", _entropy),
    "n_leep": ("[-ln C, 0], as LEEP", _entropy),
    "nce": ("[-ln C, 0], minus a conditional entropy", _entropy),
    "gbc": ("[-C (C - 1), 0], minus a sum of overlaps over pairs of classes", lambda c: (-c * (c - 1.0), 0.0)),
    "lfc": ("[-1, 1], a cosine", lambda _: (-1.0, 1.0)),
    "pactran": ("(-inf, 0], minus a bound on a cross-entropy", lambda _: (-math.inf, 0.0)),
}
"""Metric -> its bounds in words, and as a function of the number C of target classes.

Only what follows from C alone: the bounds by the number of images or features are narrower, but neither is published.
LogME and OTCE have none.
"""


def broken(table: PublishedTable) -> pd.DataFrame:
    """The published scores outside the bounds of their metric.

    Args:
        table: With printed scores.

    Returns:
        Columns metric, target, backbone, value, low, high; in the order of the table.

    >>> from pgebench.published import load
    >>> broken(load("tllib")).groupby(["metric", "target"]).size().to_dict()
    {('h_score', 'dtd'): 3, ('nce', 'dtd'): 10}
    """
    rows = []
    for key, cells in table.scores.iterrows():
        assert isinstance(key, tuple)
        metric, backbone, _ = key
        for target, value in cells.dropna().items():
            low, high = (
                BOUNDS[metric][1](table.about.targets[str(target)].classes) if metric in BOUNDS else (None, None)
            )
            if low is not None and high is not None and not low <= value <= high:
                rows.append((metric, target, backbone, value, low, high))
    return pd.DataFrame(rows, columns=["metric", "target", "backbone", "value", "low", "high"])
