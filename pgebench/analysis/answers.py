"""Answers of one score to several questions: how well it ranks sources, backbones, targets, or all pairs in one list.

A metric can be right about which source suits a target and know nothing about which target is easy; a good answer to
one question says nothing about the others, and numbers of different questions must not be compared with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from pgebench.analysis.alike import judged
from pgebench.analysis.bootstrap import FEWEST, correlated
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.question import PAIRS, QUESTIONS, answerable, ask
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray, Table, mean_over_seeds

# One list of all pairs is long, and its cost grows with the square of that.
POOLED_RESAMPLES = 300


def answers(
    table: Table,
    truth: str,
    known: Mapping[str, tuple[Sequence[str], Resamples]] = MappingProxyType({}),
    *,
    resamples: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean weighted tau of every metric for every question that the table can answer.

    Args:
        table: Axes backbone, source, target.
        truth: One of its truths.
        known: Name of a question -> metrics and their draws of the mean weighted tau, if these have been drawn already
            from the same scores.
        resamples: Draws of the bootstrap.
        seed: Its seed.

    Returns:
        One row per question and metric: `question`, `metric`, `weighted_tau`, `low`, `high`, `lists` (how many orders
        the mean is over).
    """
    names = sorted(table.scores)
    rows = []
    for question in QUESTIONS.values():
        if not answerable(table.truth[truth], question) or not names:
            continue
        asked = ask(table, question)
        metrics, draws = known.get(question.name) or (names, _drawn(asked, names, truth, resamples, seed))
        lists = int(np.isfinite(mean_over_seeds(asked.truth[truth])).any(axis=1).sum())
        rows += _rows(question.name, names, metrics, draws, lists)
    if names:
        stacked = np.stack([table.scores[name] for name in names])
        pooled = pooled_resamples(
            stacked, table.truths[truth].mean[..., None], resamples=min(resamples, POOLED_RESAMPLES), seed=seed
        )
        rows += _rows(PAIRS.name, names, names, pooled, len(table.backbones))
    return pd.DataFrame(rows, columns=["question", "metric", PRIMARY, "low", "high", "lists"])


def _drawn(asked: Table, names: Sequence[str], truth: str, resamples: int, seed: int) -> Resamples:
    sources, targets = ([asked.collection(name) for name in axis] for axis in (asked.sources, asked.targets))
    sides = judged([asked.replicates[name] for name in names], asked.truths[truth], sources, targets)
    return sides.resampled((PRIMARY,), resamples=resamples, seed=seed)[PRIMARY]


def _rows(
    question: str, names: Sequence[str], metrics: Sequence[str], draws: Resamples, lists: int
) -> list[tuple[object, ...]]:
    """Of each name its row, found among the metrics that were drawn."""
    at = {name: metrics.index(name) for name in names}
    return [(question, name, float(draws.estimate[m]), *draws.interval(m), lists) for name, m in at.items()]


def pooled_resamples(scores: FloatArray, truth: FloatArray, *, resamples: int, seed: int = 0) -> Resamples:
    """Draws of the weighted tau over all pairs of source and target in one list, mean over backbones.

    Sources and targets are drawn, a pair as often as its source times its target; the seeds of the truth are not, since
    accuracies of different targets differ by much more than those of different seeds.

    Args:
        scores: Shape (metrics, backbones, sources, targets), NaN where absent.
        truth: Shape (backbones, sources, targets, seeds), NaN where absent.
        resamples: Number of draws.
        seed: Seed of the draws.

    Returns:
        The draws.
    """
    rng = np.random.default_rng(seed)
    accuracy = mean_over_seeds(truth)
    backbones, sources, targets = accuracy.shape
    drawn = {}
    for name, n in (("source", sources), ("target", targets)):
        shares = np.full(n, 1 / n)
        draws = rng.multinomial(n, shares, size=resamples).astype(float)
        drawn[name] = draws if n >= FEWEST else np.ones((resamples, n))
    one_source, one_target = np.ones((1, sources)), np.ones((1, targets))

    # One list of all pairs for a backbone.
    listed, measured = scores.reshape(len(scores), backbones, -1, 1), accuracy.reshape(backbones, -1, 1)

    def means(by_source: FloatArray, by_target: FloatArray) -> FloatArray:
        count = (by_source[:, :, None] * by_target[:, None, :]).reshape(max(len(by_source), len(by_target)), -1)
        found = np.full((len(scores), len(count)), np.nan)
        for m, tau in correlated(listed, measured, count, (PRIMARY,)):
            found[m] = mean_where_defined(tau[PRIMARY][..., 0])
        return found

    both = means(drawn["source"], drawn["target"])
    return Resamples(
        estimate=means(one_source, one_target)[:, 0],
        both=both,
        by_target=means(one_source, drawn["target"]),
        by_source=means(drawn["source"], one_target),
        targets=targets if targets >= FEWEST else 0,
        sources=sources if sources >= FEWEST else 0,
        bounds=(-1.0, 1.0),
    )
