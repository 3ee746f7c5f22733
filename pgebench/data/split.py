"""Splits: which images train, validate and test."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from pgebench.core.identity import derive_seed
from pgebench.core.settings import Reading
from pgebench.data.duplicates import Groups
from pgebench.data.listing import SPLITS

TRAIN, VAL, TEST, UNUSED = 0, 1, 2, 3


def assign(
    labels: npt.NDArray[np.int64],
    class_names: tuple[str, ...],
    given: npt.NDArray[np.uint8] | None,
    reading: Reading,
    groups: Groups = (),
) -> tuple[npt.NDArray[np.uint8], str]:
    """The split of each image, and the rule in words.

    What the data come with is kept. What they lack is drawn, class by class, from the images for training; the draw of
    a class depends on the seed, its name and its number of images alone. Where a class is too small for a share to
    reach one image, it lends one as long as one is left for training. Then copies of a picture that were drawn into
    several splits go to that of the first, or of another one if a class would be left without one of its splits.

    Args:
        labels: int64 (N,).
        class_names: one per class.
        given: uint8 (N,) as in ``Listing``, or null.
        reading: shares, numbers and seed.
        groups: images that are the same picture, from ``duplicates.equal``.

    Returns:
        uint8 (N,): 0 train, 1 val, 2 test, 3 not used.
    """
    split = np.full(len(labels), TRAIN, dtype=np.uint8) if given is None else given.copy()
    rules = []
    if present := [part for number, part in enumerate(SPLITS) if given is not None and (given == number).any()]:
        rules.append(f"{', '.join(present)} as given")
    rows_of = _rows(labels, len(class_names))
    val = reading.val
    if "test" not in present and reading.train_images is not None:
        rules.append(_numbers_rule(reading))
        for name, rows in zip(class_names, rows_of, strict=True):
            _hold_all_but(split, rows, reading, name)
    elif "test" not in present:
        rules.append(f"test: {reading.test:.0%} of each class")
        val /= 1 - reading.test  # both shares are of the whole class
        for name, rows in zip(class_names, rows_of, strict=True):
            _draw(split, rows, TEST, reading.test, ("test", reading.seed, name))
    if "val" not in present:
        rules.append(f"val: {val:.0%} of each class's other images")
        for name, rows in zip(class_names, rows_of, strict=True):
            _draw(split, rows, VAL, val, ("val", reading.seed, name))
    if len(present) < len(SPLITS):
        rules.append(f"drawn with seed {reading.seed}")
        drawn = np.ones(len(labels), dtype=bool) if given is None else given == TRAIN
        if _join(split, labels, drawn, groups, reading.train_images is not None):
            rules.append("copies of a picture stay together")
    return split, "; ".join(rules)


def _rows(labels: npt.NDArray[np.int64], classes: int) -> list[npt.NDArray[np.intp]]:
    """The images of each class; one sort, however many classes there are."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=classes))[:-1])


def _draw(
    split: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], part: int, share: float, stream: tuple[object, ...]
) -> None:
    train = rows[split[rows] == TRAIN]
    most = len(train) - 1 if part == VAL else len(train) - 2  # validation is still to be drawn
    number = min(max(1, round(share * len(train))), max(most, 0))
    chosen = np.random.default_rng(derive_seed("split", *stream)).permutation(train)[:number]
    split[chosen] = part


def _hold_all_but(split: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], reading: Reading, name: str) -> None:
    assert reading.train_images is not None
    train = rows[split[rows] == TRAIN]
    order = np.random.default_rng(derive_seed("split", "test", reading.seed, name)).permutation(train)
    rest = order[min(reading.train_images, max(len(train) - 1, 1)) :]
    split[rest] = UNUSED
    split[rest[: reading.test_images]] = TEST


def _join(
    split: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    drawn: npt.NDArray[np.bool_],
    groups: Groups,
    numbers: bool,
) -> bool:
    """Bring drawn copies of a picture into one split; whether any moved.

    With given ``numbers`` of images, a copy in test is left out instead, so that training has as many as it should.
    """
    moved = False
    left = Counter(zip(labels.tolist(), split.tolist(), strict=True)) if groups else Counter()
    for rows in groups:
        copies = [int(row) for row in rows if drawn[row] and split[row] != UNUSED]
        goals = dict.fromkeys(int(split[row]) for row in copies)
        for goal in [part for part in (TRAIN, VAL) if part in goals] if numbers else goals:
            moves = {
                row: UNUSED if numbers and split[row] == TEST else goal for row in copies if int(split[row]) != goal
            }
            leaving = Counter((int(labels[row]), int(split[row])) for row in moves)
            if all(number < left[place] for place, number in leaving.items()):
                left.subtract(leaving)
                for row, part in moves.items():
                    split[row] = part
                    left[int(labels[row]), part] += 1
                moved |= bool(moves)
                break
    return moved


def _numbers_rule(reading: Reading) -> str:
    most = "the others" if reading.test_images is None else f"at most {reading.test_images} of the others"
    return f"{reading.train_images} images of each class for train and val, {most} for test"
