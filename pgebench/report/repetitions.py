"""What a study repeats, and so what its intervals hold and what they do not, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pgebench.analysis.bootstrap import FEWEST
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.table import Table
from pgebench.report.style import role
from pgebench.report.wording import counted, names


def checkpoints_of(result: TruthResult) -> int:
    """Number of checkpoints per source model."""
    return len(result.transfers.numbers)


def transfers_of(result: TruthResult) -> str:
    """Number of transfers per pair from each checkpoint: `1`, or `1 to 2` where checkpoints differ."""
    counts = [result.transfers.checkpoints.count(number) for number in result.transfers.numbers]
    low, high = min(counts, default=0), max(counts, default=0)
    return str(low) if low == high else f"{low} to {high}"


def repeated(result: TruthResult) -> str:
    """What was trained more than once.

    Args:
        result: Of one truth.

    Returns:
        One sentence.
    """
    checkpoints, transfers = checkpoints_of(result), transfers_of(result)
    noun = "transfer" if transfers == "1" else "transfers"
    if checkpoints > 1:
        return (
            f"Every source model was trained {checkpoints} times, and each of its checkpoints has {transfers} {noun} "
            "per pair."
        )
    once = "Every source model was trained once"
    if transfers == "1":
        return f"{once} and has a single transfer per pair: nothing was repeated."
    return f"{once}; its {transfers} transfers per pair start from the same checkpoint."


def drawn_once(result: TruthResult) -> list[str]:
    """Metrics with luck of their own that all datasets share, of which there is a single draw: PGE's initialisations.

    Args:
        result: Of one truth.

    Returns:
        The best first.
    """
    return [name for name, draws in _own_draws(result) if draws == 1]


def drawn_often(result: TruthResult) -> dict[str, int]:
    """Metrics with such luck of their own -> how often it was drawn, where that is more than once.

    Args:
        result: Of one truth.

    Returns:
        The best first.
    """
    return {name: draws for name, draws in _own_draws(result) if draws > 1}


def in_interval(table: Table, result: TruthResult) -> str:
    """Which levels of the study an interval of the league holds, and how.

    Args:
        table: For the names and their collections.
        result: Of one truth.

    Returns:
        A few sentences, said about sources and targets.
    """
    sources, targets = result.drawn
    drawn = [
        text for text in (_drawn("target", targets, table.targets), _drawn("source", sources, table.sources)) if text
    ]
    if not drawn:
        return "There are too few datasets for an interval."
    text = (
        f"The interval (95 %) says how much the mean would move with others of these: drawn anew are "
        f"{' and '.join(drawn)}; the backbones are taken as given. Checkpoints belong to a source model, transfers to "
        "a checkpoint and images to a dataset: their luck is in the differences that are drawn."
    )
    if often := drawn_often(result):
        said = ", ".join(f"`{name}` {times} draws" for name, times in often.items())
        text += f" What a metric draws at random for all datasets alike is added: {said}."
    return text


def not_in_interval(table: Table, result: TruthResult) -> list[str]:
    """Levels of the study that the intervals do not hold, for want of repetitions.

    Args:
        table: For the names and their collections.
        result: Of one truth.

    Returns:
        One sentence each, with the remedy where there is one; none where there is no interval at all.
    """
    parts: list[str] = []
    sources, targets = result.drawn
    if not (sources or targets):
        return parts
    for thing, drawn, members in (("source", sources, table.sources), ("target", targets, table.targets)):
        if drawn == 0:
            there = counted(len({table.collection(name) for name in members}), "collection")
            luck = ", nor is the luck of their training" if thing == "source" else ""
            parts.append(
                f"Not in the interval: other {thing}s. They are of {there}, and fewer than {FEWEST} are not "
                f"drawn{luck}."
            )
    if once := drawn_once(result):
        parts.append(
            f"Not in the interval: the luck of {names(once)}, drawn once for all datasets alike; another draw may give "
            "another number (`budget.draws=4` draws four)."
        )
    return parts


def _own_draws(result: TruthResult) -> list[tuple[str, int]]:
    # Other metrics draw for each pair or checkpoint, and are nested in these.
    return [
        (str(row["metric"]), int(row["score_seeds"]))
        for row in result.league.to_dict("records")
        if role(str(row["metric"]), str(row["kind"])) == "pge" and np.isfinite(row["weighted_tau"])
    ]


def _drawn(thing: str, drawn: int, members: Sequence[str]) -> str:
    """What is drawn on one axis; "" if nothing is."""
    if not drawn:
        return ""
    return (
        f"{len(members)} {thing}s" if drawn == len(members) else f"{drawn} collections of the {len(members)} {thing}s"
    )
