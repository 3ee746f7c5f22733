"""From stored pixels to a backbone's input: the one place that knows about sizes and normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F


def to_input(
    images: np.ndarray,
    size: int,
    mean: Sequence[float],
    std: Sequence[float],
    first_size: int | None = None,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Resize (bilinear, anti-aliased), copy grey to three channels, and normalise.

    Args:
        images: uint8, shape (n, h, w) or (n, h, w, 3).
        size: side of the result in pixels.
        mean: per channel, for pixels in [0, 1].
        std: as ``mean``.
        first_size: resample to this side first (a view of the dataset at a lower resolution).
        device: where the result goes.

    Returns:
        float32, shape (n, 3, size, size), in channels-last memory order.

    >>> white = to_input(np.full((2, 8, 8), 255, np.uint8), 4, [0.5] * 3, [0.5] * 3)
    >>> tuple(white.shape), round(float(white.mean()), 4)
    ((2, 3, 4, 4), 1.0)
    """
    pixels = torch.tensor(images, device=device)
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    pixels = pixels.permute(0, 3, 1, 2)
    for side in (first_size, size):
        if side is not None and pixels.shape[-2:] != (side, side):
            pixels = F.interpolate(pixels.float(), size=(side, side), mode="bilinear", antialias=True)
    shape = (1, 3, 1, 1)
    offset = torch.tensor(mean, device=device).view(shape)
    scale = torch.tensor(std, device=device).view(shape)
    return ((pixels.float() / 255 - offset) / scale).contiguous(memory_format=torch.channels_last)


def take(images: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Rows of a channels-last batch, still channels-last (plain indexing would copy to the default order)."""
    return images.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
