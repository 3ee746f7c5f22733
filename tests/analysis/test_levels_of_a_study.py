"""What is drawn once is in no interval; what is drawn often is, with its collections."""

from __future__ import annotations

import numpy as np
import pytest

from pgebench.analysis.alike import judged
from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.levels import levels
from pgebench.analysis.table import Replicates, Transfers


def width(draws) -> float:
    low, high = draws.interval(0)
    return high - low


def test_views_of_one_collection_are_no_new_evidence():
    """Four collections of two targets that agree: the interval is that of four targets, not of eight."""
    rng = np.random.default_rng(0)
    widths = []
    for _ in range(12):
        truth = np.repeat(rng.normal(size=(1, 12, 4)), 2, axis=2)
        # How well the metric does hangs on the collection.
        worth = np.repeat(rng.normal(size=(1, 1, 4)), 2, axis=2)
        score = truth * worth + 0.1 * rng.normal(size=truth.shape)
        targets = [name for name in "abcd" for _ in range(2)]
        several = bootstrap(score[None], truth[..., None], targets=targets, resamples=200, statistics=("tau",))["tau"]
        alone = bootstrap(score[None], truth[..., None], resamples=200, statistics=("tau",))["tau"]
        assert (several.targets, alone.targets) == (4, 8)
        widths.append((width(several), width(alone)))
    ignored, counted = np.mean(widths, axis=0)[::-1]
    assert counted > 1.15 * ignored


def test_the_draws_of_a_metric_widen_its_interval():
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(1, 10, 8, 1))
    truth = Transfers(signal, (0,))
    lucky = Replicates(signal + 2 * rng.normal(size=(1, 10, 1, 4)), (None,) * 4)
    sides = judged([lucky], truth, range(10), range(8))
    drawn = sides.resampled(("weighted_tau",), resamples=200, seed=0)["weighted_tau"]
    assert len(drawn.draws[0]) == 4
    assert drawn.shares(0)["draws"] > 0.1
    one = judged([Replicates(lucky.values[..., :1], (None,))], truth, range(10), range(8))
    assert np.isnan(one.resampled(("weighted_tau",), resamples=200, seed=0)["weighted_tau"].shares(0)["draws"])


def test_metrics_that_share_their_draws_are_compared_draw_by_draw():
    """Luck that both have in common is no part of their difference."""
    rng = np.random.default_rng(2)
    signal = rng.normal(size=(1, 10, 8, 1))
    luck = 2 * rng.normal(size=(1, 10, 1, 4))
    noise = 0.05 * rng.normal(size=(1, 10, 8, 4))
    first, second = (Replicates(signal + luck + part, (None,) * 4) for part in (0, noise))
    sides = judged([first, second], Transfers(signal, (0,)), range(10), range(8))
    drawn = sides.resampled(("weighted_tau",), resamples=200, seed=0)["weighted_tau"]
    alone = np.var(drawn.draws[0], ddof=1)
    assert np.var(drawn.draws[0] - drawn.draws[1], ddof=1) < 0.1 * alone
    low, high = drawn.difference(0, 1)[1:3]
    assert high - low < 0.5 * width(drawn)


@pytest.mark.parametrize("checkpoints", [(0, 1, 2, 0), (0, 1, 2), (0, 0, 0), (0,)])
def test_variances_of_all_levels_are_recovered_where_they_were_repeated(checkpoints):
    planted = {"source": 1.0, "relatedness": 0.6, "checkpoint": 0.4, "checkpoint_relatedness": 0.3, "transfer": 0.2}
    rng, found = np.random.default_rng(0), []
    s, t = 20, 14
    for _ in range(30):

        def part(name, *shape):
            return np.sqrt(planted[name]) * rng.normal(size=shape)

        trained = part("checkpoint", s, 1, 3) + part("checkpoint_relatedness", s, t, 3)
        values = part("source", s, 1, 1) + part("relatedness", s, t, 1) + trained[..., list(checkpoints)]
        values = values + part("transfer", s, t, len(checkpoints)) + rng.normal(size=(1, t, len(checkpoints)))
        found.append(levels(Transfers(values[None], checkpoints), np.zeros((s, t), dtype=bool)))
    mean = {name: np.mean([getattr(one, name) for one in found]) for name in planted}
    if len(set(checkpoints)) == 1:
        # Nobody can tell a source from its only checkpoint.
        planted["source"] += planted.pop("checkpoint")
        planted["relatedness"] += planted.pop("checkpoint_relatedness")
        assert np.isnan([mean["checkpoint"], mean["checkpoint_relatedness"]]).all()
    if len(set(checkpoints)) == len(checkpoints):
        lowest = "checkpoint_relatedness" if "checkpoint_relatedness" in planted else "relatedness"
        planted[lowest] += planted.pop("transfer")
        assert np.isnan(mean["transfer"])
    for name, value in planted.items():
        assert mean[name] == pytest.approx(value, abs=0.12), name


def test_what_the_same_collection_is_worth_is_a_level_of_its_own():
    rng = np.random.default_rng(0)
    near = np.arange(16)[:, None] // 2 == np.arange(16)[None, :] // 2
    values = np.stack([0.5 * near + 0.1 * rng.normal(size=near.shape) for _ in range(2)], axis=-1)
    values[np.arange(16), np.arange(16)] = np.nan
    shares = levels(Transfers(values[None], (0, 1)), near).shares
    assert shares["near"] > 0.5
    assert shares["relatedness"] < 0.1
