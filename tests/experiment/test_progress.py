"""Watching an experiment must not slow it down."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pgebench.experiment import progress
from pgebench.store.store import Store


def test_a_look_that_takes_long_is_taken_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look burns 50 ms; at two per cent the next one is due after more than two seconds."""
    looks = []

    def burn(self: progress.ProgressBar) -> None:
        looks.append(time.monotonic())
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    monkeypatch.setattr(progress.ProgressBar, "_look", burn)
    with progress.ProgressBar([], Store(tmp_path), "lines"):
        time.sleep(1.0)
    assert len(looks) == 2, "one at the start of the watch, one at its end"
