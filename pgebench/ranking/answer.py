"""One answer: candidates in order by one metric, with what is known of its worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pgebench.ranking.budget import Option
from pgebench.ranking.reliability import Reference
from pgebench.ranking.standing import Standing


@dataclass(frozen=True)
class Answer:
    """A ranking of candidates for a target.

    Attributes:
        question: ``sources`` or ``backbones``.
        option: The metric that was chosen, and the minutes that were expected.
        names: Of the candidates that have a score, in the order of ``standing``'s arrays.
        standing: Their order, with minus the score as the distance.
        reference: The run that the metric's reliability comes from.
        images: Training images of the target that were seen.
        seconds: Wall seconds.
        confidence: Of the set of candidates that may be the best.
        failed: Candidates without a score, with the reason.
        detail: What else there is to say, for the JSON.
    """

    question: str
    option: Option
    names: tuple[str, ...]
    standing: Standing
    reference: Reference
    images: int
    seconds: float
    confidence: float
    failed: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """A row a candidate, the best first; those without a score last."""
        found = self.standing
        scored = [
            {
                "place": place + 1,
                "name": self.names[candidate],
                "score": _short(-found.distance[candidate]),
                "low": _short(-found.high[candidate]),
                "high": _short(-found.low[candidate]),
                "may_be_best": candidate in found.tied,
            }
            for place, candidate in enumerate(found.order)
        ]
        return scored + [{"place": None, "name": name, "error": reason} for name, reason in self.failed.items()]

    def as_json(self) -> dict[str, Any]:
        """Everything, in JSON types."""
        reliability, reference = self.option.reliability, self.reference
        return {
            "question": self.question,
            "metric": self.option.metric,
            "settled": self.standing.settled,
            "confidence": self.confidence,
            "images": self.images,
            "images_per_class": self.option.per_class,
            "expected_minutes": round(self.option.minutes, 2),
            "seconds": round(self.seconds, 1),
            "reference": {
                "run": reference.run,
                "truth": reference.truth,
                "targets": reference.targets,
                "candidates": reference.candidates,
                "weighted_tau": reliability.weighted_tau,
                "low": reliability.low,
                "high": reliability.high,
                "beats_chance": reliability.beats_chance,
                "points_lost": round(100 * reliability.regret, 2),
                "points_lost_at_random": round(100 * reference.regret_of_chance, 2),
                "noise_ceiling": reference.ceiling,
            },
            "ranking": self.rows(),
            **self.detail,
        }


def _short(value: float) -> float | None:
    """Four decimals; None where an interval is unknown, which JSON has no number for."""
    return round(float(value), 4) if np.isfinite(value) else None
