"""Containers: where in a training checkpoint the weights of a network are, and which prefix stands before their names.

A candidate is a mapping with tensors somewhere in the file, and a prefix. It is taken if all tensors of the network are
found in it with their shapes, and nothing else that could belong to the network: names and shapes say what is meant,
however the container calls it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pgebench.core.errors import ConfigError
from pgebench.networks.architecture import Architecture
from pgebench.networks.checkpoint_file import Unread, first, plain

Tensors = Mapping[str, torch.Tensor]

SHOWN = 5
"""Entries of a file that are named as left out."""

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

QUOTED = "''"
"""How nothing is typed as the value of an option."""

_AVERAGE = re.compile(r"(^|[._])(ema|swa|averaged?)([._]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Taken:
    """The tensors of a network that were found in a file.

    Args:
        tensors: by the names that the network gives them; a classifier's too, if there is one.
        key: dotted path of the mapping in the file; empty for the file itself.
        prefix: that stood before every name.
        left_out: names of what else the file holds.
        converted: what timm's own conversion changed; empty if it was not needed.
    """

    tensors: dict[str, torch.Tensor]
    key: str = ""
    prefix: str = ""
    left_out: tuple[str, ...] = ()
    converted: str = ""

    def told(self) -> str:
        """What was taken, in half a sentence; nothing if the file holds the network's tensors and no more."""
        parts = []
        if self.key or self.prefix:
            where = f"the weights under {plain(self.key)}" if self.key else "the weights"
            parts.append(f"took {where}" + (f" whose names begin with '{plain(self.prefix)}'" if self.prefix else ""))
        if self.converted:
            parts.append(self.converted)
        if self.left_out:
            entries = first(list(self.left_out), most=SHOWN)
            parts.append(f"left out {entries}" + (f" ({len(self.left_out)})" if len(self.left_out) > SHOWN else ""))
        return "; ".join(parts)


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


def choose(
    content: Any, network: Architecture, origin: str, key: str | None = None, prefix: str | None = None
) -> tuple[Taken | None, list[Candidate]]:
    """The weights of a network in what a file holds.

    Args:
        content: from ``checkpoint_file.content_of``.
        network: that they are for.
        origin: where they come from, for messages.
        key: dotted path of the mapping to take; None for any.
        prefix: before the names to take; None for any, empty for none.

    Returns:
        The weights, None if nothing in the file fits; and all that was looked at, the most alike first.

    Raises:
        ConfigError: the file holds no tensors by name, or several networks that fit, or nothing under key or prefix.
    """
    found = dict(mappings(content))
    if not found:
        raise ConfigError(f"{origin}: holds no state dict (names and tensors), but {_kind(content)}")
    within = {at: one for at, one in found.items() if key is None or at == key or at.startswith(f"{key}.")}
    if not within:
        raise ConfigError(
            f"{origin}: holds no tensors by name under weights_key={key}; it has them under {_keys(found)}"
        )
    candidates = [each for at, state in within.items() for each in _candidates(at, state, network, prefix)]
    if not candidates:
        seen = sorted({f"{name.partition('.')[0]}." for state in within.values() for name in state if "." in name})
        raise ConfigError(
            f"{origin}: no name begins with weights_prefix={prefix}; they begin with {first(seen) or 'none'}"
        )
    candidates.sort(
        key=lambda each: (not each.fits, not _taken_of_old(each, content), -each.matching, len(each.missing))
    )
    fitting = _distinct([each for each in candidates if each.fits])
    usual = [each for each in fitting if _taken_of_old(each, content)]
    raw = [each for each in fitting if not _AVERAGE.search(f"{each.key}.{each.prefix}")]
    for alone in (usual, fitting, raw):
        if len(alone) == 1:
            return taken(alone[0], content), candidates
    if fitting:
        raise ConfigError(f"{origin}: holds several networks of this architecture; choose with {_choices(fitting)}")
    if key is None and prefix is None:
        return None, candidates
    everywhere = [each for at, state in found.items() for each in _candidates(at, state, network, None)]
    if elsewhere := _distinct([each for each in everywhere if each.fits]):
        raise ConfigError(f"{origin}: what was chosen does not fit this model; what fits is {_choices(elsewhere)}")
    return None, candidates


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


def _candidates(key: str, state: Tensors, network: Architecture, prefix: str | None) -> Iterator[Candidate]:
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


def _distinct(fitting: Sequence[Candidate]) -> list[Candidate]:
    """Those that fit, without the ones whose tensors are those of another."""
    found: list[Candidate] = []
    for each in fitting:
        if not any(_equal(each.tensors, other.tensors) for other in found):
            found.append(each)
    return found


def _equal(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(
        value is other[name] or (value.dtype == other[name].dtype and torch.equal(value, other[name]))
        for name, value in one.items()
    )


def _taken_of_old(candidate: Candidate, content: Any) -> bool:
    """Whether earlier versions took this one: results in a store are under the key that it gave them."""
    key = usual_key(content)
    return candidate.key == key and candidate.prefix in ("", "module.") and not (candidate.outside or candidate.beside)


def usual_key(content: Any) -> str:
    """The dotted path of the state dict that a checkpoint keeps under ``state_dict``, ``model`` or one in the other."""
    found = []
    for key in ("state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            found.append(key)
    return ".".join(found)


def taken(candidate: Candidate, content: Any, converted: str = "") -> Taken:
    """A candidate as what is taken of a file, with the names of all else in it."""
    left_out = (*_entries(content, candidate.key), *candidate.beside, *candidate.outside)
    return Taken(candidate.tensors, candidate.key, candidate.prefix, tuple(dict.fromkeys(left_out)), converted)


def _entries(content: Any, key: str, at: str = "") -> Iterator[str]:
    """The paths of what a file holds beside the mapping with a key, and in it beside tensors."""
    if not isinstance(content, Mapping):
        return
    for name, value in content.items():
        path = f"{at}.{name}" if at else str(name)
        if path == key or key.startswith(f"{path}."):
            yield from _entries(value, key, path)
        elif isinstance(value, Unread):
            yield f"{path} ({type(value).__module__}.{type(value).__qualname__})"
        elif not (at == key and isinstance(value, torch.Tensor)):
            yield path


def _keys(found: Mapping[str, Any]) -> str:
    return first(sorted(key or f"{QUOTED} (the file itself)" for key in found), most=8)


def _choices(fitting: Sequence[Candidate]) -> str:
    """The options that tell candidates apart."""
    keys, prefixes = ({getattr(each, field) for each in fitting} for field in ("key", "prefix"))
    told = []
    for each in fitting[:8]:
        key = f"backbone.weights_key={each.key}" if len(keys) > 1 else ""
        prefix = f"backbone.weights_prefix={each.prefix or QUOTED}" if len(prefixes) > 1 or not key else ""
        told.append(" ".join(part for part in (key, prefix) if part))
    return " or ".join(told)


def _kind(content: Any) -> str:
    """What a file holds that is no state dict."""
    if isinstance(content, Mapping):
        return f"the keys {first([str(name) for name in content], most=8)}" if content else "nothing at all"
    if isinstance(content, Unread):
        return f"an object of {type(content).__module__}.{type(content).__qualname__}; save its state dict alone"
    return f"a {type(content).__name__}"
