"""Ranking without labels: the metrics that look at none, and what the reference run knows of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

from pgebench.plan.composing import composed
from pgebench.plan.sweep import plain
from pgebench.ranking.candidates import Candidates, usable_metrics
from pgebench.ranking.reliability import LABEL_FREE, Reference, Reliability

LIKE = "h_score"
"""The metric whose cost stands for that of one that the reference run has not tried: it decomposes the features too."""


def without_labels(candidates: Candidates, reference: Reference) -> tuple[Candidates, Reference]:
    """The same candidates with the label-free metric alone, and the reference as far as it knows of it.

    Of the metrics that every candidate can be scored with, the one that the reference run found best; RankMe where it
    has tried none, for it needs no classifier.

    Args:
        candidates: Pretrained backbones.
        reference: The run that has studied them.

    Returns:
        Candidates with one metric, and a reference with one metric, which is not `measured` where nobody knows it.
    """
    metrics: dict[str, Any] = plain(composed([f"metric=[{','.join(LABEL_FREE)}]", "truth=[]"]).metric)
    with_all = _with(candidates, {name: {**metric, "seeds": 1} for name, metric in metrics.items()})
    usable = [name for name in LABEL_FREE if name in usable_metrics(with_all)]
    known = [one for one in (reference.of(name) for name in usable) if one is not None]
    best = max(known, key=lambda one: one.weighted_tau) if known else Reliability(usable[0], nan, nan, nan, nan, nan)
    cost = reference.cpu_s.get(f"score/{best.metric}", reference.cpu_s[f"score/{LIKE}"])
    seen = replace(reference, metrics=(best,), cpu_s={**reference.cpu_s, f"score/{best.metric}": cost})
    return with_all.with_metric(best.metric), seen


def _with(candidates: Candidates, metrics: Mapping[str, Any]) -> Candidates:
    cells = (replace(cell, settings={**cell.settings, "metric": dict(metrics)}) for cell in candidates.cells)
    return replace(candidates, cells=tuple(cells))
