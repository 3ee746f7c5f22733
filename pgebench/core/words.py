"""Words of the user: one path or name, or several with commas between them, taken as they were typed.

The rule is the same in every command. A path that is there stands for itself, whatever signs are in it. A text between
quotes, single or double, is what stands between them; so a comma can be in a name, and a quote at both its ends. All
other signs are what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from pgebench.core.quoting import QUOTED, quoted, unquoted

Exists = Callable[[str], bool]


def is_there(path: str) -> bool:
    r"""Whether a path exists; what cannot be a path does not.

    Args:
        path: What was typed; ``~/`` in front is the user's home.

    Returns:
        True if it does.

    >>> is_there("."), is_there("a" * 5000), is_there("nobody's\0")
    (True, False, False)
    """
    try:
        return path != "" and Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # longer than a file's name can be, or nobody's home
        return False


def nowhere(path: str) -> bool:
    """Stands for ``is_there`` where names are typed that are no paths."""
    return False


def one(text: str, exists: Exists = is_there) -> str:
    """A path or a name.

    Args:
        text: What was typed.
        exists: Whether a path is there.

    Returns:
        What it stands for.

    >>> one("epoch=3,step=10.ckpt"), one("'a b'"), one("'tis")
    ('epoch=3,step=10.ckpt', 'a b', "'tis")
    """
    return unquoted(text) if QUOTED.fullmatch(text) and not exists(text) else text


def several(text: str, exists: Exists = is_there) -> list[str]:
    """Paths or names with commas between them.

    Args:
        text: What was typed. Spaces beside a comma, and commas with nothing between them, are not part of a name.
        exists: Whether a path is there.

    Returns:
        What they stand for, in their order.

    >>> several("my/birds, my/plants,'a,b'", nowhere), several(" a", nowhere)
    (['my/birds', 'my/plants', 'a,b'], [' a'])
    """
    if exists(text):
        return [text]
    found = parts(text)
    words = [part.strip() for part in found] if len(found) > 1 else found
    return [one(word, nowhere) for word in words if word]


def parts(text: str) -> list[str]:
    r"""What stands between the commas that are not inside quotes.

    Args:
        text: What was typed.

    Returns:
        At least one, as typed.

    >>> parts("a,'b,c', \"d,e\",it's")
    ['a', "'b,c'", ' "d,e"', "it's"]
    """
    found, start = [], 0
    part = re.compile(rf"(\s*(?:{QUOTED.pattern})\s*|[^,]*)(?=,|\Z)", re.DOTALL)
    while match := part.match(text, start):
        found.append(match[1])
        start = match.end() + 1
        if match.end() == len(text):
            break
    return found


def type_one(value: str, exists: Exists = is_there) -> str:
    r"""What to type for a path or a name.

    Args:
        value: What it is.
        exists: Whether a path is there.

    Returns:
        The value itself, between quotes where ``one`` would read something else.

    >>> type_one("a b"), type_one("'a'", nowhere)
    ('a b', "'\\'a\\''")
    """
    return value if one(value, exists) == value else quoted(value)


def type_several(values: Sequence[str], exists: Exists = is_there) -> str:
    """What to type for several.

    Args:
        values: What they are.
        exists: Whether a path is there.

    Returns:
        The values with commas between them, those between quotes of which ``several`` would read something else.

    >>> type_several(["my/birds", "a,b"], nowhere)
    "my/birds,'a,b'"
    """
    plain = [word if several(f"{word},", nowhere) == [word] else quoted(word) for word in values]
    typed = ",".join(plain)
    return typed if several(typed, exists) == list(values) else ",".join(map(quoted, values))
