"""What the fault suite shares: an undisturbed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import commands


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an undisturbed run of the very small experiment; not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert commands.run(folder) == 0, (folder / "log").read_text()
    return folder
