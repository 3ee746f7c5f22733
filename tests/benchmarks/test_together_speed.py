"""Sixteen seeds trained at once against one after another, as a ratio within one run, with both accuracies.

In float32, and in bfloat16 (``recipe.finetune.precision=bfloat16``) with what that gains over float32.

``make benchmarks`` runs it on the CPU and, where there is one, on a CUDA device.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pgebench import embedded
from pgebench.networks import backbones
from pgebench.networks.precision import BFLOAT16, FLOAT32
from pgebench.networks.stacked_training import fit_best_together
from pgebench.networks.training import Part, accuracy, fit_best, with_new_head

SEEDS = range(16)
BACKBONE = backbones.backbone_params(
    {"model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}
)
RECIPE = {
    "steps": 20,
    "batch_size": 25,
    "learning_rates": [0.003],
    "head_factor": 1,
    "weight_decay": 0.05,
    "shift": 0,
}


def digits(device: torch.device) -> dict[str, Part]:
    pack = embedded.load("digits")
    parts = {}
    for code, split in enumerate(("train", "val", "test")):
        rows = np.flatnonzero(pack.split == code)
        images = backbones.inputs(BACKBONE, {"image_size": None}, pack.images, rows, device)
        parts[split] = images, torch.from_numpy(pack.labels[rows]).to(device)
    return parts


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_sixteen_seeds_at_once_are_as_good_as_one_after_another(benchmark, device: str, precision: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    parts = digits(torch.device(device))
    network = backbones.create(BACKBONE, 10, seed=0).to(device)
    starts = [lambda seed=seed: with_new_head(network, 10, seed) for seed in SEEDS]

    def at_once(precision: str = precision) -> list[float]:
        recipe = RECIPE | {"precision": precision}
        found = fit_best_together(starts, parts["train"], parts["val"], recipe, SEEDS)
        return [accuracy(fitted.model, *parts["test"], precision) for fitted in found if fitted is not None]

    def in_turn() -> list[float]:
        recipe = RECIPE | {"precision": precision}
        found = [
            fit_best(start, parts["train"], parts["val"], recipe, seed)
            for start, seed in zip(starts, SEEDS, strict=True)
        ]
        return [accuracy(fitted.model, *parts["test"], precision) for fitted in found]

    if device == "cuda":  # the first calls load kernels
        at_once()
        in_turn()
    together, spent = benchmark.pedantic(timed, (at_once,), rounds=1)
    turns, spent_in_turn = timed(in_turn)
    facts = {
        "speed_up": round(spent_in_turn / spent, 3),
        "accuracy_at_once": round(statistics.fmean(together), 4),
        "accuracy_in_turn": round(statistics.fmean(turns), 4),
    }
    if precision != FLOAT32:
        exact, spent_exactly = timed(lambda: at_once(FLOAT32))
        facts |= {
            "speed_up_by_precision": round(spent_exactly / spent, 3),
            "accuracy_in_float32": round(statistics.fmean(exact), 4),
        }
    benchmark.extra_info |= facts
    print(f"\n16 seeds on {device} in {precision}: {facts}")
    noise = statistics.stdev(turns) * (2 / len(SEEDS)) ** 0.5
    assert statistics.fmean(together) == pytest.approx(statistics.fmean(turns), abs=3 * noise)
    if device == "cuda":
        assert spent < spent_in_turn


def timed(work: Callable[[], list[float]]) -> tuple[list[float], float]:
    """What the work gives, and its seconds; reading accuracies waits for the device."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
