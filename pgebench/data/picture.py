"""Decoded image: a square of red, green and blue, whatever its file holds."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from pgebench.data.depth import DEEP, eight_bits, is_deep_colour, show_low_bytes
from pgebench.data.listing import Content
from pgebench.data.metadata import without_metadata

VERSION = 1
"""Raised when the same file would give other pixels."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded. Pillow knows more, some of which start other programs."""

SUFFIXES = frozenset(
    {
        *(".bmp", ".dib"),
        ".gif",
        *(".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".mpo"),
        *(".png", ".apng"),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
        *(".tif", ".tiff"),
        ".webp",
    }
)
"""What files of these formats are called."""

OTHER_SUFFIXES = frozenset(
    {
        *(".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx"),
        *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"),
        *(".dcm", ".exr", ".hdr", ".ico", ".nii", ".pcx", ".pfm", ".psd", ".svg", ".svgz", ".tga", ".xcf"),
    }
)
"""Pictures of formats that are not read: whoever has some will want to know."""

ANIMATED, TURNED, MEANINGLESS, TRANSPARENT, CMYK, UNREAD = (
    "animated: the first picture counts",
    "turned as the camera says",
    "with an orientation that means nothing: not turned",
    "transparent: put on white",
    "CMYK: converted to RGB",
    "with metadata that cannot be read: their pixels are",
)
MORE = {
    "MPO": "with a preview or a second view beside the photo: the photo counts",
    "TIFF": "of several pages: the first counts",
}
"""Of formats whose further pictures do not move."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What the orientations of EXIF mean, but 1, which means nothing is to be done."""


@dataclass(frozen=True)
class DecodedImage:
    """A decoded image.

    Args:
        pixels: uint8 (size, size, 3).
        width: of the file's picture.
        height: of the file's picture.
        remarks: what had to be decided to make it ``pixels``.
        used: share of the range of its format up to the largest value, of deep pictures.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    remarks: tuple[str, ...]
    used: float = 1.0


def decode(content: Content, size: int, resize: str, max_megapixels: int, depth: str = "format") -> DecodedImage | str:
    """The image, or in one line why there is none.

    Args:
        content: a file, an encoded file, or pixels.
        size: side of the result.
        resize: ``crop`` or ``squash``, see ``Reading``.
        max_megapixels: a larger image is refused before it is decoded.
        depth: ``format`` or ``range``, see ``Reading``.

    >>> decode(b"not an image", 8, "crop", 50)
    'not an image, or of a format that is not read (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)'
    """
    if isinstance(content, bytes) and not content:
        return "there is no image: it has no bytes"
    with warnings.catch_warnings():
        # Large images have the limit below, and odd metadata say nothing about the pixels.
        warnings.simplefilter("ignore")
        try:
            return _decoded(content, size, resize, max_megapixels, depth)
        except _TooLarge as error:
            return str(error)
        except UnidentifiedImageError:
            reason = f"not an image, or of a format that is not read ({', '.join(FORMATS)})"
        except Exception as error:  # decoders raise whatever a damaged file leads them to
            reason = _reason(error)
        if not isinstance(content, np.ndarray):
            with contextlib.suppress(OSError):
                for plain in without_metadata(content):
                    with contextlib.suppress(Exception):
                        found = _decoded(plain, size, resize, max_megapixels, depth)
                        return replace(found, remarks=tuple(dict.fromkeys((*found.remarks, UNREAD))))
    return reason


class _TooLarge(ValueError):
    pass


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


def open_picture(content: Content) -> Image.Image:
    """A picture of which nothing is decoded yet.

    Args:
        content: A file, an encoded file, or pixels.

    Returns:
        To be closed by the caller.

    Raises:
        OSError: It cannot be read; Pillow raises other errors, too.
    """
    if isinstance(content, np.ndarray):
        return Image.fromarray(content)
    return Image.open(content if isinstance(content, Path) else io.BytesIO(content), formats=FORMATS)


def _decoded(content: Content, size: int, resize: str, max_megapixels: int, depth: str) -> DecodedImage:
    with open_picture(content) as image:
        width, height = image.size
        if width * height > max_megapixels * 1e6:
            raise _TooLarge(
                f"{width} x {height} pixels are more than reading.max_megapixels={max_megapixels}; it was not decoded"
            )
        remarks, used = [], 1.0
        if getattr(image, "is_animated", False):
            remarks.append(MORE.get(str(image.format), ANIMATED))
        deep_colour = is_deep_colour(image)
        image.draft("RGB", (2 * size, 2 * size))  # a JPEG decodes to not much more than this at once
        picture, said = _turned(image)
        remarks += said
    if picture.mode.startswith(("I", "F")):
        shallow = eight_bits(np.asarray(picture), picture.mode.startswith("F"), depth)
        remarks, used, picture = [*remarks, *shallow.remarks], shallow.used, Image.fromarray(shallow.values)
    elif deep_colour:
        remarks.append(DEEP)
        if depth == "range":
            picture = _whole_range(picture, content)
        else:
            used = (max(high for _, high in _extrema(picture)) + 1) / 256
    if picture.mode == "CMYK":
        remarks.append(CMYK)
    clear = "A" in picture.getbands() or "transparency" in picture.info
    picture = _resized(picture.convert("RGBA" if clear else "RGB"), size, resize)
    if clear and picture.getchannel("A").getextrema()[0] < 255:  # type: ignore[operator]
        remarks.append(TRANSPARENT)
    if clear:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return DecodedImage(np.asarray(picture, dtype=np.uint8), width, height, tuple(remarks), used)


def _turned(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image as the camera held it, with what is to be said about it."""
    orientation = image.getexif().get(0x0112, 1)
    said = [] if orientation == 1 else [TURNED if orientation in TURNS else MEANINGLESS]
    image.load()  # damaged pixels are told of here, and here alone: loaded again, what there is would be taken
    try:
        return ImageOps.exif_transpose(image), said
    except Exception:  # it writes the other tags anew, and may fail over any of them
        turned = image.transpose(TURNS[orientation]) if orientation in TURNS else image.copy()
        return turned, [*said, UNREAD]


def _extrema(picture: Image.Image) -> list[tuple[int, int]]:
    """The smallest and largest value of red, green and blue."""
    return list(picture.getextrema()[:3])  # type: ignore[arg-type]


def _whole_range(picture: Image.Image, content: Content) -> Image.Image:
    """A picture of 16 bits a colour, of which Pillow gave the higher eight, scaled by its own range."""
    with open_picture(content) as image:
        bands = show_low_bytes(image)
        if not bands:
            return picture
        low, _ = _turned(image)
    high = np.asarray(picture)
    colours = high[..., :3].astype(np.uint16) << 8 | np.asarray(low)[..., list(bands)]
    return Image.fromarray(np.dstack([eight_bits(colours, False, "range").values, high[..., 3:]]))


def _resized(picture: Image.Image, size: int, resize: str) -> Image.Image:
    if resize == "crop":
        return ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    return picture.resize((size, size), Image.Resampling.BILINEAR)
