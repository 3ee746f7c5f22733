"""Images that a table only names: files beside it, or anywhere its reader may read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgebench.core.text import unfolded
from pgebench.data.listing import Content


def found_outside(folder: Path, images: Iterable[pa.Array]) -> tuple[list[Path], dict[int, str]]:
    """The files of the rows that have a path and no bytes.

    Args:
        folder: Where a relative path begins.
        images: The column, piece by piece: structs with the fields ``bytes`` and ``path``, or bytes alone.

    Returns:
        The files that are there, and why a row has none.

    >>> found_outside(Path("nowhere"), [pa.array([{"bytes": b"x", "path": "1"}, {"bytes": None, "path": "ant/2.png"}])])
    ([], {1: 'it has no bytes but the path ant/2.png, and there is no file nowhere/ant/2.png'})
    """
    files: list[Path] = []
    lacking: dict[int, str] = {}
    begin = 0
    for piece in images:
        for row, path in _named(piece):
            file = folder / path
            if _is_file(file):
                files.append(file)
            else:
                lacking[begin + row] = unfolded(f"it has no bytes but the path {path}, and there is no file {file}")
        begin += len(piece)
    return files, lacking


def content_of(folder: Path, value: Mapping[str, Any] | bytes | None) -> Content:
    """The image of a cell; no bytes at all where there is none.

    Args:
        folder: Where a relative path begins.
        value: Bytes, or ``bytes`` and ``path``, or nothing.
    """
    if not isinstance(value, Mapping):
        return value or b""
    if value.get("bytes") is not None or not value.get("path"):
        return value.get("bytes") or b""
    file = folder / value["path"]
    return file if _is_file(file) else b""


def _named(images: pa.Array) -> Iterator[tuple[int, str]]:
    if not pa.types.is_struct(images.type) or images.type.get_field_index("path") < 0:
        return
    paths = pc.struct_field(images, "path")
    if images.type.get_field_index("bytes") >= 0:
        paths = pc.if_else(pc.is_null(pc.struct_field(images, "bytes")), paths, None)
    for row in pc.indices_nonzero(pc.is_valid(paths)).to_pylist():
        if path := paths[row].as_py():
            yield row, path


def _is_file(file: Path) -> bool:
    """Also of a path that no file can have; neither a device nor a pipe is one."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False
