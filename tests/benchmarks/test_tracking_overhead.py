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
    """A sweep of half a minute: what is fixed, such as importing wandb, weighs most here."""

    def run(tracking: str) -> float:
        shutil.rmtree(tmp_path / "s", ignore_errors=True)
        start = time.perf_counter()
        assert run_pgebench(*SWEEP, f"tracking={tracking}", f"results={tmp_path}/r", f"store={tmp_path}/s") == 0
        return time.perf_counter() - start

    run("none")  # data sets and the launcher's workers are warm afterwards
    pairs = [(run("wandb"), run("none")) for _ in range(ROUNDS)]
    runs = list((tmp_path / "r" / "wandb").glob("offline-run-*"))
    assert len(runs) == ROUNDS * 5, "three sources, training from scratch, and a report"
    tracked, bare = (statistics.median(spent) for spent in zip(*pairs, strict=True))
    benchmark.extra_info |= {"overhead": round(tracked / bare - 1, 4), "sweep_s": round(bare, 1)}
    benchmark.pedantic(run, ("wandb",), rounds=1)
    print(f"\ntracking: {tracked:.2f} s against {bare:.2f} s, {100 * (tracked / bare - 1):.1f} % more; pairs {pairs}")
    assert tracked / bare < 1.02
