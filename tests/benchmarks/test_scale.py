"""Sweeps of tens of thousands of units: planning, a resume that finds all done, tables. Run by ``make benchmarks``.

``python -m pytest tests/benchmarks/test_scale.py -o addopts="--import-mode=importlib" -s`` prints the numbers of
``results/reference/scaling.md``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from pgebench.core.records import DONE
from pgebench.run.attempt import Attempt
from pgebench.run.policy import DEFAULT
from pgebench.store.store import Store
from pgebench.store.unit import Unit

VIEWS = (
    "mnist_0_4,mnist_5_9,fashion_tops,fashion_rest,animals_a,animals_b,glyphs_a_m,glyphs_n_z,"
    "digits,mnist,fashion,animals,clipart,emoji,glyphs,faces"
)
SWEEP = (
    "experiment=embedded_full",
    "backbone=test_resnet,test_vit,test_efficientnet_gn,test_convnext",
    f"dataset@source={VIEWS}",
    f"dataset@target={VIEWS}",
    "budget.truth_seeds=13",
    "tracking=none",
)
"""Four backbones, sixteen sources and targets, every metric, two truths with thirteen seeds."""

PLANNING = """
import gc, json, sys, time
from pathlib import Path
from pgebench.cli.main import COLLECT_AFTER
from pgebench.experiment import experiment  # noqa: F401
from pgebench.plan.composing import swept
from pgebench.plan.units import merged, plan

def peak():
    # Not ru_maxrss, which a process inherits from the one that started it.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

gc.set_threshold(COLLECT_AFTER)
imports, wall, cpu = peak(), time.perf_counter(), time.process_time()
sweep = swept(sys.argv[1:])
units = {unit.key for unit in merged(map(plan, sweep.cells))}
print(json.dumps({"units": len(units), "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu,
                  "imports_mb": imports, "peak_mb": peak()}))
"""


def test_planning_fifty_thousand_units(benchmark) -> None:
    ended = subprocess.run([sys.executable, "-c", PLANNING, *SWEEP], capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout.splitlines()[-1])
    benchmark.extra_info |= found
    benchmark.pedantic(lambda: None)
    print(f"\nplanning: {found}")
    assert found["units"] >= 50_000
    assert found["cpu_s"] < 10
    assert found["peak_mb"] < 1000


@pytest.fixture(scope="module")
def finished_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store has a record for every unit of the sweep, with invented results."""
    from pgebench.plan.composing import swept
    from pgebench.plan.units import merged, plan

    folder = tmp_path_factory.mktemp("scale")
    cells = swept(SWEEP).cells
    dice = random.Random(0)
    filled = Store(folder / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pgebench.core.files.os.fsync", lambda number: None)
        for unit in {unit.key: unit for unit in merged(map(plan, cells))}.values():
            filled.write_record(unit, record(unit, filled, dice))
    return folder


def record(unit: Unit, filled: Store, dice: random.Random) -> dict[str, object]:
    attempt = Attempt(unit, filled, torch.device("cpu"), DEFAULT)
    attempt.begin()
    described = attempt.record
    measured = {
        "wall_s": dice.random(),
        "cpu_s": dice.random(),
        "peak_rss_mb": 900.0,
        "peak_gpu_mb": 0.0,
        "images": 100,
    }
    ended = {"status": DONE, "value": dice.random(), "detail": {}, "artifact": {}, "finished": described["started"]}
    return {**described, **measured, **ended}


def resume(folder: Path) -> dict[str, float | str]:
    """Run the command on the finished sweep: seconds until all is done and until its end, and its peaks."""
    where = (f"results={folder}/results", f"store={folder}/store")
    before, began, found = os.times(), time.perf_counter(), {}
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pgebench", *SWEEP, *where], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    for line in process.stdout:
        status = Path(f"/proc/{process.pid}/status").read_text()
        when = "all done" if "done already" in line else "end"
        found |= {f"{when}_s": time.perf_counter() - began, "last_line": line.strip()}
        if "VmHWM:" in status:  # not of a process that has just ended
            found[f"{when}_peak_mb"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    assert process.wait() == 0
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return found | {"cpu_s": spent}


def test_a_resume_that_finds_fifty_thousand_units_done(benchmark, finished_sweep: Path) -> None:
    """The first builds the report, the second finds it up to date."""
    first, second = resume(finished_sweep), resume(finished_sweep)
    benchmark.extra_info |= {"first": first, "second": second}
    benchmark.pedantic(lambda: None)
    print(f"\nresume, with the report: {first}\nresume, the report is up to date: {second}")
    assert "The report is up to date" in str(second["last_line"])
    assert second["cpu_s"] < 30


def test_reading_the_table_of_a_million_records(benchmark, finished_sweep: Path) -> None:
    from pgebench.report.build import read_results

    table = pd.read_parquet(finished_sweep / "results" / "records.parquet")
    copies = -(-1_000_000 // len(table))
    million = pd.concat([table.assign(seed=table.seed + 1000 * copy) for copy in range(copies)], ignore_index=True)
    folder = finished_sweep / "million"
    folder.mkdir(exist_ok=True)
    million.to_parquet(folder / "records.parquet", index=False)
    read = benchmark.pedantic(lambda: read_results(folder)[0], rounds=1)
    size = (folder / "records.parquet").stat().st_size / 2**20
    print(f"\n{len(read)} rows, {size:.0f} MiB: {benchmark.stats['mean']:.1f} s")
    assert len(read) >= 1_000_000


def test_building_the_table_from_single_records(benchmark, finished_sweep: Path) -> None:
    """What the store costs over the table: a file a unit."""
    names = list((finished_sweep / "store").rglob("*.json"))
    begun = time.perf_counter()
    plain = [json.loads(name.read_bytes()) for name in names]  # kept, as ours: the collector looks at them too
    bare = time.perf_counter() - begun
    assert len(plain) >= 50_000
    units = [Unit(name.parent.parent.name, 0, {}) for name in names]
    for unit, name in zip(units, names, strict=True):
        unit.__dict__["key"] = name.stem
    kept = Store(finished_sweep / "store")
    ours = benchmark.pedantic(lambda: [kept.record(unit) for unit in units], rounds=1)
    assert all(found["status"] == DONE for found in ours)
    benchmark.extra_info |= {"times_a_bare_read": round(benchmark.stats["mean"] / bare, 2)}
    print(f"\n{len(units)} records: {benchmark.stats['mean']:.1f} s, bare reads and parses {bare:.1f} s")
    assert benchmark.stats["mean"] / bare < 1.5
