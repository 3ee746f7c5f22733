"""Cache of decoded datasets: each a folder under its revision, there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import CorruptArtifact, StoreError
from pgebench.core.files import sha256_of, write_atomically
from pgebench.core.identity import digest
from pgebench.core.locks import lock_file
from pgebench.data.report import ReadReport
from pgebench.data.revision import READER

IMAGES, LABELS, SPLIT, FACTS = "images.u8", "labels.npy", "split.npy", "dataset.json"

INDEX = "index"
"""Folder of what readers remember: of files, and of a decoded form, which itself stays as it was written."""


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


def is_of_this_reader(cache: Path, revision: str) -> bool:
    """Whether the decoded form of a revision is there, and made or looked through by a reader that knows what we do."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return bool(_facts(cache / revision).get("reader", 1) >= READER)
    return False


def look_through(cache: Path, revision: str, report: ReadReport) -> None:
    """Note that what an older reader made is what this one would make, with what this one has to say of it."""
    with contextlib.suppress(StoreError):  # of use, and no more: it would be looked through again
        facts = {"report": asdict(report), "reader": READER}
        write_atomically(cache / revision / INDEX / FACTS, json.dumps(facts, indent=1).encode())


def _facts(folder: Path) -> dict[str, Any]:
    """What was written with a decoded form, and in its place what a later reader found when it looked it through."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_bytes())
    with contextlib.suppress(OSError, ValueError, TypeError):
        facts |= json.loads((folder / INDEX / FACTS).read_bytes())
    return facts


def is_news(cache: Path, revision: str, report: ReadReport) -> bool:
    """Whether nobody was told yet what a report says of this content as it is listed now; from now on one was."""
    told = digest([report.refused, report.ignored, report.remarks])[:16]
    path = cache / revision / INDEX / f"report-{told}.json"
    if path.is_file():
        return False
    mine = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with contextlib.suppress(StoreError, OSError):  # a store that cannot be written can be read
        write_atomically(mine, json.dumps(asdict(report), indent=1).encode())
        try:
            path.hardlink_to(mine)
        except FileExistsError:  # of two that read at once, one tells
            return False
        except OSError:  # a file system without links
            mine.replace(path)
        finally:
            mine.unlink(missing_ok=True)
    return True


def open_decoded(cache: Path, revision: str) -> Decoded:
    """The decoded form of a revision, checked against its checksums.

    Raises:
        CorruptArtifact: it is missing or damaged; what is damaged is removed, so that the same command makes it anew.
    """
    folder = cache / revision
    try:
        facts = _facts(folder)
        for name in (IMAGES, LABELS, SPLIT):
            if sha256_of(folder / name) != facts["sha256"][name]:
                raise ValueError(f"{name} is not what was written")
        labels, split = (np.load(folder / name, allow_pickle=False) for name in (LABELS, SPLIT))
        shape = (len(labels), facts["size"], facts["size"], 3)
        images = np.memmap(folder / IMAGES, dtype=np.uint8, mode="r", shape=shape)
        report = ReadReport.kept(facts["report"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CorruptArtifact(
            f"the decoded dataset in {folder} is missing or damaged ({error}); run the same command again to decode it"
        ) from error
    return Decoded(np.asarray(images), labels, split, tuple(facts["class_names"]), revision, report)


class Writer:
    """Files of a decoded dataset while it is being made; images are written as they come.

    Args:
        folder: where it is made.
        revision: the name it gets; who makes it may choose another one.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        self.folder, self.revision = folder, revision
        self._images: BinaryIO = (folder / IMAGES).open("xb")
        self._sum = hashlib.sha256()
        self._added = 0

    def add(self, pixels: npt.NDArray[np.uint8]) -> None:
        """Append an image."""
        content = pixels.tobytes()
        self._images.write(content)
        self._sum.update(content)
        self._added += 1

    def keep(self, rows: Sequence[int]) -> None:
        """Of the images that were added, leave these alone, in this order."""
        self._images.close()
        whole = self.folder / f"{IMAGES}.whole"
        (self.folder / IMAGES).rename(whole)
        size = whole.stat().st_size // self._added
        self._images, self._sum, self._added = (self.folder / IMAGES).open("xb"), hashlib.sha256(), 0
        with whole.open("rb") as file:
            for row in rows:
                file.seek(row * size)
                self.add(np.frombuffer(file.read(size), np.uint8))
        whole.unlink()

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
        facts["reader"] = READER
        (self.folder / FACTS).write_text(json.dumps(facts, indent=1), "utf-8")


@contextlib.contextmanager
def being_made(cache: Path, revision: str, lock: str, is_made: Callable[[], bool]) -> Iterator[Writer | None]:
    """Make a decoded dataset: yields a writer, or None if another process made it meanwhile.

    The files get their place when the block ends, where something older may be; if it raises, nothing changes. What a
    killed process left is removed.

    Args:
        cache: folder of decoded datasets.
        revision: of the dataset.
        lock: kind of lock that all who share the store use.
        is_made: whether it is there.

    Raises:
        StoreError: the cache cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with lock_file(cache / f"{revision}.lock", lock):
            for left in cache.glob(f".{revision}.*"):
                shutil.rmtree(left, ignore_errors=True)
            if is_made():
                yield None
                return
            temporary = cache / f".{revision}.{uuid.uuid4().hex}"
            temporary.mkdir()
            writer = Writer(temporary, revision)
            try:
                yield writer
                writer.close()
                place = cache / writer.revision
                if place.exists():
                    place.rename(cache / f".{revision}.{uuid.uuid4().hex}.old")
                temporary.replace(place)
            finally:
                writer.close()
                for left in cache.glob(f".{revision}.*"):
                    shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"cannot write the decoded dataset under {cache}: {error.strerror or error}. "
            "Give a folder with room that can be written with store=DIR."
        ) from error
