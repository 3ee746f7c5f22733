"""Cache of decoded datasets: each a folder under its revision, there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import CorruptArtifact, StoreError
from pgebench.core.files import sha256_of
from pgebench.core.locks import lock_file
from pgebench.data.report import ReadReport

IMAGES, LABELS, SPLIT, FACTS = "images.u8", "labels.npy", "split.npy", "dataset.json"


@dataclass(frozen=True, eq=False)
class Decoded:
    """A dataset as it is kept: a ``Collection``.

    Args:
        images: uint8 (N, size, size, 3), mapped from the disk: only what is used gets into memory.
        labels: int64 (N,).
        split: uint8 (N,); 0 train, 1 val, 2 test.
        class_names: one per class.
        revision: hash of the content, see ``revision_of``.
        report: what was read.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]
    class_names: tuple[str, ...]
    revision: str
    report: ReadReport


def has_decoded(cache: Path, revision: str) -> bool:
    """Whether the decoded form of a revision is there."""
    return (cache / revision / FACTS).is_file()


def open_decoded(cache: Path, revision: str) -> Decoded:
    """The decoded form of a revision, checked against its checksums.

    Raises:
        CorruptArtifact: it is missing or damaged; what is damaged is removed, so that the same command makes it anew.
    """
    folder = cache / revision
    try:
        facts = json.loads((folder / FACTS).read_bytes())
        for name in (IMAGES, LABELS, SPLIT):
            if sha256_of(folder / name) != facts["sha256"][name]:
                raise ValueError(f"{name} is not what was written")
        labels, split = (np.load(folder / name, allow_pickle=False) for name in (LABELS, SPLIT))
        shape = (len(labels), facts["size"], facts["size"], 3)
        images = np.memmap(folder / IMAGES, dtype=np.uint8, mode="r", shape=shape)
        report = ReadReport(**facts["report"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CorruptArtifact(
            f"the decoded dataset in {folder} is missing or damaged ({error}); run the same command again to decode it"
        ) from error
    return Decoded(np.asarray(images), labels, split, tuple(facts["class_names"]), revision, report)


class Writer:
    """Files of a decoded dataset while it is being made; images are written as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._images: BinaryIO = (folder / IMAGES).open("xb")
        self._sum = hashlib.sha256()

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Append an image."""
        content = pixels.tobytes()
        self._images.write(content)
        self._sum.update(content)

    def close(self) -> None:
        """Close the file of images."""
        self._images.close()

    def finish(
        self,
        labels: npt.NDArray[np.int64],
        split: npt.NDArray[np.uint8],
        class_names: tuple[str, ...],
        size: int,
        report: ReadReport,
    ) -> None:
        """Write what belongs to the images that were added."""
        self._images.flush()
        os.fsync(self._images.fileno())
        sums = {IMAGES: self._sum.hexdigest()}
        for name, array in ((LABELS, labels), (SPLIT, split)):
            np.save(self.folder / name, array, allow_pickle=False)
            sums[name] = sha256_of(self.folder / name)
        facts: dict[str, Any] = {"sha256": sums, "size": size, "class_names": class_names, "report": asdict(report)}
        (self.folder / FACTS).write_text(json.dumps(facts, indent=1), "utf-8")


@contextlib.contextmanager
def being_made(cache: Path, revision: str, lock: str) -> Iterator[Writer | None]:
    """Make a decoded dataset: yields a writer, or None if another process made it meanwhile.

    The files get their place when the block ends; if it raises, nothing stays. What a killed process left is removed.

    Args:
        cache: folder of decoded datasets.
        revision: of the dataset.
        lock: kind of lock that all who share the store use.

    Raises:
        StoreError: the cache cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with lock_file(cache / f"{revision}.lock", lock):
            for left in cache.glob(f".{revision}.*"):
                shutil.rmtree(left, ignore_errors=True)
            if has_decoded(cache, revision):
                yield None
                return
            temporary = cache / f".{revision}.{uuid.uuid4().hex}"
            temporary.mkdir()
            writer = Writer(temporary)
            try:
                yield writer
                writer.close()
                temporary.replace(cache / revision)
            finally:
                writer.close()
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"cannot write the decoded dataset under {cache}: {error.strerror or error}. "
            "Give a folder with room that can be written with store=DIR."
        ) from error
