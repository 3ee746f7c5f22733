"""Containers: where in a training checkpoint the weights of a network are, and which prefix stands before their names.

A candidate is a mapping with tensors somewhere in the file, and a prefix. It is taken if all tensors of the network are
found in it with their shapes, and nothing else that could belong to the network: names and shapes say what is meant,
however the container calls it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from pgebench.core.errors import ConfigError
from pgebench.networks.architecture import Architecture
from pgebench.networks.checkpoint_file import Unread, first, plain
from pgebench.networks.weight_candidates import Candidate, Tensors, candidates_in, mappings

SHOWN = 5
"""Entries of a file that are named as left out."""

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
    candidates = [each for at, state in within.items() for each in candidates_in(at, state, network, prefix)]
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
    everywhere = [each for at, state in found.items() for each in candidates_in(at, state, network, None)]
    if elsewhere := _distinct([each for each in everywhere if each.fits]):
        raise ConfigError(f"{origin}: what was chosen does not fit this model; what fits is {_choices(elsewhere)}")
    return None, candidates


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
