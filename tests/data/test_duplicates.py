"""The same picture more than once: told first, kept in one split where we draw, dropped by a rule that never leaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write

from pgebench.core.errors import DataError
from pgebench.core.settings import Reading
from pgebench.data.cache import Decoded
from pgebench.data.listing import SPLITS
from pgebench.data.revision import revision_of
from pgebench.data.split import UNUSED, assign

NAMES = ("a", "b")


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Classes a and b with ten pictures each, all different."""
    for label, name in enumerate(NAMES):
        for row in range(10):
            write(tmp_path / "data" / name / f"{row}.png", picture(100 * label + row))
    return tmp_path / "data"


def given(root: Path, *places: str) -> None:
    """The same picture at each place ``part/class``, among four others of each."""
    for part in SPLITS:
        for label, name in enumerate(NAMES):
            for row in range(4):
                seed = 1000 * SPLITS.index(part) + 100 * label + row
                write(root / part / name / f"{row}.png", picture(seed))
    for place in places:
        write(root / place / "same.png", picture(7777))


def splits_of(found: Decoded, pixels: np.ndarray) -> set[int]:
    return set(found.split[(found.images == pixels).all(axis=(1, 2, 3))].tolist())


def test_duplicates_across(folder: Path, read_as: Read, capsys: pytest.CaptureFixture[str]) -> None:
    """duplicates_across: copies in a class, and in another one."""
    for row in (0, 1, 4, 7, 9):
        shutil.copy(folder / "a" / f"{row}.png", folder / "a" / f"{row} (1).png")
    for row in (0, 1):
        shutil.copy(folder / "a" / f"{row}.png", folder / "b" / f"dup{row}.png")
    found = read_as("folder", folder)
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("  2 pictures (6 images) are in more than one class")
    assert said[2] == "    a/0 (1).png = a/0.png = b/dup0.png"
    assert said[4].startswith("  3 pictures (6 images) are in one class and split more than once")
    assert not found.report.copies.splits, "we drew the splits"
    for row in (0, 1, 4, 7, 9):
        assert len(splits_of(found, picture(row))) == 1
    assert found.report.rule.endswith("drawn with seed 0; copies of a picture stay together")


def test_the_same_picture_in_another_format_is_found(folder: Path, read_as: Read) -> None:
    write(folder / "a" / "x.bmp", picture(3))
    write(folder / "a" / "y.png", picture(3), compress_level=0)
    assert list(read_as("folder", folder).report.copies.others) == [["a/3.png", "a/x.bmp", "a/y.png"]]


def test_without_duplicates_the_draw_and_the_identity_are_what_they_were(folder: Path, read_as: Read) -> None:
    found = read_as("folder", folder)
    assert found.report.copies.groups() == []
    assert found.split.tolist() == assign(found.labels, NAMES, None, Reading(size=16))[0].tolist()
    dropped = read_as("folder", folder, duplicates="drop")
    assert (dropped.images == found.images).all()
    assert (dropped.split == found.split).all()
    assert read_as("folder", folder, duplicates="fail").revision == found.revision


