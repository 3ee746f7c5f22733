"""Damaged pictures: pixels or a reason in one line; what is beside the pixels never matters."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from fuzzing import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pgebench.data.picture import DecodedImage, decode

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 17, 4), dtype=np.uint8)
EXIF = Image.Exif()
EXIF[0x0112], EXIF[0x010E] = 6, "a field"


def encoded(kind: str, mode: str, **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 200) if mode == "I;16" else Image.fromarray(PIXELS)
    (image if image.mode == mode else image.convert("RGB").convert(mode)).save(out, kind, **options)
    return out.getvalue()


MODES = {
    "PNG": ("1", "L", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK"),
    "GIF": ("L", "P"),
    "TIFF": ("L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("1", "L", "RGB"),
    "PPM": ("1", "L", "RGB"),
}
WHOLE = [
    encoded(kind, mode, **({"exif": EXIF} if kind in ("PNG", "JPEG", "TIFF", "WEBP") else {}))
    for kind, modes in MODES.items()
    for mode in modes
]

changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "cut", "insert", "remove", "repeat"]), st.integers(0, 2**20), st.binary(max_size=9)
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, steps: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, data in steps:
        at = place % (len(content) + 1)
        behind = {
            "set": content[at + len(data) :],
            "cut": b"",
            "insert": content[at:],
            "remove": content[at + 5 :],
            "repeat": content[max(at - 20, 0) :],
        }
        content = content[:at] + (data if kind != "cut" else b"") + behind[kind]
    return content


@fuzzed
@given(st.sampled_from(WHOLE), changes, st.sampled_from(["format", "range"]), st.sampled_from(["crop", "squash"]))
def test_a_damaged_picture_is_read_or_refused_in_one_line(
    whole: bytes, steps: list[tuple[str, int, bytes]], depth: str, resize: str
) -> None:
    content = changed(whole, steps)
    found = decode(content, 8, resize, 1, depth)
    if isinstance(found, str):
        assert found
        assert "\n" not in found
    else:
        assert found.pixels.shape == (8, 8, 3)
        assert found.pixels.dtype == np.uint8
        assert 0 <= found.used <= 1
    again = decode(content, 8, resize, 1, depth)
    assert isinstance(again, str) == isinstance(found, str)
    assert isinstance(again, str) or (again.pixels == found.pixels).all(), "the same bytes, the same pixels"


def expected(content: bytes) -> np.ndarray:
    found = decode(content, 8, "crop", 1)
    assert isinstance(found, DecodedImage)
    return found.pixels


names = st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"bKGD",
                         b"sBIT", b"hIST", b"acTL", b"fcTL", b"fdAT", b"abCd"])  # fmt: skip


@fuzzed
@given(st.lists(st.tuples(names, st.binary(max_size=40), st.booleans()), max_size=5), st.booleans())
def test_chunks_of_a_png_beside_its_pixels_do_not_matter(chunks: list[tuple[bytes, bytes, bool]], behind: bool) -> None:
    whole = encoded("PNG", "RGB")
    added = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ (not good))
        for name, data, good in chunks
    )
    at = len(whole) - 12 if behind else 33
    assert (expected(whole[:at] + added + whole[at:]) == expected(whole)).all()


@fuzzed
@given(st.lists(st.tuples(st.integers(0xE1, 0xED) | st.sampled_from([0xEF, 0xFE]), st.binary(max_size=60)), max_size=5))
def test_segments_of_a_jpeg_beside_its_pixels_do_not_matter(segments: list[tuple[int, bytes]]) -> None:
    whole = encoded("JPEG", "RGB")
    added = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    assert (expected(whole[:2] + added + whole[2:]) == expected(whole)).all()


@fuzzed
@given(st.binary(max_size=80), st.booleans())
def test_what_a_webp_says_of_itself_does_not_matter(data: bytes, long: bool) -> None:
    whole = encoded("WEBP", "RGB", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    content = whole + b"XMP " + struct.pack("<I", len(data) + 9 * long) + data
    content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    assert (expected(content) == expected(whole)).all()


@fuzzed
@given(
    st.lists(
        st.tuples(
            st.integers(270, 65535), st.integers(0, 20), st.integers(0, 2**32 - 1), st.binary(min_size=4, max_size=4)
        ),
        max_size=4,
    )
)
def test_tags_of_a_tiff_that_say_nothing_of_its_pixels_do_not_matter(tags: list[tuple[int, int, int, bytes]]) -> None:
    about_pixels = {
        273,
        274,
        277,
        278,
        279,
        284,
        292,
        293,
        317,
        318,
        319,
        *range(320, 348),
        *range(512, 533),
        700,
        34665,
    }
    whole = encoded("TIFF", "RGB")
    (at,) = struct.unpack_from("<I", whole, 4)
    (number,) = struct.unpack_from("<H", whole, at)
    old = [whole[at + 2 + 12 * row : at + 14 + 12 * row] for row in range(number)]
    new = [struct.pack("<HHI", *tag[:3]) + tag[3] for tag in tags if tag[0] not in about_pixels]
    directory = struct.pack("<H", number + len(new)) + b"".join(old + new) + bytes(4)
    assert (expected(whole[:4] + struct.pack("<I", len(whole)) + whole[8:] + directory) == expected(whole)).all()
