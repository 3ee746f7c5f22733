"""Candidates that can be had: those whose weights lie here, and the others if the hub answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from huggingface_hub import constants

from pgebench.core.identity import Label, canonical_json
from pgebench.data.task import dataset_params
from pgebench.networks import backbones, hub
from pgebench.networks.checkpoint_file import first
from pgebench.ranking.budget import STEPS
from pgebench.ranking.candidates import Candidates, on_images
from pgebench.stages import checkpoint, evidence
from pgebench.store.store import Store


def within_reach(candidates: Candidates, store: Store, say: Callable[[str], None]) -> Candidates:
    """The candidates whose weights are in the store, in a cache or can be downloaded; the others have failed.

    The hub is asked once, and only where something must be downloaded: huggingface_hub itself would try again for most
    of a minute, for each of them.

    Args:
        candidates: Pretrained backbones.
        store: Where the weights of earlier answers are.
        say: Told which are here if there is no network.
    """
    pictures: dict[str, list[dict[str, Any]]] = {}
    for cell in candidates.cells:
        target = canonical_json(cell.target.config)
        if target not in pictures:
            pictures[target] = [dataset_params(on_images(cell, step).target.config) for step in STEPS]
    absent = [
        cell.backbone.name
        for cell in candidates.cells
        if not _is_here(cell.backbone.config, pictures[canonical_json(cell.target.config)], store)
    ]
    why = hub.unreachable() if absent else None
    if why is None:
        return candidates
    reason = f"its weights are not in {constants.HF_HUB_CACHE}, and {why}"
    here = [name for name in candidates.names if name not in absent]
    shown = first(here) if here else "none"
    say(f"No network ({why}): {len(here)} of {len(candidates.cells)} backbones are on this machine: {shown}.")
    return candidates.only(here, dict.fromkeys(absent, reason))


def _is_here(backbone: Mapping[str, Any], pictures: Iterable[Mapping[str, Any]], store: Store) -> bool:
    if not backbone["pretrained"] or hub.cached(backbone["model"]) is not None:
        return True
    trained = checkpoint.pretrained(backbones.backbone_params(backbone), Label())
    # Weights may have been removed once the pictures were looked at; what came of that is enough.
    return store.is_done(trained) or any(store.is_done(evidence.unit(trained, one, Label())) for one in pictures)
