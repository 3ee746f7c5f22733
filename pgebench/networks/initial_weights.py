"""Initial weights drawn anew in place, without building the network again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from pgebench.networks.memory_layout import laid_out

_RANDOM = {"aten::normal_", "aten::uniform_", "aten::bernoulli_", "aten::random_", "aten::exponential_"}
_OVERWRITES = _RANDOM | {"aten::zero_", "aten::fill_", "aten::copy_"}


class Redrawn:
    """A network whose weights can be drawn again from another seed.

    Building a timm model takes a quarter of the time of one gradient, and most of that builds modules and draws
    weights that the model's own initialisation overwrites. The in-place operations of one construction are recorded and
    those that matter replayed. A model whose weights cannot be reproduced in that way is built anew each time.

    Args:
        build: gives the network; draws from torch's global generator on the CPU.
        device: where the network goes.

    >>> network = Redrawn(lambda: nn.Linear(2, 2))
    >>> first = network(1).weight.clone()
    >>> bool((network(2).weight == first).any()), bool((network(1).weight == first).all())
    (False, True)
    """

    def __init__(self, build: Callable[[], nn.Module], device: torch.device | str = "cpu") -> None:
        self._build, self._device = build, device
        with torch.random.fork_rng(devices=[]), _Recorder() as recorder:
            self._master = build()
        self._operations = recorder.operations
        self._faithful = self._replay_equals_construction()
        if self._faithful:
            self._operations = _needed(self._operations)
        self._network = _placed(self._master, device)
        touched = {args[0].untyped_storage().data_ptr() for _, args, _ in self._operations}
        self._pairs = [
            (used, drawn)
            for used, drawn in zip(self._network.parameters(), self._master.parameters(), strict=True)
            if drawn.untyped_storage().data_ptr() in touched
        ]

    def __call__(self, seed: int) -> nn.Module:
        """The network with weights drawn from ``seed``: the same object at every call, in channels-last layout."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            if not self._faithful:
                return _placed(self._build(), self._device)
            _replay(self._operations)
            for used, drawn in self._pairs:
                used.copy_(drawn)
        return self._network

    @torch.no_grad()
    def _replay_equals_construction(self) -> bool:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            _replay(self._operations)
            torch.manual_seed(1)
            built = self._build()
        ours, theirs = self._master.state_dict(), built.state_dict()
        return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


class _Recorder(TorchDispatchMode):
    """Notes every in-place operation with its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func._schema.name.endswith("_") and args and isinstance(args[0], torch.Tensor):
            self.operations.append((func, args, kwargs or {}))
        return result


def _replay(operations: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]) -> None:
    for operation, args, kwargs in operations:
        operation(*args, **kwargs)


def _needed(
    operations: list[tuple[Any, tuple[Any, ...], dict[str, Any]]],
) -> list[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """The operations without those that are overwritten later, and without tensors that end up constant."""
    kept: dict[int, list[int]] = {}
    for number, (operation, args, _) in enumerate(operations):
        storage = args[0].untyped_storage()
        whole = args[0].numel() * args[0].element_size() == storage.nbytes()
        if whole and operation._schema.name in _OVERWRITES:
            kept[storage.data_ptr()] = []
        kept.setdefault(storage.data_ptr(), []).append(number)
    random = [
        number
        for numbers in kept.values()
        if any(operations[number][0]._schema.name in _RANDOM for number in numbers)
        for number in numbers
    ]
    return [operations[number] for number in sorted(random)]


def _placed(network: nn.Module, device: torch.device | str) -> nn.Module:
    return laid_out(copy.deepcopy(network), device)
