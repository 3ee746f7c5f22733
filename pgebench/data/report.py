"""Report of what was read: said once, and kept with the decoded form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pgebench.core.text import one_line
from pgebench.data import picture
from pgebench.data.depth import DARK, DEEP
from pgebench.data.duplicates import Copies
from pgebench.data.listing import SPLITS, Listing
from pgebench.data.split import UNUSED

FEW = 5
"""Files of a kind that are shown; all are in the JSON file."""


FIRST = (picture.ANIMATED, picture.TURNED, picture.TRANSPARENT, picture.CMYK, DEEP)
"""Remarks on images that the first reports had; these name what came from where in one list."""


@dataclass(frozen=True)
class OfContent:
    """What the bytes of the images decide, wherever they lie.

    Args:
        refused: what could not be decoded, with the reason.
        remarks: number of images for each thing that had to be decided about them.
        copies: images that are the same picture.
        dropped: images that were dropped for another one, with its name.
    """

    refused: Sequence[str] = ()
    remarks: Sequence[str] = ()
    copies: Copies = field(default_factory=Copies)
    dropped: Sequence[str] = ()


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
        workers: processes that decoded; 0 if the decoded form was there.
        of_content: what stays true of a copy elsewhere; null in reports that were kept before there was such a field.
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
    of_content: OfContent | None = None

    @classmethod
    def kept(cls, facts: Mapping[str, Any]) -> ReadReport:
        """A report from its JSON.

        Raises:
            KeyError, TypeError: it is none.
        """
        content = facts.get("of_content")
        if content is not None:
            content = OfContent(**{**content, "copies": Copies(**content["copies"])})
        return cls(**{**facts, "of_content": content})

    def now(self, listing: Listing) -> ReadReport:
        """The report of the same content as it is listed now: what is refused or ignored there may be other files."""
        content = self.of_content or _of_content(self, listing)
        return replace(
            self,
            where=listing.where,
            refused=[*listing.refused, *content.refused],
            ignored=list(listing.ignored),
            remarks=[*listing.remarks, *content.remarks],
            of_content=content,
        )

    def decoded_before(self) -> ReadReport:
        """The report of a reading for which nothing had to be decoded."""
        return replace(self, seconds=0.0, workers=0)

    @property
    def copies(self) -> Copies:
        """Images that are the same picture."""
        return self.of_content.copies if self.of_content else Copies()

    @property
    def dropped(self) -> Sequence[str]:
        """Images that were dropped for another one."""
        return self.of_content.dropped if self.of_content else ()

    def lines(self) -> list[str]:
        """The report for a terminal."""
        total = sum(self.images.values())
        speed = f", {total / self.seconds:.0f} a second" if self.seconds else ""
        processes = "one process" if self.workers == 1 else f"{self.workers} processes"
        decoded = f"decoded in {self.seconds:.1f} s with {processes}{speed}" if self.workers else "decoded before"
        parts = ", ".join(f"{number} {part}" for part, number in self.images.items())
        found = [
            f"{self.where}: {total} images in {self.classes} classes ({self.fewest} to {self.most} a class), {parts}.",
            *self.copies.lines(FEW),
            f"  split: {self.rule}",
            f"  sizes: {self.sizes[0]} to {self.sizes[2]}, median {self.sizes[1]}; stored as {self.stored}",
            f"  {decoded}",
        ]
        found += [f"  {remark}" for remark in self.remarks]
        found += _some("classes have fewer than 3 images and lack a split", self.small)
        found += _some("images are copies and dropped", self.dropped)
        found += _some("files could not be read and are left out", self.refused)
        found += _some("files are not taken for images", self.ignored)
        return [one_line(line) for line in found]


def read_report(
    listing: Listing,
    labels: np.ndarray,
    split: np.ndarray,
    rule: str,
    seen: Sequence[tuple[int, int]],
    stored: int,
    of_content: OfContent,
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
        of_content: what was found in the images.
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
        remarks=(),
        seconds=round(seconds, 3),
        workers=workers,
        of_content=of_content,
    ).now(listing)


def counted(remarks: Counter[str], used: Sequence[float]) -> tuple[str, ...]:
    """The remarks on images in words.

    Args:
        remarks: how often each was made.
        used: for each image, the share of the range of its format up to its largest value.
    """
    dark = [share for share in used if share < DARK]
    said = [f"{number} images {remark}" for remark, number in sorted(remarks.items())]
    if dark:
        said.append(
            f"{len(dark)} images use at most {max(dark):.1%} of the range of their format and come out dark: "
            "reading.depth=range scales each by its own range"
        )
    return tuple(said)


def _of_content(report: ReadReport, listing: Listing) -> OfContent:
    """What a report that was kept without this says of the content: of its one list, what is about listed images."""
    names = set(listing.names)

    def is_of_image(line: str) -> bool:
        pieces = line.split(": ")
        return any(": ".join(pieces[:end]) in names for end in range(1, len(pieces)))

    return OfContent(
        refused=tuple(line for line in report.refused if is_of_image(line)),
        remarks=tuple(line for line in report.remarks if line.endswith(FIRST)),
    )


def _some(what: str, files: Sequence[str]) -> list[str]:
    if not files:
        return []
    rest = [f"    ... and {len(files) - FEW} more"] if len(files) > FEW else []
    return [f"  {len(files)} {what}:", *(f"    {file}" for file in files[:FEW]), *rest]
