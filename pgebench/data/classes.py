"""Classes: numbers and names from the labels of one or several parts, matched by name where there are names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pgebench.core.errors import DataError
from pgebench.data.columns import Hole, is_number


@dataclass(frozen=True)
class Part:
    """The labels of a file, an array or a split.

    Args:
        where: It is, for messages.
        labels: A cell for each row.
        names: Of the classes 0, 1, ...; null if the labels are what they are.
    """

    where: str
    labels: Sequence[Any]
    names: Sequence[Any] | None = None


@dataclass(frozen=True, eq=False)
class Classes:
    """The class of each row, parts one after the other.

    Args:
        numbers: int64 (N,), an index into ``names``; -1 for a row without a label.
        names: One for each class that occurs.
        holes: Why a row has no label.
    """

    numbers: npt.NDArray[np.int64]
    names: tuple[str, ...]
    holes: Mapping[int, str] = field(default_factory=dict)


def classes(label: str, parts: Sequence[Part]) -> Classes:
    """The classes of all parts.

    Numbers with names are matched by name: 0 may be another class in another part. Their order is that of the names
    of the first part, classes that only others name follow. Without names the values are sorted. Two numbers may have
    one name, as two have in ImageNet, where all parts have the same names.

    Args:
        label: Name of the column, for messages.
        parts: In the order of the rows.

    Returns:
        Numbers, names, and the rows without a label.

    Raises:
        DataError: A number has no name, or parts cannot be matched.

    >>> found = classes("label", [Part("a", [0, 1], ["ant", "cow"]), Part("b", [0, Hole("is empty")], ["cow", "ant"])])
    >>> found.numbers.tolist(), found.names, found.holes
    ([0, 1, 1, -1], ('ant', 'cow'), {3: 'its label is empty'})
    """
    same = len({None if part.names is None else tuple(map(str, part.names)) for part in parts}) == 1
    named = [part if part.names is None else _named(label, part, same) for part in parts]
    values = [value for part in named for value in part.labels]
    # A column has one type, so what differs in it stands for all its cells: 1 and 1.0 are of different parts.
    distinct = [{value for value in set(part.labels) if not isinstance(value, Hole)} for part in named]
    present = set().union(*distinct)
    _check_kinds(label, named, distinct)
    known = dict.fromkeys(str(name) for part in named for name in part.names or ())
    if known and not same:
        order: list[Any] = [name for name in known if name in present] + sorted(present - set(known))
    else:
        order = sorted(present)
    words = _words(order, any(isinstance(value, float | np.floating) for one in distinct for value in one))
    if known and same:
        words = tuple(str((parts[0].names or ())[value]) for value in order)
    number = {value: index for index, value in enumerate(order)}
    return Classes(
        numbers=np.array([-1 if isinstance(value, Hole) else number[value] for value in values], dtype=np.int64),
        names=words,
        holes={row: f"its label {value.why}" for row, value in enumerate(values) if isinstance(value, Hole)},
    )


def _named(label: str, part: Part, same: bool) -> Part:
    """The same with names instead of numbers, if other parts have other names.

    -1 says, as Hugging Face has it, that a row has no label.
    """
    assert part.names is not None
    names = list(part.names)
    labels: list[Any] = []
    for row, value in enumerate(part.labels):
        if is_number(value) and value == -1:
            labels.append(Hole("is -1, which names no class"))
        elif isinstance(value, Hole):
            labels.append(value)
        elif not is_number(value) or value != int(value) or not 0 <= value < len(names):
            raise DataError(
                f"{part.where}: {len(names)} class_names do not fit the labels: {label} is {value} in row {row}, and "
                f"must be a whole number from 0 to {len(names) - 1}"
            )
        elif isinstance(names[int(value)], Hole):
            raise DataError(f"{part.where}: the class {int(value)} has no name: it {names[int(value)].why}")
        else:
            labels.append(int(value) if same else str(names[int(value)]))
    used = Counter(str(names[index]) for index in {int(v) for v in part.labels if not isinstance(v, Hole) and v >= 0})
    if not same and (twice := [name for name, times in used.items() if times > 1]):
        raise DataError(
            f"{part.where}: two classes are called {twice[0]}, and other parts have other names, so classes cannot be "
            "matched; give each number its own name"
        )
    return Part(part.where, labels, [name for name in names if not isinstance(name, Hole)])


def _check_kinds(label: str, parts: Sequence[Part], distinct: Sequence[set[Any]]) -> None:
    """Refuse parts of which one has names or words and another numbers: nothing says which are the same class."""
    seen: dict[str, Part] = {}
    for part, values in zip(parts, distinct, strict=True):
        for kind in {_kind(value) for value in values}:
            seen.setdefault(kind, part)
    if len(seen) > 1:
        (one, first), (other, second) = list(seen.items())[:2]
        one, other = (
            "a class with a name" if part.names is not None else kind for kind, part in ((one, first), (other, second))
        )
        raise DataError(
            f"{label} is {one} in {first.where} and {other} in {second.where}, so classes cannot be matched; save "
            "both with the same names"
        )


def _kind(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "a truth value"
    if is_number(value):
        return "a number"
    if isinstance(value, str):
        return "a word"
    zone = " with a time zone" if getattr(value, "tzinfo", None) is not None else ""
    return f"a {type(value).__name__}{zone}"


def _words(values: Sequence[Any], point: bool) -> tuple[str, ...]:
    """The values as words; 1 is the class of 1.0, and written like it, where some numbers have a point."""
    return tuple(f"{value}.0" if point and isinstance(value, int | np.integer) else str(value) for value in values)
