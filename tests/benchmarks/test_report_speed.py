"""What a report saves by computing once, as ratios within one run: draws of single backbones, shuffles of one truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from pgebench.analysis.alike import Judged, judged
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.table import Replicates, Transfers

BACKBONES, PLACES, CHECKPOINTS, METRICS = 2, 16, 3, 30


def sides(metrics: int) -> Judged:
    """Invented metrics of the size of `embedded_full`, half of them with ties."""
    rng = np.random.default_rng(0)
    size = (BACKBONES, PLACES, PLACES, CHECKPOINTS)
    off = np.where(np.eye(PLACES, dtype=bool), np.nan, 0.0)[None, ..., None]
    truth = Transfers(np.round(rng.random(size), 2) + off, tuple(range(CHECKPOINTS)))
    values = [rng.random(size) for _ in range(metrics)]
    scores = [np.round(one, 1) if m % 2 else one for m, one in enumerate(values)]
    names = [str(i) for i in range(PLACES)]
    return judged([Replicates(one + off, truth.numbers) for one in scores], truth, names, names)


def cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def test_each_backbone_apart_costs_little_more_than_all_together(benchmark) -> None:
    given = sides(METRICS)
    whole = cpu(lambda: given.resampled((PRIMARY,), resamples=300, seed=0))
    apart = cpu(lambda: given.resampled_apart((PRIMARY,), BACKBONES, resamples=300, seed=0))
    benchmark.extra_info |= {"whole_s": whole, "apart_s": apart}
    benchmark.pedantic(lambda: None)
    print(f"\nresamples: {whole:.2f} s, with each backbone apart {apart:.2f} s: {apart / whole:.2f} times")
    assert apart < 1.5 * whole


def test_metrics_beside_one_shuffled_truth_cost_less_than_one_by_one(benchmark) -> None:
    together = cpu(lambda: sides(METRICS).shuffled(shuffles=500, seed=0))
    alone = METRICS * cpu(lambda: sides(1).shuffled(shuffles=500, seed=0))
    benchmark.extra_info |= {"together_s": together, "one_by_one_s": alone}
    benchmark.pedantic(lambda: None)
    print(f"\nshuffles: {together:.2f} s together, {alone:.2f} s one by one: {together / alone:.2f} times")
    assert together < 0.7 * alone
