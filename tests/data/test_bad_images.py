"""Files that are not what one hopes for: each is read as one sees it, or left out with the reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fault_page import Injected
from photos import Read, write
from PIL import Image

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import picture
from pgebench.data.picture import decode


def only(content: Path, size: int = 10) -> picture.DecodedImage:
    found = decode(content, size, "crop", 50)
    assert not isinstance(found, str), found
    return found


def test_deep_grey_keeps_its_range(tmp_path: Path) -> None:
    """16-bit values count from 0 to 65535 in every file, so that a dark image stays dark."""
    write(tmp_path / "deep.png", np.full((10, 10), 65535 // 4, np.uint16))
    found = only(tmp_path / "deep.png")
    assert (found.pixels == 64).all()
    assert found.remarks == (picture.DEEP,)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "float.tif", np.full((10, 10), np.nan, np.float32))
    assert decode(tmp_path / "float.tif", 10, "crop", 50) == "it holds values that are not finite"


def test_what_is_transparent_is_white_and_its_hidden_colour_does_not_bleed(tmp_path: Path) -> None:
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[..., 0] = 255  # red under the transparent part
    pixels[:, 20:] = (0, 0, 255, 255)
    write(tmp_path / "clear.png", pixels)
    found = only(tmp_path / "clear.png")
    assert (found.pixels[:, 0] == 255).all()
    assert (found.pixels[:, -1] == (0, 0, 255)).all()
    assert (found.pixels[..., 0] == found.pixels[..., 1]).all(), "red shines through"
    assert found.remarks == (picture.TRANSPARENT,)


def test_an_alpha_channel_that_hides_nothing_is_no_remark(tmp_path: Path) -> None:
    write(tmp_path / "solid.png", np.full((10, 10, 4), 255, np.uint8))
    assert only(tmp_path / "solid.png").remarks == ()


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    Image.new("CMYK", (10, 10), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    found = only(tmp_path / "print.jpg")
    assert found.pixels[0, 0, 0] > 200 > 100 > found.pixels[0, 0, 1]
    assert found.remarks == (picture.CMYK,)


def test_of_an_animation_the_first_picture_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("blue", "black")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    found = only(tmp_path / "moving.gif")
    assert found.pixels[0, 0].tolist() == [0, 0, 255]
    assert found.remarks == (picture.ANIMATED,)


def test_a_photo_is_turned_as_the_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:10] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn clockwise
    write(tmp_path / "upright.jpg", pixels, exif=exif)
    found = only(tmp_path / "upright.jpg")
    assert found.pixels[:, 9].mean() > 200 > 50 > found.pixels[:, 0].mean()
    assert found.remarks == (picture.TURNED,)


def test_crop_keeps_proportions_and_squash_keeps_the_edges(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, :5] = 255
    write(tmp_path / "wide.png", pixels)
    cropped, squashed = (decode(tmp_path / "wide.png", 20, rule, 50) for rule in ("crop", "squash"))
    assert cropped.pixels.max() == 0
    assert squashed.pixels[:, 0].min() == 255


def hostile_png(path: Path, side: int) -> None:
    """A PNG of a few bytes that says it has ``side`` x ``side`` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


HOSTILE_SIZE = "image file whose header asks for 10,000 x 10,000 or 50,000 x 50,000 pixels"


@pytest.mark.parametrize(("side", "reason"), [(10_000, "10000 x 10000 pixels are more"), (50_000, "exceeds limit")])
def test_an_image_of_hostile_size_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, reason: str, injected: Injected
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    hostile_png(tmp_path / "bomb.png", side)
    found = decode(tmp_path / "bomb.png", 16, "crop", 50)
    assert isinstance(found, str)
    assert reason in found
    injected(HOSTILE_SIZE, 1, "refused by its header before a pixel is decoded, and listed with the reason")


def test_formats_that_start_other_programs_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    assert "of a format that is not read" in str(decode(tmp_path / "script.png", 16, "crop", 50))


def test_damaged_and_foreign_files_are_left_out_and_named_or_refused(photos: Path, read_as: Read, store: Path) -> None:
    whole = next((photos / "zero").glob("*.JPG"))
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (photos / "one" / "notes.png").write_text("not a picture")
    (photos / "one" / "notes.txt").write_text("no suffix of a picture")
    with pytest.raises(DataError, match=r"2 images cannot be read .*reading.unreadable=skip"):
        read_as("folder", photos, unreadable="fail")
    assert not list((store / "datasets").glob("*/images.u8")), "a refused dataset leaves nothing behind"
    assert not list((store / "datasets").glob(".*"))
    found = read_as("folder", photos)
    assert len(found.labels) == 23
    assert sorted(line.split(":")[0] for line in found.report.refused) == ["one/notes.png", f"zero/{whole.name}"]
    assert found.report.ignored == ["one/notes.txt"]
    with pytest.raises(DataError, match="2 images cannot be read"):
        read_as("folder", photos, unreadable="fail")  # though the decoded form is there by now


def test_a_class_of_which_nothing_can_be_read_is_refused(photos: Path, read_as: Read) -> None:
    for file in (photos / "zero").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match="no image of zero can be read; remove the class or mend its images"):
        read_as("folder", photos)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 4},
        {"resize": "stretch"},
        {"unreadable": "maybe"},
        {"duplicates": "none"},
        {"depth": "16"},
        {"val": 0.6, "test": 0.5},
    ],
)
def test_options_that_make_no_sense_are_named(photos: Path, read_as: Read, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"reading\.{next(iter(wrong))}="):
        read_as("folder", photos, **wrong)
