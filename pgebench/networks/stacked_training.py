"""Several trainings of one architecture at once, stacked with ``torch.func``, so that small networks fill a GPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain, groupby
from typing import Any

import torch
from torch import nn
from torch.func import functional_call, vmap
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from pgebench.core.errors import NonFinite
from pgebench.networks.inputs import Images, take
from pgebench.networks.precision import FLOAT32, forward, precision_of, under_vmap
from pgebench.networks.training import (
    Curve,
    Fitted,
    Part,
    batch_indices,
    best_of,
    curve,
    groups,
    random_shifts,
    schedule,
)

COPIES = 6
"""Times that weights are held: by the model, the stack, as its gradient, twice by AdamW, and once more in passing."""

CPU_BUDGET = 2**30
"""Bytes that trainings at once may take on the CPU, where they gain nothing by being many."""


def fit_together(
    models: Sequence[nn.Module],
    images: Images,
    labels: torch.Tensor,
    recipe: Mapping[str, Any],
    learning_rates: Sequence[float],
    seeds: Sequence[int],
) -> list[Curve | None]:
    """Train models in place, all at once, each as ``fit`` would by itself.

    The numbers are those of ``fit`` up to rounding, which the order of sums decides, as long as a network draws
    nothing while it trains (dropout does).

    Args:
        models: of one architecture; they map a batch of ``images`` to class scores.
        images: (n, ...) inputs, on the models' device.
        labels: int64 (n,), on the same device.
        recipe: fields of ``RecipeConfig``.
        learning_rates: the peak of each model. Fastest where models with the same one stand side by side.
        seeds: of the order of the images and of the shifts of each model.

    Returns:
        The learning curve of each model; None if it diverged.

    Raises:
        RuntimeError: torch cannot stack this network, or not so many of it.
    """
    structure = models[0].train()
    stacks = _stacked(models)
    weights = {name: stack for name, stack in stacks.items() if stack.requires_grad}
    others = {name: stack for name, stack in stacks.items() if name not in weights}
    # AdamW works on each number by itself, so on a stack it is as many AdamWs. It takes views, one per learning rate.
    views: list[tuple[slice, dict[str, torch.Tensor]]] = []
    settings: list[dict[str, Any]] = []
    for learning_rate, run in groupby(range(len(models)), key=lambda place: learning_rates[place]):
        places = list(run)
        part = slice(places[0], places[-1] + 1)
        own = {name: stack.detach()[part] for name, stack in weights.items()}
        views.append((part, own))
        settings += groups(structure, own, learning_rate, recipe["head_factor"])
    optimizer = torch.optim.AdamW(settings, weight_decay=recipe["weight_decay"], fused=True)

    def loss_of(
        own: dict[str, torch.Tensor], other: dict[str, torch.Tensor], inputs: torch.Tensor, truth: torch.Tensor
    ) -> torch.Tensor:
        return F.cross_entropy(_scores(structure, own | other, inputs, precision), truth)

    steps, size, precision = recipe["steps"], recipe["batch_size"], precision_of(recipe)
    rows = torch.stack([batch_indices(len(labels), steps, size, seed) for seed in seeds], dim=1).to(labels.device)
    shifts = zip(*(random_shifts(steps, recipe["shift"], seed) for seed in seeds), strict=True)
    losses: list[torch.Tensor] = []
    with _attention(labels.device):
        for batches, factor, moves in zip(rows, schedule(steps), shifts, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            inputs = _batches(images, batches, moves)
            loss = vmap(loss_of, randomness="different")(weights, others, inputs, labels[batches])
            # Not autograd.grad: backward alone lays gradients out as their weights, which the fused AdamW relies on.
            loss.sum().backward()
            for part, own in views:
                for name, value in own.items():
                    gradient = weights[name].grad
                    value.grad = None if gradient is None else gradient[part]
            optimizer.step()
            for weight in weights.values():
                weight.grad = None
            losses.append(loss.detach())
    _unstack(models, stacks)
    ends = torch.stack(losses, dim=1)
    return [
        curve(values) if finite else None
        for values, finite in zip(ends.tolist(), ends[:, -1].isfinite().tolist(), strict=True)
    ]


def fit_best_together(
    starts: Sequence[Callable[[], nn.Module]],
    train: Part,
    val: Part,
    recipe: Mapping[str, Any],
    seeds: Sequence[int],
) -> Iterator[Fitted | None]:
    """``fit_best`` several times: the trainings, with all learning rates, at once as far as memory allows.

    Args:
        starts: each gives the model to train, of one architecture.
        train: images (n, ...) and labels (n,) that all are trained on.
        val: those that the learning rates are chosen on.
        recipe: fields of ``RecipeConfig``.
        seeds: of the order of the images, one for each start.

    Yields:
        The best model from each start; None where every learning rate diverged. Who lets go of a model before the next
        one is asked for leaves memory to those that are still to be trained.

    Raises:
        RuntimeError: torch cannot stack this network, or memory holds too few of it.
    """
    rates = sorted(recipe["learning_rates"])
    most = at_once(starts[0](), *train, recipe["batch_size"], precision_of(recipe))
    if most < len(rates):
        raise RuntimeError(f"memory holds {most} of these trainings, one seed has {len(rates)}")
    for first in range(0, len(seeds), most // len(rates)):
        part = slice(first, first + most // len(rates))
        yield from _fit_best_at_once(starts[part], train, val, recipe, seeds[part])


def _fit_best_at_once(
    starts: Sequence[Callable[[], nn.Module]],
    train: Part,
    val: Part,
    recipe: Mapping[str, Any],
    seeds: Sequence[int],
) -> list[Fitted | None]:
    """``fit_best_together`` for as many as memory holds."""
    rates = sorted(recipe["learning_rates"])
    # Learning rates outermost: models that share one must stand side by side.
    models = [start() for _ in rates for start in starts]
    curves = fit_together(
        models,
        *train,
        recipe=recipe,
        learning_rates=[rate for rate in rates for _ in starts],
        seeds=[seed for _ in rates for seed in seeds],
    )
    fitted: list[Fitted | None] = []
    for place in range(len(starts)):
        grid = zip(rates, models[place :: len(starts)], curves[place :: len(starts)], strict=True)
        try:
            fitted.append(best_of(grid, len(train[1]), val, recipe))
        except NonFinite:
            fitted.append(None)
    return fitted


def at_once(model: nn.Module, images: Images, labels: torch.Tensor, batch_size: int, precision: str = FLOAT32) -> int:
    """How many trainings like this one fit into half of the memory that is free, by what one forward pass keeps."""
    inputs, truth = images[:batch_size], labels[:batch_size]
    state = {name: buffer.clone() for name, buffer in model.named_buffers()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = F.cross_entropy(_scores(model.train(), state, inputs, precision), truth)
    del loss  # until here, lest one address be counted as one tensor that has been several
    weights = sum(parameter.nbytes for parameter in model.parameters())
    # Gradients of what is kept exist beside it for a while, at worst all of them.
    return int(_free(labels.device) // (COPIES * weights + 2 * sum(kept.values())))


def _scores(structure: nn.Module, state: dict[str, torch.Tensor], inputs: torch.Tensor, precision: str) -> torch.Tensor:
    with under_vmap(precision):
        return forward(lambda batch: functional_call(structure, state, (batch,)), inputs, precision)


def _free(device: torch.device) -> int:
    if device.type != "cuda":
        return CPU_BUDGET
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return (torch.cuda.mem_get_info(device)[0] + cached) // 2


def _stacked(models: Sequence[nn.Module]) -> dict[str, torch.Tensor]:
    """(models, ...) copies of parameters and buffers by name; they ask for gradients as the first model's do."""
    values = [dict(chain(model.named_parameters(), model.named_buffers())) for model in models]
    return {
        name: torch.stack([own[name].detach() for own in values]).requires_grad_(first.requires_grad)
        for name, first in values[0].items()
    }


@torch.no_grad()
def _unstack(models: Sequence[nn.Module], stacks: Mapping[str, torch.Tensor]) -> None:
    """Write what was trained back into the models."""
    for place, model in enumerate(models):
        for name, value in chain(model.named_parameters(), model.named_buffers()):
            value.copy_(stacks[name][place])


def _batches(images: Images, rows: torch.Tensor, moves: Sequence[tuple[int, int]]) -> torch.Tensor:
    """The batch of each model, (models, batch, ...), moved as ``fit`` moves it."""
    inputs = take(images, rows.flatten()).unflatten(0, rows.shape)
    if not any(move != (0, 0) for move in moves):
        return inputs
    return torch.stack([torch.roll(own, move, dims=(2, 3)) for own, move in zip(inputs, moves, strict=True)])


def _attention(device: torch.device) -> AbstractContextManager[None]:
    """On the CPU torch cannot stack its fast attention, only the plain one."""
    return contextlib.nullcontext() if device.type == "cuda" else sdpa_kernel(SDPBackend.MATH)
