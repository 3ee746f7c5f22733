"""How the tests here read files."""

from __future__ import annotations

from pathlib import Path

import pytest
from photos import Read

from pgebench.core.settings import Reading
from pgebench.data.cache import Decoded
from pgebench.data.read import read_dataset


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Folder of a store."""
    return tmp_path / "store"


@pytest.fixture
def read_as(store: Path) -> Read:
    """``read_as(kind, path, reading options..., loader={...})``."""

    def run(kind: str, path: Path, loader: dict[str, object] | None = None, **reading: object) -> Decoded:
        config = {"_target_": f"pgebench.data.{kind}.listing", **(loader or {})}
        return read_dataset(config, str(path), Reading(**{"size": 16, **reading}), store)  # type: ignore[arg-type]

    return run
