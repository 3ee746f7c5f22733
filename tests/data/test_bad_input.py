"""Each kind of bad input in a whole dataset: what the reader is told, and that no half-written decoded form stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import run_pgebench
from photos import Read, write
from PIL import Image

from pgebench.core.errors import PgebenchError
from pgebench.data import decode
from pgebench.data.cache import FACTS

Spoil = Callable[[Path], object]


def truncate(root: Path) -> None:
    whole = next((root / "zero").glob("*.JPG"))
    whole.write_bytes(whole.read_bytes()[:300])


def huge(root: Path) -> None:
    """100 megapixels, in a file of a few kilobytes."""
    Image.new("1", (12_500, 8_000)).save(root / "zero" / "huge.png")


def animate(root: Path) -> None:
    frames = [Image.new("RGB", (10, 10), colour) for colour in ("blue", "black")]
    frames[0].save(root / "zero" / "x.gif", save_all=True, append_images=frames[1:])


def loop(root: Path) -> None:
    (root / "zero" / "again").symlink_to(root)


LEFT_OUT: dict[str, tuple[Spoil, str]] = {
    "no image": (lambda root: (root / "zero" / "x.png").write_text("no image"), r"zero/x\.png: .*format"),
    "empty file": (lambda root: (root / "zero" / "x.png").write_bytes(b""), r"zero/x\.png: "),
    "truncated JPEG": (truncate, r"zero/\d+\.JPG: .*[Tt]runcated"),
    "100 megapixels": (huge, r"zero/huge\.png: .*12500 x 8000 pixels are more"),
    "symlink loop": (loop, r"zero/again: a link back to a folder above it"),
}
"""What cannot be read is left out, and named with the reason."""

READ: dict[str, tuple[Spoil, str]] = {
    "CMYK": (lambda root: Image.new("CMYK", (10, 10)).save(root / "zero" / "x.jpg"), "1 images .*CMYK"),
    "16 bit": (
        lambda root: write(root / "zero" / "x.png", np.full((10, 10), 9999, np.uint16)),
        "1 images more than 8 bits a channel",
    ),
    "alpha": (lambda root: Image.new("RGBA", (10, 10)).save(root / "zero" / "x.png"), "1 images .*transparent"),
    "animated": (animate, "1 images .*animat"),
}
"""What has to be converted is counted."""

REFUSED: dict[str, tuple[Spoil, str]] = {
    "empty class": (lambda root: (root / "two").mkdir(), "no image in two; remove an empty class folder or add images"),
    "unreadable class": (
        lambda root: write_text(root / "two" / "x.png"),
        "no image of two can be read; remove the class or mend its images",
    ),
}
"""Without these classes the dataset would be another one than the user thinks."""


def write_text(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("no image")


def assert_whole_or_nothing(store: Path, datasets: int) -> None:
    """The store holds so many decoded datasets, all of them complete, and nothing that somebody began to write.

    (The folder ``index`` holds hashes of files, not images.)
    """
    folders = [path for path in (store / "datasets").glob("*") if path.is_dir() and path.name != "index"]
    assert len(folders) == datasets
    assert all((folder / FACTS).is_file() and not folder.name.startswith(".") for folder in folders)


@pytest.fixture(params=["one process", "workers"])
def processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where worker processes decode, an image is refused alone and no process dies of it."""
    if request.param == "workers":
        monkeypatch.setattr(decode, "CHUNK", 5)
        monkeypatch.setattr(decode, "available_cores", lambda: 2)


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_cannot_be_read_is_left_out_and_named_or_refused_by_choice(
    what: str, photos: Path, read_as: Read, store: Path, processes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, reason = LEFT_OUT[what]
    spoil(photos)
    with pytest.raises(PgebenchError, match=rf"images cannot be read \({reason}"):
        read_as("folder", photos, unreadable="fail")
    assert_whole_or_nothing(store, 0)
    found = read_as("folder", photos)
    assert len(found.labels) == 24 - (what == "truncated JPEG")
    assert [line for line in found.report.refused if re.match(reason, line)] == list(found.report.refused)
    said = capsys.readouterr().out
    assert "1 files could not be read and are left out:" in said
    assert re.search(reason, said)
    assert_whole_or_nothing(store, 1)


@pytest.mark.parametrize("what", READ)
def test_what_has_to_be_converted_is_read_and_counted(
    what: str, photos: Path, read_as: Read, store: Path, processes: None, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, remark = READ[what]
    spoil(photos)
    found = read_as("folder", photos, unreadable="fail")
    assert len(found.labels) == 25
    assert re.search(remark, capsys.readouterr().out)
    assert_whole_or_nothing(store, 1)


@pytest.mark.parametrize("what", REFUSED)
def test_a_class_without_images_is_refused(what: str, photos: Path, read_as: Read, store: Path) -> None:
    spoil, message = REFUSED[what]
    spoil(photos)
    with pytest.raises(PgebenchError, match=message):
        read_as("folder", photos)
    assert_whole_or_nothing(store, 0)


@pytest.mark.slow
def test_a_hundred_megapixels_are_read_when_they_are_asked_for(photos: Path, read_as: Read) -> None:
    huge(photos)
    assert len(read_as("folder", photos, max_megapixels=120).labels) == 25


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("backbone.weights=nowhere.pth",), "backbone.weights=nowhere.pth: there is no such file"),
        (("target.path=nowhere",), "nowhere: there is no such folder"),
    ],
)
def test_the_command_says_what_is_missing_in_one_line_and_writes_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], overrides: tuple[str, ...], message: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    places = (f"results={tmp_path}/results", f"store={tmp_path}/store", "tracking=none")
    cell = ("source=digits", "target=folder", f"target.path={photos}", "metric=[source_size]", "truth=[linear_probe]")
    sweep = ("experiment=smoke", *cell, *places)
    said = {one.partition("=")[0] for one in overrides}
    assert run_pgebench(*(one for one in sweep if one.partition("=")[0] not in said), *overrides) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    left = [path for path in sorted(tmp_path.rglob("*")) if path not in before and path.is_file()]
    assert [path for path in left if "datasets" not in path.parts] == []
