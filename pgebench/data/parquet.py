"""Parquet files with a column of encoded images and a column of labels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.listing import Content, Listing, numbered
from pgebench.data.npz import given_parts

BATCH = 64
"""Rows in memory at once."""


def listing(path: str, image: str = "image", label: str = "label", split: str = "split") -> Listing:
    """One row per image: ``image`` holds the bytes of an image file, ``label`` a number or a word.

    ``image`` may be a struct with a field ``bytes``, as Hugging Face writes it. A column ``split`` with ``train``,
    ``val`` and ``test`` is used if it is there; without one, files that are all called ``train...``, ``validation...``
    or ``test...``, as the Hub names them, are these splits.

    Args:
        path: a file, or a folder whose ``.parquet`` files are read in the order of their names.
        image: name of the column.
        label: name of the column.
        split: name of the column.

    Returns:
        The images in the order of the rows.

    Raises:
        ConfigError: no such file or column.
        DataError: a file is damaged, or a column holds something else.
    """
    root = Path(path).expanduser()
    files = tuple(sorted(root.rglob("*.parquet"))) if root.is_dir() else (root,)
    if not files or not all(file.is_file() for file in files):
        raise ConfigError(f"{path}: there is no such file, and no folder with .parquet files")
    labels: list[object] = []
    parts: list[object] = []
    for file in files:
        try:
            with pq.ParquetFile(file) as parquet:
                _check_columns(file, parquet.schema_arrow, image, label)
                columns = [name for name in (label, split) if name in parquet.schema_arrow.names]
                table = parquet.read(columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{file} cannot be read: {error}") from error
        labels.extend(table[label].to_pylist())
        parts.extend(table[split].to_pylist() if split in columns else [_part_of(file)] * len(table))
    if not labels or None in labels:
        raise DataError(f"{path}: {label} must hold a class for every row; {labels.count(None)} are empty")
    numbers, class_names = numbered(labels)
    return Listing(
        where=path,
        names=[f"row {row}" for row in range(len(labels))],
        labels=numbers,
        class_names=class_names,
        contents=lambda: _images(files, image),
        given=None if None in parts else given_parts(path, parts),
        files=files,
    )


def _check_columns(file: Path, schema: pa.Schema, image: str, label: str) -> None:
    if missing := [name for name in (image, label) if name not in schema.names]:
        raise ConfigError(
            f"{file} has no column {', '.join(missing)}; it has {', '.join(schema.names)}: name them with loader.image "
            "and loader.label"
        )
    kind = schema.field(image).type
    encoded = kind.field("bytes").type if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    if not (pa.types.is_binary(encoded) or pa.types.is_large_binary(encoded)):
        raise DataError(f"{file}: the column {image} is {kind}; it must hold the bytes of image files")


def _part_of(file: Path) -> str | None:
    """The split that a file's name begins with."""
    found = re.match(r"(train|val|validation|test)(?![a-z])", file.name.lower())
    return found[1] if found else None


def _images(files: tuple[Path, ...], image: str) -> Iterator[Content]:
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(BATCH, columns=[image]):
                for value in batch[image].to_pylist():
                    yield (value["bytes"] if isinstance(value, dict) else value) or b""
