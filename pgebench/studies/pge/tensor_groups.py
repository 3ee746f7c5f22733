"""Parts of a network that a distance may be confined to, by the same names on every backbone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from pgebench.analysis.table import FloatArray
from pgebench.networks.parameters import chosen_parameters
from pgebench.networks.residual_branches import NORMS
from pgebench.studies.pge.variants import GROUPS

_BLOCK = re.compile(r"(?:layer|(?:blocks|stages|layers)\.)\d+")
"""How timm names the blocks that a network is built of: ``layer4``, ``blocks.5``, ``stages.3``."""


@dataclass(frozen=True)
class Parts:
    """The parameter tensors of a network.

    Attributes:
        names: In the order in which a gradient has them.
        groups: One of ``GROUPS`` -> 1 for its tensors and 0 for the others, shape (tensors,); without groups that hold
            none, and without those that hold all.
    """

    names: tuple[str, ...]
    groups: Mapping[str, FloatArray]


def parts_of(network: nn.Module, pattern: str) -> Parts:
    """The parameter tensors of a network and their groups.

    The stem is all that comes before the first block. Norms are their scales and shifts, wherever they stand.

    Args:
        network: Any network.
        pattern: Of the parameters whose gradient is taken.

    Returns:
        Names and groups.

    >>> parts = parts_of(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)), "*")
    >>> parts.names, list(parts.groups), parts.groups["norms"].tolist()
    (('0.weight', '0.bias', '1.weight', '1.bias'), ['norms'], [0.0, 0.0, 1.0, 1.0])
    """
    names = tuple(chosen_parameters(network, pattern))
    norms = {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if isinstance(module, NORMS)
        for name, _ in module.named_parameters(recurse=False)
    }
    found = [match.group() if (match := _BLOCK.match(name)) else "" for name in names]
    blocks = list(dict.fromkeys(block for block in found if block))
    first = found.index(blocks[0]) if blocks else 0
    members = {
        "norms": [name in norms for name in names],
        "stem": [place < first for place in range(len(names))],
        "last_block_but_one": [len(blocks) > 1 and block == blocks[-2] for block in found],
        "last_block": [bool(blocks) and block == blocks[-1] for block in found],
    }
    groups = {name: np.array(members[name], dtype=float) for name in GROUPS}
    return Parts(names, {name: one for name, one in groups.items() if 0 < one.sum() < len(names)})
