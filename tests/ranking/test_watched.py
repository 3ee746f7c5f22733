"""The answer so far is written as candidates arrive, and seldom enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pgebench.ranking import watched
from pgebench.ranking.answer import Answer
from pgebench.ranking.budget import Option
from pgebench.ranking.by_score import SoFar
from pgebench.ranking.half_samples import standing_of_scores
from pgebench.ranking.reliability import reference
from pgebench.ranking.watched import Watched


def answer_of(number: int) -> Answer:
    known = reference("backbones")
    logme = known.of("logme")
    assert logme is not None
    standing = standing_of_scores(np.arange(float(number)), np.zeros((number, 8, 2)))
    names = tuple(f"candidate_{i}" for i in range(number))
    return Answer("backbones", Option(logme, 1.0, 10), names, standing, known, 100, 1.0, 0.95)


@pytest.mark.parametrize("writing", [0.0, 30.0])
def test_it_is_written_soon_then_now_and_then(writing: float) -> None:
    now, written = [0.0], []

    def write(answer: Answer) -> None:
        written.append((now[0], answer))
        now[0] += writing

    with Watched(write, lambda: now[0]) as see:
        for looked_at in range(1, 301):
            now[0] += 2
            see(SoFar(1, 3, 10, looked_at, 300, lambda looked_at=looked_at: answer_of(looked_at)))
    times = [at for at, _ in written]
    assert times[0] == watched.FIRST_S
    gaps = np.diff(times) - writing
    # A minute, or so long that writing takes a twentieth of the time.
    assert all(gap >= max(60, writing / 0.05) for gap in gaps)
    assert all(gap <= max(60, writing / 0.05) + 2 for gap in gaps)
    at, first = written[0]
    assert len(first.names) == 5
    told = first.detail["under_way"]
    assert (told["looked_at"], told["candidates"], told["round"], told["rounds"]) == (5, 300, 1, 3)
    # 5 in 10 s: 295 more take 590 s.
    assert "about 9.8 min more" in told["told"]
    assert at == 10


def test_nothing_is_written_while_nobody_has_a_score() -> None:
    now, written = [0.0], []
    with Watched(written.append, lambda: now[0]) as see:
        for looked_at in range(1, 20):
            now[0] += 20
            see(SoFar(1, 1, 10, looked_at, 20, lambda: None))
    assert written == []


def test_a_later_round_tells_of_itself() -> None:
    now, written = [0.0], []
    with Watched(written.append, lambda: now[0]) as see:
        for number in (1, 2):
            for looked_at in range(1, 11):
                now[0] += 10
                see(SoFar(number, 2, 10 * number, looked_at, 10, lambda: replace(answer_of(3))))
    assert [one.detail["under_way"]["round"] for one in written] == [1, 1, 2, 2]  # after 10, 70, 130 and 190 seconds
    assert written[-1].detail["under_way"]["images_per_class"] == 20
