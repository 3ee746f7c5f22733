"""Conversion of weights by timm's own rules: names that authors gave, position embeddings of another image size.

timm applies these rules to what it downloads; a file of the same authors is read by the same ones.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from pgebench.networks.architecture import Architecture
from pgebench.networks.weight_candidates import Candidate, candidate

_POSITIONS = re.compile(r"pos_emb|rel_pos|relative_position|position_emb|pos_bias", re.IGNORECASE)
"""Names of tensors that timm interpolates for another image size; the rest of a network has no such meaning."""

MOST = 3
"""Mappings of a file that are converted, the largest first."""


def converted(
    found: Mapping[str, Mapping[str, torch.Tensor]], network: nn.Module, architecture: Architecture, prefix: str | None
) -> tuple[Candidate, str] | None:
    """The weights in a file after timm's conversion, with what it changed; None if timm has no rules, or nothing fits.

    Args:
        found: mappings in a file that hold tensors, by their dotted path.
        network: that they are for.
        architecture: of this network.
        prefix: before the names to take; None for what all names begin with.
    """
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if convert is None or not type(network).__module__.startswith("timm."):
        return None
    for key, state in sorted(found.items(), key=lambda each: -len(each[1]))[:MOST]:
        for begin in _prefixes(state) if prefix is None else (prefix,):
            under = {name.removeprefix(begin): value for name, value in state.items() if name.startswith(begin)}
            # The rules take the files that they were made for; others fail in them in any way.
            try:
                result: Any = convert(dict(under), network)
            except Exception:
                continue
            if not isinstance(result, Mapping) or not all(isinstance(each, torch.Tensor) for each in result.values()):
                continue
            made = candidate(key, "", result, architecture)
            if not made.fits or _of_another_width(under, made.tensors):
                continue
            outside = tuple(name for name in state if not name.startswith(begin))
            found_here = replace(made, prefix=begin, outside=outside)
            return found_here, _changes(under, made.tensors)
    return None


def _prefixes(state: Mapping[str, torch.Tensor]) -> Iterator[str]:
    """What all names begin with: nothing, then one part after another."""
    parts = [name.split(".") for name in state]
    begin = ""
    for column in zip(*parts, strict=False):
        yield begin
        if len(set(column)) > 1:
            return
        begin += f"{column[0]}."


def _of_another_width(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> bool:
    """Whether more than position embeddings were made larger or smaller: timm would also resample patches."""
    return any(
        name in before and before[name].numel() != value.numel() and not _POSITIONS.search(name)
        for name, value in after.items()
    )


def _changes(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> str:
    resized = [
        f"{name} resized from {tuple(before[name].shape)} to {tuple(value.shape)}"
        for name, value in after.items()
        if name in before and before[name].shape != value.shape
    ]
    renamed = sum(name not in before for name in after)
    parts = [f"{renamed} tensors renamed"] * bool(renamed) + resized[:2] + ["..."] * (len(resized) > 2)
    return f"converted by timm's rules ({', '.join(parts) or 'nothing but names that are left out'})"
