"""Labels and images of tables: every type is read as what it says, or refused with what it is."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import numbered
import numpy as np
import pyarrow as pa
import pytest

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import npz, parquet
from pgebench.data.columns import Hole, cells

NAN = float("nan")
DAY, LATER = datetime.date(2024, 1, 5), datetime.date(2024, 2, 5)
STORED = {
    # id: what is stored, class of each row or null where there is none
    "pq_binary_label": (pa.array([b"ant", b"bee"] * 2), ["ant", "bee"] * 2),
    "pq_many_nan": (pa.array([NAN, 1.0, 2.0, NAN]), [None, "1.0", "2.0", None]),
    "no text": (pa.array([b"ant", b"\xff\xfe", b"bee"]), ["ant", None, "bee"]),
    "fixed_size_binary": (pa.array([b"ant", b"bee"], pa.binary(3)), ["ant", "bee"]),
    "binary_view": (pa.array([b"ant", b"bee"], pa.binary_view()), ["ant", "bee"]),
    "string_view": (pa.array(["ant", "bee", None], pa.string_view()), ["ant", "bee", None]),
    "large_string": (pa.array(["bee", "ant"], pa.large_string()), ["bee", "ant"]),
    "dictionary": (pa.array(["bee", "ant", "bee", None]).dictionary_encode(), ["bee", "ant", "bee", None]),
    "empty words": (pa.array(["", "  ", "ant", "bee"]), [None, None, "ant", "bee"]),
    "truth values": (pa.array([True, False, None]), ["True", "False", None]),
    "negative": (pa.array([-1, 1]), ["-1", "1"]),
    "uint64": (pa.array([2**64 - 1, 3], pa.uint64()), ["18446744073709551615", "3"]),
    "not whole": (pa.array([1.5, 1.0]), ["1.5", "1.0"]),
    "infinite": (pa.array([1.0, 2.0, float("inf"), -float("inf")]), ["1.0", "2.0", None, None]),
    "half floats": (pa.array([1.0, 2.0], pa.float16()), ["1.0", "2.0"]),
    "decimals": (pa.array([Decimal("1.50"), Decimal("2.00"), None]), ["1.50", "2.00", None]),
    "dates": (pa.array([DAY, None, LATER]), ["2024-01-05", None, "2024-02-05"]),
}


@pytest.mark.parametrize("case", STORED)
def test_labels_of_every_scalar_type_are_read_from_parquet_and_rows_without_one_left_out(
    tmp_path: Path, case: str
) -> None:
    column, classes = STORED[case]
    found = parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=column)))
    assert numbered.rows_of(found) == numbered.expected(classes)
    missing = [f"row {row}" for row, name in enumerate(classes) if name is None]
    assert [line.split(": its label ")[0] for line in found.refused] == missing
    assert found.names == [f"row {row}" for row, _ in numbered.expected(classes)]


ARRAYS = {
    "npz_bytes_labels": (np.array([b"ant", b"bee"] * 2), ["ant", "bee"] * 2),
    "npz_label_column": (np.array([[0], [1], [0]]), ["0", "1", "0"]),
    "npz_many_nan": (np.array([NAN, 1, 2, NAN]), [None, "1.0", "2.0", None]),
    "words": (np.array(["bee", "", "ant"]), ["bee", None, "ant"]),
    "half a sign": (np.array(["bee", "\ud800", "ant"]), ["bee", None, "ant"]),
    "big-endian": (np.array([1, 256], ">i4"), ["1", "256"]),
    "half floats": (np.array([0.5, 2, np.inf], np.float16), ["0.5", "2.0", None]),
    "single floats": (np.array([0.1, 2], np.float32), ["0.1", "2.0"]),
    "truth values": (np.array([True, False]), ["True", "False"]),
    "days": (np.array(["2024-01-05", "NaT", "2024-02-05"], "M8[D]"), ["2024-01-05", None, "2024-02-05"]),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_labels_of_every_scalar_type_are_read_from_arrays(tmp_path: Path, case: str) -> None:
    labels, classes = ARRAYS[case]
    found = npz.listing(str(numbered.archive(tmp_path / "x.npz", labels)))
    assert numbered.rows_of(found) == numbered.expected(classes)
    assert len(found.refused) == classes.count(None)


TYPES = {
    "pq_list_label": ([["ant"], ["bee"]], r"label is list<.*: string>, 1 values in row 0; it must hold one number or"),
    "pq_onehot_label": ([[1, 0, 0], [0, 1, 0]], "3 values in row 0; .*; one-hot vectors: save their argmax"),
    "pq_ragged_list_label": ([["ant"], ["ant", "bee"]], "label is list"),
    "pq_struct_label": ([{"id": 0}, {"id": 1}], "label is struct<id: int64>; it must hold one number or word a row"),
    "map": (pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())), "label is map<string, int64"),
    "fixed list": (pa.array([[1], [2]], pa.list_(pa.int64(), 1)), "label is fixed_size_list"),
    "only empty": (pa.nulls(2), r"none of 2 rows can be used \(row 0: its label is empty\)"),
    "all NaN": ([NAN, NAN], r"none of 2 rows can be used \(row 0: its label is NaN\)"),
}


@pytest.mark.parametrize("case", TYPES)
def test_a_column_that_is_no_label_is_refused_with_its_type(tmp_path: Path, case: str) -> None:
    column, message = TYPES[case]
    with pytest.raises(DataError, match=message):
        parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", label=column)))


def test_pq_zero_rows_are_refused(tmp_path: Path) -> None:
    empty = {"image": pa.array([], pa.binary()), "label": pa.array([], pa.string())}
    with pytest.raises(DataError, match="has no rows, so there is no image in it"):
        parquet.listing(str(numbered.parquet(tmp_path / "pq_zero_rows.parquet", **empty)))


@pytest.mark.parametrize("name", ["label", "image", "split"])
def test_pq_dup_column_is_refused(tmp_path: Path, name: str) -> None:
    columns = {
        "image": pa.array(numbered.files(2)),
        "label": pa.array(["ant", "bee"]),
        "split": pa.array(["train"] * 2),
    }
    twice = pa.table([*columns.values(), columns[name]], [*columns, name])
    pa.parquet.write_table(twice, tmp_path / "pq_dup_column.parquet")
    with pytest.raises(DataError, match=f"has 2 columns called {name}; rename or remove all but one"):
        parquet.listing(str(tmp_path / "pq_dup_column.parquet"))


SHAPES = {
    "npz_scalar_labels": ({"labels": np.int64(3)}, r"labels has the shape \(\), not \(N,\)"),
    "one-hot": ({"labels": np.eye(4)}, r"\(4, 4\), not \(N,\).*; one-hot vectors: save their argmax"),
    "npz_names_2d_or_scalar": ({"class_names": np.array("ant")}, r"class_names has the shape \(\)"),
    "npz_names_2d_or_scalar, 2d": ({"class_names": np.array([["ant", "bee"]])}, r"class_names has the shape \(1, 2\)"),
    "npz_zero_size": ({"images": np.zeros((4, 0, 4, 3), np.uint8)}, "an image has at least one pixel"),
    "zero width": ({"images": np.zeros((4, 4, 0), np.uint8)}, "an image has at least one pixel"),
    "no images": ({"images": np.zeros((0, 4, 4), np.uint8)}, r"has the shape \(0, 4, 4\)"),
    "channels first": ({"images": np.zeros((4, 3, 8, 8), np.uint8)}, r"channels come last: images\.transpose\(0, 2"),
    "shorter": ({"labels": np.arange(3)}, "labels has 3 values, not one for each of 4 images"),
    "longer": ({"labels": np.arange(5)}, "labels has 5 values, not one for each of 4 images"),
    "complex": ({"labels": np.array([1j] * 4)}, "labels are complex128; it must hold one number or word a row"),
    "structured": ({"labels": np.zeros(4, [("id", "i4")])}, "it must hold one number or word a row"),
    "too few names": ({"class_names": ["ant"]}, "1 class_names do not fit the labels: labels is 1 in row 1"),
    "an empty name": ({"class_names": ["ant", ""]}, "the class 1 has no name: it is empty"),
    "names of words": (
        {"labels": ["a", "b", "a", "b"], "class_names": ["a", "b"]},
        "labels is a in row 0, and must be",
    ),
    "names of -2": ({"labels": [0, 1, 0, -2], "class_names": ["a", "b"]}, "labels is -2 in row 3"),
}


@pytest.mark.parametrize("case", SHAPES)
def test_an_array_of_another_shape_or_type_is_refused_with_what_it_is(tmp_path: Path, case: str) -> None:
    arrays, message = SHAPES[case]
    np.savez(tmp_path / "x.npz", **{"images": numbered.pixels(4), "labels": np.array([0, 1, 0, 1]), **arrays})
    with pytest.raises(DataError, match=message):
        npz.listing(str(tmp_path / "x.npz"))


def test_names_are_for_whole_numbers_minus_one_is_no_label_and_unused_names_may_repeat(tmp_path: Path) -> None:
    names = np.array([b"ant", b"-", b"bee", b"-"])
    numbered.archive(tmp_path / "x.npz", np.array([0.0, 2.0, -1.0, 2.0]), class_names=names)
    found = npz.listing(str(tmp_path / "x.npz"))
    assert numbered.rows_of(found) == [(0, "ant"), (1, "bee"), (3, "bee")]
    assert found.refused == ("2: its label is -1, which names no class",)


def test_two_classes_of_one_name_stay_apart_and_are_said(tmp_path: Path) -> None:
    """As the two cranes of ImageNet."""
    numbered.archive(tmp_path / "x.npz", np.array([2, 0, 1]), class_names=["crane", "bee", "crane"])
    found = npz.listing(str(tmp_path / "x.npz"))
    assert found.labels.tolist() == [2, 0, 1]
    assert found.class_names == ("crane", "bee", "crane")
    assert found.remarks == ("several classes are called crane: they are kept apart by their numbers",)


def test_fortran_order_and_other_names_are_read(tmp_path: Path) -> None:
    images = np.asfortranarray(np.random.default_rng(0).integers(0, 255, (4, 5, 6, 3), np.uint8))
    np.savez(tmp_path / "x.npz", **{"data/pixels": images, "data/y": np.array([0, 1, 0, 1])})
    found = npz.listing(str(tmp_path / "x.npz"), images="data/pixels", labels="data/y")
    assert (np.stack(list(found.contents())) == images).all()


def test_a_word_that_programs_write_for_nothing_is_said_to_be_a_class(tmp_path: Path) -> None:
    found = npz.listing(str(numbered.archive(tmp_path / "x.npz", np.array(["nan", "ant"]))))
    assert found.class_names == ("ant", "nan")
    assert found.remarks == ("a class is called nan: if this says that there is no label, save an empty cell",)


IMAGES = {
    "pq_fixed_binary": lambda files: pa.array([one.ljust(200, b"\0") for one in files], pa.binary(200)),
    "binary_view": lambda files: pa.array(files, pa.binary_view()),
    "large_binary": lambda files: pa.array(files, pa.large_binary()),
    "dictionary": lambda files: pa.array(files).dictionary_encode(),
    "struct": lambda files: pa.array([{"bytes": one} for one in files]),
    "struct with paths": lambda files: pa.array([{"bytes": one, "path": "gone.png"} for one in files]),
}


@pytest.mark.parametrize("case", IMAGES)
def test_image_files_in_every_type_of_bytes_are_read(tmp_path: Path, case: str) -> None:
    column = IMAGES[case](numbered.files(4))
    found = parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", image=column, label=["ant", "bee"] * 2)))
    assert numbered.rows_of(found) == [(0, "ant"), (1, "bee"), (2, "ant"), (3, "bee")]
    assert found.files == (tmp_path / "x.parquet",)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[0, 1]] * 2, "the column image is list<.*one image a row, not a list of them"),
        ([[[0, 1]]] * 2, "the column image is list<"),
        ([{"pixels": b""}] * 2, "the column image is struct<pixels: binary>"),
        ([1, 2], "the column image is int64; it must hold the bytes of image files"),
        (pa.nulls(2), "the column image is null"),
    ],
)
def test_a_column_of_something_else_than_image_files_is_refused(tmp_path: Path, column: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parquet.listing(str(numbered.parquet(tmp_path / "x.parquet", image=column, label=["ant", "bee"])))


def test_pq_path_only_images_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    """Bytes that are null, and a path."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "0.png").write_bytes(numbered.encoded(0))
    (tmp_path / "far.png").write_bytes(numbered.encoded(1))
    paths = ["x/0.png", str(tmp_path / "far.png"), "x/2.png", "x", "a\0b", "y" * 300]
    images = [
        *({"bytes": None, "path": path} for path in paths),
        {"bytes": numbered.encoded(6), "path": "gone.png"},
    ]
    labels = ["ant", "bee"] * 3 + ["ant"]
    found = parquet.listing(str(numbered.parquet(tmp_path / "pq_path_only.parquet", image=images, label=labels)))
    assert numbered.rows_of(found) == [(0, "ant"), (1, "bee"), (6, "ant")]
    assert [line.split(":")[0] for line in found.refused] == ["row 2", "row 3", "row 4", "row 5"]
    missing = f"it has no bytes but the path x/2.png, and there is no file {tmp_path}/x/2.png"
    assert found.refused[0] == f"row 2: {missing}"
    # A changed image is seen: it is one of the files that are read.
    assert set(found.files) == {tmp_path / "pq_path_only.parquet", tmp_path / "x" / "0.png", tmp_path / "far.png"}


