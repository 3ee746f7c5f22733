"""Parquet files with a column of encoded images and a column of labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.text import unfolded
from pgebench.data.classes import Part, classes
from pgebench.data.columns import Hole, cell, cells, check_columns, check_encoded
from pgebench.data.given import ANEW, given_parts, parts_of_files
from pgebench.data.listing import SPLITS, Content, Listing, hidden
from pgebench.data.outside import content_of, found_outside
from pgebench.data.table import table

BATCH = 64
"""Rows in memory at once."""

SPLIT = "split"

OWN = frozenset({"_temporary", "_delta_log", "_spark_metadata", "_metadata", "_common_metadata", "_SUCCESS"})
"""What programs that write parquet leave beside the data."""


@dataclass(frozen=True)
class _Read:
    """What is read of a file: labels and splits of its rows, and the images that it only names."""

    labels: Part
    splits: Sequence[Any] | None
    elsewhere: tuple[Path, ...]
    lacking: dict[int, str]


def listing(path: str, image: str = "image", label: str = "label", split: str | None = SPLIT) -> Listing:
    """One row per image: ``image`` holds the bytes of an image file, ``label`` a number or a word.

    ``image`` may be a struct with a field ``bytes``, as Hugging Face writes it; where that is empty, its field ``path``
    names a file, relative to the parquet file. Hugging Face's class names, if it has written them, name the numbers.
    Rows without a label (an empty cell or word, NaN, -1 where there are names) are left out and named.

    A column ``split`` with ``train``, ``val`` and ``test`` is used if it is there; without one, files that are called
    ``train...``, ``validation...`` or ``test...``, as the Hub names them, or lie in folders with such names, are these
    splits. A split that only some rows or files have is refused.

    Args:
        path: a file, or a folder whose ``.parquet`` files are read in the order of their names, hidden ones excepted.
        image: name of the column.
        label: name of the column.
        split: name of the column; null draws all splits anew, whatever the files are called.

    Returns:
        The images in the order of the rows.

    Raises:
        ConfigError: no such file or column.
        DataError: a file is damaged, or a column holds something else.
    """
    root = Path(path).expanduser()
    files, ignored = _files(root) if root.is_dir() else ((root,), [])
    if not files or not all(os.path.lexists(file) for file in files):
        seen = f"; not read: {', '.join(ignored[:3])}" if ignored else ""
        raise ConfigError(f"{path}: there is no such file, and no folder with .parquet files{seen}")
    read = [_read(file, image, label, split) for file in files]
    counts = [len(one.labels.labels) for one in read]
    given, remarks = None, []
    if split is not None:
        told = [one.splits for one in read]
        if split != SPLIT and all(splits is None for splits in told):
            raise ConfigError(f"{path} has no column {split}: name it with loader.split, or {ANEW}")
        top = root if root.is_dir() else root.parent
        by_name = list(parts_of_files([file.relative_to(top) for file in files]).values())
        given = given_parts(path, split, _splits(files, counts, told, by_name))
        if given is None and any(told):
            remarks.append(f"the column {split} is empty: splits are drawn")
    first = [sum(counts[:number]) for number in range(len(counts))]
    return table(
        where=path,
        names=[f"row {row}" for row in range(sum(counts))],
        classes=classes(label, [one.labels for one in read]),
        contents=lambda: _images(files, counts, image),
        given=given,
        lacking={begin + row: why for begin, one in zip(first, read, strict=True) for row, why in one.lacking.items()},
        files=(*files, *(file for one in read for file in one.elsewhere)),
        ignored=ignored,
        remarks=remarks,
    )


def _files(root: Path) -> tuple[tuple[Path, ...], list[str]]:
    """The parquet files of a folder in the order of their names, and what else is there."""
    files: list[Path] = []
    ignored: list[str] = []
    for folder, folders, names in os.walk(root, onerror=_refuse):
        here = Path(folder)
        for name in [*folders, *names]:
            entry = (here / name).relative_to(root)
            own = hidden(entry) or name in OWN or (name in folders and (here / name).is_symlink())
            if own or (name in names and entry.suffix != ".parquet"):
                ignored.append(str(entry))
            elif name in names:
                files.append(here / name)
        folders[:] = [name for name in folders if str((here / name).relative_to(root)) not in ignored]
    return tuple(sorted(files)), sorted(ignored)


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be read: {error.strerror}")


def _read(file: Path, image: str, label: str, split: str | None) -> _Read:
    if not file.is_file():
        raise DataError(f"{file} cannot be read: it is a link that leads nowhere, or no ordinary file")
    elsewhere: list[Path] = []
    lacking: dict[int, str] = {}
    try:
        # Arrow opens no path that is not UTF-8.
        with file.open("rb") as opened, pq.ParquetFile(opened) as parquet:
            schema = parquet.schema_arrow
            columns = [label, *([split] if split is not None and split in schema.names else [])]
            check_columns(str(file), schema.names, [image, *columns], ["loader.image", "loader.label"])
            check_encoded(str(file), image, schema.field(image).type)
            found = parquet.read(columns=columns)
            if not _all_inside(parquet, image):
                batches = (batch[image] for batch in parquet.iter_batches(BATCH, columns=[image]))
                elsewhere, lacking = found_outside(file.parent, batches)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {unfolded(error)}") from error
    labels = cells(str(file), label, found[label])
    names = None if any(isinstance(value, str) for value in labels) else _class_names(schema, label)
    splits = None
    if split in columns:
        splits = _with_names(cells(str(file), split, found[split]), _class_names(schema, split))
    return _Read(Part(str(file), labels, names), splits, tuple(elsewhere), lacking)


def _splits(
    files: Sequence[Path], counts: Sequence[int], told: Sequence[Sequence[Any] | None], by_name: Sequence[int | None]
) -> list[Any]:
    """The split of each row, from the column of its file or else from the name of the file."""
    silent = [number for number, one in enumerate(told) if one is None and by_name[number] is None and counts[number]]
    says = [number for number, one in enumerate(told) if one is not None or by_name[number] is not None]
    if silent and says:
        raise DataError(
            f"{files[silent[0]]} tells no split, but {files[says[0]].name} does ({len(silent)} of {len(files)} files "
            f"tell none): rename it train-..., val-... or test-..., take it away, or {ANEW}"
        )
    rows = [
        one if one is not None else [Hole("is not given") if part is None else SPLITS[part]] * count
        for one, part, count in zip(told, by_name, counts, strict=True)
    ]
    for number in says:
        part = by_name[number]
        if told[number] is None and part is not None and not any(SPLITS[part] in one for one in rows):
            raise DataError(
                f"{files[number]} has no rows, so the given split {SPLITS[part]} is empty; take it away, and the split "
                "is drawn"
            )
    return [value for one in rows for value in one]


def _with_names(values: list[Any], names: list[Any] | None) -> list[Any]:
    if names is None or any(isinstance(value, str) for value in values):
        return values
    labels = {index: name for index, name in enumerate(names)} | {-1: Hole("is -1, which names no split")}
    return [value if isinstance(value, Hole) else labels.get(value, value) for value in values]


def _class_names(schema: pa.Schema, column: str) -> list[Any] | None:
    """The names that Hugging Face has written for the numbers of a column."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[column]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return [cell(name) for name in names] if isinstance(names, list) and names else None


