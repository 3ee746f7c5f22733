"""Feature extraction beside a bare loop over the same network and batches, as a ratio within one run.

Measured is what a candidate's look at the pictures takes: stored pixels made ready batch by batch, the network, and
everything until the features and class scores lie together; not loading weights, nor decoding files. Seconds are those
of the process on the CPU, so that other work on the machine counts less.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from pgebench.networks import backbones
from pgebench.networks.inputs import Streamed, batch_size, to_input

ROUNDS = 5
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def fastest(*works: Callable[[], None]) -> list[float]:
    """Least CPU seconds of each work over the rounds, in turn; the first round warms up and does not count."""
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS + 1):
        for times, work in zip(spent, works, strict=True):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
    return [min(times[1:]) for times in spent]


@pytest.mark.parametrize(("model", "side", "count"), [("test_resnet", 32, 1500), ("tf_efficientnet_lite0", 96, 96)])
def test_extraction_reaches_90_percent_of_a_bare_loop(benchmark, model: str, side: int, count: int) -> None:
    torch.set_num_threads(1)
    params = {"model": model, "image_size": side, "mean": MEAN, "std": STD, "pretrained": False}
    network = backbones.create(backbones.backbone_params(params), 1000, seed=0).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    images = Streamed(
        pixels, np.arange(count), side, torch.device("cpu"), lambda stored: to_input(stored, side, MEAN, STD)
    )
    size = batch_size(images)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    kept: dict[str, torch.Tensor] = {}

    def ours() -> None:
        kept["features"], kept["ours"] = backbones.features_and_logits(network, images)

    @torch.no_grad()
    def bare() -> None:
        found = []
        for start in range(0, count, size):
            batch = torch.from_numpy(pixels[start : start + size]).permute(0, 3, 1, 2).float() / 255
            found.append(network((batch - mean) / std))
        kept["bare"] = torch.cat(found)

    spent, least = fastest(ours, bare)
    torch.testing.assert_close(kept["ours"], kept["bare"], rtol=1e-4, atol=1e-4)
    benchmark.extra_info |= {"throughput_of_bare_loop": round(least / spent, 3)}
    benchmark.pedantic(ours, rounds=1)
    print(f"\nextraction, {model} at {side} px: {least / spent:.3f} of a bare loop, {count / spent:.0f} pictures per s")
    assert least / spent >= 0.9
