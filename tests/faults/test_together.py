"""Sweeps of the same experiment at the same time share the work."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["flock", "soft"])
@pytest.mark.parametrize("sweeps", [2, 8])
def test_sweeps_at_once_in_one_store_compute_every_unit_once(
    undisturbed: Path, tmp_path: Path, injected: Injected, sweeps: int, lock: str
) -> None:
    journal = tmp_path / "journal"
    names = [f"results{number}" for number in range(sweeps)]
    running = [commands.start(tmp_path, f"lock={lock}", name=name, journal=journal) for name in names]
    for process in running:
        process.join()
    assert {process.exitcode for process in running} == {0}, (tmp_path / "log").read_text()
    computed = Counter(journal.read_text().split())
    assert len(computed) == len(list((tmp_path / "store").rglob("*.json")))
    assert set(computed.values()) == {1}
    for name in names:
        pd.testing.assert_frame_equal(commands.table(tmp_path, name), commands.table(undisturbed))
    injected(
        f"{sweeps} sweeps of the same experiment at once in one store (lock={lock})",
        sweeps,
        f"each of the {len(computed)} units was computed once, every table is identical",
    )
