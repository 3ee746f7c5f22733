"""The precision in which the networks of a training compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from pgebench.core.errors import ConfigError

FLOAT32, BFLOAT16 = "float32", "bfloat16"


def recipe_params(recipe: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The fields of a recipe that decide results.

    Args:
        recipe: fields of ``RecipeConfig``.
        key: where they stand in the config.

    Raises:
        ConfigError: no such precision.
    """
    params = dict(recipe)
    chosen = params.pop("precision", FLOAT32)
    if chosen not in (FLOAT32, BFLOAT16):
        raise ConfigError(f"{key}.precision={chosen}: choose from {FLOAT32}, {BFLOAT16}")
    # What is as it always was is not there, so that the keys of finished work stay as they are.
    return params if chosen == FLOAT32 else params | {"precision": chosen}


def precision_of(recipe: Mapping[str, Any]) -> str:
    """What the fields from ``recipe_params`` say."""
    return str(recipe.get("precision", FLOAT32))


def computing(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """For what networks do inside; in bfloat16, where torch allows, what they return may be bfloat16."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


def forward(network: Callable[[torch.Tensor], torch.Tensor], inputs: torch.Tensor, precision: str) -> torch.Tensor:
    """What a network makes of its inputs, in the type of the inputs, so that no loss is computed in bfloat16."""
    with computing(precision, inputs.device):
        outputs = network(inputs)
    return outputs.to(inputs.dtype)


def under_vmap(precision: str) -> AbstractContextManager[Any]:
    """To be put around ``forward`` inside ``torch.func.vmap``, where autocast alone does not do."""
    return _UnderVmap() if precision == BFLOAT16 else nullcontext()


class _UnderVmap(TorchFunctionMode):
    """Layers with weights in bfloat16, batch normalisation in float32.

    vmap takes operations apart before autocast sees them. Of what it makes of a convolution autocast knows nothing on
    the CPU, a bias that it adds by itself is float32, and what it makes of batch normalisation wants inputs and
    statistics of one type.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (F.conv1d, F.conv2d, F.conv3d, F.linear):
            args, kwargs = [_rounded(value) for value in args], {name: _rounded(kwargs[name]) for name in kwargs}
        elif func is F.batch_norm:
            args = (args[0].to(torch.float32), *args[1:])
        return func(*args, **kwargs)


def _rounded(value: Any) -> Any:
    return value.to(torch.bfloat16) if isinstance(value, torch.Tensor) else value
