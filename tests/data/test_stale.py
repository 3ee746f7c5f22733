"""What is remembered of a reading is what the bytes decide; what else lies in the folder is judged each time."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write
from PIL import Image

from pgebench.core.errors import DataError
from pgebench.data import picture
from pgebench.data import read as read_module
from pgebench.data import revision as revision_module
from pgebench.data.cache import FACTS
from pgebench.data.report import FIRST

SAME_SPLIT = 5
"""With this seed both copies are drawn into the same split."""

FIRST_REVISION = "18ebab56ebd2cc6da88d1867e9fbc717c5801117e88d94a32ed6da2c50eaa203"


def dead_link(folder: Path) -> Path:
    (folder / "one" / "gone.png").symlink_to(folder / "elsewhere.png")
    return folder / "one" / "gone.png"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "one" / "pipe.png")
    return folder / "one" / "pipe.png"


def loop(folder: Path) -> Path:
    (folder / "one" / "again").symlink_to(folder)
    return folder / "one" / "again"


def as_the_first_reader_kept_it(store: Path, revision: str) -> None:
    """Turn the facts beside a decoded form into those of a store from before."""
    folder = store / "datasets" / revision
    shutil.rmtree(folder / "index", ignore_errors=True)
    facts = json.loads((folder / FACTS).read_text())
    del facts["reader"], facts["report"]["of_content"]
    facts["report"]["remarks"] = [line for line in facts["report"]["remarks"] if line.endswith(FIRST)]
    (folder / FACTS).write_text(json.dumps(facts, indent=1))


@pytest.mark.parametrize(
    ("spoil", "kept_by"),
    [(dead_link, "this reader"), (dead_link, "the first reader"), (fifo, "this reader"), (loop, "this reader")],
)
def test_what_was_refused_in_a_folder_is_looked_up_now(
    photos: Path, read_as: Read, store: Path, spoil: object, kept_by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(photos, photos.parent / "copy"))
    spoilt = spoil(photos)
    before = read_as("folder", photos)
    if kept_by == "the first reader":
        as_the_first_reader_kept_it(store, before.revision)
    assert [line.split(":")[0] for line in before.report.refused] == [f"one/{spoilt.name}"]
    clean = read_as("folder", copy, unreadable="fail")
    assert (clean.revision, list(clean.report.refused)) == (before.revision, [])
    assert clean.report.where == str(copy)
    with pytest.raises(DataError, match=f"1 images cannot be read \\(one/{spoilt.name}: "):
        read_as("folder", photos, unreadable="fail")
    spoilt.unlink()
    assert read_as("folder", photos, unreadable="fail").revision == before.revision
    spoil(photos)
    capsys.readouterr()
    with pytest.raises(DataError, match="1 images cannot be read"):
        read_as("folder", photos, unreadable="fail")


def test_what_is_new_in_a_folder_is_said_and_kept(
    photos: Path, read_as: Read, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = read_as("folder", photos).revision
    read_as("folder", photos)
    capsys.readouterr()
    (photos / "one" / "notes.txt").write_text("new")
    dead_link(photos)
    found = read_as("folder", photos)
    said = capsys.readouterr().out
    assert found.revision == revision
    assert "one/gone.png: a link that leads nowhere" in said
    assert "1 files are not taken for images:\n    one/notes.txt" in said
    assert "decoded before" in said
    kept = [json.loads(file.read_text()) for file in (store / "datasets" / revision / "index").glob("report-*.json")]
    assert sorted(len(report["refused"]) for report in kept) == [0, 1]
    read_as("folder", photos)
    assert not capsys.readouterr().out, "said once"


def test_a_file_that_could_not_be_opened_is_tried_again(
    photos: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No time of the file changes when a folder above it gets other rights, or another user reads it."""
    monkeypatch.setattr(revision_module, "SETTLED", 0.05)
    time.sleep(0.1)
    victim = photos / "one" / "1.png"
    whole = read_as("folder", photos).revision
    open_file = Path.open

    def closed(path: Path, *args: object, **options: object) -> object:
        if path == victim:
            raise PermissionError(13, "Permission denied")
        return open_file(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", closed)
        patch.setattr(
            "PIL.Image.builtins.open",
            lambda path, *args, **options: closed(Path(os.fsdecode(path)), *args, **options),
        )
        patch.setattr("os.access", lambda path, mode: path != victim)
        locked = read_as("folder", photos)
        assert list(locked.report.refused) == ["one/1.png: Permission denied"]
        with pytest.raises(DataError, match=r"one/1\.png: Permission denied"):
            read_as("folder", photos, unreadable="fail")
    assert locked.revision != whole
    opened = read_as("folder", photos, unreadable="fail")
    assert (opened.revision, len(opened.labels)) == (whole, 24)


@pytest.mark.parametrize("event", ["removed", "replaced", "not readable once"])
def test_what_is_decoded_is_what_was_hashed(
    photos: Path, read_as: Read, store: Path, event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, decode = photos / "one" / "1.png", read_module.pictures

    def meddled(*args: object) -> object:
        if event == "removed":
            victim.unlink()
        elif event == "replaced":
            write(victim, np.zeros((5, 5), np.uint8))
        for row, found in enumerate(decode(*args)):
            yield "Input/output error" if row == 0 and event == "not readable once" else found

    with monkeypatch.context() as patch:
        patch.setattr(read_module, "pictures", meddled)
        with pytest.raises(DataError, match="files changed while they were read; run the same command again"):
            read_as("folder", photos)
    assert not list((store / "datasets").glob("*/images.u8"))
    assert len(read_as("folder", photos).labels) == 24 - (event == "removed")


def test_what_the_first_reader_kept_is_used_and_its_copies_are_told(
    photos: Path, read_as: Read, store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(photos / "zero" / "x.png", np.full((9, 9), 9, np.uint8))
    write(photos / "one" / "x.png", np.full((9, 9), 9, np.uint8))
    before = read_as("folder", photos, seed=SAME_SPLIT)
    as_the_first_reader_kept_it(store, before.revision)
    capsys.readouterr()
    monkeypatch.setattr(read_module, "pictures", lambda *_: pytest.fail("decoded again"))
    for _ in range(2):
        found = read_as("folder", photos, seed=SAME_SPLIT)
        assert found.revision == before.revision
        assert (found.images == before.images).all()
        assert list(found.report.copies.classes) == [["one/x.png", "zero/x.png"]]
    assert capsys.readouterr().out.count("1 pictures (2 images) are in more than one class") == 1


def test_what_the_first_reader_refused_is_read_under_a_revision_of_its_own(
    photos: Path, read_as: Read, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(photos / "one" / "x.png", np.full((9, 9), 9, np.uint8))
    whole = (photos / "one" / "x.png").read_bytes()
    (photos / "one" / "x.png").write_bytes(whole[:33] + b"\0\0\0\4tEXtabcd" + b"no crc"[:4] + whole[33:])
    with monkeypatch.context() as patch:
        patch.setattr(picture, "without_metadata", lambda content: ())
        old = read_as("folder", photos)
    assert [line.split(":")[0] for line in old.report.refused] == ["one/x.png"]
    as_the_first_reader_kept_it(store, old.revision)
    new = read_as("folder", photos, unreadable="fail")
    assert (len(old.labels), len(new.labels)) == (24, 25)
    assert new.revision != old.revision
    assert (store / "datasets" / old.revision / FACTS).is_file(), "records of before refer to it"
    assert read_as("folder", photos).revision == new.revision


def test_what_both_readers_refuse_has_the_revision_it_had(photos: Path, read_as: Read, store: Path) -> None:
    (photos / "one" / "x.png").write_bytes(b"no picture")
    old = read_as("folder", photos)
    as_the_first_reader_kept_it(store, old.revision)
    new = read_as("folder", photos)
    assert new.revision == old.revision
    assert list(new.report.refused) == list(old.report.refused)
    assert not list((store / "datasets").glob(".*")), "what was there is replaced"


def test_the_revision_of_a_folder_is_that_of_the_first_reader(tmp_path: Path, read_as: Read) -> None:
    """Worked out with the version before; whatever is kept in a store is found again."""
    for label, name in enumerate(("a", "b")):
        for row in range(5):
            path = tmp_path / "data" / name / f"{row}.ppm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"P6 2 2 255 " + bytes(range(label * 100 + row * 12, label * 100 + row * 12 + 12)))
    assert read_as("folder", tmp_path / "data").revision == FIRST_REVISION


def test_names_that_are_no_text_are_kept(photos: Path, read_as: Read, store: Path) -> None:
    odd = os.fsdecode(b"\xff\xfe.png")
    Image.new("L", (9, 9), 7).save(photos / "one" / odd, "PNG")
    (photos / "zero" / odd).write_bytes(b"damaged")
    (photos / "one" / "two\nlines.png").write_bytes(b"damaged")
    found = read_as("folder", photos)
    assert len(found.labels) == 25
    again = read_as("folder", photos)
    refused = [line.rpartition(": ")[0].split(":")[0] for line in again.report.refused]
    assert refused == ["one/two\nlines.png", f"zero/{odd}"]
    assert all("\n" not in line for line in again.report.lines())
    with pytest.raises(DataError) as failed:
        read_as("folder", photos, unreadable="fail")
    assert "\n" not in str(failed.value)
