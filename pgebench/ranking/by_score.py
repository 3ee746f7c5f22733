"""Ranking by a metric that looks at what networks make of the target's images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pgebench.core.errors import DataError
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option, sizes
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.half_samples import standing_of_scores
from pgebench.ranking.halving import Dropped, Halved, halve, rounds
from pgebench.ranking.reliability import Reference
from pgebench.ranking.standing import FloatArray
from pgebench.ranking.stream import Judged, judged
from pgebench.ranking.weights_kept import WeightsKept
from pgebench.store.store import Store


@dataclass(frozen=True)
class SoFar:
    """How far a ranking has come.

    Attributes:
        number: Of the round, from 1.
        rounds: How many there are.
        per_class: Training images per class that it looks at.
        looked_at: Candidates of the round that were looked at, those without a score included.
        candidates: Of the round.
        answer: Gives the answer so far: of the candidates that have arrived in the first round, later that of the last
            whole round; None without a score. It takes time with many candidates.
    """

    number: int
    rounds: int
    per_class: int
    looked_at: int
    candidates: int
    answer: Callable[[], Answer | None]


@dataclass(frozen=True)
class _Asked:
    """What every answer of a ranking has in common."""

    candidates: Candidates
    option: Option
    reference: Reference
    class_sizes: np.ndarray
    confidence: float
    began: float = field(default_factory=time.perf_counter)

    def answer(
        self,
        found: Sequence[Judged],
        per_class: int,
        failed: Mapping[str, str],
        dropped: Sequence[Dropped] = (),
        halved: Sequence[Halved] = (),
    ) -> Answer:
        """Candidates by their scores on so many images of each class."""
        scores, halves = _arrays(found)
        return Answer(
            question=self.candidates.question,
            option=replace(self.option, per_class=per_class),
            names=tuple(one.name for one in found),
            standing=standing_of_scores(scores, halves, self.confidence),
            reference=self.reference,
            images=int(np.minimum(self.class_sizes, per_class).sum()),
            seconds=time.perf_counter() - self.began,
            confidence=self.confidence,
            failed=dict(failed),
            dropped=tuple(dropped),
            halved=tuple(halved),
        )


def rank_by_score(
    candidates: Candidates,
    option: Option,
    reference: Reference,
    class_sizes: np.ndarray,
    store: Store,
    workers: int,
    confidence: float,
    kept: WeightsKept,
    arrived: Callable[[SoFar], object],
) -> Answer:
    """Score the candidates, on all images and on halves of them; what is in the store is not computed again.

    Many candidates are halved: all look at few images, the better half at more, up to the option's number.

    Args:
        candidates: What is ranked.
        option: The metric and the number of images.
        reference: Where the metric's reliability comes from.
        class_sizes: Training images of each class of the target.
        store: Where checkpoints, evidence and scores are kept.
        workers: Processes beside each other.
        confidence: Of the set of candidates that may be the best.
        kept: Weights that are downloaded.
        arrived: Told of every candidate that was looked at.

    Raises:
        DataError: No candidate has a score.
    """
    asked = _Asked(candidates, option, reference, class_sizes, confidence)
    plan = rounds(len(candidates.names), sizes(class_sizes), option.per_class or 0)
    failed, dropped, halved = dict(candidates.failed), list[Dropped](), list[Halved]()
    names, last_whole = candidates.names, None
    for number, one in enumerate(plan, 1):
        chosen = candidates.only(names, {}).with_images(one.per_class).with_metric(option.metric)
        found: dict[str, Judged] = {}

        def so_far(per_class: int = one.per_class, found: Mapping[str, Judged] = found) -> Answer | None:
            return asked.answer(list(found.values()), per_class, failed) if found else None

        whole = last_whole
        for looked_at, each in enumerate(judged(chosen, option.metric, store, workers, kept), 1):
            if each.error:
                failed[each.name] = each.error if number == 1 else f"on {one.per_class} images a class: {each.error}"
            else:
                found[each.name] = each
            answer = so_far if whole is None else lambda whole=whole: whole
            arrived(SoFar(number, len(plan), one.per_class, looked_at, len(names), answer))
        scored = [found[name] for name in names if name in found]
        if not scored:
            raise DataError(_none(candidates, option, failed))
        last_whole = asked.answer(scored, one.per_class, failed, dropped, halved)
        if number < len(plan):
            kept_on, done = halve(one.per_class, *_arrays(scored))
            dropped[:0] = [_dropped(last_whole, place, one.per_class) for place in range(len(kept_on), len(scored))]
            halved.append(done)
            names = tuple(scored[position].name for position in kept_on)
    if last_whole is None:
        raise AssertionError("there is a round at least")
    return last_whole


def _arrays(found: Sequence[Judged]) -> tuple[FloatArray, FloatArray]:
    return np.array([one.score for one in found]), np.stack([one.halves for one in found])


def _dropped(whole: Answer, place: int, per_class: int) -> Dropped:
    standing = whole.standing
    position = standing.order[place]
    score, low, high = (-float(ends[position]) for ends in (standing.distance, standing.high, standing.low))
    return Dropped(whole.names[position], per_class, place + 1, len(whole.names), score, low, high)


def _none(candidates: Candidates, option: Option, failed: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
    everyone = len(candidates.cells) + len(candidates.failed)
    return f"0 of {everyone} {candidates.question} have a score by {option.metric}: {reasons}"
