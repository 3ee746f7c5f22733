"""Parts of a dataset are matched by the names of their classes, not by their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numbered
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from torchvision import datasets

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import hugging_face, parquet, torchvision
from pgebench.data.classes import Part, classes


def hub(path: Path, names: list[str] | None, labels: object, first: int = 0) -> None:
    """A parquet file as the library writes it, with the names of the classes in its schema."""
    table = pa.table({"image": numbered.files(len(labels), first), "label": labels})  # type: ignore[arg-type]
    features = {"label": {"_type": "ClassLabel", "names": names}} if names else {"label": {"dtype": "int64"}}
    said = json.dumps({"info": {"features": features}}).encode()
    pq.write_table(table.replace_schema_metadata({b"huggingface": said}), path)


def test_the_order_is_that_of_the_first_names_and_classes_of_others_follow() -> None:
    found = classes("y", [Part("a", [1, 0], ["cow", "ant", "fly"]), Part("b", [0, 1, 2], ["bee", "ant", "cow"])])
    assert found.names == ("cow", "ant", "bee")
    assert found.numbers.tolist() == [1, 0, 2, 1, 0]


def test_one_name_for_two_classes_is_refused_where_parts_must_be_matched() -> None:
    with pytest.raises(DataError, match="a: two classes are called ant, and other parts have other names"):
        classes("y", [Part("a", [0, 1], ["ant", "ant"]), Part("b", [0], ["bee"])])
    # Names that nothing has do not matter.
    assert classes("y", [Part("a", [0, 1], ["ant", "bee", "-", "-"]), Part("b", [0], ["bee"])]).names == ("ant", "bee")


def test_parquet_files_with_other_orders_are_matched_by_name(tmp_path: Path) -> None:
    hub(tmp_path / "train-0.parquet", ["ant", "bee", "cow"], [0, 1, 2])
    hub(tmp_path / "test-0.parquet", ["cow", "bee", "ant"], [0, 1, 2, -1], first=10)
    found = parquet.listing(str(tmp_path))
    assert found.class_names == ("cow", "bee", "ant")  # test-0 comes first
    assert numbered.rows_of(found) == [
        *((10, "cow", "test"), (11, "bee", "test"), (12, "ant", "test")),
        *((0, "ant", "train"), (1, "bee", "train"), (2, "cow", "train")),
    ]
    assert found.refused == ("row 3: its label is -1, which names no class",)


def test_words_are_matched_with_names_and_numbers_are_not(tmp_path: Path) -> None:
    hub(tmp_path / "train-0.parquet", ["cow", "ant"], [0, 1])
    hub(tmp_path / "test-0.parquet", None, ["ant", "cow"], first=10)
    assert [row[:2] for row in numbered.rows_of(parquet.listing(str(tmp_path)))] == [
        *((10, "ant"), (11, "cow")),
        *((0, "cow"), (1, "ant")),
    ]
    hub(tmp_path / "test-0.parquet", None, [0, 1])
    with pytest.raises(DataError, match=r"label is a number in .*test-0\.parquet and a class with a name in .*train-0"):
        parquet.listing(str(tmp_path))


@pytest.mark.parametrize("said", [b"{", b"[]", b'{"info": null}', b'{"info": {"features": {"label": []}}}', b"\xff"])
def test_a_schema_that_says_something_else_names_nothing(tmp_path: Path, said: bytes) -> None:
    table = pa.table({"image": numbered.files(2), "label": [0, 1]})
    pq.write_table(table.replace_schema_metadata({b"huggingface": said}), tmp_path / "x.parquet")
    assert parquet.listing(str(tmp_path / "x.parquet")).class_names == ("0", "1")


class Opened:
    """A torchvision class whose parts have their own classes."""

    CLASSES = {"train": ["ant", "bee", "cow"], "test": ["cow", "bee", "ant"], "none": None, "empty": None}  # noqa: RUF012
    LABELS = {"train": [0, 1, 2], "test": [0, 1, 2, -1], "none": [0, 1], "empty": []}  # noqa: RUF012

    def __init__(self, root: str, split: str) -> None:
        self.classes, self.labels = self.CLASSES[split], self.LABELS[split]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Image.Image, int]:
        return Image.fromarray(np.full((4, 4, 3), row, np.uint8)), self.labels[row]


def test_torchvision_parts_are_matched_by_name_and_minus_one_is_no_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "GTSRB", Opened)
    parts = {"train": {"split": "train"}, "test": {"split": "test"}}
    found = torchvision.listing(str(tmp_path), "GTSRB", parts)
    assert numbered.rows_of(found) == [
        *((0, "ant", "train"), (1, "bee", "train"), (2, "cow", "train")),
        *((0, "cow", "test"), (1, "bee", "test"), (2, "ant", "test")),
    ]
    assert found.refused == ("test 3: its label is -1, which names no class",)
    with pytest.raises(DataError, match="classes cannot be matched"):
        torchvision.listing(str(tmp_path), "GTSRB", {"train": {"split": "train"}, "test": {"split": "none"}})


def test_a_part_of_torchvision_without_images_is_refused_and_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "GTSRB", Opened)
    with pytest.raises(DataError, match="no image of a class is in the given split test; add images, or leave it out"):
        torchvision.listing(str(tmp_path), "GTSRB", {"train": {"split": "train"}, "test": {"split": "empty"}})


def test_torchvision_reads_no_hidden_files(tmp_path: Path) -> None:
    for name in ("ant/1.png", "bee/2.png", "ant/._1.png", "bee/@eaDir/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(numbered.encoded(len(name)))
    found = torchvision.listing(str(tmp_path), "ImageFolder", {"all": {}})
    assert list(found.names) == ["ant/1.png", "bee/2.png"]
    assert sorted(found.ignored) == ["ant/._1.png", "bee/@eaDir/2.png"]


@pytest.fixture
def saved(tmp_path: Path) -> object:
    """``saved(images, labels, names, split)`` writes a dataset as the library saves it, and gives its folder."""
    library = pytest.importorskip("datasets")

    def write(parts: dict[str, object], to: str = "data") -> str:
        library.DatasetDict(parts).save_to_disk(tmp_path / to)
        return str(tmp_path / to)

    write.library = library  # type: ignore[attr-defined]
    return write


def part(library: object, labels: list[object], feature: object, first: int = 0, **columns: object) -> object:
    features = {"image": library.Image(), "label": feature}  # type: ignore[attr-defined]
    rows = {
        "image": [{"bytes": one, "path": None} for one in numbered.files(len(labels), first)],
        "label": labels,
    }
    return library.Dataset.from_dict(rows | columns, features=library.Features(features))  # type: ignore[attr-defined]


def test_hf_diff_names(saved: object) -> None:
    """Parts whose ClassLabels are ordered differently."""
    library = saved.library  # type: ignore[attr-defined]
    train = part(library, [0, 1, 2, -1], library.ClassLabel(names=["ant", "bee", "cow"]))
    test = part(library, [0, 1, 2], library.ClassLabel(names=["cow", "bee", "ant"]), first=10)
    path = saved({"train": train, "test": test, "more": test})  # type: ignore[operator]
    found = hugging_face.listing(path, {"train": "train", "test": "test"})
    assert numbered.rows_of(found) == [
        *((0, "ant", "train"), (1, "bee", "train"), (2, "cow", "train")),
        *((10, "cow", "test"), (11, "bee", "test"), (12, "ant", "test")),
    ]
    assert found.refused == ("train 3: its label is -1, which names no class",)
    assert found.remarks == ("its splits more are not used (see loader.parts)",)


LABELS = {
    "words": ("string", ["bee", "ant", None], ["bee", "ant", None]),
    "truth values": ("bool", [True, False, None], ["True", "False", None]),
    "floats": ("float64", [0.0, float("nan"), 1.0], ["0.0", None, "1.0"]),
    "bytes": ("binary", [b"bee", b"ant", b"\xff"], ["bee", "ant", None]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_are_values_are_read(saved: object, case: str) -> None:
    library = saved.library  # type: ignore[attr-defined]
    kind, labels, expected = LABELS[case]
    path = saved({"train": part(library, labels, library.Value(kind))})  # type: ignore[operator]
    assert numbered.rows_of(hugging_face.listing(path, {"all": "train"})) == numbered.expected(expected)


def test_hf_ragged_label_and_hf_list_image_are_refused(saved: object) -> None:
    library = saved.library  # type: ignore[attr-defined]
    ragged = part(library, [[0], [0, 1]], library.Sequence(library.Value("int64")))
    with pytest.raises(DataError, match=r"label is list<.*, 1 values in row 0; it must hold one number or word a row"):
        hugging_face.listing(saved({"train": ragged}, "ragged"), {"all": "train"})  # type: ignore[operator]
    features = library.Features({"image": library.Sequence(library.Image()), "label": library.Value("int64")})
    rows = {"image": [[{"bytes": numbered.encoded(0), "path": None}]] * 2, "label": [0, 1]}
    listed = library.Dataset.from_dict(rows, features=features)
    with pytest.raises(DataError, match=r"the column image of train is .*; it must hold one image a row"):
        hugging_face.listing(saved({"train": listed}, "listed"), {"all": "train"})  # type: ignore[operator]


def test_hf_none_image(saved: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No image, an image elsewhere, and one that is not there."""
    library = saved.library  # type: ignore[attr-defined]
    (tmp_path / "1.png").write_bytes(numbered.encoded(1))
    elsewhere = [{"bytes": None, "path": str(tmp_path / name)} for name in ("1.png", "2.png")]
    images = [{"bytes": numbered.encoded(0), "path": None}, *elsewhere, None]
    whole = part(library, ["ant", "bee", "ant", "bee"], library.Value("string"), image=images)
    monkeypatch.setattr(library, "load_dataset", lambda *_, **__: {"train": whole})
    found = hugging_face.listing("name", {"all": "train"})
    assert list(found.contents()) == [numbered.encoded(0), tmp_path / "1.png", b""]
    assert list(found.names) == ["all 0", "all 1", "all 3"]
    assert found.refused[0].startswith(f"all 2: it has no bytes but the path {tmp_path}/2.png")


