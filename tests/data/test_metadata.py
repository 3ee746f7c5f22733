"""Whatever is wrong beside the pixels, the pixels are read; a picture that is damaged itself stays refused."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write
from PIL import Image

from pgebench.data import picture
from pgebench.data.metadata import without_metadata
from pgebench.data.picture import DecodedImage, decode

COLOURS = np.zeros((16, 16, 3), np.uint8)
COLOURS[:8] = (200, 30, 30)  # red above
COLOURS[8:] = (30, 30, 200)

BOMB = zlib.compress(bytes(2_000_000))
"""More than the megabyte that Pillow allows a text or a profile."""


def only(content: bytes) -> DecodedImage:
    found = decode(content, 16, "crop", 50)
    assert not isinstance(found, str), found
    return found


def assert_colours(found: DecodedImage, turned: bool = False) -> None:
    """Red above and blue below; ``turned`` clockwise, red on the right."""
    first = found.pixels[4, 12] if turned else found.pixels[4, 4]
    last = found.pixels[12, 4] if turned else found.pixels[12, 12]
    assert first[0] > 180 > 60 > first[2]
    assert last[2] > 180 > 60 > last[0]


def encoded(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(COLOURS).save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, data: bytes, good: bool = True) -> bytes:
    crc = zlib.crc32(name + data) ^ (not good)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def png(*chunks: bytes, behind: bool = False) -> bytes:
    """A PNG with chunks before or behind its pixels."""
    whole = encoded("PNG")
    at = len(whole) - 12 if behind else 33
    return whole[:at] + b"".join(chunks) + whole[at:]


def tiff_entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag, kind, count) + value


def jpeg(*entries: bytes, behind: bytes = b"") -> bytes:
    """A JPEG with these entries of an EXIF directory."""
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + b"\0\0\0\0" + behind
    segment = b"Exif\0\0" + exif
    whole = encoded("JPEG", quality=95, subsampling=0)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + whole[2:]


def short(value: int) -> bytes:
    return struct.pack("<HH", value, 0)


def with_segment(marker: int, data: bytes) -> bytes:
    whole = encoded("JPEG", quality=95, subsampling=0)
    return whole[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + whole[2:]


def riff(kind: bytes, data: bytes, good: bool = True) -> bytes:
    """A WebP with another chunk behind the pixels, or with one that is cut off."""
    out = io.BytesIO()
    Image.fromarray(COLOURS).save(out, "WEBP", lossless=True, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    whole = out.getvalue() + kind + struct.pack("<I", len(data) + (0 if good else 999)) + data
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


ORIENTATION = 0x0112
EXIF: dict[str, tuple[bytes, bool, tuple[str, ...]]] = {
    "exif_garbage_various": (
        jpeg(
            tiff_entry(ORIENTATION, 3, 1, short(6)),
            tiff_entry(0x1001, 16, 1, struct.pack("<I", 38)),
            behind=struct.pack("<Q", 2**40),
        ),
        True,
        (picture.TURNED, picture.UNREAD),
    ),
    "six, as LONG8": (
        jpeg(tiff_entry(ORIENTATION, 16, 1, struct.pack("<I", 26)), behind=struct.pack("<Q", 6)),
        True,
        (picture.TURNED,),
    ),
    "too large, as LONG8": (
        jpeg(tiff_entry(ORIENTATION, 16, 1, struct.pack("<I", 26)), behind=struct.pack("<Q", 2**40)),
        False,
        (picture.MEANINGLESS,),
    ),
    "proper": (jpeg(tiff_entry(ORIENTATION, 3, 1, short(6))), True, (picture.TURNED,)),
    "zero": (jpeg(tiff_entry(ORIENTATION, 3, 1, short(0))), False, (picture.MEANINGLESS,)),
    "nine": (jpeg(tiff_entry(ORIENTATION, 3, 1, short(9))), False, (picture.MEANINGLESS,)),
    "ascii": (jpeg(tiff_entry(ORIENTATION, 2, 2, b"6\0\0\0")), False, (picture.MEANINGLESS,)),
    "two values": (jpeg(tiff_entry(ORIENTATION, 3, 2, struct.pack("<HH", 9, 6))), False, (picture.MEANINGLESS,)),
    "one": (jpeg(tiff_entry(ORIENTATION, 3, 1, short(1))), False, ()),
    "offset beyond the end": (jpeg(tiff_entry(0x010E, 2, 99, struct.pack("<I", 2**31))), False, ()),
    "count of billions": (jpeg(tiff_entry(0x010E, 2, 2**32 - 1, struct.pack("<I", 26))), False, ()),
    "directory that is its own child": (jpeg(tiff_entry(0x8769, 4, 1, struct.pack("<I", 8))), False, ()),
    "truncated": (with_segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x05"), False, ()),
    "no directory": (with_segment(0xE1, b"Exif\0\0garbage"), False, ()),
    "empty": (with_segment(0xE1, b""), False, ()),
}


@pytest.mark.parametrize("what", EXIF)
def test_an_orientation_counts_where_it_is_one(what: str) -> None:
    content, turned, remarks = EXIF[what]
    found = only(content)
    assert_colours(found, turned)
    assert found.remarks == remarks


BROKEN: dict[str, bytes] = {
    "png_defects": png(chunk(b"zTXt", b"Comment\0\0" + BOMB)),
    "ICC profile of 2 MB": png(chunk(b"iCCP", b"icc\0\0" + BOMB)),
    "international text of 2 MB": png(chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB)),
    "texts of 80 MB": png(*[chunk(b"zTXt", b"Text\0\0" + zlib.compress(bytes(999_999)))] * 80),
    "text behind the pixels": png(chunk(b"zTXt", b"Comment\0\0" + BOMB), behind=True),
    "text whose sum is wrong": png(chunk(b"tEXt", b"Comment\0x", good=False)),
    "transparency whose sum is wrong": png(chunk(b"tRNS", bytes(6), good=False)),
    "transparency too short": png(chunk(b"tRNS", b"\0")),
    "EXIF whose sum is wrong": png(chunk(b"eXIf", b"II*\0", good=False)),
    "colours too short": png(chunk(b"gAMA", b""), chunk(b"cHRM", b"\0"), chunk(b"sRGB", b""), chunk(b"pHYs", b"\1")),
    "animation without frames": png(chunk(b"acTL", bytes(8))),
    "frame out of order": png(chunk(b"acTL", struct.pack(">II", 2, 0)), chunk(b"fcTL", bytes(26))),
    "JPEG: JFIF too short": with_segment(0xE0, b"JFIF"),
    "JPEG: preview that is none": with_segment(0xE2, b"MPF\0" + bytes(9)),
    "JPEG: Photoshop's block cut off": with_segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\xff\xff"),
    "JPEG: part of a profile": with_segment(0xE2, b"ICC_PROFILE\0\x05\x09rest"),
    "WebP: EXIF cut off": riff(b"EXIF", b"xx", good=False),
    "WebP: XMP that is none": riff(b"XMP ", b"<<<<"),
    "WebP: unknown chunk cut off": riff(b"abcd", b"", good=False),
    "GIF: comment": encoded("GIF")[:-1].replace(b"\x2c\0\0\0\0", b"\x21\xfe\x03abc\0\x2c\0\0\0\0", 1) + b";",
}


SLOW = "texts of 80 MB"


@pytest.mark.parametrize(
    "what", [*(name for name in BROKEN if name != SLOW), pytest.param(SLOW, marks=pytest.mark.slow)]
)
def test_nothing_beside_the_pixels_stops_them_from_being_read(what: str, tmp_path: Path) -> None:
    assert_colours(only(BROKEN[what]))
    (tmp_path / "x.png").write_bytes(BROKEN[what])
    assert not isinstance(decode(tmp_path / "x.png", 16, "crop", 50), str), "from a file too"


def test_tags_of_a_tiff_that_lead_nowhere() -> None:
    """Only the tags that say how the pixels lie are needed."""
    whole = bytearray(encoded("TIFF"))
    (at,) = struct.unpack_from("<I", whole, 4)
    (number,) = struct.unpack_from("<H", whole, at)
    entries = bytes(whole[at + 2 : at + 2 + 12 * number])
    odd = tiff_entry(270, 16, 2**31, struct.pack("<I", 2**31)) + tiff_entry(34675, 99, 7, b"\xff" * 4)
    directory = struct.pack("<H", number + 2) + entries + odd + struct.pack("<I", 2**32 - 1)  # and a page nowhere
    broken = bytes(whole[:4]) + struct.pack("<I", len(whole)) + bytes(whole[8:]) + directory
    assert_colours(only(broken))


def truncated(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
def test_a_picture_that_is_cut_off_stays_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, kind)
    assert isinstance(decode(truncated(out.getvalue()), 16, "crop", 50), str)
    (hurt := bytearray(out.getvalue()))[len(hurt) // 2 : len(hurt) // 2 + 40] = bytes(40)
    if kind in ("PNG", "GIF"):  # whose packing tells
        assert isinstance(decode(bytes(hurt), 16, "crop", 50), str)


def test_nothing_is_left_out_of_what_is_no_picture() -> None:
    for content in (b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF89a", b"II*\0", b"RIFF\0\0\0\0WEBP"):
        assert all(len(plain) <= len(content) + 12 for plain in without_metadata(content))


def test_a_phone_photo_is_not_animated_and_pages_do_not_move(tmp_path: Path) -> None:
    """mpo_phone: a JPEG with its preview in the same file."""
    said = {}
    for kind in ("MPO", "TIFF", "GIF", "PNG", "WEBP"):
        first, second = Image.fromarray(COLOURS), Image.fromarray(COLOURS[::-1].copy())
        first.save(tmp_path / "x", kind, save_all=True, append_images=[second])
        found = only((tmp_path / "x").read_bytes())
        assert_colours(found)
        said[kind] = found.remarks
    moving = (picture.ANIMATED,)
    assert said == {
        "MPO": (picture.MORE["MPO"],),
        "TIFF": (picture.MORE["TIFF"],),
        **dict.fromkeys(("GIF", "PNG", "WEBP"), moving),
    }


def test_a_picture_is_read_by_its_content_whatever_it_is_called(photos: Path, read_as: Read) -> None:
    suffixes = (".jpe", ".jfif", ".JIF", ".mpo", ".apng", ".dib", ".pbm", ".jpg.JPG")
    for suffix in suffixes:
        (photos / "one" / f"x{suffix}").write_bytes(encoded("PNG"))
    assert len(read_as("folder", photos, unreadable="fail").labels) == 24 + len(suffixes)


def test_remarks_are_in_the_report(photos: Path, read_as: Read, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "one" / "x.png").write_bytes(BROKEN["png_defects"])
    (photos / "one" / "y.jpg").write_bytes(EXIF["nine"][0])
    read_as("folder", photos, unreadable="fail")
    said = capsys.readouterr().out
    assert f"1 images {picture.UNREAD}" in said
    assert f"1 images {picture.MEANINGLESS}" in said


MODES: dict[str, tuple[str, str, object, tuple[int, int, int]]] = {
    "one bit": ("1", "PNG", 1, (255, 255, 255)),
    "palette": ("P", "PNG", 0, (0, 0, 0)),
    "grey and alpha, clear": ("LA", "PNG", (0, 0), (255, 255, 255)),
    "grey and alpha, half": ("LA", "TIFF", (0, 128), (127, 127, 127)),
    "clear": ("RGBA", "WEBP", (9, 9, 9, 0), (255, 255, 255)),
    "print": ("CMYK", "TIFF", (255, 0, 0, 0), (0, 255, 255)),
    "print, inverted as Adobe does": ("CMYK", "JPEG", (255, 0, 0, 0), (0, 255, 255)),
    "brightness and colour": ("YCbCr", "TIFF", (255, 128, 128), (255, 255, 255)),
}


@pytest.mark.parametrize("what", MODES)
def test_modes(what: str) -> None:
    mode, kind, value, expected = MODES[what]
    out = io.BytesIO()
    Image.new(mode, (9, 9), value).save(out, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert np.abs(only(out.getvalue()).pixels[8, 8].astype(int) - expected).max() <= 2


def test_grey_with_a_clear_value_is_put_on_white() -> None:
    out = io.BytesIO()
    Image.new("L", (9, 9), 7).save(out, "PNG", transparency=7)
    assert (only(out.getvalue()).pixels == 255).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 300), (300, 1)])
def test_the_smallest_pictures(tmp_path: Path, height: int, width: int) -> None:
    write(tmp_path / "x.png", np.full((height, width), 77, np.uint8))
    for resize in ("crop", "squash"):
        found = decode(tmp_path / "x.png", 16, resize, 50)
        assert (found.pixels == 77).all()
        assert (found.width, found.height) == (width, height)
