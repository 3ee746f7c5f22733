"""Identity: canonical JSON, digests, seeds that depend on nothing else, and the label beside them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; raises ``ValueError`` on NaN and ``TypeError`` on what JSON lacks.

    Args:
        value: Numbers, words, booleans, None, lists and dicts with words as keys.

    Returns:
        One line; equal values give equal text.

    Raises:
        ValueError: NaN or infinity.
        TypeError: What JSON lacks.

    >>> canonical_json({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """The sha256, in hexadecimal, of a value's canonical JSON.

    Args:
        value: As for ``canonical_json``.

    Returns:
        64 hexadecimal digits.
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def derive_seed(*parts: Any) -> int:
    """A seed in [0, 2**63) that depends on nothing but ``parts``.

    Streams for different purposes must not share a seed, so each passes its purpose first.

    Args:
        parts: What JSON can hold.

    Returns:
        The same seed for the same parts, on every machine.

    >>> derive_seed("batches", 0) == derive_seed("batches", 0) != derive_seed("batches", 1)
    True
    """
    return int(digest(parts)[:16], 16) >> 1


@dataclass(frozen=True)
class Label:
    """How a unit is shown in the table. Not part of its identity: the same work may have two names.

    Attributes:
        backbone: Name of the network.
        source: Name of the source.
        target: Name of the target.
        metric: Name of the metric, for scores, and for gradients and information taken for one.
        truth: Name of the truth.
        seed: Number of the repetition.
        checkpoint: Number of the source's checkpoint that the unit stands on; None for what stands on none.
        variant: Factor and level of a variation; None for the experiment itself.
    """

    backbone: str | None = None
    source: str | None = None
    target: str | None = None
    metric: str | None = None
    truth: str | None = None
    seed: int | None = None
    variant: str | None = None
    checkpoint: int | None = None

    def __str__(self) -> str:
        pair = " -> ".join(name for name in (self.source, self.target) if name)
        what = self.metric or self.truth
        seed = None if self.seed is None else f"seed {self.seed}"
        # The first one needs no number: most runs have no other.
        checkpoint = f"checkpoint {self.checkpoint}" if self.checkpoint else None
        variant = self.variant and f"({self.variant})"
        return " ".join(part for part in (self.backbone, pair, what, checkpoint, seed, variant) if part)
