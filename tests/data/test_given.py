"""Splits that tables come with: followed, or refused with the remedy; never replaced by drawn ones unsaid."""

from __future__ import annotations

from pathlib import Path

import numbered
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from photos import Read
from PIL import Image

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import folder, npz, parquet

ANEW = r"or draw all splits anew with loader\.split=null"
LABELS = ["ant", "bee"] * 3
WORDS = ["train", "train", "val", "val", "test", "test"]


def splits(found: object) -> list[str]:
    return [row[2] for row in numbered.rows_of(found)]  # type: ignore[arg-type, misc]


CALLED = {
    "words": WORDS,
    "any case, spaces": ["TRAIN", " train ", "Val", "validation", "Test", "testing"],
    "other names": ["training", "train", "dev", "valid", "test", "test"],
    "numbers": [0, 0, 1, 1, 2, 2],
    "floats": [0.0, 0.0, 1.0, 1.0, 2.0, 2.0],
    "numbers as words": ["0", "0", "1", "1", "2", "2"],
    "bytes": [word.encode() for word in WORDS],
}


@pytest.mark.parametrize("case", CALLED)
@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_split_may_be_called_as_folders_call_it_or_be_a_number(tmp_path: Path, kind: str, case: str) -> None:
    if kind == "npz":
        found = npz.listing(str(numbered.archive(tmp_path / "x.npz", LABELS, split=np.array(CALLED[case]))))
    else:
        found = parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=LABELS, split=CALLED[case])))
    assert splits(found) == WORDS


REFUSED = {
    "pq_one_null_split": ([None, *WORDS[1:]], rf"split is empty in 1 of 6 rows \(row 0\); fill them, {ANEW}"),
    "blank": ([*WORDS[:5], " "], rf"split is empty in 1 of 6 rows \(row 5\); fill them, {ANEW}"),
    "NaN": ([0.0, 1.0, 2.0, float("nan"), 0.0, 0.0], r"split is NaN in 1 of 6 rows \(row 3\)"),
    "a fold": ([0, 1, 2, 3, 4, 0], rf"a split is called 3, 4 in split; use train, val, test or 0, 1, 2, {ANEW}"),
    "a half": ([0.0, 0.5, 1.0, 2.0, 0.0, 0.0], r"a split is called 0\.5 in split"),
    "truth values": ([True, False] * 3, "a split is called (True|False)"),
    "lists": ([["train"]] * 6, "split is list<"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_split_that_cannot_be_followed_is_refused_and_drawn_only_if_asked(tmp_path: Path, case: str) -> None:
    column, message = REFUSED[case]
    file = str(numbered.parquet(tmp_path / "train.parquet", label=LABELS, split=column))
    with pytest.raises(DataError, match=message):
        parquet.listing(file)
    # Neither the column nor the name of the file.
    assert parquet.listing(file, split=None).given is None


SHAPES = {
    "npz_short_split": (WORDS[:3], "split has 3 values, not one for each of 6 images"),
    "longer": ([*WORDS, "test"], "split has 7 values, not one for each of 6 images"),
    "scalar": (np.array("train"), r"split has the shape \(\), not \(N,\)"),
    "two a row": ([["train", "test"]] * 6, r"split has the shape \(6, 2\), not \(N,\)"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_split_array_of_another_length_or_shape_is_refused_and_drawn_only_if_asked(tmp_path: Path, case: str) -> None:
    array, message = SHAPES[case]
    file = str(numbered.archive(tmp_path / "x.npz", LABELS, split=np.array(array)))
    with pytest.raises(DataError, match=message):
        npz.listing(file)
    assert npz.listing(file, split=None).given is None


def test_a_split_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no array fold; it has images, labels"):
        npz.listing(str(numbered.archive(tmp_path / "x.npz", LABELS)), split="fold")
    with pytest.raises(ConfigError, match=rf"has no column fold: name it with loader\.split, {ANEW}"):
        parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=LABELS)), split="fold")


def test_a_column_that_says_nothing_is_said_to_be_empty(tmp_path: Path) -> None:
    found = parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=LABELS, split=pa.nulls(6))))
    assert found.given is None
    assert found.remarks == ("the column split is empty: splits are drawn",)
    found = npz.listing(str(numbered.archive(tmp_path / "x.npz", LABELS, split=np.array([""] * 6))))
    assert found.given is None
    assert found.remarks == ("the array split is empty: splits are drawn",)


NAMES = {
    "as the Hub has it": {"train-00000-of-00001": "train", "validation-0": "val", "test-0": "test"},
    "other names": {"training_1": "train", "dev.0": "val", "testing": "test"},
    "within the name": {"cifar_train": "train", "cifar-test-00": "test"},
    "folders": {"data/train/0": "train", "data/test/0": "test"},
    "of a key": {"split=train/0": "train", "split=val/0": "val"},
    "name before folder": {"test/train-0": "train", "x/val-0": "val"},
}


