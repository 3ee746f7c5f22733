"""Evidence in half the bytes: half precision for features and gradients, small integers for labels."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

SCALE = ":scale"
"""Ends the name of the factor by which a tensor in half precision was divided."""

WIDE = 15
"""The largest number is brought to 2**15, near the end of half precision, so that small ones keep their digits."""

PROBABILITIES = "probabilities"
"""Ends the name of what must not be rounded to half precision: its logarithm is taken."""

_INTEGERS = (torch.uint8, torch.int16, torch.int32)


def compact(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors as a box keeps them.

    Args:
        tensors: The artifact of a unit.

    Returns:
        Half precision with a power of two as factor for floating numbers, single precision for probabilities, the
        smallest type that holds them for integers.

    >>> small = compact({"features": torch.tensor([[1.0, 3.0]]), "labels": torch.tensor([0, 4])})
    >>> {name: str(tensor.dtype) for name, tensor in small.items()}
    {'features': 'torch.float16', 'features:scale': 'torch.float32', 'labels': 'torch.uint8'}
    """
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            kept[name] = tensor.to(_smallest(tensor))
        elif name.endswith(PROBABILITIES):
            kept[name] = tensor.float()
        else:
            largest = float(tensor.abs().max()) if tensor.numel() else 0.0
            scale = 2.0 ** (math.frexp(largest)[1] - WIDE) if largest else 1.0
            kept[name], kept[name + SCALE] = (tensor.double() / scale).half(), torch.tensor(scale)
    return kept


def restored(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors as a stage writes them, from those of a box.

    Args:
        tensors: From ``compact``.

    Returns:
        Single precision, 64-bit integers; probabilities in double precision, whose rows add up to 1.

    >>> restored(compact({"features": torch.tensor([0.5, 3.0])}))["features"]
    tensor([0.5000, 3.0000])
    """
    full: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(SCALE):
            continue
        if not tensor.is_floating_point():
            full[name] = tensor.long()
        elif name.endswith(PROBABILITIES):
            full[name] = tensor.double() / tensor.double().sum(-1, keepdim=True)
        else:
            full[name] = tensor.float() * tensors[name + SCALE]
    return full


def _smallest(tensor: torch.Tensor) -> torch.dtype:
    if not tensor.numel():
        return torch.uint8
    low, high = int(tensor.min()), int(tensor.max())
    fits = (each for each in _INTEGERS if torch.iinfo(each).min <= low and high <= torch.iinfo(each).max)
    return next(fits, torch.int64)
