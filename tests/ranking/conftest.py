"""Rankings of these tests leave no run in W&B, but for those that are about it."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user's shell may say as well."""
    monkeypatch.setenv("WANDB_MODE", "disabled")
