"""A sweep that is killed at a random moment, again and again, ends as one that was left in peace."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest
from fault_page import Injected

from faults import commands

KILLS = 50


def same_artifacts(one: Path, other: Path) -> None:
    """Every artifact of both stores has the same bytes, and there is no other."""
    names = [{path.relative_to(store) for path in store.rglob("*.safetensors")} for store in (one, other)]
    assert names[0] == names[1]
    for name in names[0]:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize("lock", ["flock", "soft"])
def test_fifty_kills_leave_the_records_of_an_undisturbed_run(
    undisturbed: Path, tmp_path: Path, injected: Injected, lock: str
) -> None:
    """Half of the kills take the command alone, half every process that it started."""
    (tmp_path / "timed").mkdir()
    began = time.monotonic()
    assert commands.run(tmp_path / "timed") == 0
    longest = time.monotonic() - began
    dice = random.Random(0)
    folder = tmp_path / "killed"
    folder.mkdir()
    kills, finished, kept = 0, 0, {}
    while kills < KILLS:
        process = commands.start(folder, f"lock={lock}")
        process.join(dice.uniform(0, longest))
        if process.exitcode is None:
            process.kill() if kills % 2 else commands.kill_group(process)
            process.join()
            kills += 1
        else:
            assert process.exitcode == 0, (folder / "log").read_text()
            pd.testing.assert_frame_equal(commands.table(folder), commands.table(undisturbed))
            same_artifacts(folder / "store", undisturbed / "store")
            assert not list((folder / "store").rglob("*.corrupt"))
            shutil.rmtree(folder)
            folder.mkdir()
            finished, kept = finished + 1, {}
        now = commands.done_records(folder / "store") if (folder / "store").exists() else {}
        changed = [path for path, content in kept.items() if now.get(path) != content]
        assert not changed, f"computed again after it was done: {changed}"
        kept = now
    assert commands.run(folder, f"lock={lock}") == 0, (folder / "log").read_text()
    pd.testing.assert_frame_equal(commands.table(folder), commands.table(undisturbed))
    same_artifacts(folder / "store", undisturbed / "store")
    assert not list((folder / "store").rglob("*.corrupt")), "a broken artifact was met"
    now = commands.done_records(folder / "store")
    assert all(now[path] == content for path, content in kept.items())
    injected(
        f"kill -9 of a sweep at a random moment, then the same command (lock={lock})",
        kills,
        f"nothing lost: {finished + 1} sweeps came to their end over the kills, each identical to the undisturbed one; "
        "no record of a finished unit ever changed, no damaged file was met",
    )
