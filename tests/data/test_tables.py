"""Images in one file: NumPy archives, parquet, Hugging Face datasets."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fault_page import Injected
from photos import Read
from PIL import Image

from pgebench.core.errors import ConfigError, DataError

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 16, 16, 3), dtype=np.uint8)
WORDS = np.array(["ant", "bee"] * 10)


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    np.savez(tmp_path / "data.npz", images=PIXELS, labels=WORDS)
    return tmp_path / "data.npz"


def test_an_archive_gives_its_pixels_back(archive: Path, read_as: Read) -> None:
    found = read_as("npz", archive)
    assert (found.images == PIXELS).all()
    assert found.class_names == ("ant", "bee")
    assert found.labels.tolist() == [0, 1] * 10
    assert np.bincount(found.split).tolist() == [12, 4, 4]


def test_an_archive_may_have_splits_grey_images_and_names_for_its_numbers(tmp_path: Path, read_as: Read) -> None:
    split = np.array(["train"] * 10 + ["validation"] * 4 + ["test"] * 6)
    names = np.array(["ant", "cow", "bee"])  # a label that does not occur leaves no gap
    np.savez(tmp_path / "x.npz", images=PIXELS[..., 0], labels=[0, 2] * 10, split=split, class_names=names)
    found = read_as("npz", tmp_path / "x.npz")
    assert (found.images == PIXELS[..., :1]).all()
    assert found.class_names == ("ant", "bee")
    assert np.bincount(found.split).tolist() == [10, 4, 6]


class Hostile:
    """What runs if it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"images": PIXELS}, ConfigError, r"has no array labels; it has images: name them with loader\.images"),
        ({"images": PIXELS / 255, "labels": WORDS}, DataError, "images are float64; store uint8 values"),
        ({"images": PIXELS, "labels": WORDS[1:]}, DataError, "labels has 19 values, not one for each of 20 images"),
        ({"images": PIXELS[0, 0], "labels": WORDS}, DataError, r"has the shape \(16, 3\); it must be"),
        ({"images": PIXELS, "labels": WORDS, "split": ["fold"] * 20}, DataError, "a split is called fold"),
        ({"images": PIXELS, "labels": WORDS, "class_names": ["a"]}, DataError, "class_names do not fit the labels"),
        ({"images": PIXELS, "labels": np.array([Hostile()] * 20)}, DataError, "save plain arrays, not objects"),
    ],
)
def test_archives_that_are_no_dataset_are_refused_with_the_remedy(
    tmp_path: Path, read_as: Read, arrays: dict[str, np.ndarray], error: type, message: str
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(error, match=message):
        read_as("npz", tmp_path / "x.npz")


def test_an_archive_that_declares_more_than_the_memory_is_not_read(
    archive: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch, injected: Injected
) -> None:
    monkeypatch.setattr("pgebench.data.npz.available_memory", lambda: 10_000)
    with pytest.raises(DataError, match=r"more than half of the memory .*; use a folder or parquet files"):
        read_as("npz", archive)
    injected("npz archive that declares arrays larger than half of the memory", 1, "refused before they are read")


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_a_damaged_file_is_named(tmp_path: Path, read_as: Read, kind: str) -> None:
    (tmp_path / f"x.{kind}").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_as(kind, tmp_path / f"x.{kind}")
    with pytest.raises(ConfigError, match="there is no such file"):
        read_as(kind, tmp_path / "elsewhere")


@pytest.mark.parametrize("nested", [False, True])
def test_a_parquet_file_gives_its_images(tmp_path: Path, read_as: Read, nested: bool) -> None:
    content = [encoded(one) for one in PIXELS]
    images = [{"bytes": one, "path": None} for one in content] if nested else content
    pq.write_table(pa.table({"image": images, "label": WORDS}), tmp_path / "x.parquet")
    found = read_as("parquet", tmp_path / "x.parquet")
    assert (found.images == PIXELS).all()
    assert found.class_names == ("ant", "bee")


def test_parquet_files_named_as_on_the_hub_are_splits(tmp_path: Path, read_as: Read) -> None:
    for name, rows in (("train-00000-of-00001", slice(0, 12)), ("test-00000-of-00001", slice(12, 20))):
        table = pa.table({"image": [encoded(one) for one in PIXELS[rows]], "label": WORDS[rows]})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    found = read_as("parquet", tmp_path)
    assert found.report.rule.startswith("train, test as given")
    assert (found.split == 2).sum() == 8


def test_damaged_rows_are_left_out_and_wrong_columns_refused(tmp_path: Path, read_as: Read) -> None:
    content = [encoded(one) for one in PIXELS]
    content[3], content[4] = b"nothing", None
    pq.write_table(pa.table({"image": content, "label": WORDS}), tmp_path / "x.parquet")
    found = read_as("parquet", tmp_path / "x.parquet")
    assert [line.split(":")[0] for line in found.report.refused] == ["row 3", "row 4"]
    with pytest.raises(ConfigError, match=r"has no column pixels; it has image, label: name them with loader\.image"):
        read_as("parquet", tmp_path / "x.parquet", loader={"image": "pixels"})
    with pytest.raises(DataError, match="the column label is string; it must hold the bytes of image files"):
        read_as("parquet", tmp_path / "x.parquet", loader={"image": "label"})


def test_ten_thousand_classes_are_read(tmp_path: Path, read_as: Read) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((30_000, 8, 8), np.uint8), labels=np.arange(30_000) % 10_000)
    found = read_as("npz", tmp_path / "x.npz", size=8)
    assert len(found.class_names) == 10_000
    assert np.bincount(found.split).tolist() == [10_000] * 3


def test_a_hugging_face_dataset_is_read(tmp_path: Path, read_as: Read) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["ant", "bee"])})
    rows = {"image": [{"bytes": encoded(one), "path": None} for one in PIXELS], "label": [0, 1] * 10}
    parts = {"train": slice(0, 12), "test": slice(12, 20)}
    whole = {
        part: datasets.Dataset.from_dict({key: value[chosen] for key, value in rows.items()}, features=features)
        for part, chosen in parts.items()
    }
    datasets.DatasetDict(whole).save_to_disk(tmp_path / "data")
    loader = {"parts": {"train": "train", "test": "test"}}
    found = read_as("hugging_face", tmp_path / "data", loader=loader)
    assert (found.images == PIXELS).all()
    assert found.class_names == ("ant", "bee")
    assert np.bincount(found.split).tolist() == [10, 2, 8]
    with pytest.raises(ConfigError, match="has no split dev; it has train, test"):
        read_as("hugging_face", tmp_path / "data", loader={"parts": {"train": "train", "test": "dev"}})
    with pytest.raises(ConfigError, match="has no column picture; it has image, label"):
        read_as("hugging_face", tmp_path / "data", loader=loader | {"image": "picture"})


def test_without_the_library_the_extra_is_named(tmp_path: Path, read_as: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(ConfigError, match=r"pip install 'pgebench\[hf\]'"):
        read_as("hugging_face", tmp_path, loader={"parts": {"all": "train"}})
