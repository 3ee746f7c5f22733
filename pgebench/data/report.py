"""Report of what was read: said once, and kept with the decoded form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pgebench.data.listing import SPLITS, Listing
from pgebench.data.split import UNUSED

FEW = 5
"""Files of a kind that are shown; all are in the JSON file."""


@dataclass(frozen=True)
class ReadReport:
    """What was read from where, in JSON types.

    Args:
        where: what the user called the data.
        images: of each split.
        classes: number of classes.
        fewest: images of the smallest class.
        most: images of the largest class.
        small: classes with fewer than three images, which lack a split.
        sizes: smallest, median and largest width x height of the files' pictures.
        stored: width and height of the stored images.
        rule: how the split came about.
        remarks: number of images for each thing that had to be decided about them, and facts about the whole.
        refused: what could not be read, with the reason.
        ignored: files that were not taken for images.
        seconds: that decoding took, with hashing.
        workers: processes that decoded.
    """

    where: str
    images: Mapping[str, int]
    classes: int
    fewest: int
    most: int
    small: Sequence[str]
    sizes: Sequence[str]
    stored: str
    rule: str
    remarks: Sequence[str]
    refused: Sequence[str] = field(default_factory=tuple)
    ignored: Sequence[str] = field(default_factory=tuple)
    seconds: float = 0.0
    workers: int = 1

    def lines(self) -> list[str]:
        """The report for a terminal."""
        total = sum(self.images.values())
        speed = f", {total / self.seconds:.0f} a second" if self.seconds else ""
        processes = "one process" if self.workers == 1 else f"{self.workers} processes"
        parts = ", ".join(f"{number} {part}" for part, number in self.images.items())
        found = [
            f"{self.where}: {total} images in {self.classes} classes ({self.fewest} to {self.most} a class), {parts}.",
            f"  split: {self.rule}",
            f"  sizes: {self.sizes[0]} to {self.sizes[2]}, median {self.sizes[1]}; stored as {self.stored}",
            f"  decoded in {self.seconds:.1f} s with {processes}{speed}",
        ]
        found += [f"  {remark}" for remark in self.remarks]
        found += _some("classes have fewer than 3 images and lack a split", self.small)
        found += _some("files could not be read and are left out", self.refused)
        found += _some("files are not taken for images", self.ignored)
        return found


def read_report(
    listing: Listing,
    labels: np.ndarray,
    split: np.ndarray,
    rule: str,
    seen: Sequence[tuple[int, int]],
    stored: int,
    remarks: Counter[str],
    refused: Sequence[str],
    seconds: float,
    workers: int,
) -> ReadReport:
    """The report of a reading.

    Args:
        listing: what was to be read.
        labels: of the images that were read.
        split: of these images.
        rule: of the split.
        seen: width and height of their files' pictures.
        stored: side of the stored images.
        remarks: how often each was made.
        refused: what could not be read.
        seconds: it took.
        workers: that decoded.
    """
    counts = np.bincount(labels, minlength=len(listing.class_names))
    by_area = sorted(seen, key=lambda size: size[0] * size[1])
    images = {part: int((split == number).sum()) for number, part in enumerate(SPLITS)}
    if unused := int((split == UNUSED).sum()):
        images["not used"] = unused
    return ReadReport(
        where=listing.where,
        images=images,
        classes=len(listing.class_names),
        fewest=int(counts.min()),
        most=int(counts.max()),
        small=tuple(listing.class_names[index] for index in np.flatnonzero(counts < len(SPLITS))),
        sizes=tuple(f"{width} x {height}" for width, height in (by_area[0], by_area[len(by_area) // 2], by_area[-1])),
        stored=f"{stored} x {stored}",
        rule=rule,
        remarks=(*listing.remarks, *(f"{number} images {remark}" for remark, number in sorted(remarks.items()))),
        refused=tuple(refused),
        ignored=listing.ignored,
        seconds=round(seconds, 3),
        workers=workers,
    )


def _some(what: str, files: Sequence[str]) -> list[str]:
    if not files:
        return []
    rest = [f"    ... and {len(files) - FEW} more"] if len(files) > FEW else []
    return [f"  {len(files)} {what}:", *(f"    {file}" for file in files[:FEW]), *rest]
