"""More than 8 bits a channel: which values come out, and that a loss is said."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write
from PIL import Image

from pgebench.core.settings import Reading
from pgebench.data.decode import decode
from pgebench.data.depth import ABOVE, BELOW, DEEP, eight_bits
from pgebench.data.picture import DecodedImage

RAMP = np.tile(np.arange(16), (16, 1))
"""0 to 15 from left to right."""


def only(content: Path, depth: str) -> DecodedImage:
    found = decode(content, 16, "crop", 50, depth)
    assert not isinstance(found, str), found
    return found


def grey(content: Path, depth: str) -> list[int]:
    return only(content, depth).pixels[0, :, 0].tolist()


WHOLE = [17 * value for value in range(16)]
"""0 to 255 in the steps of the ramp."""

FROM_HALF = [0] * 8 + [round(1000 * step / 257) for step in range(8)]
UPPER_HALF = [0] * 8 + [17 * step for step in range(1, 16, 2)]

FILES: dict[str, tuple[str, np.ndarray, list[int], tuple[str, ...]]] = {
    "deep16_small_range": ("png", (RAMP * 17).astype(np.uint16), [0] * 8 + [1] * 8, ()),
    "12 bits in 16": ("png", (RAMP * 273).astype(np.uint16), [round(273 * v / 257) for v in range(16)], ()),
    "the whole range": ("png", (RAMP * 4369).astype(np.uint16), WHOLE, ()),
    "TIFF of 16 bits": ("tif", (RAMP * 4369).astype(np.uint16), WHOLE, ()),
    "TIFF of 32 bits": ("tif", (RAMP * 100_000).astype(np.int32), [0] + [255] * 15, (ABOVE,)),
    "below zero": ("tif", (RAMP * 1000 - 8000).astype(np.int32), FROM_HALF, (BELOW,)),
    "floats to one": ("tif", (RAMP / 15).astype(np.float32), WHOLE, ()),
    "floats to 255": ("tif", (RAMP * 17).astype(np.float32), WHOLE, ()),
    "floats from minus one": ("tif", (RAMP / 7.5 - 1).astype(np.float32), UPPER_HALF, (BELOW,)),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_values_of_grey_files(tmp_path: Path, what: str) -> None:
    suffix, values, expected, lost = FILES[what]
    write(tmp_path / f"x.{suffix}", values)
    assert np.abs(np.subtract(grey(tmp_path / f"x.{suffix}", "format"), expected)).max() <= (what == "the whole range")
    assert only(tmp_path / f"x.{suffix}", "format").remarks == (DEEP, *lost)
    assert grey(tmp_path / f"x.{suffix}", "range") == WHOLE
    assert only(tmp_path / f"x.{suffix}", "range").remarks == (DEEP,)


def png16(path: Path, values: np.ndarray) -> None:
    """A PNG with 16 bits a colour, which Pillow reads but does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, bands = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {2: 4, 3: 2, 4: 6}[bands]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.mark.parametrize("bands", [2, 3, 4])
def test_values_of_16_bits_a_colour(tmp_path: Path, bands: int) -> None:
    """8-bit values in 16-bit colours: black by their format, themselves by their range; what is clear stays so."""
    values = np.full((16, 16, bands), 65535, np.uint16)
    values[..., : 3 if bands > 2 else 1] = (RAMP * 17)[..., None]
    png16(tmp_path / "x.png", values)
    assert (only(tmp_path / "x.png", "format").pixels == 0).all()
    assert only(tmp_path / "x.png", "format").remarks == (DEEP,)
    assert only(tmp_path / "x.png", "format").used == 1 / 256
    assert grey(tmp_path / "x.png", "range") == WHOLE


def test_colours_share_one_range(tmp_path: Path) -> None:
    values = np.zeros((16, 16, 3), np.uint16)
    values[..., 0], values[..., 1] = 1000, 500
    png16(tmp_path / "x.png", values)
    assert only(tmp_path / "x.png", "range").pixels[0, 0].tolist() == [255, 128, 0]


def test_one_value_has_no_range() -> None:
    assert eight_bits(np.full((2, 2), 65535, np.uint16), False, "range").values.tolist() == [[255] * 2] * 2


def test_a_turned_deep_picture_is_scaled_and_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    write(tmp_path / "x.png", (RAMP * 17).astype(np.uint16), exif=exif)
    assert grey(tmp_path / "x.png", "range") == WHOLE[::-1]


def test_the_report_says_what_is_left_of_the_range_and_the_remedy(
    photos: Path, read_as: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    for row in range(2):
        write(photos / "one" / f"deep{row}.png", (RAMP * (17 - row)).astype(np.uint16))
    plain = read_as("folder", photos)
    said = capsys.readouterr().out
    assert (
        "2 images use at most 0.4% of the range of their format and come out dark: "
        "reading.depth=range scales each by its own range"
    ) in said
    scaled = read_as("folder", photos, depth="range")
    assert "come out dark" not in capsys.readouterr().out
    assert scaled.revision != plain.revision


def test_what_is_asked_for_by_default_has_the_identity_it_had() -> None:
    assert list(Reading().identity()) == [
        "size", "resize", "max_megapixels", "val", "test", "seed", "train_images", "test_images"
    ]  # fmt: skip
    assert Reading(unreadable="fail", duplicates="fail").identity() == Reading().identity()
    assert Reading(depth="range", duplicates="drop").identity() == Reading().identity() | {
        "depth": "range",
        "duplicates": "drop",
    }
