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
from pgebench.core.text import one_line
from pgebench.data.cache import INDEX, Decoded, Writer, being_made, is_news, open_decoded
from pgebench.data.decode import pictures, processes
from pgebench.data.duplicates import Copies, copies, equal, pixel_hash, superfluous
from pgebench.data.kept import is_kept, kept, may_be_mended, of_the_machine, split_of
from pgebench.data.listing import SPLITS, Listing
from pgebench.data.picture import UNREAD
from pgebench.data.report import OfContent, counted, read_report
from pgebench.data.revision import can_be_read, otherwise, revision_of, state_of

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
    began, state = time.perf_counter(), state_of(listing.files)
    revision = revision_of(listing, reading, cache / INDEX)
    decoded = kept(cache, revision, listing, reading)
    if decoded is not None and may_be_mended(decoded, listing):
        revision = revision_of(listing, reading, None)  # what the index says may be what another user could not read
        decoded = kept(cache, revision, listing, reading)
    here = False
    if decoded is None:
        with being_made(cache, revision, kind_in_use(store, lock), lambda: is_kept(cache, revision)) as writer:
            if writer is not None:
                here = True
                made = _decode(listing, reading, writer, began)
                _check_unchanged(listing, reading, state, revision, of_the_machine(made))
        decoded = kept(cache, revision, listing, reading)
        assert decoded is not None
    said = decoded.report if here else decoded.report.decoded_before()
    # Who decoded tells it, even if another found the decoded form and told of it in between.
    if is_news(cache, decoded.revision, said) or here:
        say(*said.lines())
    _check(listing.where, decoded.report.refused, decoded.report.copies, reading)
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


def _decode(listing: Listing, reading: Reading, writer: Writer, began: float) -> list[str]:
    """Write the decoded form; what was refused."""
    refused: list[str] = []
    remarks = Counter[str]()
    rows: list[int] = []
    sizes: list[tuple[int, int]] = []
    used: list[float] = []
    hashes: list[bytes] = []
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
        used.append(picture.used)
        hashes.append(pixel_hash(picture.pixels))
    _check(listing.where, [*listing.refused, *refused], Copies(), reading)
    _check_none_empty(listing, rows, "can be read", f"or mend its images ({_first(refused)})")
    groups, dropped = equal(hashes), []
    if reading.duplicates == "drop" and groups:
        given = None if listing.given is None else listing.given[rows]
        instead = superfluous(groups, listing.told()[rows], given)
        dropped = [_dropped(listing, rows[row], rows[other]) for row, other in instead.items()]
        stay = [row for row in range(len(rows)) if row not in instead]
        writer.keep(stay)
        rows, sizes, groups = [rows[row] for row in stay], [sizes[row] for row in stay], []
        remedy = f"or one of the copies ({_first(dropped)})"
        _check_none_empty(listing, rows, "is left by reading.duplicates=drop", remedy)
    split, rule, moved = split_of(listing, rows, groups, reading)
    if moved or UNREAD in remarks:
        writer.revision = otherwise(writer.revision)
    labels, names = listing.labels[rows], [listing.names[row] for row in rows]
    found = OfContent(
        tuple(refused), counted(remarks, used), copies(groups, names, listing.told()[rows], split), tuple(dropped)
    )
    _check(listing.where, (), found.copies, reading)
    seconds = time.perf_counter() - began
    made = read_report(listing, labels, split, rule, sizes, reading.size, found, seconds, workers)
    writer.finish(labels, split, listing.class_names, reading.size, made)
    return refused


def _dropped(listing: Listing, row: int, other: int) -> str:
    told = listing.told()
    why = "" if told[row] == told[other] else ", which is of another class"
    return f"{listing.names[row]}: the same picture as {listing.names[other]}{why}"


def _check(where: str, refused: Sequence[str], found: Copies, reading: Reading) -> None:
    if refused and reading.unreadable == "fail":
        raise DataError(
            f"{where}: {len(refused)} images cannot be read ({_first(refused)}); mend or remove them, "
            "or leave them out with reading.unreadable=skip"
        )
    if reading.duplicates == "fail" and (groups := found.groups()):
        shown = [" = ".join(group[:3]) for group in groups]
        raise DataError(
            f"{where}: {len(groups)} pictures are there more than once, {len(found.splits)} of them in more than one "
            f"split, {len(found.classes)} in more than one class ({_first(shown)}); remove the copies, or leave them "
            "out with reading.duplicates=drop"
        )


def _check_none_empty(listing: Listing, rows: Sequence[int], what: str, remedy: str) -> None:
    counts = np.bincount(listing.labels[rows], minlength=len(listing.class_names))
    if empty := [listing.class_names[index] for index in np.flatnonzero(counts == 0)]:
        raise DataError(f"{listing.where}: no image of {_first(empty)} {what}; remove the class {remedy}")
    if listing.given is not None:
        # One that is given and empty would be drawn anew from images that are to train.
        there = set(listing.given[rows].tolist())
        if empty := [SPLITS[part] for part in np.unique(listing.given) if part not in there]:
            given = f"no image of the given split {_first(empty)}"
            raise DataError(f"{listing.where}: {given} {what}; remove the split {remedy}")


def _check_unchanged(listing: Listing, reading: Reading, state: str, revision: str, not_opened: Sequence[str]) -> None:
    """Refuse what would be kept under the hash of other bytes than those that were decoded."""
    changed = state_of(listing.files) != state
    if not_opened and not changed:  # when they were hashed too?
        names = {line.rpartition(": ")[0] for line in not_opened}
        files = [file for name, file in zip(listing.names, listing.files, strict=False) if name in names]
        changed = any(map(can_be_read, files)) or revision_of(listing, reading, None) != revision
    if changed:
        raise DataError(f"{listing.where}: files changed while they were read; run the same command again")


def _first(items: Sequence[str], few: int = 3) -> str:
    return one_line("; ".join(items[:few]) + ("; ..." if len(items) > few else ""))