def test_hf_zero_rows(saved: object, tmp_path: Path) -> None:
    library = saved.library  # type: ignore[attr-defined]
    names = library.ClassLabel(names=["ant", "bee"])
    path = saved({"train": part(library, [0, 1], names), "test": part(library, [], names)})  # type: ignore[operator]
    with pytest.raises(DataError, match=r"the split test has no rows; leave it out of loader\.parts, and it is drawn"):
        hugging_face.listing(path, {"train": "train", "test": "test"})
    state = json.loads((tmp_path / "data" / "test" / "state.json").read_text())
    for arrow in (tmp_path / "data" / "test").glob("*.arrow"):
        arrow.unlink()
    # Another version of the library writes no file at all.
    (tmp_path / "data" / "test" / "state.json").write_text(json.dumps(state | {"_data_files": []}))
    with pytest.raises(DataError, match="the split test has no rows"):
        hugging_face.listing(path, {"train": "train", "test": "test"})
    assert numbered.rows_of(hugging_face.listing(path, {"train": "train"})) == [
        (0, "ant", "train"),
        (1, "bee", "train"),
    ]


def test_hf_single_dataset(saved: object, tmp_path: Path) -> None:
    """One split, under the name it was saved with or as all."""
    library = saved.library  # type: ignore[attr-defined]
    one = part(library, [0, 1], library.ClassLabel(names=["ant", "bee"]))
    one.save_to_disk(tmp_path / "one")  # type: ignore[attr-defined]
    assert numbered.rows_of(hugging_face.listing(str(tmp_path / "one"), {"all": "all"})) == [
        (0, "ant"),
        (1, "bee"),
    ]
    with pytest.raises(ConfigError, match=r"no split test, train; it has all: say 'loader.parts=\{all: all\}'"):
        hugging_face.listing(str(tmp_path / "one"), {"train": "train", "test": "test"})
    part_of = saved({"dev": one})  # type: ignore[operator]
    state = json.loads((Path(part_of) / "dev" / "state.json").read_text())
    (Path(part_of) / "dev" / "state.json").write_text(json.dumps(state | {"_split": "dev"}))
    found = hugging_face.listing(f"{part_of}/dev", {"val": "dev"})
    assert numbered.rows_of(found) == [(0, "ant", "val"), (1, "bee", "val")]


