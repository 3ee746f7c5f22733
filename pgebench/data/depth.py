"""Deep pictures, with more than 8 bits a channel, as 8 bits; and what is lost by it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

DEEP, BELOW, ABOVE = (
    "more than 8 bits a channel: reduced to 8",
    "with values below 0: black (reading.depth=range scales each image by its own smallest and largest value)",
    "with values above 65535: white (reading.depth=range scales each image by its own smallest and largest value)",
)

DARK = 0.125
"""A picture that uses less of the range of its format comes out dark."""


@dataclass(frozen=True)
class Shallow:
    """A deep picture as 8 bits.

    Args:
        values: uint8, (H, W) or (H, W, C).
        remarks: what was lost.
        used: share of the format's range up to the largest value.
    """

    values: npt.NDArray[np.uint8]
    remarks: tuple[str, ...]
    used: float


def eight_bits(values: npt.NDArray[np.generic], floats: bool, depth: str) -> Shallow:
    """Deep values as 8 bits.

    Args:
        values: of one picture.
        floats: whether its format holds floats; those count from 0 to 1, or to their own largest value. Integers count
            from 0 to 65535, the range of 16-bit files.
        depth: ``format`` for these ranges; ``range`` for that from the smallest to the largest value of the picture.

    Raises:
        ValueError: values that are not finite.

    >>> eight_bits(np.array([0, 65535], np.uint16), False, "format").values
    array([  0, 255], dtype=uint8)
    >>> eight_bits(np.array([-1000, 0, 1000]), False, "range").values
    array([  0, 128, 255], dtype=uint8)
    """
    numbers = np.asarray(values, dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError("it holds values that are not finite")
    least, largest = float(numbers.min()), float(numbers.max())
    if depth == "range" and largest > least:
        exact = np.asarray(values, dtype=np.float64)
        least, largest = float(exact.min()), float(exact.max())
        return Shallow(np.round((exact - least) / (largest - least) * 255).astype(np.uint8), (DEEP,), 1.0)
    most = max(largest, 1.0) if floats else 65535.0
    lost = tuple(remark for remark, applies in ((BELOW, least < 0), (ABOVE, largest > most)) if applies)
    eight = np.round(numbers.clip(0, most) / most * 255).astype(np.uint8)
    return Shallow(eight, (DEEP, *lost), min(max(largest, 0.0) / most, 1.0))


def is_deep_colour(image: Image.Image) -> bool:
    """Whether an image that is not loaded yet holds 16 bits a colour; Pillow gives the higher eight of them."""
    return image.mode in ("RGB", "RGBA") and any(";16" in _raw(tile) for tile in getattr(image, "tile", ()))


def show_low_bytes(image: Image.Image) -> tuple[int, ...]:
    """Make an image of deep colours that is not loaded yet load the lower eight bits of each.

    Args:
        image: as ``is_deep_colour`` recognises it.

    Returns:
        The bands in which they will be, of red, green and blue; nothing if they cannot be had.
    """
    tiles = image.tile  # type: ignore[attr-defined]
    raw = {_raw(tile) for tile in tiles}
    if not raw <= _LOWER.keys():
        return ()
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=lower if isinstance(tile.args, str) else (lower, *tile.args[1:]))
        for tile in tiles
        for lower in [_LOWER[_raw(tile)]]
    ]
    return (1, 1, 1) if raw == {_GREY} else (0, 1, 2)


def _raw(tile: Any) -> str:
    """How the bytes of a part of an image are laid out, in Pillow's words."""
    return str(tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0])


# The other order of bytes takes the lower byte for the higher one.
_OTHER = {"16L": "16B", "16B": "16L", "16N": "16B" if sys.byteorder == "little" else "16L"}
_LOWER = {f"{mode};{order}": f"{mode};{other}" for mode in ("RGB", "RGBA") for order, other in _OTHER.items()}

# Grey and alpha of 16 bits are as long as four colours of 8: higher and lower byte of each.
_GREY = "LA;16B"
_LOWER[_GREY] = "RGBA"
