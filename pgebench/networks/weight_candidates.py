"""Candidates: the mappings of tensors in a file, and how each, under a prefix, compares with a network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pgebench.networks.architecture import Architecture

Tensors = Mapping[str, torch.Tensor]

DEPTH = 6
"""Containers in containers that are looked into."""

MOST = 6
"""Prefixes of one mapping that are looked at, those with the most names first."""

WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
"""Parts of names that torch.compile, FSDP and activation checkpointing put in, before any module."""

_BESIDE = re.compile(
    r"(proj|predictor|decoder|queue|prototypes?|criterion|aux|mask_token|mask_embed|n_averaged|fc$|classifier$"
    r"|last_linear$|heads?$|head_|linear$|\w*_head|\w*_?loss)",
    re.IGNORECASE,
)
"""Begins the names of what trainings put beside a backbone and no backbone computes with."""

_COUNTERS = ("total_ops", "total_params")
"""What thop counts, kept as tensors of every layer."""


@dataclass(frozen=True)
class Candidate:
    """A mapping in a file, a prefix, and how well the tensors under it are those of a network.

    Args:
        key: dotted path of the mapping; empty for the file itself.
        prefix: before the names.
        tensors: the network's, by its own names, whatever their shapes.
        matching: how many of its body's are there with their shapes.
        outside: names without the prefix.
        missing: names of the network that are not there.
        reshaped: names with the shape that is there and the one that should be.
        unexpected: names that could belong to a larger network.
        beside: names that no backbone computes with, such as those of a projection.
    """

    key: str
    prefix: str
    tensors: dict[str, torch.Tensor]
    matching: int
    outside: tuple[str, ...]
    missing: tuple[str, ...]
    reshaped: tuple[str, ...]
    unexpected: tuple[str, ...]
    beside: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether these are the network's tensors, all and no others."""
        return not (self.missing or self.reshaped or self.unexpected)


def mappings(content: Any, key: str = "", depth: int = DEPTH) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """The mappings in a file that hold tensors by name, by their dotted path."""
    if not isinstance(content, Mapping):
        return
    named = {str(name): value for name, value in content.items()}
    tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor)}
    if tensors:
        yield key, _unwrapped(tensors)
    for name, value in named.items():
        if depth and isinstance(value, Mapping):
            yield from mappings(value, f"{key}.{name}" if key else name, depth - 1)


def _unwrapped(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors under names without the parts that wrappers put in."""
    found = {".".join(part for part in name.split(".") if part not in WRAPPERS): name for name in state}
    return {name: state[own] for name, own in found.items()} if len(found) == len(state) else state


def candidates_in(key: str, state: Tensors, network: Architecture, prefix: str | None) -> Iterator[Candidate]:
    """The ways in which a mapping can be read as a network's weights."""
    ends = Counter(
        name[:place]
        for name in state
        for place in (0, *(dot.end() for dot in re.finditer(r"\.", name)))
        if name[place:] in network.body
    )
    prefixes = [each for each, _ in ends.most_common(MOST)] or [""]
    if prefix is not None:
        prefix = ".".join(part for part in prefix.split(".") if part not in WRAPPERS)
        prefixes = [prefix] if any(name.startswith(prefix) for name in state) else []
    copies = [each for each, names in ends.items() if names > len(network.body) / 2]
    for each in prefixes:
        yield candidate(key, each, state, network, copies)


def candidate(key: str, prefix: str, state: Tensors, network: Architecture, copies: Sequence[str] = ()) -> Candidate:
    """How a mapping's tensors under a prefix compare with a network's.

    Args:
        key: dotted path of the mapping.
        prefix: before the names.
        state: the mapping.
        network: to compare with.
        copies: prefixes of other networks of the kind in the same mapping, which are no part of this one.
    """
    under = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    outside = tuple(name for name in state if not name.startswith(prefix))
    given = {
        name: value
        for name, value in under.items()
        if name in network.body or (network.in_head(name) and name.rpartition(".")[2] not in _COUNTERS)
    }
    more = [name for name in under if name not in given]
    tops = {name.partition(".")[0] for name in network.body}
    others = tuple(
        other for copy in copies if (other := copy.removeprefix(prefix)) and other.partition(".")[0] not in tops
    )
    beside = tuple(name for name in more if _is_beside(name, under[name], tops) or name.startswith(others))
    reshaped = tuple(
        f"{name} {tuple(given[name].shape)} instead of {tuple(shape)}"
        for name, shape in network.body.items()
        if name in given and given[name].shape != shape
    )
    return Candidate(
        key,
        prefix,
        given,
        sum(name in given for name in network.body) - len(reshaped),
        outside,
        missing=tuple(name for name in network.needed if name not in given),
        reshaped=reshaped,
        unexpected=tuple(name for name in more if name not in beside),
        beside=tuple(f"{prefix}{name}" for name in beside),
    )


def _is_beside(name: str, value: torch.Tensor, tops: set[str]) -> bool:
    """Whether a name that a network lacks is no part of a larger network of its kind."""
    top, _, inner = name.partition(".")
    if name.rpartition(".")[2] in _COUNTERS:
        return True
    if top in tops:
        return False
    return (not inner and value.ndim == 0) or bool(_BESIDE.match(top))