def test_hidden_files_of_a_folder_that_the_library_loads_are_listed_and_hidden_folders_that_it_would_read_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eadir_inside_only, pq_appledouble: the library itself knows only names with a dot or two underscores."""
    library = pytest.importorskip("datasets")
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    photos = tmp_path / "photos"
    for number, name in enumerate(("ant/1.png", "bee/2.png", "ant/._1.png", "__MACOSX/3.png", "bee/Thumbs.db")):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(numbered.encoded(number))
    found = hugging_face.listing(str(photos), {"all": "train"})
    assert [(found.class_names[label], len(list(found.contents()))) for label in found.labels] == [
        ("ant", 2),
        ("bee", 2),
    ]
    assert list(found.ignored) == ["__MACOSX", "ant/._1.png", "bee/Thumbs.db"]
    for hidden in ("ant/@eaDir/1.png/THUMB.png", "$RECYCLE.BIN/1.png"):
        (photos / hidden).parent.mkdir(parents=True)
        (photos / hidden).write_bytes(numbered.encoded(7))
        with pytest.raises(DataError, match=r"would read the hidden folder (ant/@eaDir|\$RECYCLE.BIN) \(1 files\)"):
            hugging_face.listing(str(photos), {"all": "train"})
        (photos / hidden).unlink()
    assert len(hugging_face.listing(str(photos), {"all": "train"}).names) == 2


@pytest.mark.parametrize("path", ["./nowhere", "/no/such/folder", "~/nowhere", "a/b/c", "nowhere/"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(path: str) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(ConfigError, match="there is no such folder"):
        hugging_face.listing(path, {"all": "train"})


def test_a_name_is_looked_for_here_and_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("datasets")

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(library, "load_dataset", unreachable)
    with pytest.raises(
        DataError, match=r"there is no folder owner/name here, and as a dataset of the Hub .*: no network"
    ):
        hugging_face.listing("owner/name", {"all": "train"})


@pytest.mark.parametrize("name", ["dataset_dict.json", "state.json"])
@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"splits": 3}', '{"splits": ["train"]}'])
def test_a_damaged_folder_of_the_library_is_refused_in_one_line(tmp_path: Path, name: str, text: str) -> None:
    pytest.importorskip("datasets")
    (tmp_path / name).write_text(text)
    with pytest.raises((ConfigError, DataError)) as caught:
        hugging_face.listing(str(tmp_path), {"all": "train"})
    assert "\n" not in str(caught.value)