def test_leakage_across_given_splits_is_said_first(
    tmp_path: Path, read_as: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    given(tmp_path / "data", "train/a", "test/a")
    found = read_as("folder", tmp_path / "data", loader={"parts": True})
    said = capsys.readouterr().out.splitlines()
    assert said[1:3] == [
        "  LEAKAGE: 1 pictures (2 images) are in more than one split, so that what trains is tested "
        "(reading.duplicates=drop leaves copies out, fail refuses):",
        "    test/a/same.png = train/a/same.png",
    ]
    assert splits_of(found, picture(7777)) == {0, 2}, "what is given is followed"


@pytest.mark.parametrize(
    ("places", "kept"),
    [
        (("train/a", "test/a"), ["test/a/same.png"]),
        (("train/a", "val/a"), ["val/a/same.png"]),
        (("train/a", "val/a", "test/a"), ["test/a/same.png"]),
        (("train/a", "train/b"), []),
        (("train/a", "test/b"), []),
    ],
)
def test_drop_leaves_one_copy_where_it_is_worth_most_and_none_of_two_classes(
    tmp_path: Path, read_as: Read, places: tuple[str, ...], kept: list[str]
) -> None:
    given(tmp_path / "data", *places)
    found = read_as("folder", tmp_path / "data", loader={"parts": True}, duplicates="drop")
    everything = {f"{place}/same.png" for place in places}
    assert {line.split(":")[0] for line in found.report.dropped} == everything - set(kept)
    assert (found.images == picture(7777)).all(axis=(1, 2, 3)).sum() == len(kept)
    assert len(found.labels) == 24 + len(kept)
    assert found.report.copies.groups() == []
    assert f"{len(places) - len(kept)} images are copies and dropped" in "\n".join(found.report.lines())
    splits = {SPLITS[number] for number in splits_of(found, picture(7777))}
    assert splits == {name.split("/")[0] for name in kept}
    other = found.images[found.labels == 1]
    assert (other[0] == picture(1000 * 2 + 100)).all(), "those that stay are in their places"


def test_fail_refuses_and_keeps_nothing(folder: Path, read_as: Read, store: Path) -> None:
    shutil.copy(folder / "a" / "0.png", folder / "b" / "x.png")
    with pytest.raises(DataError, match=r"1 pictures are there more than once, 0 .*, 1 .*\(a/0.png = b/x.png\)"):
        read_as("folder", folder, duplicates="fail")
    assert not list((store / "datasets").glob("*/images.u8"))
    read_as("folder", folder)
    with pytest.raises(DataError, match="1 pictures are there more than once"):
        read_as("folder", folder, duplicates="fail")


def test_a_class_of_which_nothing_is_left_is_refused(folder: Path, read_as: Read) -> None:
    shutil.copytree(folder / "a", folder / "c")
    with pytest.raises(DataError, match=r"no image of a; c is left by reading.duplicates=drop"):
        read_as("folder", folder, duplicates="drop")


def test_a_folder_under_two_names_is_told(folder: Path, read_as: Read) -> None:
    (folder / "c").symlink_to(folder / "a")
    assert len(read_as("folder", folder).report.copies.classes) == 10


def test_a_class_of_one_picture_keeps_its_splits_and_the_leak_is_told(tmp_path: Path, read_as: Read) -> None:
    for name in NAMES:
        for row in range(10):
            write(tmp_path / "data" / name / f"{row}.png", picture(0 if name == "a" else row + 1))
    found = read_as("folder", tmp_path / "data")
    assert np.bincount(found.split[found.labels == 0]).tolist() == [6, 2, 2]
    assert [len(group) for group in found.report.copies.splits] == [10]


def test_copies_stay_together_and_numbers_of_training_images_stay() -> None:
    labels = np.repeat([0, 1], 30)
    groups = [np.array([row, row + 1, row + 2]) for row in range(0, 24, 3)]
    split, _ = assign(labels, NAMES, None, Reading(), groups)
    assert all(len(set(split[rows])) == 1 for rows in groups)
    numbers = Reading(train_images=10)
    before, after = assign(labels, NAMES, None, numbers)[0], assign(labels, NAMES, None, numbers, groups)[0]
    assert (np.isin(after, (0, 1)) == np.isin(before, (0, 1))).all()
    assert all(len(set(after[rows]) - {UNUSED}) <= 1 for rows in groups)


def test_copies_move_among_drawn_splits_alone() -> None:
    labels = np.repeat([0, 1], 20)
    parts = np.tile([0, 0, 0, 0, 2], 8).astype(np.uint8)
    groups = [np.arange(start, start + 5) for start in (0, 5, 20)]
    split, _ = assign(labels, NAMES, parts, Reading(), groups)
    assert ((split == 2) == (parts == 2)).all()
    for rows in groups:
        assert len(set(split[rows][parts[rows] == 0])) == 1


def test_another_choice_is_another_content_where_it_drops(folder: Path, tmp_path: Path) -> None:
    from pgebench.data.folder import listing

    found = listing(str(folder))
    revisions = {rule: revision_of(found, Reading(duplicates=rule), tmp_path) for rule in ("keep", "fail", "drop")}
    assert revisions["keep"] == revisions["fail"] != revisions["drop"]
