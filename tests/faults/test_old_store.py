"""A store of another version is read if its layout is the same, and refused in one line if it is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands

LATER = ("workers", "threads", "peak_gpu_mb", "images", "attempts")
"""Fields that records did not have from the beginning."""


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.parent.name != "locks"}


@pytest.mark.slow
def test_a_store_from_before_there_was_a_format_is_read_as_it_is(
    undisturbed: Path, tmp_path: Path, injected: Injected
) -> None:
    shutil.copytree(undisturbed / "store", tmp_path / "store")
    (tmp_path / "store" / "FORMAT").unlink()
    for path in (tmp_path / "store").rglob("*.json"):
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps({name: value for name, value in record.items() if name not in LATER}))
    before = content_of(tmp_path / "store")
    journal = tmp_path / "journal"
    assert commands.run(tmp_path, journal=journal) == 0, (tmp_path / "log").read_text()
    assert not journal.exists(), "a finished unit was computed again"
    assert content_of(tmp_path / "store") == before
    without = ["threads", "images", "flops"]
    pd.testing.assert_frame_equal(
        commands.table(tmp_path).drop(columns=without), commands.table(undisturbed).drop(columns=without)
    )
    injected(
        "store of an earlier version: no file FORMAT, records without the fields that came later",
        len(before),
        "read as it is; nothing is computed again, no file is rewritten, every result in the table is the same",
    )


@pytest.mark.slow
def test_a_store_of_another_format_is_refused_and_left_alone(
    undisturbed: Path, tmp_path: Path, injected: Injected
) -> None:
    shutil.copytree(undisturbed / "store", tmp_path / "store")
    (tmp_path / "store" / "FORMAT").write_text('{"format": 2, "shards": 16}')
    before = content_of(tmp_path / "store")
    assert commands.run(tmp_path) == 2
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "has format 2, this version of pgebench reads format 1" in line
    assert content_of(tmp_path / "store") == before
    injected("store of another format", 1, "exit code 2 and one line; no file in it is touched")
