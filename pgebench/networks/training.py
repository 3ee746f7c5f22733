"""The training loop of checkpoints, fine-tuning and probes: tensors in memory, no workers, no surprises."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from pgebench.core.errors import NonFinite
from pgebench.networks.inputs import Images, batch_size, take
from pgebench.networks.memory_layout import laid_out
from pgebench.networks.precision import FLOAT32, forward, precision_of

Part = tuple[Images, torch.Tensor]
"""Inputs (n, ...) of a network and labels (n,)."""

WARMUP = 0.1
"""Share of the steps in which the learning rate rises linearly."""

CURVE_POINTS = 50
"""Most points of a learning curve in a record."""

Curve = dict[str, list[float]]
"""``step`` and, for each, ``loss``: JSON for the record."""

Trained = tuple[float, nn.Module, Curve | None]
"""Learning rate, the model trained with it, and its learning curve; None if it diverged."""


def batch_indices(n: int, steps: int, batch_size: int, seed: int) -> torch.Tensor:
    """Rows of each batch, (steps, batch): permutations of the data laid end to end.

    >>> sorted(batch_indices(4, steps=2, batch_size=2, seed=0).flatten().tolist())
    [0, 1, 2, 3]
    """
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(batch_size, n)
    epochs = math.ceil(steps * batch_size / n)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(epochs)])
    return order[: steps * batch_size].view(steps, batch_size)


def schedule(steps: int) -> list[float]:
    """Factor of the learning rate in each step: linear warm-up, then cosine to zero."""
    warmup = max(1, round(WARMUP * steps))
    rise = [(step + 1) / warmup for step in range(min(warmup, steps))]
    fall = max(1, steps - warmup)
    return rise + [0.5 * (1 + math.cos(math.pi * (step + 1) / (fall + 1))) for step in range(steps - len(rise))]


def fit(
    model: nn.Module,
    images: Images,
    labels: torch.Tensor,
    recipe: Mapping[str, Any],
    learning_rate: float,
    seed: int,
) -> Curve:
    """Train in place with AdamW on the cross-entropy.

    Args:
        model: maps a batch of ``images`` to class scores.
        images: (n, ...) inputs, on the model's device.
        labels: int64 (n,), on the same device.
        recipe: fields of ``RecipeConfig``; with ``precision: bfloat16`` loss, weights and optimiser are float32 still.
        learning_rate: the peak.
        seed: of the order of the images and of the shifts.

    Returns:
        The learning curve.

    Raises:
        NonFinite: the loss diverged.
    """
    model.train()
    batches = batch_indices(len(labels), recipe["steps"], recipe["batch_size"], seed).to(labels.device)
    shifts = random_shifts(recipe["steps"], recipe["shift"], seed)
    own = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(
        groups(model, own, learning_rate, recipe["head_factor"]), weight_decay=recipe["weight_decay"], fused=True
    )
    precision = precision_of(recipe)
    losses: list[torch.Tensor] = []
    for rows, factor, shift in zip(batches, schedule(recipe["steps"]), shifts, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        inputs = take(images, rows)
        if shift != (0, 0):
            inputs = torch.roll(inputs, shift, dims=(2, 3))
        loss = F.cross_entropy(forward(model, inputs, precision), labels.index_select(0, rows))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    # Read once in the end: a look at each loss would make a GPU wait.
    values = torch.stack(losses).tolist() if losses else []
    if values and not math.isfinite(values[-1]):
        raise NonFinite(f"training diverged at learning rate {learning_rate}: lower the recipe's learning_rates")
    return curve(values)


def curve(losses: Sequence[float], most: int = CURVE_POINTS) -> Curve:
    """A learning curve: at each of at most ``most`` steps the mean loss since the step before it.

    >>> curve([4.0, 2.0, 1.0, 1.0, 0.5], most=2)
    {'step': [3, 5], 'loss': [2.3333, 0.75]}
    """
    ends = sorted({math.ceil(len(losses) * (point + 1) / most) for point in range(most)} - {0})
    means = [math.fsum(losses[begin:end]) / (end - begin) for begin, end in pairwise([0, *ends])]
    # A loss may overflow and recover; infinity is no JSON.
    finite = [(end, float(f"{mean:.5g}")) for end, mean in zip(ends, means, strict=True) if math.isfinite(mean)]
    return {"step": [end for end, _ in finite], "loss": [mean for _, mean in finite]}


def groups(
    model: nn.Module, values: Mapping[str, torch.Tensor], learning_rate: float, head_factor: float
) -> list[dict[str, Any]]:
    """Groups for an optimiser, with their ``peak`` learning rate: a new classifier may need a larger one.

    Args:
        model: says which parameters are those of the classifier.
        values: what the optimiser changes, by the names of the model's parameters.
        learning_rate: the peak outside the classifier.
        head_factor: the classifier's is so many times as large.
    """
    if head_factor == 1:
        return [{"params": list(values.values()), "peak": learning_rate}]
    classifier = {id(parameter) for parameter in model.get_classifier().parameters()}  # type: ignore[operator]
    in_head = {name: id(parameter) in classifier for name, parameter in model.named_parameters()}
    head = [value for name, value in values.items() if in_head[name]]
    rest = [value for name, value in values.items() if not in_head[name]]
    return [{"params": rest, "peak": learning_rate}, {"params": head, "peak": learning_rate * head_factor}]


def random_shifts(steps: int, most: int, seed: int) -> list[tuple[int, int]]:
    """Pixels down and to the right by which the batch of each step is moved, at most ``most`` in each direction."""
    if most == 0:
        return [(0, 0)] * steps
    generator = torch.Generator().manual_seed(seed)
    return [tuple(pair) for pair in torch.randint(-most, most + 1, (steps, 2), generator=generator).tolist()]


@torch.no_grad()
def accuracy(model: nn.Module, images: Images, labels: torch.Tensor, precision: str = FLOAT32) -> float:
    """Share of images classified rightly, in [0, 1], in evaluation mode."""
    model.eval()
    batch = batch_size(images)
    right = sum(
        int((forward(model, part, precision).argmax(1) == truth).sum())
        for part, truth in zip(images.split(batch), labels.split(batch), strict=True)
    )
    return right / len(labels)


@dataclass
class Fitted:
    """The best model of a grid: its learning rate, accuracy on validation and curve, and the accuracy of every rate."""

    model: nn.Module
    learning_rate: float
    val_accuracy: float
    val_by_learning_rate: dict[str, float]
    images: int
    curve: Curve


def fit_best(
    start: Callable[[], nn.Module],
    train: Part,
    val: Part,
    recipe: Mapping[str, Any],
    seed: int,
) -> Fitted:
    """Train once per learning rate of the recipe's grid and keep what is best on the validation split.

    A learning rate that diverges scores 0 there; ties go to the earlier, that is smaller, learning rate.

    Raises:
        NonFinite: every learning rate diverged.
    """

    def trained() -> Iterator[Trained]:
        for learning_rate in sorted(recipe["learning_rates"]):
            model = start()
            try:
                losses = fit(model, *train, recipe=recipe, learning_rate=learning_rate, seed=seed)
            except NonFinite:
                yield learning_rate, model, None
            else:
                yield learning_rate, model, losses

    return best_of(trained(), len(train[1]), val, recipe)


def best_of(trained: Iterable[Trained], train_images: int, val: Part, recipe: Mapping[str, Any]) -> Fitted:
    """The best on the validation split of models trained with a recipe's learning rates, in ascending order.

    Raises:
        NonFinite: every learning rate diverged.
    """
    best: tuple[float, float, nn.Module, Curve] | None = None
    scores: dict[str, float] = {}
    for learning_rate, model, losses in trained:
        scores[str(learning_rate)] = 0.0 if losses is None else accuracy(model, *val, precision_of(recipe))
        if losses is not None and (best is None or scores[str(learning_rate)] > best[0]):
            best = scores[str(learning_rate)], learning_rate, model, losses
    if best is None:
        raise NonFinite(f"training diverged at every learning rate of {recipe['learning_rates']}; give smaller ones")
    seen = min(recipe["batch_size"], train_images) * recipe["steps"] * len(scores) + len(val[1]) * len(scores)
    return Fitted(best[2], best[1], best[0], scores, seen, best[3])


def with_new_head(network: nn.Module, classes: int, seed: int) -> nn.Module:
    """A copy of the network with a fresh classifier; the original is left alone."""
    network = copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network.reset_classifier(classes)  # type: ignore[operator]
    device = next(network.parameters()).device
    return laid_out(network, device)
