"""The interval of a rerun holds the number that the same study gives when everything is trained anew."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pgebench.analysis.alike import quality_by_draw
from pgebench.analysis.lives import lives, side_by_side
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.rerun import in_lives, rerun_reach
from pgebench.analysis.table import Replicates, Transfers

SOURCES, TARGETS, CHECKPOINTS, DRAWS = 10, 6, 3, 4


class World:
    """Sources and targets that stay, while checkpoints, transfers and draws are made anew."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.signal = rng.normal(size=(SOURCES, 1)) + rng.normal(size=(SOURCES, TARGETS))

    def run(self) -> tuple[Replicates, Replicates, Transfers]:
        luck = self.rng.normal(size=(SOURCES, 1, CHECKPOINTS)) * 0.6
        accuracy = self.signal[..., None] + luck + 0.6 * self.rng.normal(size=(SOURCES, TARGETS, CHECKPOINTS))
        seer = self.signal[..., None] + luck + 0.8 * self.rng.normal(size=(SOURCES, TARGETS, CHECKPOINTS))
        whole = self.rng.normal(size=(SOURCES, 1, DRAWS))
        blind = self.signal[..., None] + whole + 0.8 * self.rng.normal(size=(SOURCES, TARGETS, DRAWS))
        numbers = tuple(range(CHECKPOINTS))
        return (
            Replicates(seer[None], numbers),
            Replicates(blind[None], (None,) * DRAWS),
            Transfers(accuracy[None], numbers),
        )


def number(score: Replicates, truth: Transfers) -> float:
    x, y = side_by_side(score, truth, lives(score.looked_at, truth.checkpoints))
    return ranking_quality(x, y[..., None]).mean("weighted_tau")


@pytest.mark.parametrize("which", [0, 1])
def test_a_rerun_lies_within_reach_about_as_often_as_it_says(which):
    rng = np.random.default_rng(which)
    held = []
    for _ in range(80):
        world = World(rng)
        first, again = world.run(), world.run()
        reach = rerun_reach([first[which]], first[2], studies=60)[0]
        held.append(abs(number(first[which], first[2]) - number(again[which], again[2])) <= reach)
    # 95 of 100; 80 studies measure that with a standard error of 2.4.
    assert 0.88 <= np.mean(held) <= 1.0


def test_the_number_of_a_life_is_that_of_the_checkpoints_it_has():
    """Ties within a life count, those of checkpoints that no life has together do not."""
    rng = np.random.default_rng(3)
    seer, blind = rng.integers(0, 4, (2, 1, 6, 2, 3)).astype(float)
    accuracy = rng.integers(0, 5, (1, 6, 2, 3)) / 10
    accuracy[0, 4, 1, 2] = np.nan
    taken = rng.integers(0, 3, (6, 9))
    scores = Replicates(seer, (0, 1, 2)), Replicates(blind, (None,) * 3)
    of_seer, of_blind = in_lives(scores, Transfers(accuracy, (0, 1, 2)), taken)

    def naive(score: np.ndarray, life: int) -> float:
        # A cell that lacks one of its checkpoints is there in no life.
        there = np.isfinite(accuracy[0]).all(-1)
        y = [accuracy[0, s, :, taken[s, life]] for s in range(6)]
        taus = [stats.weightedtau(score[there[:, t], t], np.array(y)[there[:, t], t]).statistic for t in range(2)]
        return float(np.mean(taus))

    for life in range(9):
        own = np.array([seer[0, s, :, taken[s, life]] for s in range(6)])
        assert of_seer.reshape(-1)[life] == pytest.approx(naive(own, life))
        for draw in range(3):
            assert of_blind[draw].reshape(-1)[life] == pytest.approx(naive(blind[0, ..., draw], life))


def test_without_a_second_checkpoint_nothing_is_foretold():
    truth = Transfers(np.random.default_rng(0).random((1, 5, 4, 3)), (0, 0, 0))
    assert np.isnan(rerun_reach([Replicates(truth.values[..., :1], (0,))], truth)).all()


def test_the_draws_of_a_metric_are_in_its_reach():
    rng = np.random.default_rng(0)
    truth = Transfers(np.repeat(rng.random((1, 8, 5, 1)), 2, axis=-1), (0, 1))
    steady = Replicates(np.repeat(rng.random((1, 8, 5, 1)), 4, axis=-1), (None,) * 4)
    lucky = Replicates(rng.random((1, 8, 5, 4)), (None,) * 4)
    assert rerun_reach([steady], truth)[0] == pytest.approx(0, abs=1e-9)
    drawn = quality_by_draw(lucky, truth)
    # Two means of four draws differ by the root of two times the error of one, times Student's t of 3 degrees.
    assert rerun_reach([lucky], truth)[0] == pytest.approx(3.182 * np.sqrt(2 * drawn.var(ddof=1) / 4), rel=1e-3)
