"""Speed as ratios within one run: what pgebench adds to the work itself. Run by ``make benchmarks``."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import TINY, run_pgebench
from torch.nn import functional as F

from pgebench.networks import backbones
from pgebench.networks.inputs import take
from pgebench.networks.training import batch_indices, fit
from pgebench.pge import GradientSettings, principal_gradient

BACKBONE = backbones.backbone_params(
    {"model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}
)
RECIPE = {"steps": 60, "batch_size": 64, "weight_decay": 0.05, "head_factor": 1.0, "shift": 2}


def data(n: int = 1500, classes: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.randn(n, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    return images, torch.arange(n) % classes


def bare_loop(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    """The same model, optimiser and batches, and nothing else."""
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
    for rows in batch_indices(len(labels), RECIPE["steps"], RECIPE["batch_size"], seed=0):
        loss = F.cross_entropy(network(take(images, rows)), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def interleaved(*works: object, rounds: int = 5) -> list[float]:
    """Median seconds of each work, run in turn so that a noisy neighbour meets all of them."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for spent, work in zip(times, works, strict=True):
            start = time.perf_counter()
            work()
            spent.append(time.perf_counter() - start)
    return [statistics.median(spent) for spent in times]


def test_training_throughput_is_at_least_90_percent_of_a_bare_loop(benchmark) -> None:
    images, labels = data()
    network = backbones.create(BACKBONE, 5, seed=0)
    ours, bare = interleaved(
        lambda: fit(network, images, labels, RECIPE, 1e-3, seed=0), lambda: bare_loop(network, images, labels)
    )
    benchmark.extra_info |= {"throughput_of_bare_loop": round(bare / ours, 3)}
    benchmark.pedantic(fit, (network, images, labels, RECIPE, 1e-3, 0), rounds=1)
    print(f"\nthroughput: {bare / ours:.3f} of a bare loop")
    assert bare / ours >= 0.9


@pytest.mark.parametrize("restart", ["paired", "fresh"])
def test_a_principal_gradient_costs_little_more_than_its_passes(benchmark, restart: str) -> None:
    """Re-initialisation, episodes and sums included; ``fresh`` draws new weights for every gradient."""
    images, labels = data()
    settings = GradientSettings(restart=restart, restarts=3, episodes=30 if restart == "fresh" else 10)
    network = backbones.create(BACKBONE, 0, seed=0).train()
    redrawn = backbones.restarts(BACKBONE, torch.device("cpu"))
    rows = batch_indices(len(labels), 30, 105, seed=0)

    def passes() -> None:
        for batch in rows:
            loss = network(take(images, batch)).square().mean()
            torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)

    def ours(stacked: bool = False) -> None:
        principal_gradient(redrawn, images, labels.numpy(), settings, stacked=stacked)

    spent, bare, stacked = interleaved(ours, passes, lambda: ours(stacked=True))
    benchmark.extra_info |= {"time_of_bare_passes": round(spent / bare, 3), "stacked": round(stacked / bare, 3)}
    benchmark.pedantic(ours, rounds=1)
    print(f"\nprincipal gradient, {restart}: {spent / bare:.3f} of the bare passes, stacked {stacked / bare:.3f}")
    assert spent / bare <= 1.15


def test_sweep_overhead_is_at_most_a_third_of_a_second_a_job(benchmark, tmp_path: Path) -> None:
    sources = "source=mnist_0_4,fashion_tops,animals_a,digits,emoji,clipart"
    command = (*TINY, sources, "truth=[linear_probe]", "metric=[leep]", f"results={tmp_path}/r", f"store={tmp_path}/s")

    def run() -> float:
        start = time.perf_counter()
        assert run_pgebench(*command) == 0
        return time.perf_counter() - start

    whole, nothing_to_do = run(), run()
    table = pd.read_parquet(tmp_path / "r" / "records.parquet").drop_duplicates("key")
    jobs = 6 + 12  # a job a source and a job a pair; this experiment has no work on a target alone
    overhead = (whole - nothing_to_do - table.wall_s.sum()) / jobs
    benchmark.extra_info |= {"overhead_s_per_job": round(overhead, 3)}
    benchmark.pedantic(run, rounds=1)
    print(f"\nsweep overhead: {overhead:.3f} s a job; the same command again: {nothing_to_do:.1f} s")
    assert overhead <= 0.3
