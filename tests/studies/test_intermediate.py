"""Intermediate training: gains against no source at all, and what a metric's choice is worth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pgebench.analysis.table import Replicates, Table, Transfers
from pgebench.core.errors import ConfigError
from pgebench.studies.intermediate.__main__ import main
from pgebench.studies.intermediate.gains import BEST, MEAN, NEAR, by_choice
from pgebench.studies.intermediate.page import page

NAN = np.nan
ACCURACY = np.array([[0.5, 0.4], [0.6, 0.3], [0.4, 0.7], [NAN, 0.5]])
"""Of none, two strangers and a fourth source, which shares the images of the first target."""


def table(**scores: list[list[list[float]]]) -> Table:
    """Scores by draw, source and target."""
    replicates = {
        name: Replicates(np.moveaxis(np.array(draws, dtype=float), 0, -1)[None], (None,) * len(draws))
        for name, draws in scores.items()
    }
    return Table(
        backbones=("net",),
        sources=("pretrained", "a_1", "b_1", "b_2"),
        targets=("a_2", "b_3"),
        truths={"finetune": Transfers(ACCURACY[None, :, :, None], (0,))},
        replicates=replicates,
        score_seeds={name: len(draws) for name, draws in scores.items()},
        collections={"a_1": "a", "a_2": "a", "b_1": "b", "b_2": "b", "b_3": "b"},
    )


def row(found: pd.DataFrame, choice: str, none: bool = False) -> list[float]:
    (one,) = found[(found["choice"] == choice) & (found["none"] == none)].to_dict("records")
    assert one["mean"] == pytest.approx((one["a_2"] + one["b_3"]) / 2)
    return [one["a_2"], one["b_3"]]


def test_yardsticks_are_the_best_the_mean_and_the_near_sources():
    found = by_choice(table(), "finetune")
    assert row(found, BEST) == pytest.approx([0.1, 0.3])
    assert row(found, MEAN) == pytest.approx([(0.1 - 0.1) / 2, (-0.1 + 0.3 + 0.1) / 3])
    assert row(found, NEAR) == pytest.approx([0.1, (0.3 + 0.1) / 2])


def test_a_metric_gains_what_its_first_source_gains_in_the_mean_over_its_draws():
    one = [[NAN, NAN], [1, 1], [0, 2], [NAN, 0]]
    other = [[NAN, NAN], [0, 1], [1, 0], [NAN, 2]]
    found = by_choice(table(pge=[one, other]), "finetune")
    assert row(found, "pge") == pytest.approx([(0.1 - 0.1) / 2, (0.3 + 0.1) / 2])


def test_a_metric_with_a_score_for_the_shipped_weights_may_choose_none_and_another_may_not():
    seen = [[9, 0], [1, 1], [0, 2], [NAN, 0]]
    found = by_choice(table(logme=[seen], pge=[[[NAN, NAN], *seen[1:]]]), "finetune")
    assert row(found, "logme") == pytest.approx([0.1, 0.3])
    assert row(found, "logme", none=True) == pytest.approx([0.0, 0.3])
    assert not found["none"][found["choice"] == "pge"].any()


def test_without_a_run_of_it_there_is_one_line(tmp_path: Path):
    with pytest.raises(SystemExit, match="run pgebench experiment=intermediate"):
        main([f"results={tmp_path}"])
    with pytest.raises(ConfigError, match="pretrained and others are needed"):
        by_choice(
            Table(("net",), ("a",), ("b",), {"finetune": Transfers(np.ones((1, 1, 1, 1)), (0,))}, {}, {}), "finetune"
        )


def test_the_page_says_the_numbers_in_points():
    made = table(logme=[[[9, 0], [1, 1], [0, 2], [NAN, 0]]])
    text = page(by_choice(made, "finetune"), made, "finetune")
    assert "| none (accuracy) | 50.0 % | 40.0 % |" in text
    assert "| `b_2` | shares images | +10.0 |" in text
    assert "| `logme`, or none | +15.0 | 0.0 to +30.0 | 0.0 | +30.0 |" in text
