"""Pixels of images of any size and mode, brought to one square size."""

import numpy as np
import numpy.typing as npt
from PIL import Image

GREY_SIZE = 32
COLOUR_SIZE = 48
# Anti-aliased edges hold most of a drawing's entropy: 64 levels per channel (off by 2 of 255 at most) save a third.
LEVELS = 64


def pad_to(images: npt.NDArray[np.uint8], size: int = GREY_SIZE) -> npt.NDArray[np.uint8]:
    """Pad grey images with zeros on all sides.

    Args:
        images: uint8, (N, H, W), H and W at most `size`.
        size: side of the result in pixels.

    Returns:
        uint8, (N, size, size).

    >>> pad_to(np.ones((1, 28, 28), np.uint8)).sum(axis=(1, 2))
    array([784], dtype=uint64)
    """
    rows, columns = size - images.shape[1], size - images.shape[2]
    width = ((0, 0), (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2))
    return np.pad(images, width)


def resize(images: npt.NDArray[np.uint8], size: int = GREY_SIZE) -> npt.NDArray[np.uint8]:
    """Resize square grey images (N, H, H) to (N, size, size), bicubic with anti-aliasing."""
    resized = [Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC) for image in images]
    return np.stack([np.asarray(image) for image in resized])


def on_white(image: Image.Image, trim: bool = False, size: int = COLOUR_SIZE) -> npt.NDArray[np.uint8]:
    """Composite an image of any mode on white, pad it to a square, resize it and round its colours.

    Args:
        image: any mode; transparency becomes white.
        trim: whether white margins are cut off before the padding.
        size: side of the result in pixels.

    Returns:
        uint8, (size, size, 3).

    >>> on_white(Image.new("RGBA", (8, 4)))[0, 0]
    array([255, 255, 255], dtype=uint8)
    """
    image = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if trim:
        # Fainter than 8 of 255 is a scanner's or a shadow's trace of a margin.
        ink = flat.convert("L").point(lambda grey: 255 if grey < 248 else 0).getbbox()
        flat = flat.crop(ink) if ink else flat
    side = max(flat.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(flat, ((side - flat.width) // 2, (side - flat.height) // 2))
    pixels = np.asarray(square.resize((size, size), Image.Resampling.BICUBIC), np.float64)
    step = 255 / (LEVELS - 1)
    return np.rint(np.rint(pixels / step) * step).astype(np.uint8)


def thumbnails(images: npt.NDArray[np.uint8], size: int = 16) -> npt.NDArray[np.float32]:
    """Average square images down to small grey ones.

    Args:
        images: uint8, (N, H, H) or (N, H, H, 3), H a multiple of `size`.
        size: side of a thumbnail in pixels.

    Returns:
        float32, (N, size * size), in 0..255.

    >>> thumbnails(np.full((2, 32, 32), 7, np.uint8)).shape
    (2, 256)
    """
    count, side = images.shape[:2]
    grey = images.astype(np.float32)
    if grey.ndim == 4:
        grey = grey @ np.array([0.299, 0.587, 0.114], np.float32)
    step = side // size
    return grey.reshape(count, size, step, size, step).mean(axis=(2, 4)).reshape(count, -1)
