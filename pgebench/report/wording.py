"""How numbers and names are written in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from pgebench.analysis.question import SOURCES, Question

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


TRUTH_PRICED = "a truth of one transfer per pair"
"""What the costs of metrics are compared with: a ranking needs no more, and further transfers only tell its noise."""

MANY = 8
"""A list of more names than this is not read; its length says as much."""


def number(value: float, digits: int = 2) -> str:
    """A number with a fixed count of decimals and a real minus sign.

    >>> number(0.456), number(-0.456) == MINUS + "0.46", number(-0.001), number(float("nan")) == NOTHING
    ('0.46', True, '0.00', True)
    """
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def signed(value: float, digits: int = 2) -> str:
    """Like `number`, with a plus sign for values above 0."""
    text = number(value, digits)
    return f"+{text}" if math.isfinite(value) and float(f"{value:.{digits}f}") > 0 else text


def interval(low: float, high: float, digits: int = 2) -> str:
    """An interval in words.

    >>> interval(0.1, 0.345)
    '0.10 to 0.34'
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return NOTHING
    return f"{number(low, digits)} to {number(high, digits)}"


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage.

    >>> percent(0.123), percent(0.0004)
    ('12 %', 'under 1 %')
    """
    if not math.isfinite(share):
        return NOTHING
    if digits == 0 and 0 < share < 0.005:
        return "under 1 %"
    return f"{number(100 * share, digits)} %"


def points(accuracy: float) -> str:
    """A difference of accuracies in percentage points, with one decimal."""
    return number(100 * accuracy, 1)


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best.

    >>> duration(0.0042), duration(0.42), duration(4.2), duration(60), duration(600), duration(9000)
    ('4.2 ms', '0.42 s', '4.2 s', '60 s', '10.0 min', '2.5 h')
    """
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 0.1:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def p_text(p: float) -> str:
    """A p-value.

    >>> p_text(0.0004), p_text(0.034), p_text(1.0)
    ('< 0.001', '0.034', '1.000')
    """
    if not math.isfinite(p):
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def names(items: Iterable[str], empty: str = "none", most: int | None = None) -> str:
    """A list of names as code, the last one after "and"; of more than ``most`` only the number.

    >>> names(["leep", "nce", "pge"]), names(["leep", "nce", "pge"], most=2)
    ('`leep`, `nce` and `pge`', '3 others')
    """
    quoted: Sequence[str] = [f"`{item}`" for item in items]
    if not quoted:
        return empty
    if most is not None and len(quoted) > most:
        return f"{len(quoted)} others"
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def counted(count: int, thing: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "seed"), counted(3, "seed"), counted(2, "class", "classes")
    ('1 seed', '3 seeds', '2 classes')
    """
    return f"{count} {thing if count == 1 else plural or thing + 's'}"


def reworded(text: str, question: Question) -> str:
    """A text about sources and targets, said about the candidates and tasks of another question; code stays as it is.

    >>> from pgebench.analysis.question import TARGETS
    >>> reworded("the best source for each target; source models; `my-target`", TARGETS)
    'the best target for each source; source models; `my-target`'
    """
    if question is SOURCES:
        return text
    words = {"source": question.candidate, "target": question.task, "backbone": question.group}
    word = r"`[^`]*`|\b(source|target|backbone)(s?)\b(?! model)"
    return re.sub(word, lambda found: words[found[1]] + found[2] if found[1] else found[0], text)
