"""Decoding ahead, with bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from pgebench.core.machine import available_cores
from pgebench.core.settings import Reading
from pgebench.data.listing import Content, Listing
from pgebench.data.picture import DecodedImage, decode

CHUNK = 256
"""Images decoded between two writes: all that is in memory, beside one whole picture per worker."""


def processes(listing: Listing) -> int:
    """Workers that pay for themselves: a few images are decoded before a process has started, pixels are decoded."""
    if len(listing.names) <= CHUNK or isinstance(next(iter(listing.contents())), np.ndarray):
        return 1
    return available_cores()


def pictures(listing: Listing, reading: Reading, workers: int) -> Iterator[DecodedImage | str]:
    """Each image of the listing in order, or in one line why there is none.

    Files are decoded by the workers; pixels only have to be resized, which is done here.

    Args:
        listing: the dataset.
        reading: how it is read.
        workers: processes.
    """
    options = (reading.size, reading.resize, reading.max_megapixels, reading.depth)
    with Parallel(n_jobs=workers) as parallel:
        for chunk in _chunks(listing.contents()):
            if workers > 1 and isinstance(chunk[0], Path | bytes):
                yield from parallel(delayed(decode)(content, *options) for content in chunk)
            else:
                yield from (decode(content, *options) for content in chunk)


def _chunks(contents: Iterable[Content]) -> Iterator[list[Content]]:
    """Up to ``CHUNK`` encoded images, or one of pixels: decoded pictures of a listing may be large."""
    contents = iter(contents)
    while first := list(itertools.islice(contents, 1)):
        if isinstance(first[0], np.ndarray):
            yield first
        else:
            yield first + list(itertools.islice(contents, CHUNK - 1))
