"""Facts about a candidate that are known before it has looked at a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What is known of a pretrained backbone; None where nobody states it.

    Attributes:
        image_size: Side of its pictures in pixels.
        weights: Where they come from: a repository of the hub, a file, a package.
        family: Of its architecture.
        licence: Of its weights, as timm states it.
        accuracy: Top-1 on ImageNet-1k, a share, as it is stated for the weights.
    """

    image_size: int
    weights: str
    family: str | None = None
    licence: str | None = None
    accuracy: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)
