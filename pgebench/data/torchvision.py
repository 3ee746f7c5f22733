"""Any class of ``torchvision.datasets`` whose labels are class numbers."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torchvision import datasets

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.classes import Part, classes
from pgebench.data.listing import SPLITS, Content, Listing, hidden, ordered_parts
from pgebench.data.parts import refuse_empty_split
from pgebench.data.picture import SUFFIXES
from pgebench.data.table import table
from pgebench.data.tree import entries, refuse_pipes

LEAVE_OUT = "leave it out of loader.parts, and it is drawn"
"""What to do about a given split that cannot be followed."""

COUNTED = (datasets.Caltech101, datasets.Caltech256)
"""Classes that count the files of a folder and number them from one: where one is gone, the last is not looked for."""

Opener = Any
"""A torchvision dataset: ``len`` and items (image, label)."""


def listing(
    path: str,
    dataset: str,
    parts: Mapping[str, Mapping[str, Any]],
    download: bool = True,
    images: int | None = None,
    remark: str | None = None,
) -> Listing:
    """The images of a torchvision class; classes of the parts are matched by their names.

    torchvision checks the archives that it downloads, and for CIFAR every file of every opening, against their md5.
    CIFAR's files are pickles; they are opened by torchvision alone, and only after this check.

    Args:
        path: torchvision's ``root``; made when something is downloaded into it.
        dataset: name of the class, such as ``DTD``.
        parts: arguments of the class for ``train``, ``val`` and ``test``, or for ``all`` if it has no splits.
        download: fetch what is not there.
        images: how many there must be in all: an archive that was unpacked by half is refused.
        remark: for the report.

    Returns:
        The images in torchvision's order, part after part.

    Raises:
        ConfigError: no such class, or arguments that it does not take.
        DataError: the files are missing, cannot be downloaded, or are not all there; a part has no image; a pipe lies
            among them.
    """
    root = Path(path).expanduser()
    refuse_pipes(root)
    if dataset == "StanfordCars":  # torchvision holds the other classes' against a checksum
        _refuse_deadly_mat(sorted(root.glob("stanford_cars/**/*.mat")))
    opened = {part: open_class(path, dataset, arguments, download) for part, arguments in ordered_parts(parts).items()}
    names: list[str] = []
    labels: dict[str, list[int]] = {part: [] for part in opened}
    given: list[int] = []
    refused: list[str] = []
    ignored: list[str] = []
    files: list[Path | None] = []
    rows: list[tuple[str, int]] = []
    for part, one in opened.items():
        for row in range(len(one)):
            try:
                content, label = _item(one, row)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
                refused.append(f"{part} {row}: {error}")
                continue
            if not isinstance(label, int | np.integer):
                raise ConfigError(
                    f"torchvision's {dataset} has labels such as {label!r:.60}; only classes with one number an image "
                    "can be used"
                )
            file = content if isinstance(content, Path) else None
            if file and "\0" in str(file):  # no system can be asked for it
                refused.append(f"{part} {row}: the index names a file with a zero byte, it is damaged")
                continue
            if file and hidden(relative := relative_to(root, file)) and not relative.is_absolute():
                ignored.append(str(relative))
                continue
            names.append(str(relative_to(root, file)) if file else f"{part} {row}")
            labels[part].append(int(label))
            given.append(SPLITS.index(part) if part in SPLITS else 0)
            files.append(file)
            rows.append((part, row))
    if any(isinstance(one, COUNTED) for one in opened.values()):
        refused += _beyond_a_gap([file for file in files if file is not None], root, refused)
    total = len(names) + len(refused) + len(ignored)
    if images is not None and total != images:
        raise DataError(
            f"{dataset} in {path} has {total} images instead of {images}: it was not unpacked to "
            "the end, or is another edition. Delete the folder and run again, or set loader.images=null"
        )
    for part in SPLITS:
        if part in labels and not labels[part]:
            damaged = [line for line in refused if line.startswith(f"{part} ")]
            refuse_empty_split(f"{dataset} in {path}", SPLITS.index(part), damaged, LEAVE_OUT)
    only_files = tuple(file for file in files if file is not None)
    whole = len(only_files) == len(files)
    found = table(
        where=f"{dataset} in {path}",
        names=names,
        classes=classes("label", [Part(part, labels[part], _class_names(one)) for part, one in opened.items()]),
        contents=(lambda: only_files) if whole else partial(_pixels, opened, rows),
        given=None if "all" in parts else np.array(given, dtype=np.uint8),
        files=only_files if whole else (),
        ignored=ignored,
        remarks=(remark,) if remark else (),
        remedy=LEAVE_OUT,
    )
    return replace(found, refused=(*refused, *found.refused))


def open_class(path: str, dataset: str, arguments: Mapping[str, Any], download: bool) -> Opener:
    """A torchvision dataset of the files that are there; what is not there is downloaded.

    Args:
        path: torchvision's ``root``.
        dataset: name of the class.
        arguments: of the class.
        download: fetch what is not there.

    Returns:
        The dataset of torchvision, for one part.

    Raises:
        ConfigError: no such class, or arguments that it does not take.
        DataError: the files are missing, damaged, or cannot be downloaded.
    """
    opener = getattr(datasets, dataset, None) if dataset in datasets.__all__ else None
    if opener is None:
        raise ConfigError(f"loader.dataset={dataset}: torchvision {_version()} has no such class")
    takes = inspect.signature(opener).parameters
    options: dict[str, Any] = dict(arguments)
    if "loader" in takes:
        options["loader"] = Path  # the file itself: it is checked before it is decoded
    root = str(Path(path).expanduser())
    try:
        return opener(root, **options)
    except TypeError as error:
        raise ConfigError(f"torchvision's {dataset}: {error}; it takes {', '.join(takes)}") from error
    except (RuntimeError, OSError, ValueError) as error:
        if not (download and "download" in takes):
            raise DataError(f"{dataset} is not in {path} ({error}); {_remedy(dataset)}") from error
    try:
        return opener(root, **options, download=True)
    except (RuntimeError, OSError, ValueError) as error:
        raise DataError(f"{dataset} is not in {path} and cannot be downloaded ({error}); {_remedy(dataset)}") from error


def _remedy(dataset: str) -> str:
    return f"put its files there, laid out as torchvision.datasets.{dataset} expects them"


def _item(opened: Opener, row: int) -> tuple[Content, Any]:
    """An item, as a file where the class shows which."""
    if isinstance(opened, datasets.OxfordIIITPet):
        # This class has no public way to its files, and would decode every image before its size is known.
        return Path(opened._images[row]), opened._labels[row]
    with warnings.catch_warnings():
        # Pillow warns of a hostile size before it decodes: that image is refused.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image, label = opened[row]
    if isinstance(image, Path):
        return image, label
    if not isinstance(image, Image.Image):
        return np.asarray(image), label
    if filename := getattr(image, "filename", ""):
        image.close()
        return Path(filename), label
    return np.asarray(image.convert("RGBA" if "A" in image.getbands() else "RGB")), label


def _pixels(opened: Mapping[str, Opener], rows: list[tuple[str, int]]) -> Iterator[Content]:
    for part, row in rows:
        yield _item(opened[part], row)[0]


def _refuse_deadly_mat(files: Sequence[Path]) -> None:
    """Refuse Matlab files whose damage ends the process that reads them, as SciPy's reader does for some."""
    if files and _dies(files):
        file = next((one for one in files if _dies([one])), files[0])
        raise DataError(f"{file} is damaged: SciPy cannot read it and dies; unpack it again")


