"""Folders as they come from phones, drives and colleagues: what is a class, what a split, what neither."""

from __future__ import annotations

import os
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from photos import Read, write

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.folder import listing

WIDE = "\uff41\uff4e\uff54"
"""The letters ant, as wide as Chinese ones."""


def fill(root: Path, *folders: str, images: int = 3) -> Path:
    for number, folder in enumerate(folders):
        for row in range(images):
            write(root / folder / f"{row}.png", np.full((9, 9), 10 * number + row, np.uint8))
    return root


def names(root: Path, parts: bool | None = None) -> tuple[str, ...]:
    return listing(str(root), parts).class_names


def test_eadir_inside_only(tmp_path: Path, read_as: Read) -> None:
    """eadir_inside_only: thumbnails of a network drive."""
    fill(tmp_path, "ant", "bee")
    fill(tmp_path, "ant/@eaDir/0.png", "ant/@eaDir/1.png", "@eaDir/x", "__MACOSX/ant", "bee/.cache", images=1)
    (tmp_path / "ant" / "._0.png").write_bytes(b"AppleDouble")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    found = listing(str(tmp_path))
    assert found.class_names == ("ant", "bee")
    assert list(found.names) == [f"{name}/{row}.png" for name in ("ant", "bee") for row in range(3)]
    assert sorted(found.ignored) == [
        "@eaDir/ (1 files)",
        "Thumbs.db",
        "__MACOSX/ (1 files)",
        "ant/._0.png",
        "ant/@eaDir/ (2 files)",
        "bee/.cache/ (1 files)",
    ]
    assert not found.refused


@pytest.mark.parametrize("case", ["parts_unknown", "parts_not_said"])
def test_splits_that_are_not_said_to_be_any_are_refused(tmp_path: Path, case: str) -> None:
    parts = ("train", "holdout") if case == "parts_not_said" else ("train", "eval", "holdout")
    fill(tmp_path, *(f"{part}/{name}" for part in parts for name in ("ant", "bee", "cow")))
    with pytest.raises(DataError, match=r"holds the folders train and .*, and both hold ant, bee, cow: .*parts=true"):
        names(tmp_path)
    assert names(tmp_path, False) == tuple(sorted(parts)), "whoever says so has classes of these names"
    with pytest.raises(DataError, match=r"folder \w+ \(9 images\) holds classes too, .* rename it to val or test"):
        names(tmp_path, True)


def test_a_folder_that_is_no_part_is_told_with_its_number_of_images(tmp_path: Path, read_as: Read) -> None:
    fill(tmp_path, *(f"{part}/{name}" for part in ("train", "val", "test") for name in ("ant", "bee")))
    fill(tmp_path, "holdout/ant", "holdout/bee", "unlabelled")
    found = listing(str(tmp_path), True)
    assert len(found.names) == 18
    assert [line for line in found.remarks if line.startswith("NOT USED")] == [
        "NOT USED: the folder holdout with 6 images, which is called neither train, val nor test",
        "NOT USED: the folder unlabelled with 3 images, which is called neither train, val nor test",
    ]
    assert "  NOT USED: the folder holdout with 6 images" in "\n".join(
        read_as("folder", tmp_path, loader={"parts": True}).report.lines()
    )


def test_two_folders_of_one_split_are_read_as_one_and_told(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{part}/{name}" for part in ("train", "Train", "training", "test") for name in ("ant", "bee")))
    found = listing(str(tmp_path), True)
    assert np.bincount(found.given).tolist() == [18, 0, 6]
    assert found.remarks == (
        "the folders Train and train and training are both called like train: they are read as one split",
    )


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "car", "bus"),  # vehicles
        ("train/red", "car/blue", "bus/green"),
        ("test/x", "rest/x"),
        ("val", "cal"),
    ],
)
def test_a_class_may_be_called_like_a_split(tmp_path: Path, folders: tuple[str, ...]) -> None:
    fill(tmp_path, *folders)
    assert names(tmp_path) == tuple(sorted({folder.split("/")[0] for folder in folders}))


def test_classes_inside_other_folders_are_told(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{year}/{name}" for year in ("2019", "2020") for name in ("ant", "bee")))
    assert listing(str(tmp_path)).remarks == (
        "each of the class folders holds the folders ant, bee: they are no classes, the folders above them are",
    )


def test_unicode_nfc_nfd(tmp_path: Path) -> None:
    """unicode_nfc_nfd: one name in the two forms that systems write it in is nobody's wish."""
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    fill(tmp_path, composed, "tea")
    assert len(names(tmp_path)) == 2
    fill(tmp_path, apart)
    with pytest.raises(DataError, match=r"'cafe\\u0301' and 'caf\\xe9' have the same name .* put the images of both"):
        names(tmp_path)


def test_the_two_forms_in_two_splits_are_refused_too(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    fill(tmp_path, f"train/{composed}", "train/tea", f"test/{apart}", "test/tea")
    with pytest.raises(DataError, match="have the same name"):
        names(tmp_path, True)


def test_names_that_differ_in_case_width_or_space_are_classes_and_told(tmp_path: Path) -> None:
    fill(tmp_path, "Ant", "ant", "ant ", WIDE, "bee", "straße", "STRASSE")
    found = listing(str(tmp_path))
    assert len(found.class_names) == 7
    assert [line.split(" differ")[0] for line in found.remarks] == [
        "the classes 'Ant' and 'ant' and 'ant ' and '" + WIDE + "'",
        "the classes 'STRASSE' and 'straße'",
    ]


def test_pictures_of_formats_that_are_not_read_are_told(tmp_path: Path) -> None:
    fill(tmp_path, "ant", "bee")
    for row in range(4):
        (tmp_path / "ant" / f"IMG_{row}.HEIC").write_bytes(b"heic")
    (tmp_path / "bee" / "x.avif").write_bytes(b"avif")
    found = listing(str(tmp_path))
    assert found.remarks == ("NOT READ: 1 .avif files, 4 .heic files; convert them, to JPEG or PNG",)
    assert len(found.ignored) == 5
    for row in range(3):
        (tmp_path / "ant" / f"{row}.png").unlink()
    with pytest.raises(DataError, match=r"no image in ant; .*; it holds 4 \.heic files: convert them"):
        listing(str(tmp_path))


def test_files_that_differ_in_case_are_two(tmp_path: Path) -> None:
    fill(tmp_path, "ant", "bee")
    write(tmp_path / "ant" / "0.PNG", np.zeros((5, 5), np.uint8))
    assert len(listing(str(tmp_path)).names) == 7


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "ant", "bee", "ant/inside")
    iterdir, closed = Path.iterdir, tmp_path / "ant" / "inside"

    def guarded(path: Path) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", guarded)
    assert listing(str(tmp_path)).refused == ("ant/inside: Permission denied",)
    closed = tmp_path
    with pytest.raises(DataError, match=r"the folder cannot be listed \(Permission denied\)"):
        listing(str(tmp_path))


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match="there is no such folder"):
        listing(str(tmp_path / "x"))


@pytest.mark.slow
def test_a_tree_deeper_than_the_stack(tmp_path: Path) -> None:
    fill(tmp_path, "ant", "bee")
    place = os.open(tmp_path / "ant", os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=place)
        deeper = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = deeper
    os.close(place)
    try:
        assert len(listing(str(tmp_path)).names) == 6
    finally:  # nobody else can remove such a tree
        subprocess.run(["rm", "-r", str(tmp_path / "ant" / "d")], check=True)
