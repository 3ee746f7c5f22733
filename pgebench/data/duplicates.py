"""Pictures that are there more than once: equal pixels, as they are stored and as a network sees them.

So files with the same bytes are found, and the same picture in another file format or with other metadata too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgebench.data.listing import SPLITS

Groups = Sequence[npt.NDArray[np.intp]]
"""Images with equal pixels: at least two in each group, in their order."""

TEST_FIRST = {2: 0, 1: 1, 0: 2}
"""Rank of the splits when one of several copies is kept: what is dropped from training costs least."""


def pixel_hash(pixels: npt.NDArray[np.uint8]) -> bytes:
    """What equal pixels share."""
    return hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()


def equal(hashes: Iterable[bytes]) -> Groups:
    """The images whose hash others share too."""
    rows: dict[bytes, list[int]] = {}
    for row, one in enumerate(hashes):
        rows.setdefault(one, []).append(row)
    return [np.array(group) for group in rows.values() if len(group) > 1]


@dataclass(frozen=True)
class Copies:
    """Names of images that are the same picture, each group by what is wrong with it.

    Args:
        splits: in more than one split: what trains is tested.
        classes: in more than one class.
        others: in one class and one split.
    """

    splits: Sequence[Sequence[str]] = ()
    classes: Sequence[Sequence[str]] = ()
    others: Sequence[Sequence[str]] = ()

    def groups(self) -> list[Sequence[str]]:
        """Each group once."""
        return [*self.splits, *(group for group in self.classes if group not in self.splits), *self.others]

    def lines(self, few: int) -> list[str]:
        """What is to be said, the worst first."""
        kinds = (
            ("LEAKAGE: {} are in more than one split, so that what trains is tested", self.splits),
            ("{} are in more than one class", self.classes),
            ("{} are in one class and split more than once", self.others),
        )
        return [line for words, groups in kinds if groups for line in _said(words, groups, few)]


def copies(groups: Groups, names: Sequence[str], labels: npt.NDArray[np.int64], split: npt.NDArray[np.uint8]) -> Copies:
    """What is wrong with each group of equal images; a group may be in several classes and splits.

    Args:
        groups: from ``equal``.
        names: of the images.
        labels: of the images.
        split: of the images; one that is in no split leaks nothing.
    """
    found: dict[str, list[list[str]]] = {"splits": [], "classes": [], "others": []}
    for rows in groups:
        used = split[rows][split[rows] < len(SPLITS)]
        leaks, confuses = len(np.unique(used)) > 1, len(np.unique(labels[rows])) > 1
        for kind, applies in (("splits", leaks), ("classes", confuses), ("others", not (leaks or confuses))):
            if applies:
                found[kind].append([names[row] for row in rows])
    return Copies(**found)


def superfluous(groups: Groups, labels: npt.NDArray[np.int64], given: npt.NDArray[np.uint8] | None) -> dict[int, int]:
    """Images to drop so that no picture is there twice: all of one that is in several classes, as none is right.

    Args:
        groups: from ``equal``.
        labels: of the images.
        given: splits that the data come with, or null.

    Returns:
        Each with the one that stays for it, or with one of another class.

    >>> superfluous([np.array([0, 1])], np.array([0, 0]), np.array([0, 2]))
    {0: 1}
    """
    dropped: dict[int, int] = {}
    for rows in groups:
        if len(np.unique(labels[rows])) > 1:
            dropped |= {int(row): int(rows[labels[rows] != labels[row]][0]) for row in rows}
        else:
            kept = rows[0] if given is None else min(rows, key=lambda row: TEST_FIRST[int(given[row])])
            dropped |= {int(row): int(kept) for row in rows if row != kept}
    return dropped


def _said(words: str, groups: Sequence[Sequence[str]], few: int) -> list[str]:
    images = sum(map(len, groups))
    counted = f"{len(groups)} pictures ({images} images)"
    shown = [f"    {' = '.join(group[:few])}{' = ...' if len(group) > few else ''}" for group in groups[:few]]
    rest = [f"    ... and {len(groups) - few} more"] if len(groups) > few else []
    return [f"  {words.format(counted)} (reading.duplicates=drop leaves copies out, fail refuses):", *shown, *rest]
