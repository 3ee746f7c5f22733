"""A dataset of the Hugging Face Hub, or saved by its library; needs the extra ``hf``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from pgebench.core.errors import ConfigError, DataError
from pgebench.core.text import one_line, unfolded
from pgebench.data.classes import Part, classes
from pgebench.data.columns import cell, cells, check_columns
from pgebench.data.listing import SPLITS, Content, Listing, ordered_parts
from pgebench.data.outside import content_of, found_outside
from pgebench.data.table import table
from pgebench.data.tree import count, hidden_below, is_folder, refuse_pipes

HERE = Path()
"""Where the library's own relative paths begin: the working directory."""

IMAGES = ("binary", "large_binary", "string", "large_string")
"""Columns that the library takes for images: encoded ones, or paths."""


def listing(
    path: str,
    parts: Mapping[str, str],
    configuration: str | None = None,
    revision: str | None = None,
    image: str = "image",
    label: str = "label",
) -> Listing:
    """The images and class labels of a Hugging Face dataset.

    Classes of the parts are matched by their names. Rows without a label (an empty cell or word, NaN, -1 where there
    are names) are left out and named. Hidden files are not read; a folder of them that the library would read, as it
    does not know all such names, refuses the data.

    Args:
        path: name on the Hub, such as ``beans``, or a folder: of files that the library can load, or written by the
            ``save_to_disk`` of a ``DatasetDict`` or of one ``Dataset``. The latter has one split, under the name it was
            saved with, or ``all``.
        parts: the dataset's split for each of ``train``, ``val`` and ``test``, or for ``all``. What is not named is
            drawn.
        configuration: of datasets that have several.
        revision: commit of the Hub's repository; without it the newest.
        image: column of images.
        label: column of classes.

    Returns:
        The images in the order of the rows, part after part.

    Raises:
        ConfigError: the library is not installed, or there is no such dataset, split or column.
        DataError: it cannot be loaded, a part has no rows, or a label is no class.
    """
    wanted = ordered_parts(parts)
    try:
        import datasets
    except ImportError as error:
        raise ConfigError("Hugging Face datasets are not installed: pip install 'pgebench[hf]'") from error
    local = Path(path).expanduser()
    if _is_place(path) and not local.exists():
        raise ConfigError(f"{path}: there is no such folder (and no dataset of the Hub has such a name)")
    found = _saved(path, local)
    ignored: list[str] = []
    if found is None:
        ignored = _hidden(path, local)
        found = _loaded(datasets, path, local, configuration, revision)
    if missing := sorted(set(wanted.values()) - set(found)):
        only = f": say 'loader.parts={{all: {next(iter(found))}}}'" if len(found) == 1 else ": see loader.parts"
        raise ConfigError(f"{path} has no split {', '.join(missing)}; it has {', '.join(found)}{only}")
    chosen = {part: _opened(datasets, path, split, found[split], (image, label)) for part, split in wanted.items()}
    unused = {split: one for split, one in found.items() if split not in wanted.values()}
    given = [SPLITS.index(part) if part in SPLITS else 0 for part in chosen]
    counts = [len(one) for one in chosen.values()]
    lacking: dict[int, str] = {}
    for part, one in chosen.items():
        begin = sum(counts[: list(chosen).index(part)])
        lacking |= {begin + row: why for row, why in found_outside(HERE, _storage(one, image))[1].items()}
    return table(
        where=path,
        names=[f"{part} {row}" for part, one in chosen.items() for row in range(len(one))],
        classes=classes(label, [_labels(f"{path}, {part}", one, label) for part, one in chosen.items()]),
        contents=lambda: _images(list(chosen.values()), image),
        given=None if "all" in parts else np.repeat(np.array(given, dtype=np.uint8), counts),
        lacking=lacking,
        ignored=ignored,
        remarks=[f"its splits {', '.join(unused)} are not used (see loader.parts)"] if unused else [],
        remedy="leave it out of loader.parts, and it is drawn",
    )


