"""Who holds a unit is known on one machine and on several, whatever the clocks say."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fault_page import Injected

from pgebench.core import locks
from pgebench.core.errors import ConfigError, StoreError
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

UNIT = Unit("evidence", 1, {"seed": 0})

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom pgebench.core.locks import lock_file\n"
    "lock = lock_file(Path(sys.argv[1]), sys.argv[2])\nlock.acquire()\nprint('held', flush=True)\ntime.sleep(60)"
)


def held_elsewhere(path: Path, kind: str) -> subprocess.Popen[str]:
    """A process that has taken a lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("kind", locks.KINDS)
def test_a_lock_is_exclusive_and_a_dead_process_does_not_keep_it(tmp_path: Path, kind: str) -> None:
    store = Store(tmp_path, kind)
    path = tmp_path / "locks" / f"{UNIT.key}.lock"
    path.parent.mkdir()
    process = held_elsewhere(path, kind)
    with store.lock(UNIT, timeout=0.3) as mine:
        assert not mine
    process.kill()
    process.wait()
    with store.lock(UNIT, timeout=10) as mine:
        assert mine


def test_a_soft_lock_of_another_machine_is_taken_over_when_it_is_no_longer_refreshed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process on the other machine cannot be seen from here; only its silence can."""
    monkeypatch.setattr(locks, "LEASE", 1.0)
    path = tmp_path / "unit.lock"
    lock = locks.lock_file(path, "soft")
    lock.acquire()
    there = path.read_text().replace(socket.gethostname(), "elsewhere")
    lock.release()
    path.write_text(there)
    began = time.monotonic()
    with locks.lock_file(path, "soft").acquire(timeout=20):
        assert time.monotonic() - began >= 1.0


def test_a_clock_that_jumps_by_a_year_frees_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: Injected
) -> None:
    store, clock = Store(tmp_path, "soft"), time.time
    with store.lock(UNIT):
        for jump in (3e7, -3e7):
            monkeypatch.setattr(time, "time", lambda jump=jump: clock() + jump)
            with Store(tmp_path, "soft").lock(UNIT, timeout=0.5) as mine:
                assert not mine
    injected("the clock of who waits for a lease jumps by a year, forth and back", 2, "the lock stays with its owner")


@pytest.mark.parametrize(
    ("system", "kind"), [("ext4", "flock"), ("tmpfs", "flock"), ("nfs4", "soft"), ("fuse.sshfs", "soft")]
)
def test_folders_of_a_network_get_locks_that_need_no_flock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"dev / ext4 rw 0 0\nserver:/x /mnt/my\\040data {system} rw 0 0\n")
    assert locks.file_system(Path("/mnt/my data/store"), mounts) == system
    assert locks.file_system(Path("/mnt/other"), mounts) == "ext4"
    monkeypatch.setattr(locks, "file_system", lambda folder: system)
    assert locks.kind_of("auto", tmp_path) == kind


def test_all_who_share_a_store_use_the_same_locks(tmp_path: Path) -> None:
    open_store(tmp_path, "soft", create=True)
    assert open_store(tmp_path).locks == "soft"
    assert open_store(tmp_path, create=True).locks == "soft"
    with pytest.raises(ConfigError, match=r"lock=flock: .* is used with lock=soft"):
        open_store(tmp_path, "flock")
    with pytest.raises(ConfigError, match="choose from auto, flock, soft"):
        open_store(tmp_path, "hard")


def test_a_store_of_another_format_is_refused_and_one_without_a_format_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_record(UNIT, {"status": "done", "value": 1.0})
    assert open_store(tmp_path).record(UNIT)["value"] == 1.0
    assert not (tmp_path / "FORMAT").exists()
    (tmp_path / "FORMAT").write_text('{"format": 2, "shards": 16}')
    with pytest.raises(StoreError, match="has format 2, this version of pgebench reads format 1"):
        open_store(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 1}', "\x00", '{"format": 1, "lock": "none"}', "[" * 100_000])
def test_a_damaged_format_file_is_named(tmp_path: Path, content: str, injected: Injected) -> None:
    (tmp_path / "FORMAT").write_text(content)
    with pytest.raises(StoreError, match="FORMAT"):
        open_store(tmp_path)
    injected("store whose file FORMAT is damaged", 1, "refused in one line that names the file")
