"""What containers, systemd, SLURM and a shell allow a process, read from the files in which the kernel says it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pgebench.core import limits, machine
from pgebench.core.errors import ConfigError

GB = 2**30
NO_LIMIT = "9223372036854771712"
"""What version 1 of control groups says where there is none."""


def tree_of(folder: Path, groups: str, files: Mapping[str, str]) -> Path:
    """A root of a file system: ``proc/self/cgroup`` and files of ``sys/fs/cgroup``."""
    for name, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{at}": said for at, said in files.items()},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    return folder


CASES = {
    "docker_2": ("0::/", {"cpu.max": "100000 100000", "memory.max": str(4 * GB)}, 1, 4 * GB),
    "docker_1": (
        "4:memory:/docker/a1\n3:cpu,cpuacct:/docker/a1",  # the host's path, of which the container sees the end as root
        {
            "cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
            "memory/memory.limit_in_bytes": str(2 * GB),
        },
        3,
        2 * GB,
    ),
    "half_a_core": ("0::/", {"cpu.max": "50000 100000"}, 1, None),
    "systemd": (
        "0::/user.slice/run.scope",
        {"user.slice/run.scope/cpu.max": "400000 100000", "user.slice/cpu.max": "max 100000", "cpu.max": "max 100000"},
        4,
        None,
    ),
    "slice_above": (
        "0::/user.slice/run.scope",
        {
            "user.slice/run.scope/memory.max": "max",
            "user.slice/memory.max": str(GB),
            "user.slice/cpu.max": "20000 10000",
        },
        2,
        GB,
    ),
    "slurm_1": (
        "9:memory:/slurm/uid_7/job_3/step_0\n2:cpu:/slurm/uid_7/job_3",
        {
            "memory/slurm/uid_7/job_3/step_0/memory.limit_in_bytes": NO_LIMIT,
            "memory/slurm/uid_7/job_3/memory.limit_in_bytes": str(8 * GB),
            "cpu/slurm/uid_7/job_3/cpu.cfs_quota_us": "-1",
            "cpu/slurm/uid_7/job_3/cpu.cfs_period_us": "100000",
        },
        None,
        8 * GB,
    ),
    "throttled": ("0::/pod", {"pod/memory.max": str(4 * GB), "pod/memory.high": str(3 * GB)}, None, 3 * GB),
    "both_versions": ("1:cpu:/\n0::/", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"}, 2, None),
    "another_namespace": ("0::/../elsewhere", {"memory.max": str(GB)}, None, GB),
    "no_limits": ("0::/", {"cpu.max": "max 100000", "memory.max": "max"}, None, None),
    "damaged": ("0::/\nnonsense\n:::", {"cpu.max": "0 0", "memory.max": "\x00"}, None, None),
}


@pytest.mark.parametrize(("groups", "files", "cores", "memory"), CASES.values(), ids=CASES)
def test_the_least_limit_of_all_groups_above_a_process_holds(
    tmp_path: Path, groups: str, files: Mapping[str, str], cores: int | None, memory: int | None
) -> None:
    tree = tree_of(tmp_path, groups, files)
    assert (limits.quota_cores(tree), limits.memory_limit(tree)) == (cores, memory)


def test_a_system_without_control_groups_sets_no_limit(tmp_path: Path) -> None:
    assert (limits.quota_cores(tmp_path), limits.memory_limit(tmp_path)) == (None, None)


def test_the_quota_and_the_memory_of_a_container_are_those_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "quota_cores", lambda: 1)
    monkeypatch.setattr(machine, "memory_limit", lambda: GB // 2)
    machine.machine.cache_clear()
    facts = machine.machine("cpu")
    machine.machine.cache_clear()
    assert (facts["cores"], facts["memory_gb"]) == (1, 0.5)
    assert machine.jobs_at_once(cores=1, gpus=0) == 1


def test_where_nothing_says_how_much_memory_there_is_none_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setattr(machine, "memory_limit", lambda: None)
    machine.machine.cache_clear()
    assert machine.machine("cpu")["memory_gb"] is None
    machine.machine.cache_clear()
    assert machine.available_memory() == sys.maxsize


def test_a_variable_of_the_environment_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "all")
    with pytest.raises(ConfigError, match="LOKY_MAX_CPU_COUNT=all in the environment: give a whole number of cores"):
        machine.available_cores()
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert machine.available_cores() == 1


LIMITED = """
import os, resource
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, resource.getrlimit(resource.RLIMIT_AS)[1]))
from pgebench.core.machine import available_cores, available_memory
print(available_cores(), available_memory())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_core_with_a_limit_of_its_shell_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, check=True)
    cores, memory = map(int, done.stdout.split())
    assert cores == 1
    assert memory == min(3 * GB, machine.available_memory())