@pytest.mark.parametrize("case", NAMES)
def test_files_and_folders_tell_splits(tmp_path: Path, case: str) -> None:
    told = NAMES[case]
    for number, name in enumerate(told):
        numbered.parquet(tmp_path / f"{name}.parquet", first=2 * number, label=["ant", "bee"])
    by_file = dict(zip(told, range(len(told)), strict=True))
    expected = {row: told[name] for name, number in by_file.items() for row in (2 * number, 2 * number + 1)}
    found = parquet.listing(str(tmp_path))
    assert {row: split for row, _, split in numbered.rows_of(found)} == expected  # type: ignore[misc]


@pytest.mark.parametrize("names", [["my_train"], ["trained"], ["a", "b"], ["contest", "latest"]])
def test_names_that_tell_no_two_splits_tell_none(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        numbered.parquet(tmp_path / f"{name}.parquet", label=["ant", "bee"])
    assert parquet.listing(str(tmp_path)).given is None


def test_a_stray_file_beside_files_that_are_splits_is_refused(tmp_path: Path) -> None:
    for name in ("train-0", "test-0", "extra"):
        numbered.parquet(tmp_path / f"{name}.parquet", label=["ant", "bee"])
    with pytest.raises(DataError, match=rf"extra\.parquet tells no split, but test-0\.parquet does .*, {ANEW}"):
        parquet.listing(str(tmp_path))
    assert parquet.listing(str(tmp_path), split=None).given is None


def test_a_column_in_some_files_only_is_followed_where_the_others_are_called_splits(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / "a.parquet", label=["ant", "bee"], split=["val", "train"])
    numbered.parquet(tmp_path / "test-0.parquet", first=2, label=["ant", "bee"])
    assert splits(parquet.listing(str(tmp_path))) == ["val", "train", "test", "test"]
    (tmp_path / "test-0.parquet").rename(tmp_path / "z.parquet")
    with pytest.raises(DataError, match=r"z\.parquet tells no split, but a\.parquet does"):
        parquet.listing(str(tmp_path))


def test_a_given_split_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    """As with benchmarks that keep the labels of their test images to themselves: -1, or nothing."""
    labels = ["ant", "bee", "ant", "bee", None, None]
    with pytest.raises(DataError, match=r"no row of the given split test can be used \(2 rows; row 4: its label is em"):
        parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=labels, split=WORDS)))
    found = parquet.listing(str(tmp_path / "x.parquet"), split=None)
    assert numbered.rows_of(found) == [(0, "ant"), (1, "bee"), (2, "ant"), (3, "bee")]


def test_a_file_for_a_split_without_rows_is_refused(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / "train-0.parquet", label=LABELS)
    numbered.parquet(tmp_path / "test-0.parquet", label=pa.array([], pa.string()), image=pa.array([], pa.binary()))
    with pytest.raises(DataError, match=r"test-0\.parquet has no rows, so the given split test is empty"):
        parquet.listing(str(tmp_path))
    numbered.parquet(tmp_path / "test-1.parquet", label=LABELS)
    assert splits(parquet.listing(str(tmp_path))) == ["test"] * 6 + ["train"] * 6


def test_labels_and_splits_stay_in_step_with_the_pixels_where_rows_are_left_out(tmp_path: Path) -> None:
    labels = [None, "bee", "ant", "bee", "ant", "", "ant", "bee", "ant", "bee"]
    split = ["test", "train", "train", "test", "val", "val", "test", "val", "train", "train"]
    kept = [(row, label, split[row]) for row, label in enumerate(labels) if label]
    numbered.parquet(tmp_path / "a.parquet", label=labels[:5], split=split[:5])
    numbered.parquet(tmp_path / "b.parquet", first=5, label=labels[5:], split=split[5:])
    found = parquet.listing(str(tmp_path))
    assert numbered.rows_of(found) == kept
    assert numbered.rows_of(found) == kept  # contents are read twice
    assert found.refused == ("row 0: its label is empty", "row 5: its label is empty")
    words = np.array([label or "" for label in labels])
    assert numbered.rows_of(npz.listing(str(numbered.archive(tmp_path / "x.npz", words, split=split)))) == kept


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".ipynb_checkpoints/test-checkpoint.parquet", id="pq_hidden_copy"),
        pytest.param("._train-0.parquet", id="pq_appledouble"),
        "__MACOSX/train-0.parquet",
        "@eaDir/train-0.parquet",
        "_temporary/0/part-0.parquet",
    ],
)
def test_hidden_copies_are_not_read_and_listed(tmp_path: Path, name: str) -> None:
    numbered.parquet(tmp_path / "data" / "train-0.parquet", label=["ant", "bee"])
    numbered.parquet(tmp_path / "data" / "test-0.parquet", first=2, label=["ant", "bee"])
    before = numbered.rows_of(parquet.listing(str(tmp_path / "data")))
    (tmp_path / "data" / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / "data" / name).write_bytes(b"\0\5\x16\7")
    found = parquet.listing(str(tmp_path / "data"))
    assert numbered.rows_of(found) == before
    assert found.ignored == (name.split("/")[0],)