def _is_place(path: str) -> bool:
    """Whether this can be no name on the Hub: those are ``NAME`` or ``OWNER/NAME``."""
    return path.startswith((".", "~", "/")) or path.endswith("/") or path.count("/") > 1 or "\\" in path


def _saved(path: str, local: Path) -> dict[str, Any] | None:
    """The folders that ``save_to_disk`` wrote, by split, or null if it did not write this one."""
    try:
        if (local / "dataset_dict.json").is_file():
            splits = json.loads((local / "dataset_dict.json").read_text())["splits"]
            return {str(split): local / str(split) for split in splits}
        if (local / "state.json").is_file():
            return {json.loads((local / "state.json").read_text()).get("_split") or "all": local}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is a damaged folder of save_to_disk: {unfolded(error)}") from error
    return None


def _hidden(path: str, local: Path) -> list[str]:
    """What is hidden in a folder that the library is to load, if it does not read it: only some names are hidden to it.

    Raises:
        DataError: it would read a hidden folder: its pictures become a class, or take the classes from all others; or
            it would wait for a pipe.
    """
    refuse_pipes(local)
    found = hidden_below(local)
    for entry in found:
        known = any(part.startswith((".", "__")) for part in entry.parts)
        if not known and is_folder(local / entry) and (files := count(local / entry)):
            raise DataError(
                f"{path}: Hugging Face datasets would read the hidden folder {one_line(str(entry))} ({files} files) as "
                "data: move it away"
            )
    return [str(entry) for entry in found]


def _loaded(
    datasets: ModuleType, path: str, local: Path, configuration: str | None, revision: str | None
) -> dict[str, Any]:
    try:
        found: dict[str, Any] = datasets.load_dataset(
            str(local) if local.exists() else path, configuration, revision=revision
        )
    except Exception as error:  # its loaders raise whatever a file or the network leads them to
        looked = "" if local.exists() else f"there is no folder {path} here, and as a dataset of the Hub "
        raise DataError(f"{looked}{path} cannot be loaded by Hugging Face datasets: {unfolded(error)}") from error
    return dict(found)


def _opened(datasets: ModuleType, path: str, split: str, found: Any, columns: tuple[str, str]) -> Any:
    """A split with its two columns, images not decoded by the library: sizes are checked first."""
    image = columns[0]
    try:
        if isinstance(found, Path):
            state = json.loads((found / "state.json").read_text())
            if state["_data_files"] == []:
                raise DataError(f"{path}: the split {split} has no rows; leave it out of loader.parts, and it is drawn")
            found = datasets.load_from_disk(str(found))
    except DataError:
        raise
    except Exception as error:  # as above
        raise DataError(
            f"{path}: the split {split} cannot be loaded by Hugging Face datasets: {unfolded(error)}"
        ) from error
    check_columns(f"{path}, {split},", list(found.features), columns, ["loader.image", "loader.label"])
    if not len(found):
        raise DataError(f"{path}: the split {split} has no rows; leave it out of loader.parts, and it is drawn")
    feature = found.features[image]
    if not isinstance(feature, datasets.Image) and getattr(feature, "dtype", "") not in IMAGES:
        raise DataError(f"{path}: the column {image} of {split} is {feature}; it must hold one image a row")
    return found.select_columns(list(dict.fromkeys(columns))).cast_column(image, datasets.Image(decode=False))


def _labels(where: str, opened: Any, label: str) -> Part:
    column = opened.select_columns([label]).with_format("arrow")[:][label]
    names = getattr(opened.features[label], "names", None)
    return Part(where, cells(where, label, column), None if names is None else [cell(name) for name in names])


def _storage(opened: Any, image: str) -> Iterator[pa.Array]:
    for table_of_some in opened.select_columns([image]).with_format("arrow").iter(1000):
        yield from table_of_some[image].chunks


def _images(parts: list[Any], image: str) -> Iterator[Content]:
    for part in parts:
        for row in part.select_columns([image]):
            yield content_of(HERE, row[image])
