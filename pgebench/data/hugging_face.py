"""A dataset of the Hugging Face Hub, or saved by its library; needs the extra ``hf``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pgebench.core.errors import ConfigError, DataError
from pgebench.data.listing import SPLITS, Content, Listing, ordered_parts


def listing(
    path: str,
    parts: Mapping[str, str],
    configuration: str | None = None,
    revision: str | None = None,
    image: str = "image",
    label: str = "label",
) -> Listing:
    """The images and class labels of a Hugging Face dataset.

    Args:
        path: name on the Hub, such as ``beans``, or a folder: of files that the library can load, or written by its
            ``save_to_disk``.
        parts: the dataset's split for each of ``train``, ``val`` and ``test``, or for ``all``. What is not named is
            drawn.
        configuration: of datasets that have several.
        revision: commit of the Hub's repository; without it the newest.
        image: column of images.
        label: column of classes.

    Returns:
        The images in the order of the rows, part after part.

    Raises:
        ConfigError: the library is not installed, or there is no such split or column.
        DataError: it cannot be loaded, or its label is no class.
    """
    wanted = ordered_parts(parts)
    try:
        import datasets
    except ImportError as error:
        raise ConfigError("Hugging Face datasets are not installed: pip install 'pgebench[hf]'") from error
    try:
        if (Path(path) / "dataset_dict.json").is_file():
            found = datasets.load_from_disk(path)
        else:
            found = datasets.load_dataset(path, configuration, revision=revision)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path} cannot be loaded by Hugging Face datasets: {error}") from error
    if missing := sorted(set(wanted.values()) - set(found)):
        raise ConfigError(f"{path} has no split {', '.join(missing)}; it has {', '.join(found)}: see loader.parts")
    chosen = {part: found[split] for part, split in wanted.items()}
    features = next(iter(chosen.values())).features
    if missing := [name for name in (image, label) if name not in features]:
        raise ConfigError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(features)}: name them with loader.image and "
            "loader.label"
        )
    labels = np.concatenate([np.asarray(one[label]) for one in chosen.values()])
    if labels.ndim != 1 or labels.dtype.kind not in "iuU" or (labels.dtype.kind != "U" and labels.min() < 0):
        raise DataError(f"{path}: the column {label} does not hold one known class an image")
    present, numbers = np.unique(labels, return_inverse=True)
    known = getattr(features[label], "names", None)
    given = np.concatenate(
        [np.full(len(one), SPLITS.index(part) if part in SPLITS else 0, np.uint8) for part, one in chosen.items()]
    )
    return Listing(
        where=path,
        names=[f"{part} {row}" for part, one in chosen.items() for row in range(len(one))],
        labels=numbers.astype(np.int64),
        class_names=tuple(str(known[value] if known else value) for value in present),
        # Not decoded by the library: sizes are checked first.
        contents=lambda: _images(
            [one.cast_column(image, datasets.Image(decode=False)) for one in chosen.values()], image
        ),
        given=None if "all" in parts else given,
    )


def _images(parts: list[Any], image: str) -> Iterator[Content]:
    for part in parts:
        for row in part:
            value = row[image]
            yield value["bytes"] if value["bytes"] is not None else Path(value["path"])
