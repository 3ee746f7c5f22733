"""Parquet files of any columns, whole or damaged: every row is read or accounted for, or all refused in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numbered
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import fuzzed, in_one_line
from hypothesis import given
from hypothesis import strategies as st

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import parquet
from pgebench.data.listing import PART_NAMES

TEXT = st.text(max_size=4)
SCALARS = {
    pa.int8(): st.integers(-2, 3),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats() | st.sampled_from([0.0, 1.0]),
    pa.bool_(): st.booleans(),
    pa.string(): TEXT | st.sampled_from(["ant", "bee", " "]),
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.binary(max_size=3),
    pa.binary_view(): st.binary(max_size=3),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("ns", "UTC"): st.integers(-(2**62), 2**62),
    pa.duration("s"): st.integers(0, 2**31),
    pa.decimal128(5, 2): st.decimals(-100, 100, places=2),
    pa.null(): st.none(),
    pa.list_(pa.int64()): st.lists(st.integers(0, 1), max_size=3),
    pa.struct({"id": pa.int64()}): st.fixed_dictionaries({"id": st.integers(0, 1)}),
}


def column(rows: int, values: st.SearchStrategy, kind: pa.DataType) -> st.SearchStrategy[pa.Array]:
    drawn = st.lists(values | st.none(), min_size=rows, max_size=rows) | st.lists(values, min_size=rows, max_size=rows)
    return drawn.map(lambda cells: pa.array(cells, kind))


@st.composite
def labels(draw: st.DrawFn, rows: int) -> pa.Array:
    kind = draw(st.sampled_from(list(SCALARS)))
    found = draw(column(rows, SCALARS[kind], kind))
    return found.dictionary_encode() if pa.types.is_string(kind) and draw(st.booleans()) else found


@st.composite
def a_table(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 6))
    files = st.just(numbered.encoded(1)) | st.binary(max_size=5)
    structs = st.fixed_dictionaries({"bytes": files | st.none(), "path": TEXT | st.none()})
    images = column(rows, files, pa.binary()) | column(
        rows, structs, pa.struct({"bytes": pa.binary(), "path": pa.string()})
    )
    columns = {"image": draw(images), "label": draw(labels(rows))}
    if draw(st.booleans()):
        words = column(rows, st.sampled_from([*PART_NAMES, "Test ", "", "fold"]), pa.string())
        columns["split"] = draw(words | column(rows, st.integers(0, 3), pa.int8()) | labels(rows))
    found = pa.table(columns)
    if draw(st.booleans()):
        names = draw(st.lists(TEXT, max_size=4) | st.none() | st.just(["train", "test"]))
        said = {"info": {"features": {draw(st.sampled_from(["label", "split"])): {"names": names}}}}
        found = found.replace_schema_metadata({b"huggingface": json.dumps(said).encode()})
    return found


NAMES = ["train-0", "test-0", "val_1", "x", "b/test", "b/my_train", ".hidden/x", "._x", "_temporary/y"]


@fuzzed
@given(written=st.dictionaries(st.sampled_from(NAMES), a_table(), min_size=1, max_size=3), asked=st.booleans())
def test_any_columns_fuzzed(tmp_path_factory: object, written: dict[str, pa.Table], asked: bool) -> None:
    folder = tmp_path_factory.mktemp("data")  # type: ignore[attr-defined]
    for name, table in written.items():
        (folder / name).parent.mkdir(exist_ok=True)
        pq.write_table(table, folder / f"{name}.parquet")
    seen = [name for name in written if not name.startswith((".", "_"))]
    _is_read_or_refused(folder, sum(len(written[name]) for name in seen), len(written) - len(seen), asked)


@fuzzed
@given(st.data())
def test_damaged_files_fuzzed(tmp_path: Path, data: st.DataObject) -> None:
    file = numbered.parquet(tmp_path / "x.parquet", label=["ant", "bee"] * 3)
    whole = bytearray(file.read_bytes())
    # The footer first: pages of a few images are most of the file, the thrift of the columns decides what is read.
    places = st.integers(0, len(whole) - 1) | st.integers(len(whole) - 600, len(whole) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=3)):
        whole[place] = value
    file.write_bytes(whole[: data.draw(st.just(len(whole)) | st.integers(0, len(whole)))])
    _is_read_or_refused(tmp_path, None, 0, False)


def _is_read_or_refused(folder: Path, rows: int | None, hidden: int, anew: bool) -> None:
    try:
        found = parquet.listing(str(folder), split=None if anew else "split")
        contents = list(found.contents())
    except (ConfigError, DataError) as error:
        return in_one_line(error)
    assert len(contents) == len(found.names) == len(found.labels)
    assert found.given is None or len(found.given) == len(found.names)
    assert len(found.ignored) == hidden
    numbers = sorted(int(line.removeprefix("row ").split(":")[0]) for line in [*found.names, *found.refused])
    assert rows is None or numbers == list(range(rows))
    assert sorted(set(found.labels.tolist())) == list(range(len(found.class_names)))


@pytest.mark.slow
def test_no_byte_of_the_footer_ends_the_process(tmp_path: Path) -> None:
    """Arrow aborts when it is asked for facts of columns whose footer is damaged: every byte of it, in a child."""
    child = f"""
from pathlib import Path
import numbered
from pgebench.core.errors import ConfigError, DataError
from pgebench.data import parquet
file = numbered.parquet(Path({str(tmp_path)!r}) / "x.parquet", label=["ant", "bee"] * 3)
whole = file.read_bytes()
for place in range(len(whole) - 700, len(whole)):
    for value in range(0, 256, 6):
        file.write_bytes(whole[:place] + bytes([value]) + whole[place + 1:])
        try:
            parquet.listing(str(file))
        except (ConfigError, DataError):
            pass
print("to the end")
"""
    tests = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])}
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (0, "to the end\n"), done.stderr[-500:]
