"""Embedded pack: real labelled images that come with the package, so that everything works offline."""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PACK = Path(__file__).parent / "pack"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Pack:
    """One dataset of the pack. All arrays are read-only.

    Its images are read when they are first looked at: to plan a sweep, labels and splits are enough.

    Attributes:
        name: as given to `load`.
        images: uint8, (N, H, W) grey or (N, H, W, 3) colour, values 0..255.
        labels: int64, (N,), an index into `class_names`.
        split: uint8, (N,): 0 train, 1 val, 2 test.
        class_names: one name per class.
        group: int64, (N,). Images of one group (near duplicates, one font design, one emoji motif) share a split.
        revision: sha256 of the content, see `content_sha256`.
    """

    name: str
    labels: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]
    class_names: tuple[str, ...]
    group: npt.NDArray[np.int64]
    revision: str
    _folder: Path

    @cached_property
    def images(self) -> npt.NDArray[np.uint8]:
        """See the attributes of the class."""
        with _open(self.name, self._folder) as file:
            return _read_only(file["images"])


def names() -> tuple[str, ...]:
    """Return the names that `load` knows, in alphabetical order.

    Returns:
        Names of the eight packs.

    >>> "mnist" in names()
    True
    """
    return tuple(sorted(_manifest(PACK)))


def load(name: str, *, _folder: Path = PACK) -> Pack:
    """Read one dataset and check it against the manifest; later calls return the same object.

    Args:
        name: one of `names()`.

    Returns:
        The dataset.

    Raises:
        ValueError: `name` is not one of `names()`.
        RuntimeError: the file is missing or its bytes are not those the manifest promises.

    >>> load("digits").images.shape[1:]
    (32, 32)
    """
    manifest = _manifest(_folder)
    if name not in manifest:
        raise ValueError(f"no embedded dataset is called {name!r}; choose from {', '.join(sorted(manifest))}")
    return _read(name, _folder)


def content_sha256(
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    split: npt.NDArray[np.uint8],
    class_names: tuple[str, ...],
) -> str:
    """Hash what a dataset *is*, whatever file format or compression holds it.

    Args:
        images: uint8, (N, H, W[, 3]).
        labels: int64, (N,).
        split: uint8, (N,).
        class_names: one name per class.

    Returns:
        sha256 in hexadecimal over shapes, little-endian array bytes and names.
    """
    digest = hashlib.sha256(json.dumps([list(images.shape), list(class_names)]).encode())
    for array, dtype in ((images, "<u1"), (labels, "<i8"), (split, "<u1")):
        digest.update(np.ascontiguousarray(array, dtype=dtype).tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=8)
def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    datasets: dict[str, dict[str, Any]] = json.loads((folder / "manifest.json").read_text("utf-8"))["datasets"]
    return datasets


@lru_cache(maxsize=16)
def _read(name: str, folder: Path) -> Pack:
    with _open(name, folder) as file:
        return Pack(
            name=name,
            # Stored in the smallest type that holds them.
            labels=_read_only(file["labels"].astype(np.int64)),
            split=_read_only(file["split"]),
            class_names=tuple(str(each) for each in file["class_names"]),
            group=_read_only(file["group"].astype(np.int64)),
            revision=_manifest(folder)[name]["content_sha256"],
            _folder=folder,
        )


def _open(name: str, folder: Path) -> np.lib.npyio.NpzFile:
    """The arrays of a dataset, once its file is the one that the manifest promises."""
    path = folder / f"{name}.npz"
    remedy = "reinstall pgebench (in a checkout: git restore the file)"
    if not path.is_file():
        raise RuntimeError(f"{path} is missing; {remedy}")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != _manifest(folder)[name]["file_sha256"]:
        raise RuntimeError(f"{path} is damaged: its sha256 is not the one in manifest.json; {remedy}")
    return np.load(io.BytesIO(data), allow_pickle=False)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
