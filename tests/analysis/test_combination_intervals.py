"""Intervals of combinations: those that the league gives to a metric of the same order."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis import analyse
from pgebench.analysis.combinations import ELSEWHERE, LINEAR, MEAN_RANK

RESAMPLES = 60


@pytest.fixture(scope="module")
def synthetic_league():
    """The league of a metric and a copy of it, three checkpoints, and the combinations of the two."""
    rng = np.random.default_rng(4)
    names = [f"d{i}" for i in range(6)]
    rows = []
    for s, t, c in product(names, names, range(3)):
        if s != t:
            accuracy = rng.random()
            cell = {"backbone": "b", "source": s, "target": t, "checkpoint": c, "seed": 0, "status": "done"}
            score = accuracy + rng.normal()
            rows.append({"stage": "truth", "truth": "finetune", "value": accuracy, **cell})
            rows += [
                {"stage": "score", "metric": m, "value": k * score, **cell} for m, k in (("logme", 1), ("leep", 2))
            ]
    records = pd.DataFrame(rows).assign(
        key=range(len(rows)), wall_s=1.0, cpu_s=1.0, peak_rss_mb=1.0, images=1, inputs="[]", error=None, attempts=1
    )
    found = analyse(records, {}, resamples=RESAMPLES, shuffles=20)
    return found.results[0].league.set_index("metric"), found.among.combined.rows.set_index("name")


def test_a_metric_combined_with_itself_keeps_its_number_and_its_interval(synthetic_league):
    """Two scores of the same order: the combination is that order, so all is as the league has it."""
    league, rows = synthetic_league
    for name in (MEAN_RANK, LINEAR, ELSEWHERE):
        for column, ours in (
            ("weighted_tau", "weighted_tau"),
            ("weighted_tau_low", "low"),
            ("weighted_tau_high", "high"),
        ):
            assert rows.loc[name, ours] == pytest.approx(league.loc["logme", column], abs=1e-12), (name, column)
        assert rows.loc[name, ["difference", "difference_low", "difference_high"]].abs().max() < 1e-12
        assert rows.loc[name, "regret_high"] == pytest.approx(league.loc["logme", "regret_high"], abs=1e-12)
