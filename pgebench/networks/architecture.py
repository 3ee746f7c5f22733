"""What a weight file is compared with: names and shapes of a network's tensors, body and classifier apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Architecture:
    """Names and shapes of a network's tensors.

    Args:
        body: shapes by name, all but the classifier's.
        heads: prefixes of the classifier's names, such as ``fc.``.
    """

    body: dict[str, torch.Size]
    heads: tuple[str, ...]

    @property
    def needed(self) -> list[str]:
        """The names that weights must have: files older than the counter of batch norm lack it; nothing reads it."""
        return [name for name in self.body if not name.endswith("num_batches_tracked")]

    def in_head(self, name: str) -> bool:
        """Whether a name is one of the classifier's."""
        return name.startswith(self.heads)


def architecture_of(network: nn.Module) -> Architecture:
    """The architecture of a network.

    >>> from timm import create_model
    >>> architecture_of(create_model("test_resnet")).heads
    ('fc.',)
    """
    heads = classifier_names(network)
    body = {name: value.shape for name, value in network.state_dict().items() if not name.startswith(heads)}
    return Architecture(body, heads)


def classifier_names(network: nn.Module) -> tuple[str, ...]:
    """Prefixes, such as ``fc.``, of the names of a network's classifier parameters."""
    found = network.get_classifier()  # type: ignore[operator]
    heads = found if isinstance(found, tuple) else (found,)
    return tuple(f"{name}." for name, module in network.named_modules() if any(module is head for head in heads))
