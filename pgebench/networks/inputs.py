"""Inputs of a backbone, made from stored pixels: the one place that knows about sizes and normalisation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

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


class Images(Protocol):
    """Network inputs (n, ...) on a device: a tensor, or images that become one batch by batch."""

    @property
    def shape(self) -> torch.Size: ...  # noqa: D102
    @property
    def ndim(self) -> int: ...  # noqa: D102
    @property
    def dtype(self) -> torch.dtype: ...  # noqa: D102
    @property
    def device(self) -> torch.device: ...  # noqa: D102
    def __getitem__(self, rows: Any, /) -> torch.Tensor: ...
    def split(self, split_size: int, /) -> Iterable[torch.Tensor]:
        """As of a tensor: batches of so many images."""


class Streamed:
    """Images that stay as stored, mapped from disk, and are made ready for a network a batch at a time.

    A batch goes to the device as bytes and is resized and normalised there, so that memory holds batches alone,
    however many images there are. The numbers are those of ``to_input`` of all of them.

    Args:
        stored: uint8, shape (M, h, w) or (M, h, w, 3).
        rows: which of them, int64 (n,).
        size: side of the result in pixels.
        device: where batches go.
        ready: makes stored images ready for the network on the device.

    >>> images = Streamed(np.zeros((5, 8, 8), np.uint8), np.array([4, 2]), 8, torch.device("cpu"), torch.from_numpy)
    >>> images.shape, [len(batch) for batch in images.split(1)]
    (torch.Size([2, 3, 8, 8]), [1, 1])
    """

    ndim = 4
    dtype = torch.float32

    def __init__(
        self,
        stored: np.ndarray,
        rows: np.ndarray,
        size: int,
        device: torch.device,
        ready: Callable[[np.ndarray], torch.Tensor],
    ) -> None:
        self.device, self.shape = device, torch.Size((len(rows), 3, size, size))
        self._stored, self._rows, self._ready = stored, rows, ready

    def __getitem__(self, rows: slice | torch.Tensor) -> torch.Tensor:
        """A batch, (rows, 3, size, size)."""
        chosen = self._rows[rows if isinstance(rows, slice) else rows.cpu().numpy()]
        return self._ready(self._stored[chosen])

    def split(self, split_size: int) -> Iterator[torch.Tensor]:
        """All images in order, so many at a time."""
        return (self[start : start + split_size] for start in range(0, len(self._rows), split_size))


def take(images: Images, rows: torch.Tensor) -> torch.Tensor:
    """Rows of network inputs; of a channels-last batch still channels-last (plain indexing copies to the default)."""
    if isinstance(images, torch.Tensor) and images.ndim == 4:
        return images.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
    return images[rows]


def cropped(batch: torch.Tensor, share: float, places: np.ndarray) -> torch.Tensor:
    """Images enlarged to ``1 / share`` of their side and cut back to their size, each at a place of its own.

    The resize to 256 and random crop of 224 pixels of much of the field is ``share=0.875``.

    Args:
        batch: float32 (n, 3, h, w).
        share: of the side, in (0, 1).
        places: float64 (n, 2), in [0, 1): of the possible places, which one from the top, which one from the left.

    Returns:
        Of the shape of ``batch``, channels last.

    >>> cropped(torch.rand(2, 3, 32, 32), 0.875, np.array([[0, 0], [0.5, 0.999]])).shape
    torch.Size([2, 3, 32, 32])
    """
    height, width = batch.shape[-2:]
    size = (round(height / share), round(width / share))
    large = F.interpolate(batch, size=size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    cuts = np.floor(places * [size[0] - height + 1, size[1] - width + 1]).astype(int).tolist()
    parts = [image[top : top + height, left : left + width] for image, (top, left) in zip(large, cuts, strict=True)]
    return torch.stack(parts).permute(0, 3, 1, 2)


BATCH = 256
"""Images in one forward pass without gradients, where they are of 32 pixels or on a GPU."""


def batch_size(images: Images) -> int:
    """How many images go through a network at once where no gradient is taken; larger ones fewer on a CPU.

    Maps of tens of megabytes are given back to the operating system after every layer, and getting them again takes as
    long as computing with them: at 96 pixels, 28 images at a time take 5.8 s per thousand where 256 take 10.2 s.

    >>> batch_size(torch.empty(1, 3, 32, 32)), batch_size(torch.empty(1, 3, 96, 96)), batch_size(torch.empty(1, 7))
    (256, 28, 256)
    """
    if images.device.type != "cpu" or images.ndim != 4:
        return BATCH
    return max(16, min(BATCH, BATCH * 32**2 // (images.shape[-2] * images.shape[-1])))
