"""Halving: who goes on, and the chance that the best one was dropped."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgebench.ranking.halving import FEWEST, HALVED_FROM, better_half, halve, rounds, told

STEPS = [10, 20, 50, 100]


@given(st.integers(1, 5000), st.integers(1, len(STEPS)))
def test_more_images_are_for_fewer_candidates(candidates: int, steps: int) -> None:
    plan = rounds(candidates, STEPS[:steps], STEPS[steps - 1])
    assert plan[0].candidates == candidates
    assert plan[-1].per_class == STEPS[steps - 1]
    assert [one.per_class for one in plan] == (STEPS[:steps] if candidates >= HALVED_FROM else [STEPS[steps - 1]])
    for before, after in pairwise(plan):
        assert min(FEWEST, before.candidates) <= after.candidates <= before.candidates
        # Nobody is dropped without need, nor kept: half of them, rounded up.
        assert after.candidates in (FEWEST, before.candidates // 2 + before.candidates % 2)
    looked_at = sum(one.per_class * one.candidates for one in plan)
    # A hundred images of each class for all would be twice as much; for few sizes nothing is lost.
    assert looked_at <= plan[-1].per_class * candidates + STEPS[0] * max(candidates, FEWEST)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_better_half_goes_on_and_the_share_of_wrong_ones_is_counted(number: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 20, number).astype(float)
    halves = scores[:, None, None] + rng.normal(0, 4, (number, 8, 2))
    kept, done = halve(10, scores, halves)
    assert len(kept) == better_half(number)
    worst_kept = min(scores[one] for one in kept)
    assert all(scores[one] <= worst_kept for one in range(number) if one not in kept)
    assert [scores[one] for one in kept] == sorted(scores[kept], reverse=True)
    # The naive way: count how many are ahead of the other half's first, in the ranking that has not seen that half.
    wrong = 0
    for pair in range(8):
        for by in (0, 1):
            first = max(range(number), key=lambda one: halves[one, pair, 1 - by])
            wrong += sum(halves[one, pair, by] > halves[first, pair, by] for one in range(number)) >= len(kept)
    assert (done.wrong, done.rankings) == (wrong, 16)


def test_the_chance_is_not_too_small() -> None:
    """Candidates of known worth: how often the best one is really dropped, and what halves say of it."""
    rng, n = np.random.default_rng(0), 40
    worth = np.linspace(0, 1, 20)
    dropped, said = 0, []
    for _ in range(300):
        images = worth[:, None] + rng.normal(0, 4, (20, n))
        pairs = [rng.permutation(n) for _ in range(8)]
        halves = np.stack(
            [np.stack([images[:, order[: n // 2]].mean(1), images[:, order[n // 2 :]].mean(1)], 1) for order in pairs],
            1,
        )
        kept, done = halve(10, images.mean(1), halves)
        dropped += 19 not in kept
        said.append(done.wrong / done.rankings)
    assert 0 < dropped / 300 <= np.mean(said)


def test_without_halves_nothing_is_said_of_the_chance() -> None:
    kept, done = halve(10, np.arange(20.0), np.full((20, 8, 2), np.nan))
    assert kept == [*range(19, 9, -1)]
    assert done.rankings == 0
    assert "halves are too few to tell" in " ".join(told([done], 20, 10))


@pytest.mark.parametrize("number", [1, FEWEST])
def test_few_are_never_halved(number: int) -> None:
    kept, done = halve(10, np.arange(float(number)), np.zeros((number, 8, 2)))
    assert len(kept) == number
    assert told([done], 20, number) == []
