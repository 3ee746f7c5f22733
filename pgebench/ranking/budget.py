"""Budget: the best metric, by the reference run, of those that a number of minutes is enough for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pgebench.plan.units import in_order, plan
from pgebench.ranking.candidates import Candidates, usable_metrics
from pgebench.ranking.half_samples import PAIRS
from pgebench.ranking.halving import rounds
from pgebench.ranking.reliability import Reference, Reliability
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.stages.score import asks_for
from pgebench.store.store import Store
from pgebench.store.unit import Unit

STEPS = (10, 20, 50, 100)
"""Training images per class, of which one number is chosen; the reference runs saw 10."""


@dataclass(frozen=True)
class Option:
    """A metric that could be used.

    Attributes:
        reliability: The metric, and what the reference run says of it.
        minutes: That it is likely to take here.
        per_class: Most training images per class of the target; None for principal gradients, which draw from all.
    """

    reliability: Reliability
    minutes: float
    per_class: int | None = None

    @property
    def metric(self) -> str:
        """Name of the metric."""
        return self.reliability.metric

    def at_pace(self, pace: float) -> Option:
        """The same where everything takes ``pace`` times as long."""
        return replace(self, minutes=self.minutes * pace)


def choose(options: Sequence[Option], minutes: float) -> Option:
    """The most reliable metric that fits into the time, on as many images as fit with it; the quickest if none does.

    >>> good, quick = Reliability("logme", 0.5, 0.4, 0.6, 0.01, 0.0), Reliability("pge", 0.2, 0.1, 0.3, 0.01, 0.0)
    >>> options = [Option(good, 6.0, 10), Option(good, 9.0, 100), Option(quick, 0.5)]
    >>> [(choose(options, minutes).metric, choose(options, minutes).per_class) for minutes in (0.1, 1, 7, 10)]
    [('pge', None), ('pge', None), ('logme', 10), ('logme', 100)]
    """
    fitting = [option for option in options if option.minutes <= minutes]
    if not fitting:
        return min(options, key=lambda option: option.minutes)
    return max(fitting, key=lambda option: (option.reliability.rank, option.per_class or 0))


def better(options: Iterable[Option], chosen: Option) -> Option | None:
    """What a little more time than the quickest improvement takes would buy; None if nothing is more reliable."""
    more = [option for option in options if option.reliability.rank > chosen.reliability.rank]
    return choose(more, 1.2 * min(option.minutes for option in more)) if more else None


def evidence_options(
    candidates: Candidates, reference: Reference, class_sizes: np.ndarray, store: Store, workers: int
) -> list[Option]:
    """The metrics that look at what a network makes of the target, each on some numbers of images.

    Args:
        candidates: With the configs of all metrics.
        reference: What metrics are worth, and what units cost.
        class_sizes: Training images of each class of the target.
        store: What is done already costs nothing.
        workers: Processes beside each other.
    """
    metrics = {name: candidates.cells[0].settings["metric"][name] for name in usable_metrics(candidates)}
    seen = {name for name, metric in metrics.items() if _looks_at_target_alone(name, metric)}
    known = [one for one in reference.metrics if one.metric in seen]
    everyone = len(candidates.cells)
    seconds: dict[tuple[str, int], float] = {}
    found = []
    steps = sizes(class_sizes)
    for per_class in steps:
        images = int(np.minimum(class_sizes, per_class).sum())
        planned = _with_inputs(candidates.with_images(per_class), {one.metric for one in known}, store)
        for reliability in known:
            seconds[reliability.metric, per_class] = sum(
                reference.seconds(unit, images) * ((0 if done else 1) + (PAIRS if unit.stage == "score" else 0))
                for unit, done in planned[reliability.metric].values()
            )
            # Nobody knows which candidates will be in a later round; a share of the whole is what so many take.
            total = sum(
                seconds[reliability.metric, one.per_class] * one.candidates / everyone
                for one in rounds(everyone, steps, per_class)
            )
            found.append(Option(reliability, total / workers / 60, per_class))
    return [option for option in found if np.isfinite(option.minutes)]


def sizes(class_sizes: np.ndarray) -> list[int]:
    """The numbers of images per class that make a difference.

    >>> sizes(np.array([12, 30])), sizes(np.array([4, 5])), sizes(np.array([900, 900]))
    ([10, 20, 50], [10], [10, 20, 50, 100])
    """
    largest = int(class_sizes.max())
    return [step for number, step in enumerate(STEPS) if number == 0 or STEPS[number - 1] < largest]


def _looks_at_target_alone(name: str, metric: Mapping[str, object]) -> bool:
    """Whether a metric can be taken on halves of the target's images."""
    wanted = {*asks_for(name, metric["function"])} - {"seed"}  # type: ignore[arg-type]
    return bool(wanted) and all(KINDS[key].origin == "evidence" for key in wanted)


def _with_inputs(candidates: Candidates, metrics: set[str], store: Store) -> dict[str, dict[str, tuple[Unit, bool]]]:
    """Metric -> its scores of all candidates with what must run for them, by key, each with whether it is done."""
    found: dict[str, dict[str, tuple[Unit, bool]]] = {metric: {} for metric in metrics}
    known: dict[str, bool] = {}
    chosen = {name: candidates.cells[0].settings["metric"][name] for name in sorted(metrics)}
    for cell in candidates.cells:
        planned = plan(replace(cell, settings={**cell.settings, "metric": chosen}))
        for unit in (unit for unit in in_order(planned) if unit.stage == "score"):
            waiting = [unit]
            while waiting:
                one = waiting.pop()
                if one.key not in known:
                    known[one.key] = store.is_done(one)
                found[str(unit.label.metric)][one.key] = one, known[one.key]
                # What a finished unit has read is not needed any more.
                waiting.extend(() if known[one.key] else one.inputs.values())
    return found
