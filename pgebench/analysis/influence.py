"""Influence: what becomes of a metric's number without one candidate, one family of candidates, or one target.

An interval says how far a number would move with other collections; influence says on which of the present ones it
hangs. Leaving out is done as if their rows had not been in the table: the others keep their lives, their ties and their
missing pairs, and what is computed from all candidates or targets together (composites, the static ranker) is computed
again from those that are left. Scores that the records state stay as they are stated.

What is left out has a weight of 0 in the same sums that the bootstrap draws weights for, so all of it costs as much as
a few more resamples.

The p-value without something is that of the number among the shuffled copies of the whole list, corrected for all
metrics (Holm). Those of a shorter list scatter more, so a number that is not told from chance by these would not be by
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.alike import Judged, judged
from pgebench.analysis.bootstrap import correlated, in_parts, mean_over_targets
from pgebench.analysis.chance import holm, p_value
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers

CANDIDATE, FAMILY, TASK = "candidate", "family", "task"
"""What is left out, in the words of `pgebench.analysis.question`: a task is a target where sources are ranked."""

COLUMNS = ("metric", "kind", "left_out", "members", "weighted_tau", "change", "place", "p_holm")


@dataclass(frozen=True)
class Rest:
    """What is left of a table.

    Attributes:
        kind: `CANDIDATE`, `FAMILY` or `TASK`.
        name: Of what is left out.
        members: Number of candidates or targets left out.
        sources: Whether each candidate is left, shape (sources,).
        targets: Whether each target is left, shape (targets,).
    """

    kind: str
    name: str
    members: int
    sources: npt.NDArray[np.bool_]
    targets: npt.NDArray[np.bool_]

    def of(self, values: FloatArray) -> FloatArray:
        """Values as if the rest were all there is.

        Args:
            values: Shape (backbones, sources, targets, n).

        Returns:
            Same shape, NaN for what is left out.
        """
        return np.where((self.sources[:, None] & self.targets)[None, :, :, None], values, np.nan)


Again = Callable[[Rest], dict[str, Replicates]]
"""The metrics whose scores depend on what else is in the table, scored again by the rest."""


def rests(table: Table, truth: Transfers) -> list[Rest]:
    """Everything that is left out in turn: candidates, families of several candidates, targets.

    Args:
        table: For the names and families, with its axes in the order group, candidate, task of the question.
        truth: A candidate or target without a finite accuracy is not there.

    Returns:
        In this order, each by its name; a family of all candidates leaves nothing and is not among them.
    """
    there = np.isfinite(truth.values)
    sources, targets = (np.asarray(there.any(axis=axes), dtype=np.bool_) for axes in ((0, 2, 3), (0, 1, 3)))
    family = np.array([table.family(name) for name in table.sources], dtype=object)
    every_source, every_target = np.ones(len(sources), dtype=np.bool_), np.ones(len(targets), dtype=np.bool_)
    found = [
        Rest(CANDIDATE, name, 1, np.arange(len(sources)) != s, every_target)
        for s, name in enumerate(table.sources)
        if sources[s]
    ]
    for name in sorted({str(one) for one in family[sources]}):
        kept = family != name
        members = int((~kept & sources).sum())
        if 1 < members < sources.sum():
            found.append(Rest(FAMILY, name, members, kept, every_target))
    found += [
        Rest(TASK, name, 1, every_source, np.arange(len(targets)) != t)
        for t, name in enumerate(table.targets)
        if targets[t]
    ]
    return found


def means_without(
    replicates: Mapping[str, Replicates], truth: Transfers, left: Sequence[Rest], again: Again
) -> dict[str, FloatArray]:
    """Mean weighted tau of each metric by each rest.

    Args:
        replicates: Metric -> its scores.
        truth: Transfers.
        left: The rests.
        again: The metrics whose scores depend on the rest.

    Returns:
        Metric -> shape (rests,), NaN where the rest has nothing to rank.
    """
    anew = [again(rest) for rest in left]
    dependent = set(anew[0]) if anew else set()
    plain = [name for name in replicates if name not in dependent]
    sources = np.array([rest.sources for rest in left], dtype=float).reshape(len(left), truth.values.shape[1])
    targets = np.array([rest.targets for rest in left], dtype=float).reshape(len(left), truth.values.shape[2])
    found = dict(
        zip(plain, _means(_beside([replicates[name] for name in plain], truth), sources, targets), strict=True)
    )
    for name in dependent:
        found[name] = np.full(len(left), np.nan)
    for at, (rest, scores) in enumerate(zip(left, anew, strict=True)):
        sides = _beside(list(scores.values()), Transfers(rest.of(truth.values), truth.checkpoints))
        means = _means(sides, np.ones((1, sources.shape[1])), np.ones((1, targets.shape[1])))
        for name, mean in zip(scores, means[:, 0], strict=True):
            found[name][at] = mean
    return {name: found[name] for name in replicates}


def _beside(scores: Sequence[Replicates], truth: Transfers) -> Judged:
    # Collections matter to resamples alone.
    return judged(scores, truth, (), ())


def _means(sides: Judged, sources: FloatArray, targets: FloatArray) -> FloatArray:
    """Mean weighted tau with these multiplicities, (rests, sources) and (rests, targets); (metrics, rests)."""
    values = np.full((sides.metrics, len(sources)), np.nan)
    for group in sides.groups:
        for rows in in_parts(len(sources), group.accuracy):
            for m, found in correlated(group.scores, group.accuracy, sources[rows], (PRIMARY,)):
                values[group.members[m], rows] = mean_over_targets(found[PRIMARY], targets[rows])
    return values


def influence(
    table: Table,
    truth: Transfers,
    again: Again,
    *,
    whole: Mapping[str, float],
    nulls: FloatArray,
    real: Sequence[str],
) -> pd.DataFrame:
    """The number, place and p-value of each metric without each candidate, family and target.

    Args:
        table: With its metrics in the order of `nulls`.
        truth: One of the table's.
        again: The metrics whose scores depend on the rest.
        whole: Metric -> mean weighted tau with nothing left out.
        nulls: Means of shuffled copies of the scores, shape (metrics, shuffles).
        real: The metrics among which a place is taken: those that are no yardsticks.

    Returns:
        One row per metric and rest, the metrics in the order of the table, with the columns of `COLUMNS`: `change` is
        `weighted_tau` without what is left out minus that of the whole; `members` are how many were left out; `place`
        is that among the real metrics, NaN for others. NaN where the rest has nothing to rank.
    """
    left = rests(table, truth)
    means = means_without(table.replicates, truth, left, again)
    metrics = list(means)
    values = np.array([means[name] for name in metrics]).reshape(len(metrics), len(left))
    p = np.array([[p_value(value, nulls[m]) for value in row] for m, row in enumerate(values)]).reshape(values.shape)
    corrected = np.array([holm(column) for column in p.T]).reshape(len(left), len(metrics)).T
    contest = values[[metrics.index(name) for name in real]]
    rows = []
    for m, name in enumerate(metrics):
        for at, rest in enumerate(left):
            value = float(values[m, at])
            # Sums in another order differ in the last bits; that makes no place.
            place = 1.0 + float((contest[:, at] > value + 1e-9).sum())
            place = place if name in real and np.isfinite(value) else float("nan")
            change = value - whole[name]
            rows.append((name, rest.kind, rest.name, rest.members, value, change, place, float(corrected[m, at])))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def largest(found: pd.DataFrame) -> pd.DataFrame:
    """The largest change of each metric, whatever is left out.

    Args:
        found: From `influence`.

    Returns:
        The row of each metric that has one, the first of equals, indexed by metric. A metric that nothing changes, such
        as a constant one, has none.
    """
    # Rounding is no change, and decides nothing between two that change as much.
    size = found["change"].abs().round(9)
    size = size[size > 0]
    return found.loc[size.groupby(found["metric"], sort=False).idxmax()].set_index("metric")
