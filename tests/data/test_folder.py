"""A folder of class folders as a dataset."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.settings import Reading
from pgebench.data import decode
from pgebench.data.listing import Listing
from pgebench.data.task import dataset_params, open_task


def test_every_folder_is_a_class(photos: Path, read_as: Read) -> None:
    found = read_as("folder", photos)
    assert found.class_names == ("one", "zero")
    assert found.images.shape == (24, 16, 16, 3)
    assert np.bincount(found.labels).tolist() == [12, 12]
    for label in (0, 1):
        assert np.bincount(found.split[found.labels == label]).tolist() == [8, 2, 2]
    assert not found.report.refused


def test_what_was_read_is_said_once(photos: Path, read_as: Read, capsys: pytest.CaptureFixture[str]) -> None:
    write(photos / "one" / "large.png", np.zeros((30, 50), np.uint8))
    read_as("folder", photos)
    said = capsys.readouterr().out
    assert "25 images in 2 classes (12 to 13 a class), 16 train, 4 val, 5 test." in said
    assert "split: test: 20% of each class; val: 25% of each class's other images; drawn with seed 0" in said
    assert "sizes: 32 x 32 to 50 x 30, median 32 x 32; stored as 16 x 16" in said
    read_as("folder", photos)
    assert not capsys.readouterr().out


def test_folders_inside_a_class_belong_to_it(photos: Path, read_as: Read) -> None:
    write(photos / "one" / "more" / "deep" / "x.png", np.zeros((9, 9), np.uint8))
    assert len(read_as("folder", photos).labels) == 25


def test_given_splits_are_kept_and_a_missing_one_is_drawn_from_train(tmp_path: Path, read_as: Read) -> None:
    for part, number in (("train", 10), ("test", 4)):
        for row in range(number):
            for label, name in enumerate(("a", "b")):
                grey = 100 * label + 10 * row + (5 if part == "test" else 0)
                write(tmp_path / "data" / part / name / f"{row}.png", np.full((9, 9), grey, np.uint8))
    with pytest.raises(DataError, match=r"holds the folders test, train: .* loader\.parts=true"):
        read_as("folder", tmp_path / "data")
    found = read_as("folder", tmp_path / "data", loader={"parts": True})
    assert found.class_names == ("a", "b")
    assert np.bincount(found.split).tolist() == [16, 4, 8]
    assert found.report.rule == ("train, test as given; val: 20% of each class's other images; drawn with seed 0")


@pytest.mark.parametrize("what", ["nothing", "one class", "empty class", "no parts"])
def test_folders_that_are_no_dataset_are_refused_with_the_remedy(photos: Path, read_as: Read, what: str) -> None:
    if what == "nothing":
        with pytest.raises(ConfigError, match="there is no such folder"):
            read_as("folder", photos / "elsewhere")
    elif what == "one class":
        with pytest.raises(DataError, match="put the images of each class in a folder of its own"):
            read_as("folder", photos / "one")
    elif what == "empty class":
        (photos / "two").mkdir()
        with pytest.raises(DataError, match="no image in two; remove an empty class folder or add images"):
            read_as("folder", photos)
    else:
        with pytest.raises(ConfigError, match="wants the folders train, val and test"):
            read_as("folder", photos, loader={"parts": True})


def test_a_class_of_one_image_is_reported_and_refused_where_it_is_used(
    photos: Path, store: Path, read_as: Read
) -> None:
    write(photos / "lonely" / "x.png", np.zeros((9, 9), np.uint8))
    assert read_as("folder", photos).report.small == ["lonely"]
    config = {"loader": {"_target_": "pgebench.data.folder.listing"}, "path": str(photos), "store": str(store)}
    params = dataset_params(config | {"reading": {"size": 16}})
    with pytest.raises(DataError, match=r"class lonely has no image in the val split; .* leave it out with classes="):
        open_task("photos", params, store)
    assert open_task("photos", params | {"classes": [1, 2]}, store).classes == 2


def test_links_that_lead_back_or_nowhere_are_left_out_and_named(photos: Path, read_as: Read) -> None:
    (photos / "one" / "again").symlink_to(photos)
    (photos / "one" / "self").symlink_to(photos / "one")
    (photos / "zero" / "round.png").symlink_to(photos / "zero" / "round.png")
    (photos / "zero" / "gone.png").symlink_to(photos / "elsewhere.png")
    found = read_as("folder", photos)
    assert len(found.labels) == 24
    assert sorted(found.report.refused) == [
        "one/again: a link back to a folder above it",
        "one/self: a link back to a folder above it",
        "zero/gone.png: a link that leads nowhere",
        "zero/round.png: a link that leads nowhere",
    ]


def test_worker_processes_decode_to_the_same_bytes(
    photos: Path, tmp_path: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = read_as("folder", photos)
    monkeypatch.setattr(decode, "CHUNK", 5)
    monkeypatch.setattr(decode, "available_cores", lambda: 2)
    together = read_as("folder", photos, unreadable="fail", max_megapixels=49)
    assert (alone.report.workers, together.report.workers) == (1, 2)
    assert (alone.images == together.images).all()


def test_no_more_images_are_in_memory_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "CHUNK", 7)
    taken = []

    def contents() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"no image"

    nobody = np.zeros(100, np.int64)
    listing = Listing("x", [str(number) for number in range(100)], nobody, ("a", "b"), contents)
    for number, _ in enumerate(decode.pictures(listing, Reading(), workers=1)):
        assert len(taken) - number <= 7


@pytest.mark.slow
def test_ten_thousand_classes(tmp_path: Path, read_as: Read) -> None:
    write(tmp_path / "x.png", np.zeros((9, 9), np.uint8))
    for label in range(10_000):
        folder = tmp_path / "data" / f"{label:05d}"
        folder.mkdir(parents=True)
        for row in range(3):
            os.link(tmp_path / "x.png", folder / f"{row}.png")
    found = read_as("folder", tmp_path / "data", size=8)
    assert np.bincount(found.split).tolist() == [10_000] * 3
