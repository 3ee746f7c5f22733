"""Clocks that are set forth and back while sweeps run decide nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands

SWEEPS = 4


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["flock", "soft"])
def test_clocks_that_jump_by_years_change_nothing_but_times_of_day(
    undisturbed: Path, tmp_path: Path, injected: Injected, lock: str
) -> None:
    """As of machines that share a store: each look at the clock may be years before or after the one before."""
    journal = tmp_path / "journal"
    names = [f"results{number}" for number in range(SWEEPS)]
    running = [
        commands.start(tmp_path, f"lock={lock}", name=name, journal=journal, clock=number)
        for number, name in enumerate(names)
    ]
    for process in running:
        process.join()
    assert {process.exitcode for process in running} == {0}, (tmp_path / "log").read_text()
    computed = Counter(journal.read_text().split())
    assert set(computed.values()) == {1}
    for name in names:
        pd.testing.assert_frame_equal(commands.table(tmp_path, name), commands.table(undisturbed))
    years = pd.to_datetime(pd.read_parquet(tmp_path / names[0] / "records.parquet").finished.dropna()).dt.year
    assert years.nunique() > 1, "no clock jumped"
    injected(
        f"clocks that jump by up to ten years, forth and back, in {SWEEPS} sweeps at once in one store (lock={lock})",
        len(computed),
        f"each of the {len(computed)} units was computed once, no lock was broken, every table is identical",
    )
