"""A score is judged by the transfers of the checkpoint that it looked at, and what sees none by those of all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import weightedtau

from pgebench.analysis import analyse
from pgebench.analysis.alike import judged
from pgebench.analysis.build_table import build_table
from pgebench.analysis.lives import OTHERS, lives, over_lives, side_by_side
from pgebench.analysis.table import Replicates, Transfers

NAMES = [f"d{i}" for i in range(6)]


def study(rng: np.random.Generator, checkpoints: int = 3, draws: int = 4) -> pd.DataFrame:
    """Records of a study: `seer` sees the luck of each checkpoint, `blind` sees none and is drawn several times."""
    rows = []
    source = dict(zip(NAMES, rng.normal(size=len(NAMES)), strict=True))
    luck = {(name, c): rng.normal() for name in NAMES for c in range(checkpoints)}
    for s in NAMES:
        for t in NAMES:
            if s == t:
                continue
            cell = {"backbone": "net", "source": s, "target": t, "status": "done"}
            for c in range(checkpoints):
                value = 0.5 + 0.01 * (source[s] + luck[s, c] + 0.1 * rng.normal())
                rows.append({**cell, "stage": "truth", "truth": "finetune", "checkpoint": c, "seed": c, "value": value})
                seen = source[s] + luck[s, c]
                rows.append({**cell, "stage": "score", "metric": "seer", "checkpoint": c, "seed": 0, "value": seen})
            for d in range(draws):
                seen = source[s] + 0.5 * rng.normal()
                rows.append({**cell, "stage": "score", "metric": "blind", "seed": d, "value": seen})
    frame = pd.DataFrame(rows)
    frame["key"] = [f"{i:05d}" for i in range(len(frame))]
    for column in ("seed", "checkpoint"):
        frame[column] = frame[column].astype("Int64")
    for column in ("error", "inputs", "wall_s", "cpu_s", "peak_rss_mb", "images", "attempts"):
        frame[column] = None if column in ("error", "inputs") else 0.0
    return frame


def naive(records: pd.DataFrame, metric: str, own: bool = True) -> float:
    """The mean weighted tau over lives and targets, cell by cell."""
    scores, truths = (records[records["stage"] == stage] for stage in ("score", "truth"))
    scores = scores[scores["metric"] == metric]
    taus = []
    for target in NAMES:
        replicates = scores[scores["target"] == target].groupby(["checkpoint", "seed"], dropna=False)
        for (seen, _), score in replicates:
            for number, truth in truths[truths["target"] == target].groupby("checkpoint"):
                if pd.isna(seen) or (seen == number) == own:
                    both = score.set_index("source")["value"].to_frame("x").join(truth.set_index("source")["value"])
                    taus.append(weightedtau(both["x"], both["value"]).statistic)
    return float(np.mean(taus))


def test_the_number_of_a_league_is_the_mean_over_lives():
    records = study(np.random.default_rng(0))
    league = analyse(records, {}, resamples=20, shuffles=20).results[0].league.set_index("metric")
    for metric in ("seer", "blind"):
        assert league.loc[metric, "weighted_tau"] == pytest.approx(naive(records, metric), abs=1e-9)
        assert league.loc[metric, "others_weighted_tau"] == pytest.approx(naive(records, metric, own=False), abs=1e-9)


def test_a_metric_that_sees_the_luck_of_a_checkpoint_is_worth_more_to_whoever_has_it():
    records = study(np.random.default_rng(1))
    league = analyse(records, {}, resamples=20, shuffles=20).results[0].league.set_index("metric")
    assert league.loc["seer", "weighted_tau"] > league.loc["seer", "others_weighted_tau"] + 0.2
    assert league.loc["blind", "weighted_tau"] == league.loc["blind", "others_weighted_tau"]


def test_another_training_is_a_lower_ceiling_than_another_transfer():
    rng = np.random.default_rng(2)
    source, luck = rng.normal(size=(1, 12, 1, 1)), rng.normal(size=(1, 12, 1, 3))[..., [0, 1, 2, 0]]
    values = source + luck + 0.2 * rng.normal(size=(1, 12, 9, 4))
    result = analyse(_records(values, (0, 1, 2, 0)), {}, resamples=20, shuffles=20).results[0]
    same, anew = result.ceiling["weighted_tau"].repeat, result.rerun["weighted_tau"].with_seeds("weighted_tau", 1)
    assert same > anew + 0.15
    assert result.levels.shares["checkpoint"] == pytest.approx(0.5, abs=0.2)


def _records(values: np.ndarray, checkpoints: tuple[int, ...]) -> pd.DataFrame:
    rows = [
        {"stage": "truth", "status": "done", "backbone": "net", "source": f"s{s:02d}", "target": f"t{t}",
         "truth": "finetune", "checkpoint": checkpoints[k], "seed": k, "value": values[0, s, t, k]}
        for s in range(values.shape[1]) for t in range(values.shape[2]) for k in range(values.shape[3])
    ]  # fmt: skip
    frame = pd.DataFrame(rows).assign(metric=None, wall_s=0.0, cpu_s=0.0, peak_rss_mb=0.0, images=0, inputs="[]")
    frame = frame.assign(error=None, attempts=1)
    return frame.assign(key=[str(i) for i in range(len(frame))])


def test_records_without_checkpoints_are_of_one():
    records = study(np.random.default_rng(3), checkpoints=1).drop(columns="checkpoint")
    table = build_table(records)
    assert table.truths["finetune"].checkpoints == (0,)
    assert table.replicates["seer"].looked_at == (None,)


def test_what_looked_at_a_checkpoint_that_nobody_transferred_has_no_life():
    truth = Transfers(np.random.default_rng(0).random((1, 4, 4, 1)), (0,))
    score = Replicates(np.random.default_rng(1).random((1, 4, 4, 1)), (5,))
    sides = judged([score], truth, NAMES[:4], NAMES[:4])
    assert np.isnan(sides.quality()[0].mean("weighted_tau"))
    assert lives((5,), (0,)) == ()
    assert len(lives((5,), (0,), OTHERS)) == 1


def test_lives_of_a_backbone_stand_one_after_another():
    values = np.arange(2 * 3 * 4 * 3, dtype=float).reshape(2, 3, 4, 3)
    score, truth = Replicates(values, (0, 1, 2)), Transfers(values / 100, (0, 1, 2))
    x, y = side_by_side(score, truth, lives(score.looked_at, truth.checkpoints))
    np.testing.assert_array_equal(over_lives(x, 2), values.mean(-1))
    np.testing.assert_allclose(x, y * 100)
