"""Archives of any arrays, whole or damaged: every image is read or accounted for, or all are refused in one line."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numbered
import numpy as np
import pytest
from fuzzing import fuzzed, in_one_line
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pgebench.core.errors import ConfigError, DataError
from pgebench.data import npz
from pgebench.data.listing import PART_NAMES

ROWS = 6
LENGTHS = st.sampled_from([(ROWS,)] * 6 + [(), (0,), (ROWS - 1,), (ROWS, 1), (ROWS, 2), (1, ROWS)])
TYPES = st.one_of(
    arrays.integer_dtypes(endianness="?"),
    arrays.floating_dtypes(),
    arrays.unicode_string_dtypes(max_len=3),
    arrays.byte_string_dtypes(max_len=3),
    arrays.datetime64_dtypes(),
    arrays.timedelta64_dtypes(),
    arrays.boolean_dtypes(),
    arrays.complex_number_dtypes(),
    st.just(np.dtype("S3,i4")),
)
ANY = st.tuples(TYPES, LENGTHS).flatmap(lambda drawn: arrays.arrays(*drawn))
CLASSES = arrays.arrays(np.int64, (ROWS,), elements=st.integers(-1, 3))
WORDS = arrays.arrays("U12", (ROWS,), elements=st.sampled_from([*PART_NAMES, "TEST", "", "fold"]))


@fuzzed
@given(
    labels=ANY | CLASSES,
    extra=st.fixed_dictionaries({}, optional={"split": ANY | WORDS, "class_names": ANY}),
)
def test_any_arrays_fuzzed(tmp_path: Path, labels: np.ndarray, extra: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "x.npz", images=numbered.pixels(ROWS), labels=labels, **extra)
    _is_read_or_refused(tmp_path / "x.npz")


@fuzzed
@given(st.data())
def test_damaged_archives_fuzzed(tmp_path: Path, data: st.DataObject) -> None:
    buffer = io.BytesIO()
    save = data.draw(st.sampled_from([np.savez, np.savez_compressed]))
    save(buffer, images=numbered.pixels(ROWS), labels=np.arange(ROWS) % 2, split=np.array(["train"] * ROWS))
    whole = bytearray(buffer.getvalue())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=4)
    ):
        whole[place] = value
    (tmp_path / "x.npz").write_bytes(whole[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
    try:
        _is_read_or_refused(tmp_path / "x.npz")
    except ValueError:  # pixels and words may be other ones now, and are no pictures of their rows
        pytest.fail("no other error than those of pgebench")


@fuzzed
@given(header=st.binary(max_size=60) | st.text(max_size=60).map(str.encode), version=st.sampled_from([1, 2, 3, 9]))
def test_damaged_headers_fuzzed(tmp_path: Path, header: bytes, version: int) -> None:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    np.savez(tmp_path / "x.npz", images=numbered.pixels(ROWS))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("labels.npy", b"\x93NUMPY" + bytes([version, 0]) + length + header)
    _is_read_or_refused(tmp_path / "x.npz")


def _is_read_or_refused(file: Path) -> None:
    try:
        found = npz.listing(str(file))
    except (ConfigError, DataError) as error:
        return in_one_line(error)
    contents = list(found.contents())
    assert len(contents) == len(found.names) == len(found.labels)
    assert found.given is None or len(found.given) == len(found.names)
    # Each row once, by its number.
    assert sorted([*map(int, found.names), *(int(line.split(":")[0]) for line in found.refused)]) == list(range(ROWS))
    assert sorted(set(found.labels.tolist())) == list(range(len(found.class_names)))


def test_members_that_are_encrypted_repeated_or_no_arrays_are_refused(tmp_path: Path) -> None:
    file = numbered.archive(tmp_path / "x.npz", np.arange(4) % 2)
    whole = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        whole[whole.index(signature) + flags] |= 1
    (tmp_path / "locked.npz").write_bytes(whole)
    with pytest.raises(DataError, match="encrypted"):
        npz.listing(str(tmp_path / "locked.npz"))
    with zipfile.ZipFile(file) as archive:
        content = archive.read("labels.npy")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.npy", content)
    with pytest.raises(DataError, match="has 2 arrays called labels; save it again with one"):
        npz.listing(str(file))
    with zipfile.ZipFile(tmp_path / "raw.npz", "w") as archive:
        archive.writestr("labels", b"0101")
        archive.writestr("images", b"")
    with pytest.raises(DataError, match="images is no NumPy array"):
        npz.listing(str(tmp_path / "raw.npz"))
