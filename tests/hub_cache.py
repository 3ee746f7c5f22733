"""A Hugging Face cache in the hub's own layout, filled without a network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import timm
import torch
from safetensors.torch import save
from timm.models import get_pretrained_cfg

REVISION = "0123456789abcdef0123456789abcdef01234567"


def put(hub: Path, model: str, content: bytes) -> Path:
    """Bytes as the weights of a timm network, as huggingface_hub keeps what it downloaded; the blob that holds them.

    Args:
        hub: Folder ``hub`` of ``HF_HOME``.
        model: timm's name, with its tag.
        content: Of ``model.safetensors``.
    """
    folder = hub / f"models--{get_pretrained_cfg(model).hf_hub_id.replace('/', '--')}"
    snapshot = folder / "snapshots" / REVISION
    for each in (folder / "refs", folder / "blobs", snapshot):
        each.mkdir(parents=True)
    (folder / "refs/main").write_text(REVISION)
    blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
    blob.write_bytes(content)
    (snapshot / "model.safetensors").symlink_to(Path("../../blobs") / blob.name)
    return blob


def random_weights(model: str, seed: int = 0) -> bytes:
    """Weights of a timm network with its classifier, drawn from a seed, as safetensors."""
    torch.manual_seed(seed)
    return save({name: value.contiguous() for name, value in timm.create_model(model).state_dict().items()})
