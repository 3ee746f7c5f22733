"""A copy of a finished run, to be tracked once more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished experiment of the test's own."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path
