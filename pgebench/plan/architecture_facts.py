"""Facts of an architecture: what a metric can ask for that needs no weights and no images."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache

from pgebench.core.errors import ConfigError
from pgebench.networks import backbones
from pgebench.networks.flops import PerImage, per_image


@lru_cache(maxsize=64)
def _parameters(params: str) -> int:
    network = backbones.create(json.loads(params), 0, seed=0, pretrained=False)
    return sum(parameter.numel() for parameter in network.parameters())


def _counted(params: str) -> PerImage:
    backbone = json.loads(params)
    found = per_image(backbones.untrained(backbone), 0)
    if found is None:
        raise ConfigError(
            f"backbone.model={backbone['model']}: its operations cannot be counted; leave out the metrics that ask for "
            "flops or feature_width"
        )
    return found


OF_THE_ARCHITECTURE: dict[str, Callable[[str], float]] = {
    "parameters": _parameters,
    "flops": lambda params: _counted(params).forward,
    "feature_width": lambda params: _counted(params).dimension,
}
"""Name of the fact -> what gives it, from what ``backbone_params`` makes of a backbone, as canonical JSON."""
