"""Decoded image: a square of red, green and blue, whatever its file holds."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pgebench.data.listing import Content

VERSION = 1
"""Raised when the same file would give other pixels."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded. Pillow knows more, some of which start other programs."""

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})

ANIMATED, TURNED, TRANSPARENT, CMYK, DEEP = (
    "animated: the first picture counts",
    "turned as the camera says",
    "transparent: put on white",
    "CMYK: converted to RGB",
    "more than 8 bits a channel: reduced to 8",
)


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Args:
        pixels: uint8 (size, size, 3).
        width: of the file's picture.
        height: of the file's picture.
        remarks: what had to be decided to make it ``pixels``.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    remarks: tuple[str, ...]


def decode(content: Content, size: int, resize: str, max_megapixels: int) -> DecodedImage | str:
    """The image, or in one line why there is none.

    Args:
        content: a file, an encoded file, or pixels.
        size: side of the result.
        resize: ``crop`` or ``squash``, see ``Reading``.
        max_megapixels: a larger image is refused before it is decoded.

    >>> decode(b"not an image", 8, "crop", 50)
    'not an image, or of a format that is not read (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)'
    """
    if isinstance(content, bytes) and not content:
        return "there is no image: it has no bytes"
    try:
        with warnings.catch_warnings():
            # Large images have the limit below, and odd metadata say nothing about the pixels.
            warnings.simplefilter("ignore")
            if isinstance(content, np.ndarray):
                return _picture(Image.fromarray(content), size, resize, max_megapixels)
            with Image.open(content if isinstance(content, Path) else io.BytesIO(content), formats=FORMATS) as image:
                return _picture(image, size, resize, max_megapixels)
    except UnidentifiedImageError:
        return f"not an image, or of a format that is not read ({', '.join(FORMATS)})"
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        return _reason(error)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text or type(error).__name__


def _picture(image: Image.Image, size: int, resize: str, max_megapixels: int) -> DecodedImage:
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise ValueError(
            f"{width} x {height} pixels are more than reading.max_megapixels={max_megapixels}; it was not decoded"
        )
    remarks = []
    if getattr(image, "is_animated", False):
        remarks.append(ANIMATED)
    image.draft("RGB", (2 * size, 2 * size))  # a JPEG decodes to not much more than this at once
    if image.getexif().get(0x0112, 1) != 1:
        remarks.append(TURNED)
    picture = ImageOps.exif_transpose(image)
    if picture.mode.startswith(("I", "F")):
        remarks.append(DEEP)
        picture = Image.fromarray(_eight_bits(picture))
    if picture.mode == "CMYK":
        remarks.append(CMYK)
    clear = "A" in picture.getbands() or "transparency" in picture.info
    picture = _resized(picture.convert("RGBA" if clear else "RGB"), size, resize)
    if clear and picture.getchannel("A").getextrema()[0] < 255:  # type: ignore[operator]
        remarks.append(TRANSPARENT)
    if clear:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return DecodedImage(np.asarray(picture, dtype=np.uint8), width, height, tuple(remarks))


def _eight_bits(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """Integers count from 0 to 65535, the range of 16-bit files; floats from 0 to 1, or to their own largest value."""
    values = np.asarray(picture, dtype=np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    most = 65535.0 if picture.mode.startswith("I") else max(float(values.max()), 1.0)
    return np.round(values.clip(0, most) / most * 255).astype(np.uint8)


def _resized(picture: Image.Image, size: int, resize: str) -> Image.Image:
    if resize == "crop":
        return ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    return picture.resize((size, size), Image.Resampling.BILINEAR)