def _dies(files: Sequence[Path]) -> bool:
    """Whether a process that reads these files is killed; what it only complains of is said where they are read."""
    read = "import sys; from scipy.io import loadmat; [loadmat(file, squeeze_me=True) for file in sys.argv[1:]]"
    return subprocess.run([sys.executable, "-c", read, *files], capture_output=True, check=False).returncode < 0


def _beyond_a_gap(files: Sequence[Path], root: Path, refused: Sequence[str]) -> list[str]:
    """The pictures beside those of a class that its numbers do not come to, each with why it is left out."""
    beside = {entry for folder in {file.parent for file in files} for entry in entries(folder)} - {*files}
    said = "\n".join(refused)
    return [
        f"{relative_to(root, file)}: torchvision numbers the files of a class without a gap, and does not come to it"
        for file in sorted(beside)
        if file.suffix.lower() in SUFFIXES and not hidden(Path(file.name)) and str(file) not in said
    ]


def relative_to(root: Path, file: Path | str) -> Path:
    """A file as it is named in lists.

    Args:
        root: torchvision's.
        file: As its index has it; a damaged one may name any.

    Returns:
        Relative to the root if it lies there, or as it is.
    """
    file = Path(file)
    return file.relative_to(root) if file.is_relative_to(root) else file


def _class_names(opened: Opener) -> list[str] | None:
    found = getattr(opened, "classes", None) or getattr(opened, "categories", None)
    return [str(name) for name in found] if found else None


def _version() -> str:
    from importlib.metadata import version

    return version("torchvision")
