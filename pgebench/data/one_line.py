"""Names of files in one line, whatever signs they hold."""

from __future__ import annotations


def one_line(text: str) -> str:
    r"""The text with the signs that no line may hold as escapes: a file's name may hold any.

    >>> one_line("a\nb.png")
    'a\\nb.png'
    """
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