def test_one_of_several_files_may_lack_rows_but_no_column_and_no_type(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / "a.parquet", label=[0, 1])
    numbered.parquet(tmp_path / "b.parquet", label=pa.array([], pa.int64()), image=pa.array([], pa.binary()))
    numbered.parquet(tmp_path / "c.parquet", first=2, label=[1.0, NAN])
    found = parquet.listing(str(tmp_path))
    assert numbered.rows_of(found) == [(0, "0.0"), (1, "1.0"), (2, "1.0")]
    numbered.parquet(tmp_path / "c.parquet", label=["ant", "bee"])
    with pytest.raises(
        DataError, match=r"label is a number in .*a\.parquet and a word in .*c\.parquet, so classes can"
    ):
        parquet.listing(str(tmp_path))
    numbered.parquet(tmp_path / "c.parquet", image=numbered.files(2), y=[0, 1], label=[0, 1])
    with pytest.raises(ConfigError, match=r"a\.parquet has no column y; it has image, label: name them with"):
        parquet.listing(str(tmp_path), label="y")
    pa.parquet.write_table(pa.table({}), tmp_path / "a.parquet")
    with pytest.raises(ConfigError, match="has no column image, label; it has none"):
        parquet.listing(str(tmp_path))


def test_an_extension_is_what_it_stores() -> None:
    kept = pa.ExtensionArray.from_storage(pa.opaque(pa.int64(), "kind", "vendor"), pa.array([3, None]))
    assert cells("x", "label", pa.chunked_array([kept])) == [3, Hole("is empty")]


def test_a_name_with_an_end_of_line_in_it_is_told_in_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"images": np.zeros((2, 4, 4), np.uint8), "la\nbels": np.arange(2)})
    with pytest.raises(ConfigError) as refused:
        npz.listing(str(tmp_path / "x.npz"))
    assert "it has images, la\\nbels: name them with loader.images" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
