"""Columns: the shape and type that labels, splits and images must have, checked here for every loader.

A column that cannot be what it should be refuses the dataset. A cell that holds nothing is a hole: what becomes of its
row is decided where labels and splits are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.text import unfolded

ONE_A_ROW = "it must hold one number or word a row"


@dataclass(frozen=True)
class Hole:
    """A cell without a value.

    Args:
        why: In words that follow the column's name.
    """

    why: str


def cells(where: str, name: str, column: pa.ChunkedArray | npt.NDArray[Any]) -> list[Any]:
    r"""One number, word, truth value or date for every row, or a hole.

    Bytes are words in UTF-8, as HDF5 stores them. An array (N, 1) is one (N,).

    Args:
        where: File or dataset, for messages.
        name: Of the column or array.
        column: As it was read.

    Returns:
        A cell for each row.

    Raises:
        DataError: The column holds lists, structs, objects or more than one value a row.

    >>> cells("x.npz", "labels", np.array([b"ant", b"", b"\xff"]))
    ['ant', Hole(why='is empty'), Hole(why='holds bytes that are no UTF-8')]
    """
    values = _of_array(where, name, column) if isinstance(column, np.ndarray) else _of_arrow(where, name, column)
    return [cell(value) for value in values]


def is_number(value: Any) -> bool:
    """Whether a cell is a number: neither a truth value nor a span of time, which NumPy takes for integers."""
    span = isinstance(value, bool | np.timedelta64)
    return not span and isinstance(value, int | float | Decimal | np.integer | np.floating)


def check_columns(where: str, found: Sequence[str], wanted: Sequence[str], keys: Sequence[str]) -> None:
    """Refuse a table that lacks a wanted column, or has two of one name.

    Args:
        where: File or dataset, for messages.
        found: Names of its columns.
        wanted: Names of the columns that are needed.
        keys: What a user names them with.

    Raises:
        ConfigError: A column is not there.
        DataError: Several columns have this name.
    """
    if missing := [name for name in wanted if name not in found]:
        raise ConfigError(
            f"{where} has no column {', '.join(missing)}; it has {', '.join(found) or 'none'}: name them with "
            f"{' and '.join(keys)}"
        )
    if twice := [name for name in wanted if found.count(name) > 1]:
        raise DataError(f"{where} has {found.count(twice[0])} columns called {twice[0]}; rename or remove all but one")


def check_encoded(where: str, name: str, kind: pa.DataType) -> None:
    """Refuse a column of images that holds something else than image files.

    Args:
        where: File or dataset, for messages.
        name: Of the column.
        kind: Bytes of any Arrow type, or a struct with a field ``bytes`` of them, a field ``path``, or both.

    Raises:
        DataError: It is of another type.
    """
    plain, fields = _unwrapped(kind), {}
    if pa.types.is_struct(plain):
        fields = {field.name: _unwrapped(field.type) for field in plain if field.name in ("bytes", "path")}
    files = "path" in fields and _is_word(fields["path"])
    encoded = fields.get("bytes", pa.null() if files else plain)
    if _is_bytes(encoded) or (files and pa.types.is_null(encoded)):
        return
    hint = "; one image a row, not a list of them" if pa.types.is_nested(plain) and not fields else ""
    raise DataError(f"{where}: the column {name} is {kind}; it must hold the bytes of image files{hint}")


def check_pixels(where: str, name: str, shape: tuple[int, ...], kind: np.dtype[Any]) -> None:
    """Refuse an array that is no images.

    Args:
        where: File, for messages.
        name: Of the array.
        shape: (N, H, W), (N, H, W, 3) or (N, H, W, 4), none of them 0.
        kind: uint8.

    Raises:
        DataError: It is of another shape or type.
    """
    if len(shape) not in (3, 4) or shape[3:] not in ((), (3,), (4,)) or 0 in shape:
        turn = len(shape) == 4 and shape[1] in (3, 4)
        hint = f"; channels come last: {name}.transpose(0, 2, 3, 1)" if turn else ""
        hint = "; an image has at least one pixel" if 0 in shape[1:3] else hint
        raise DataError(
            f"{where}: {name} has the shape {shape}; it must be (N, H, W), (N, H, W, 3) or (N, H, W, 4){hint}"
        )
    if kind != np.uint8:
        raise DataError(f"{where}: {name} are {kind}; store uint8 values from 0 to 255")


def check_length(where: str, name: str, found: int, images: int) -> None:
    """Refuse a column that has not one row for each image.

    Raises:
        DataError: It is shorter or longer.
    """
    if found != images:
        raise DataError(f"{where}: {name} has {found} values, not one for each of {images} images")


def _of_array(where: str, name: str, array: npt.NDArray[Any]) -> list[Any]:
    if array.dtype.kind not in "biufUSMm":
        raise DataError(f"{where}: {name} are {array.dtype}; {ONE_A_ROW}")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        hot = "; one-hot vectors: save their argmax" if array.ndim == 2 else ""
        raise DataError(f"{where}: {name} has the shape {array.shape}, not (N,): {ONE_A_ROW}{hot}")
    return list(array)


def _of_arrow(where: str, name: str, column: pa.ChunkedArray) -> list[Any]:
    while isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    kind = _unwrapped(column.type)
    types = pa.types
    plain = (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_temporal, types.is_null)
    if not (_is_word(kind) or _is_bytes(kind) or any(is_one(kind) for is_one in plain)):
        raise DataError(f"{where}: {name} is {kind}{_first(column)}; {ONE_A_ROW}; one-hot vectors: save their argmax")
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = column.cast(pa.large_binary()).to_pylist()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise DataError(f"{where}: {name} is {kind} and cannot be read: {unfolded(error)}") from error
    return values


def _first(column: pa.ChunkedArray) -> str:
    """How many values the first row with any has."""
    for row, value in enumerate(column.slice(0, 1000)):
        if isinstance(found := value.as_py(), list):
            return f", {len(found)} values in row {row}"
    return ""


def cell(value: Any) -> Any:
    """A value as it is used: bytes as words, and a hole for what is missing or says nothing."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return Hole("holds bytes that are no UTF-8")
    if isinstance(value, str):
        if not value.isprintable() and any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
            return Hole("holds half a sign (a lone surrogate)")
        return str(value) if value.strip() else Hole("is empty")
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        return Hole("is NaN" if math.isnan(value) else "is infinite")
    if isinstance(value, np.datetime64 | np.timedelta64) and np.isnat(value):
        return Hole("is NaT")
    return Hole("is empty") if value is None else value


def _unwrapped(kind: pa.DataType) -> pa.DataType:
    """The type of the values, whatever they are wrapped in."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def _is_word(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return any(
        is_one(kind) for is_one in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, _is_binary_view)
    )


def _is_binary_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary_view(kind))
