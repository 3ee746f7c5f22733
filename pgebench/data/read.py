"""Reading a dataset, from its config to arrays: list, hash, and decode what the store does not have."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.instantiate import build
from pgebench.core.locks import kind_in_use
from pgebench.core.say import progress_bar, say
from pgebench.core.settings import Reading
from pgebench.data.cache import Decoded, Writer, being_made, has_decoded, open_decoded
from pgebench.data.decode import pictures, processes
from pgebench.data.listing import Listing
from pgebench.data.report import ReadReport, read_report
from pgebench.data.revision import revision_of
from pgebench.data.split import assign

FOLDER = "datasets"
"""Folder of decoded datasets inside a store."""


def read_dataset(loader: Mapping[str, Any], path: str, reading: Reading, store: Path, lock: str = "auto") -> Decoded:
    """The dataset at a path; decoded on first use, with a report of what was read.

    Args:
        loader: config of a function ``listing(path, ...)``.
        path: where the data are.
        reading: how they are read.
        store: folder of the store.
        lock: kind of lock in a store that has none yet; one that is in use keeps its own.

    Returns:
        The decoded images, mapped from the store, with labels, splits and the report.

    Raises:
        ConfigError: there is nothing at the path, or the loader's fields are wrong.
        DataError: the data cannot be used.
    """
    listing = build({**loader, "path": path})
    if not isinstance(listing, Listing):
        raise ConfigError(f"{loader.get('_target_')}: a loader of a dataset with a path must return a Listing")
    if len(listing.class_names) < 2:
        raise DataError(f"{listing.where}: {len(listing.class_names)} classes; at least two are needed")
    cache = store / FOLDER
    began = time.perf_counter()
    revision = revision_of(listing, reading, cache / "index")
    made = None
    if not has_decoded(cache, revision):
        with being_made(cache, revision, kind_in_use(store, lock)) as writer:
            if writer is not None:
                made = _decode(listing, reading, writer, began)
    if made is not None:  # it is kept by now, whatever becomes of what is said of it
        say(*made.lines())
    decoded = open_decoded(cache, revision)
    _check(listing.where, decoded.report.refused, reading)
    return decoded


def open_read(revision: str, store: Path) -> Decoded:
    """A dataset that ``read_dataset`` has put into the store, without the files that it came from.

    Args:
        revision: The hash that ``read_dataset`` gave it.
        store: folder of the store.

    Returns:
        The dataset as ``read_dataset`` returned it.

    Raises:
        CorruptArtifact: The store does not hold it, or not as it was written.
    """
    return open_decoded(store / FOLDER, revision)


def _decode(listing: Listing, reading: Reading, writer: Writer, began: float) -> ReadReport:
    refused, remarks = list(listing.refused), Counter[str]()
    rows: list[int] = []
    sizes: list[tuple[int, int]] = []
    workers = processes(listing)
    progress = progress_bar(
        pictures(listing, reading, workers), desc="decoding", total=len(listing.names), unit=" images"
    )
    for row, picture in enumerate(progress):
        if isinstance(picture, str):
            refused.append(f"{listing.names[row]}: {picture}")
            continue
        writer.add(picture.pixels)
        rows.append(row)
        sizes.append((picture.width, picture.height))
        remarks.update(picture.remarks)
    _check(listing.where, refused, reading)
    labels = listing.labels[rows]
    counts = np.bincount(labels, minlength=len(listing.class_names))
    if empty := [listing.class_names[index] for index in np.flatnonzero(counts == 0)]:
        raise DataError(
            f"{listing.where}: no image of {_first(empty)} can be read; remove the class or mend its images"
            f" ({_first(refused)})"
        )
    given = None if listing.given is None else listing.given[rows]
    split, rule = assign(labels, listing.class_names, given, reading)
    seconds = time.perf_counter() - began
    made = read_report(listing, labels, split, rule, sizes, reading.size, remarks, refused, seconds, workers)
    writer.finish(labels, split, listing.class_names, reading.size, made)
    return made


def _check(where: str, refused: Sequence[str], reading: Reading) -> None:
    if refused and reading.unreadable == "fail":
        raise DataError(
            f"{where}: {len(refused)} images cannot be read ({_first(refused)}); mend or remove them, "
            "or leave them out with reading.unreadable=skip"
        )


def _first(items: Sequence[str], few: int = 3) -> str:
    return "; ".join(items[:few]) + ("; ..." if len(items) > few else "")
