"""What tracking costs a sweep. Run by ``make benchmarks``."""

from __future__ import annotations

import shutil
import statistics
import time
from pathlib import Path

from conftest import run_pgebench

SWEEP = ("experiment=smoke", "progress=none")
"""The whole of the smallest experiment, with the default launcher."""

ROUNDS = 3


def test_tracking_costs_less_than_2_percent_of_a_sweep(benchmark, tmp_path: Path) -> None:
    """The shortest sweep there is: what is fixed, such as importing wandb, weighs most here."""

    def run(tracking: str) -> float:
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        start = time.perf_counter()
        assert run_pgebench(*SWEEP, f"tracking={tracking}", f"results={tmp_path}/r", f"store={tmp_path}/s") == 0
        return time.perf_counter() - start

    benchmark.pedantic(run, ("none",), rounds=1)  # data sets and the launcher's workers are warm afterwards
    pairs = [(run("wandb"), run("none")) for _ in range(ROUNDS)]
    runs = list((tmp_path / "r" / "wandb").glob("offline-run-*"))
    assert len(runs) == ROUNDS * 5, "three sources, training from scratch, and a report"
    overhead = statistics.median(tracked / bare for tracked, bare in pairs) - 1
    benchmark.extra_info |= {"overhead": round(overhead, 4)}
    print(f"\ntracking: {100 * overhead:.1f} % more; seconds with and without: {pairs}")
    assert overhead < 0.02
