"""Reliability of each metric, and cost of each piece of work, as the reference runs found them.

``reference.json`` comes with the package, for an installed pgebench has no ``results/``. It is made from the committed
runs by ``python -m pgebench.ranking.reliability``; a test holds it against them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.league import experiment_itself
from pgebench.analysis.quality import regret_at_random
from pgebench.analysis.question import QUESTIONS, ask
from pgebench.core.files import write_atomically
from pgebench.core.records import DONE
from pgebench.store.unit import Unit

FILE = Path(__file__).parent / "reference.json"
RUNS = {"sources": "embedded_full", "backbones": "hub"}
"""Question -> the committed run that has studied it."""

ALPHA = 0.05

LABEL_FREE = ("rank_me", "prediction_entropy")
"""Metrics that look at no labels: what is left for images without classes."""


@dataclass(frozen=True)
class Reliability:
    """How well a metric ranked the candidates of a reference run.

    Attributes:
        metric: Its name.
        weighted_tau: Mean over the run's targets, in [-1, 1].
        low: Lower end of the 95 % interval.
        high: Upper end.
        p: Of a shuffled copy of the score doing as well, corrected for the number of metrics (Holm).
        regret: Accuracy that is lost against the best candidate by taking the one that the metric puts first, mean over
            the targets.
    """

    metric: str
    weighted_tau: float
    low: float
    high: float
    p: float
    regret: float

    @property
    def measured(self) -> bool:
        """Whether the reference run has tried it; all its numbers are NaN otherwise."""
        return bool(np.isfinite(self.weighted_tau))

    @property
    def rank(self) -> float:
        """The weighted tau; below all others where nothing is known."""
        return self.weighted_tau if self.measured else -1.0

    @property
    def beats_chance(self) -> bool:
        """Whether it ranks better than a shuffled copy of itself."""
        return self.p < ALPHA and self.weighted_tau > 0


@dataclass(frozen=True)
class Reference:
    """A reference run, as far as a ranking for new images can learn from it.

    Attributes:
        run: Name of the experiment.
        created: When it ended.
        truth: The definition of accuracy.
        targets: Number of targets, over all backbones where sources are ranked.
        candidates: Number of candidates.
        per_class: Training images per class of its targets.
        regret_of_chance: Accuracy that is lost by taking a candidate at random.
        image_size: Pixels a side of the pictures that its networks saw.
        ceiling: Noise ceiling of the weighted tau: how well the truth of one life agrees with a repetition of it, from
            the same checkpoints if that is known, else with everything trained anew.
        metrics: The best first, without yardsticks and without those that are made of several scores.
        yardsticks: Rankers that look at no picture of the target: size, stated accuracy, static, random.
        cpu_s: Processor seconds: ``checkpoint`` one; ``gradient`` and ``evidence`` per image; ``score/METRIC`` one.
        images: Mean number of images that a score was taken on.
    """

    run: str
    created: str
    truth: str
    targets: int
    candidates: int
    per_class: int
    regret_of_chance: float
    image_size: int
    ceiling: float
    metrics: tuple[Reliability, ...]
    yardsticks: tuple[Reliability, ...]
    cpu_s: Mapping[str, float]
    images: float

    def of(self, metric: str) -> Reliability | None:
        """What is known of a metric."""
        return next((one for one in (*self.metrics, *self.yardsticks) if one.metric == metric), None)

    def seconds(self, unit: Unit, images: int) -> float:
        """Processor seconds that a unit is likely to take on the reference's machine; NaN if nobody knows.

        Args:
            unit: A checkpoint, evidence or score.
            images: Training images of the target.
        """
        if unit.stage == "checkpoint":
            return self.cpu_s.get("checkpoint", np.nan)
        if unit.stage == "evidence":
            # A network's work grows with the pixels of a picture.
            pixels = (unit.params["backbone"]["image_size"] / self.image_size) ** 2
            return self.cpu_s.get("evidence", np.nan) * images * pixels
        # A score takes longer on more images; linearly is what most of them need, and a guess for the others.
        return self.cpu_s.get(f"score/{unit.label.metric}", np.nan) * max(1.0, images / self.images)


def reference(question: str) -> Reference:
    """The reference run of a question, ``sources`` or ``backbones``.

    >>> reference("sources").metrics[0].weighted_tau > 0
    True
    """
    return _all()[question]


@cache
def _all() -> dict[str, Reference]:
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        question: Reference(
            **fields | {kind: tuple(Reliability(**one) for one in fields[kind]) for kind in ("metrics", "yardsticks")}
        )
        for question, fields in found.items()
    }


def summarise(results: Path) -> Reference:
    """A reference from a results folder with its report.

    Args:
        results: Folder of an experiment with ``records.parquet``, ``meta.json`` and ``summary.csv``.
    """
    meta: dict[str, Any] = json.loads((results / "meta.json").read_text(encoding="utf-8"))
    records = experiment_itself(pd.read_parquet(results / "records.parquet"))
    summary = pd.read_csv(results / "summary.csv")
    league = summary[summary.truth == meta["primary_truth"]].sort_values("weighted_tau", ascending=False)
    single = set(records[records.stage == "score"].metric)
    judged = league[(league.kind == "metric") & league.weighted_tau.notna() & league.metric.isin(single)]
    done = records[records.status == DONE].drop_duplicates("key")
    evidence, scores = done[done.stage == "evidence"], done[done.stage == "score"]
    # Evidence is taken of sources too; scores look at targets.
    of_targets = evidence[evidence.target.isin(set(scores.target))].groupby("target").images.min()
    question = QUESTIONS[meta["question"]]
    table = ask(build_table(records), question)
    truth = table.truths[meta["primary_truth"]]
    return Reference(
        run=meta["experiment"],
        created=meta["created"],
        truth=meta["primary_truth"],
        # The league counts a target once per life of the study.
        targets=int((np.isfinite(truth.mean).sum(axis=1) > 1).sum()),
        candidates=len(table.sources),
        per_class=int(meta["config"]["target"]["train_per_class"]),
        regret_of_chance=_rounded(regret_at_random(truth)),
        image_size=int(meta["config"]["backbone"]["image_size"]),
        ceiling=_rounded(_ceiling(league)),
        metrics=_reliabilities(judged),
        yardsticks=_reliabilities(league[(league.kind == "trivial") & league.weighted_tau.notna()]),
        cpu_s={
            "checkpoint": _rounded(done[done.stage == "checkpoint"].cpu_s.mean()),
            **{
                str(stage): _rounded(rows.cpu_s.sum() / rows.images.sum())
                for stage, rows in done[done.stage.isin(["gradient", "evidence"])].groupby("stage")
            },
            **{f"score/{metric}": _rounded(rows.cpu_s.mean()) for metric, rows in scores.groupby("metric")},
        },
        images=float(of_targets.mean()),
    )


def _reliabilities(league: pd.DataFrame) -> tuple[Reliability, ...]:
    columns = ["weighted_tau", "weighted_tau_low", "weighted_tau_high", "p_holm", "regret"]
    return tuple(
        Reliability(str(name), *map(_rounded, row))
        for name, row in zip(league.metric, league[columns].to_numpy(), strict=True)
    )


def _ceiling(league: pd.DataFrame) -> float:
    """As `pgebench.analysis.judge.top_of` has it; a summary of an earlier version knows one ceiling only."""
    known = [float(league[name].iloc[0]) for name in ("weighted_tau_ceiling", "rerun_ceiling") if name in league]
    return next((value for value in known if np.isfinite(value)), float("nan"))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def main(folder: Path = Path("results/reference")) -> None:
    """Write ``reference.json`` anew from the committed runs."""
    found = {question: asdict(summarise(folder / run)) for question, run in RUNS.items()}
    write_atomically(FILE, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