def _all_inside(parquet: pq.ParquetFile, image: str) -> bool:
    """Whether, as the file's statistics say, every image has its bytes in the file or names none elsewhere."""
    columns = [parquet.schema.column(number).path for number in range(len(parquet.schema.names))]
    if f"{image}.path" not in columns:
        return True
    if f"{image}.bytes" not in columns:
        return False
    for number in range(parquet.metadata.num_row_groups):
        # A damaged footer is an error to Arrow when it reads; asked for facts alone, it ends the process.
        next(parquet.iter_batches(1, row_groups=[number], columns=[f"{image}.bytes"]), None)
        counted = parquet.metadata.row_group(number).column(columns.index(f"{image}.bytes")).statistics
        if counted is None or not counted.has_null_count or counted.null_count:
            return False
    return True


def _images(files: Sequence[Path], counts: Sequence[int], image: str) -> Iterator[Content]:
    for file, count in zip(files, counts, strict=True):
        rows = 0
        try:
            with file.open("rb") as opened, pq.ParquetFile(opened) as parquet:
                for batch in parquet.iter_batches(BATCH, columns=[image]):
                    rows += len(batch)
                    for value in batch[image].to_pylist():
                        yield content_of(file.parent, value)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read: {unfolded(error)}") from error
        if rows != count:
            raise DataError(f"{file} is damaged: it holds {rows} images for {count} labels")
