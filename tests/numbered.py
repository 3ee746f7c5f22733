"""Tables of images that tell their row, so that a test sees whether labels and splits stayed in step."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from pgebench.data.listing import SPLITS, Listing

SIDE = 4


def pixels(rows: int) -> np.ndarray:
    """Images (rows, 4, 4, 3) of which each is filled with the number of its row."""
    return np.broadcast_to(np.arange(rows, dtype=np.uint8)[:, None, None, None], (rows, SIDE, SIDE, 3)).copy()


def encoded(row: int) -> bytes:
    """The image of a row as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((SIDE, SIDE, 3), row, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def files(rows: int, first: int = 0) -> list[bytes]:
    """The images of rows as PNG files."""
    return [encoded(first + row) for row in range(rows)]


def parquet(path: Path, first: int = 0, **columns: object) -> Path:
    """Write a parquet file; without ``image``, it holds as many images as ``label`` has rows."""
    columns = {"image": files(len(columns["label"]), first), **columns}  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def archive(path: Path, labels: object, **arrays: object) -> Path:
    """Write an archive with an image for each label."""
    np.savez(path, **{"images": pixels(len(np.atleast_1d(labels))), "labels": labels, **arrays})  # type: ignore[arg-type]
    return path


def rows_of(listing: Listing) -> list[tuple[int, str] | tuple[int, str, str]]:
    """Each image that is read: the row it was made for, its class, and its split if it is given."""
    contents = [
        int(np.asarray(Image.open(io.BytesIO(one) if isinstance(one, bytes) else one)).max())
        if not isinstance(one, np.ndarray)
        else int(one.max())
        for one in listing.contents()
    ]
    words = [listing.class_names[label] for label in listing.labels]
    if listing.given is None:
        return list(zip(contents, words, strict=True))
    return list(zip(contents, words, (SPLITS[part] for part in listing.given), strict=True))


def expected(classes: Sequence[str | None]) -> list[tuple[int, str]]:
    """The rows whose class is known, as ``rows_of`` tells them."""
    return [(row, name) for row, name in enumerate(classes) if name is not None]
