"""Suggestions: what a mistyped word may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest(words: Iterable[str], known: Sequence[str]) -> list[str]:
    """The known word that is nearest to each of some others, without those that resemble none.

    Args:
        words: What was typed.
        known: What there is.

    Returns:
        At most one word per typed word, in their order.

    >>> nearest(["expriment", "zzz"], ["backbone", "experiment"])
    ['experiment']
    """
    return [close for word in words for close in difflib.get_close_matches(word, known, n=1)]


def suggest(choice: str, known: Sequence[str]) -> str:
    """A hint for the end of an error message.

    Args:
        choice: What was typed.
        known: What there is, in the order in which it is shown.

    Returns:
        The nearest word, if there is one, and all that can be chosen from.

    >>> suggest("leap", ["leep", "nce"])
    'did you mean leep? choose from leep, nce'
    """
    close = nearest([choice], known)
    return (f"did you mean {close[0]}? " if close else "") + f"choose from {', '.join(known)}"
