"""A store that is full, or that may not be written, costs no result and no wrong number."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of the test's own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(mounting).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_in_one_line_and_the_same_command_goes_on_when_there_is_room(
    undisturbed: Path, tmp_path: Path, disk: Path, injected: Injected
) -> None:
    store = f"store={disk}/store"
    assert commands.run(tmp_path, store) == 1
    said = (tmp_path / "log").read_text()
    assert "No space left on device" in said
    assert "Traceback" not in said
    kept = commands.done_records(disk / "store")
    remount(disk, "size=200m")
    assert commands.run(tmp_path, store) == 0
    now = commands.done_records(disk / "store")
    assert all(now[path] == content for path, content in kept.items())
    pd.testing.assert_frame_equal(commands.table(tmp_path), commands.table(undisturbed))
    injected(
        "disk full (a 2 MB file system), then room, then the same command",
        1,
        f"exit code 1 and a line that names the folder; the {len(kept)} units done before stayed, the table identical",
    )


@pytest.mark.slow
def test_a_store_that_may_only_be_read_serves_what_is_done_and_refuses_the_rest(
    undisturbed: Path, tmp_path: Path, disk: Path, injected: Injected
) -> None:
    remount(disk, "size=200m")
    shutil.copytree(undisturbed / "store", disk / "store")
    remount(disk, "ro")
    store = f"store={disk}/store"
    assert commands.run(tmp_path, store) == 0
    pd.testing.assert_frame_equal(commands.table(tmp_path), commands.table(undisturbed))
    assert commands.run(tmp_path, store, "metric=[lfc]", name="more") == 1
    assert "Read-only file system" in (tmp_path / "log").read_text()
    injected("read-only store", 2, "what is done is served; a new metric ends with exit code 1 and one line")
