"""The league in short, as the terminal shows it."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from pgebench.experiment.messages import short_league

ROW = {"truth": "finetune", "metric": "logme", "weighted_tau": 0.5, "weighted_tau_low": 0.25, "weighted_tau_high": 0.75}


@pytest.mark.parametrize("same", [0.875, math.nan])
@pytest.mark.parametrize("anew", [0.625, math.nan])
def test_the_ceilings_that_are_known_stand_below_the_league(same: float, anew: float) -> None:
    summary = pd.DataFrame([ROW | {"weighted_tau_ceiling": same, "rerun_ceiling": anew}])
    head, row, *below = short_league(summary, "finetune")
    assert row.split() == ["logme", "0.50", "0.25", "to", "0.75"]
    known = {"same checkpoints": same, "everything anew": anew}
    expected = [f"(noise ceiling, {name}) {value:.2f}" for name, value in known.items() if not math.isnan(value)]
    assert [" ".join(line.split()) for line in below] == expected
    # Numbers stand below numbers.
    ends = {line.index(".") for line in (row, *below)}
    assert len(ends) == 1
    assert head.split()[0] == "metric"
