"""What is seen of a ranking under way: a bar with the time left, and the answer so far, written now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from types import TracebackType
from typing import Any, cast

from pgebench.core.say import progress_bar
from pgebench.ranking.answer import Answer
from pgebench.ranking.by_score import SoFar
from pgebench.report.wording import duration

FIRST_S, EVERY_S = 10.0, 60.0
"""Seconds until the answer so far is written for the first time, and from then on."""

SHARE = 0.05
"""Most of the time that writing it may take: the page of a thousand candidates takes seconds."""


class Watched(AbstractContextManager["Watched"]):
    """Shows how far a ranking has come.

    Args:
        write: Writes an answer so far.
        clock: Gives seconds.
    """

    def __init__(self, write: Callable[[Answer], object], clock: Callable[[], float] = time.perf_counter) -> None:
        self._write, self._clock = write, clock
        self._last = self._round_began = clock()
        self._next = self._last + FIRST_S
        self._round, self._bar = 0, cast(Any, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, so_far: SoFar) -> None:
        """A candidate was looked at.

        Args:
            so_far: How far the ranking has come.
        """
        if so_far.number != self._round:
            self._begin(so_far)
        if self._bar is not None:
            self._bar.update()
        now = self._last = self._clock()
        if now < self._next or so_far.looked_at == so_far.candidates:
            return
        answer = so_far.answer()
        if answer is not None:
            self._write(replace(answer, detail={**answer.detail, "under_way": self._under_way(so_far, now)}))
        self._next = self._clock() + max(EVERY_S, (self._clock() - now) / SHARE)

    def _begin(self, so_far: SoFar) -> None:
        # The first candidate of a round has taken its time too.
        self._round, self._round_began = so_far.number, self._last
        if self._bar is not None:
            self._bar.close()
        what = f"{so_far.per_class} images a class"
        self._bar = progress_bar(total=so_far.candidates, desc=what, unit="candidate", dynamic_ncols=True)

    def _under_way(self, so_far: SoFar, now: float) -> dict[str, Any]:
        left = (now - self._round_began) / so_far.looked_at * (so_far.candidates - so_far.looked_at)
        return {
            "round": so_far.number,
            "rounds": so_far.rounds,
            "images_per_class": so_far.per_class,
            "looked_at": so_far.looked_at,
            "candidates": so_far.candidates,
            "told": f"Under way: round {so_far.number} of {so_far.rounds}, {so_far.looked_at:,} of "
            f"{so_far.candidates:,} candidates looked at on {so_far.per_class} images a class; this round takes about "
            f"{duration(left)} more. The same command goes on.",
        }
