"""Pascal VOC 2007 as a task with one label per image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from torchvision import datasets

from pgebench.core.errors import DataError
from pgebench.data.listing import SPLITS, Listing, numbered, ordered_parts
from pgebench.data.parts import refuse_empty_split
from pgebench.data.torchvision import LEAVE_OUT, open_class, relative_to
from pgebench.data.tree import refuse_pipes


def listing(
    path: str, parts: Mapping[str, Mapping[str, Any]], download: bool = True, images: int | None = None
) -> Listing:
    """The images that show objects of exactly one class; the others have no single label and are left out.

    Every annotated object counts, ``difficult`` ones too. Published results on VOC 2007 are mean average precisions
    over all images with all their labels: they cannot be compared with accuracies on these.

    Args:
        path: torchvision's ``root``, which holds ``VOCdevkit/VOC2007``.
        parts: arguments of ``VOCDetection`` for ``train``, ``val`` and ``test``.
        download: fetch what is not there.
        images: how many there must be in all, before any is left out.

    Returns:
        The images in torchvision's order, part after part; the others are counted in its remarks.

    Raises:
        DataError: the files are missing, or are not all there; a part has no image; a pipe lies among them.
    """
    root = Path(path).expanduser()
    refuse_pipes(root)
    files: list[Path] = []
    words: list[str] = []
    given: list[int] = []
    refused: list[str] = []
    left_out: Counter[str] = Counter()
    for part, arguments in ordered_parts(parts).items():
        opened = open_class(path, "VOCDetection", arguments, download)
        assert isinstance(opened, datasets.VOCDetection)
        for image, annotation in zip(opened.images, opened.annotations, strict=True):
            try:
                shown = {(name.text or "").strip() for name in ElementTree.parse(annotation).iterfind("object/name")}
            except (OSError, ValueError, ElementTree.ParseError) as error:  # a zero byte in a name is a ValueError
                refused.append(f"{relative_to(root, annotation)}: {error}")
                continue
            if "" in shown:
                refused.append(f"{relative_to(root, annotation)}: an object has no name")
                continue
            if len(shown) != 1:
                left_out[part] += 1
                continue
            files.append(Path(image))
            words.append(shown.pop())
            given.append(SPLITS.index(part))
    found = len(files) + left_out.total() + len(refused)
    if images is not None and found != images:
        raise DataError(
            f"VOC 2007 in {path} has {found} images instead of {images}: it was not unpacked to the end. "
            "Delete the folder and run again, or set loader.images=null"
        )
    for part in parts:
        if SPLITS.index(part) not in given:
            refuse_empty_split(f"VOC 2007 in {path}", SPLITS.index(part), (), LEAVE_OUT)
    labels, class_names = numbered(words)
    counts = ", ".join(f"{number} of {part}" for part, number in left_out.items())
    return Listing(
        where=f"VOC 2007 in {path}",
        names=[relative_to(root, file).as_posix() for file in files],
        labels=labels,
        class_names=class_names,
        contents=lambda: files,
        given=np.array(given, dtype=np.uint8),
        files=tuple(files),
        refused=tuple(refused),
        remarks=(f"{left_out.total()} images show several classes and are left out ({counts})",) if left_out else (),
    )
