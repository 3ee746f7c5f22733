"""Texts that hold what others wrote, such as the names of files: made fit for one line, and for a file of UTF-8."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 10_000
"""Most characters of a line: two paths as long as a kernel admits, with what is said of them."""

# Controls of both blocks, ends of line of Unicode, marks that turn the direction of writing, halves of surrogate pairs.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str, most: int = LONGEST) -> str:
    r"""A text whose every character can be shown, and stays where it is shown.

    What ends a line, moves the cursor or colours a terminal is shown by its number, and so is what stands for a byte
    that is no UTF-8.

    Args:
        text: Anything.
        most: Characters that are shown; of the others the number is told.

    Returns:
        One line.

    >>> print(one_line("two\nlines, \x1b[31mred, br\udce9ken"), one_line("abcdef", most=3))
    two\nlines, \x1b[31mred, br\udce9ken abc... (6 characters)
    """
    cut = text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
    return _BREAKS.sub(_by_number, cut)


def unfolded(said: BaseException | str) -> str:
    r"""What an error of a library or a cell of somebody's data says, its lines joined by spaces.

    Args:
        said: An error, or any text.

    Returns:
        One line, or else the error's name.

    >>> unfolded("no such folder:\n   a"), unfolded(ValueError())
    ('no such folder: a', 'ValueError')
    """
    return " ".join(line.strip() for line in str(said).splitlines()).strip() or type(said).__name__


def storable(text: str) -> str:
    r"""A text that UTF-8 can hold: what stands for a byte that is none is written by its number.

    Args:
        text: Anything.

    Returns:
        The same text if it can be written to a file.

    >>> print(storable("caf\u00e9 br\udce9ken"))
    café br\udce9ken
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def all_storable(value: Any) -> Any:
    r"""The same for every text in a value of JSON's types, keys included.

    Args:
        value: Of dicts, lists, words, numbers, booleans and None.

    Returns:
        A value that is equal where every text can be stored.

    >>> all_storable({"path": ["br\udce9ken", 1, None]})
    {'path': ['br\\udce9ken', 1, None]}
    """
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {all_storable(key): all_storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [all_storable(each) for each in value]
    return value


def _by_number(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()