def test_a_folder_that_is_itself_hidden_is_read_and_files_of_other_kinds_are_listed(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / ".cache" / "x.parquet" / "part-0.parquet", label=["ant", "bee"])
    (tmp_path / ".cache" / "README.md").touch()
    (tmp_path / ".cache" / "link").symlink_to(tmp_path)
    found = parquet.listing(str(tmp_path / ".cache"))
    assert numbered.rows_of(found) == [(0, "ant"), (1, "bee")]
    assert found.ignored == ("README.md", "link")
    (tmp_path / ".cache" / "gone.parquet").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"gone\.parquet cannot be read: it is a link that leads nowhere"):
        parquet.listing(str(tmp_path / ".cache"))


def test_only_hidden_files_are_no_dataset(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / "._x.parquet", label=["ant", "bee"])
    with pytest.raises(ConfigError, match=r"no folder with \.parquet files; not read: \._x\.parquet"):
        parquet.listing(str(tmp_path))


def test_numbers_of_a_split_that_have_names_are_followed_by_name(tmp_path: Path) -> None:
    table = pa.table({"image": numbered.files(4), "label": ["ant", "bee"] * 2, "split": [0, 0, 1, 1]})
    said = b'{"info": {"features": {"split": {"names": ["test", "train"], "_type": "ClassLabel"}}}}'
    pq.write_table(table.replace_schema_metadata({b"huggingface": said}), tmp_path / "x.parquet")
    assert splits(parquet.listing(str(tmp_path / "x.parquet"))) == ["test", "test", "train", "train"]


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_rows_without_a_label_count_as_unreadable_images(tmp_path: Path, read_as: Read, kind: str) -> None:
    labels = np.array([float("nan"), *[1.0, 2.0] * 6])
    write = numbered.archive if kind == "npz" else lambda path, labels: numbered.parquet(path, label=labels)
    file = write(tmp_path / f"x.{kind}", labels)
    found = read_as(kind, file, size=8)
    # Images are filled with their row: 1, 2, ..., of which the odd ones are of class 1.0.
    assert found.images[:, 0, 0, 0].tolist() == list(range(1, 13))
    assert [found.class_names[label] for label in found.labels] == ["1.0", "2.0"] * 6
    assert [line.removeprefix("row ") for line in found.report.refused] == ["0: its label is NaN"]
    with pytest.raises(DataError, match=r"1 images cannot be read \(.*0: its label is NaN\); mend or remove them"):
        read_as(kind, file, size=8, unreadable="fail")


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_given_split_whose_images_cannot_be_read_is_refused_and_not_drawn_from_those_that_train(
    tmp_path: Path, read_as: Read, part: str
) -> None:
    """Folders ``train`` and ``val`` or ``test``, and every image of the second is damaged."""
    for name in ("train", part):
        for label in ("ant", "bee"):
            (tmp_path / "x" / name / label).mkdir(parents=True)
            for number in range(4):
                file = tmp_path / "x" / name / label / f"{number}.png"
                pixels = np.full((8, 8, 3), 40 * number + 100 * (label == "bee"), np.uint8)
                if name == "train":
                    Image.fromarray(pixels).save(file)
                else:
                    file.write_bytes(b"\x89PNG nothing")
    with pytest.raises(DataError, match=f"no image of the given split {part} can be read; remove the split or mend"):
        read_as("folder", tmp_path / "x", loader={"parts": True})


@pytest.mark.parametrize("left", ["nothing", "dead links", "hidden files", "another format", "no classes"])
@pytest.mark.parametrize("part", ["val", "test"])
def test_a_folder_for_a_split_without_images_is_refused_and_drawn_where_it_is_taken_away(
    tmp_path: Path, part: str, left: str
) -> None:
    """As git-annex and DVC leave a part that was not fetched, and competitions their test images."""
    for row, label in enumerate(LABELS):
        (tmp_path / "train" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / label / f"{row}.png").write_bytes(numbered.encoded(row))
    (tmp_path / part / "ant").mkdir(parents=True)
    if left == "dead links":
        (tmp_path / part / "ant" / "1.png").symlink_to(tmp_path / "annex" / "1.png")
    elif left == "no classes":
        (tmp_path / part / "1.png").write_bytes(numbered.encoded(99))
    elif left != "nothing":
        name = "._1.png" if left == "hidden files" else "1.heic"
        (tmp_path / part / "ant" / name).write_bytes(b"x")
    why = rf" \({part}/ant/1\.png: a link that leads nowhere\)" if left == "dead links" else ""
    with pytest.raises(DataError, match=rf"no image of a class is in the given split {part}{why}; add images, or "):
        folder.listing(str(tmp_path), parts=True)
    (tmp_path / part).rename(tmp_path / ".away")
    assert splits(folder.listing(str(tmp_path), parts=True)) == ["train"] * 6
