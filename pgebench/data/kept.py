"""Decoded form that the store keeps of a content: still what would be made of it, and with what is true of it now."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pgebench.core.settings import Reading
from pgebench.data.cache import Decoded, has_decoded, is_of_this_reader, look_through, open_decoded
from pgebench.data.duplicates import Groups, copies, equal, pixel_hash
from pgebench.data.listing import Listing
from pgebench.data.revision import otherwise
from pgebench.data.split import assign

_SYSTEM = tuple(f": {os.strerror(code)}" for code in errno.errorcode)


def of_the_machine(refused: Sequence[str]) -> list[str]:
    """What was refused for a reason that is not in the bytes of a file, and may be gone at any time: rights, a disk."""
    return [line for line in refused if line.endswith(_SYSTEM)]


def may_be_mended(decoded: Decoded, listing: Listing) -> bool:
    """Whether a file was refused for such a reason, and there is none to be seen now."""
    content = decoded.report.of_content
    return (
        content is not None
        and bool(of_the_machine(content.refused))
        and all(os.access(file, os.R_OK) for file in listing.files)
    )


def is_kept(cache: Path, content: str) -> bool:
    """Whether the store has what this reader makes of a content."""
    return any(is_of_this_reader(cache, revision) for revision in (otherwise(content), content))


def kept(cache: Path, content: str, listing: Listing, reading: Reading) -> Decoded | None:
    """What the store has of a content, with the report of the listing as it is now; null if it must be decoded.

    What an older reader made is looked through once: if it refused a file, or drew copies of a picture into several
    splits, this reader may make something else of it.

    Args:
        cache: folder of decoded datasets.
        content: what ``revision_of`` says.
        listing: the content as it lies there now.
        reading: how it is read.

    Raises:
        CorruptArtifact: a damaged decoded form; it was removed.
    """
    for revision in (otherwise(content), content):
        if is_of_this_reader(cache, revision):
            decoded = open_decoded(cache, revision)
            return replace(decoded, report=decoded.report.now(listing))
    if not has_decoded(cache, content):
        return None
    decoded = open_decoded(cache, content)
    report = decoded.report.now(listing)
    if report.of_content is None or report.of_content.refused or len(decoded.labels) != len(listing.names):
        return None
    groups = equal(map(pixel_hash, decoded.images))
    if split_of(listing, range(len(listing.names)), groups, reading)[2]:
        return None
    found = copies(groups, listing.names, listing.told(), decoded.split)
    report = replace(report, of_content=replace(report.of_content, copies=found))
    look_through(cache, content, report)
    return replace(decoded, report=report)


def split_of(
    listing: Listing, rows: Sequence[int], groups: Groups, reading: Reading
) -> tuple[npt.NDArray[np.uint8], str, bool]:
    """The split of some images of a listing, its rule, and whether copies of a picture make it another one."""
    chosen = np.asarray(rows, dtype=np.intp)
    given = None if listing.given is None else listing.given[chosen]
    split, rule = assign(listing.labels[chosen], listing.class_names, given, reading, groups)
    alone, _ = assign(listing.labels[chosen], listing.class_names, given, reading) if groups else (split, rule)
    return split, rule, bool((split != alone).any())
