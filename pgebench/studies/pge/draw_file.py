"""What is kept of one draw's gradients, small enough for a repository: nobody has to compute them again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from pgebench.analysis.table import FloatArray
from pgebench.core.errors import ConfigError
from pgebench.core.files import write_atomically
from pgebench.pge import PrincipalGradient
from pgebench.pge.count_sketch import count_sketch
from pgebench.studies.pge.products import products

BUCKETS = 32_768
"""Of a gradient's count sketch: cosines are kept to sqrt(1 / BUCKETS), about 0.006."""

_ABOUT, _PRODUCTS = "about", "products_"


@dataclass(frozen=True)
class DrawnGradients:
    """The gradients of one seed, of all datasets.

    Attributes:
        about: What must be the same in all draws that are averaged: experiment, backbone, targets.
        draw: Number of the draw.
        datasets: Role and name of each dataset.
        gradients: How many there are of each dataset.
        products: Number of gradients -> inner products of the means of so many, (datasets, 2 halves, datasets, 2),
            exact; after all of them and after each snapshot.
        sketches: Means of all of them in buckets, (datasets, 2 halves, buckets), float64: what can be averaged over
            draws.
    """

    about: Mapping[str, str]
    draw: int
    datasets: tuple[tuple[str, str], ...]
    gradients: int
    products: Mapping[int, FloatArray]
    sketches: torch.Tensor


def drawn(
    about: Mapping[str, str], draw: int, gradients: Mapping[tuple[str, str], PrincipalGradient], count: int
) -> DrawnGradients:
    """What is kept of gradients.

    Args:
        about: See `DrawnGradients`.
        draw: Number of the draw.
        gradients: (role, name of the dataset) -> its gradient over fresh weights, with snapshots.
        count: How many gradients each is the mean of.

    Returns:
        Their products and sketches.
    """
    whole = list(gradients.values())
    found = {
        after or count: _total([one.after(after) for one in whole]) for after in (*sorted(whole[0].snapshots), None)
    }
    sketches = torch.stack([count_sketch(one, BUCKETS).halves[0].double() for one in whole])
    return DrawnGradients(about, draw, tuple(gradients), count, found, sketches)


def _total(gradients: Sequence[PrincipalGradient]) -> FloatArray:
    size = gradients[0].halves.shape[-1]
    return products([one.halves for one in gradients], (size,)).values[0, 0]


def averaged(draws: Sequence[DrawnGradients]) -> FloatArray:
    """Inner products of the means over all gradients of some draws.

    Args:
        draws: Of the same datasets.

    Returns:
        Shape (datasets, 2, datasets, 2); from sketches, so up to about 0.006 of a cosine.
    """
    total = sum(one.gradients for one in draws)
    mean = sum((one.sketches * (one.gradients / total) for one in draws), torch.zeros(()))
    count = len(draws[0].datasets)
    rows = mean.flatten(0, 1)
    return (rows @ rows.T).view(count, 2, count, 2).numpy()


def write_draw(folder: Path, one: DrawnGradients) -> Path:
    """Keep a draw as a file of its number.

    Args:
        folder: Where the draws of one study lie.
        one: The draw.

    Returns:
        The file.

    Raises:
        StoreError: The folder cannot be written.
    """
    # Half precision holds what a sketch does, once it is in units of its own size.
    scale = one.sketches.square().mean(dim=(1, 2)).sqrt().clamp(min=1e-300)
    tensors = {"sketches": (one.sketches / scale[:, None, None]).half(), "scale": scale}
    tensors |= {f"{_PRODUCTS}{count}": torch.from_numpy(found.copy()) for count, found in one.products.items()}
    about = {"about": dict(one.about), "draw": one.draw, "gradients": one.gradients, "datasets": one.datasets}
    tensors[_ABOUT] = torch.frombuffer(bytearray(json.dumps(about).encode()), dtype=torch.uint8)
    path = folder / f"draw{one.draw}.safetensors"
    write_atomically(path, save(tensors))
    return path


def read_draws(folder: Path, about: Mapping[str, str], datasets: tuple[tuple[str, str], ...]) -> list[DrawnGradients]:
    """The draws in a folder.

    Args:
        folder: Where they lie.
        about: What they must be of.
        datasets: Role and name of each dataset that they must be of, in this order: products know them by it.

    Returns:
        In the order of their numbers.

    Raises:
        ConfigError: A file cannot be read, or is of something else.
    """
    found = [_read(path) for path in sorted(folder.glob("draw*.safetensors"))]
    for one in found:
        if one.about == about and one.datasets != datasets:
            raise ConfigError(f"results={folder}: draw {one.draw} there is of other datasets; name another folder")
        if one.about != about:
            raise ConfigError(
                f"results={folder}: draw {one.draw} there is of {_words(one.about)}, not of {_words(about)}; "
                "name another folder"
            )
    return sorted(found, key=lambda one: one.draw)


def _read(path: Path) -> DrawnGradients:
    try:
        tensors = load(path.read_bytes())
        said = json.loads(bytes(tensors[_ABOUT].tolist()))
        sketches = tensors["sketches"].double() * tensors["scale"][:, None, None]
        return DrawnGradients(
            said["about"],
            said["draw"],
            tuple((role, name) for role, name in said["datasets"]),
            said["gradients"],
            {
                int(name.removeprefix(_PRODUCTS)): np.asarray(one)
                for name, one in sorted(tensors.items())
                if name.startswith(_PRODUCTS)
            },
            sketches,
        )
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: is no file of a draw's gradients ({error}); remove it and draw again") from None


def _words(about: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(about.items()))
