"""Quoting: text as Hydra's grammar takes it literally."""

from __future__ import annotations

import re


def quoted(text: str) -> str:
    r"""A string in Hydra's grammar that stands for exactly this text.

    Args:
        text: A path or a name, with any signs in it.

    Returns:
        The text between single quotes.

    >>> print(quoted("it's ${here}"))
    'it\'s \${here}'
    """
    # A backslash is one before a quote only, and `${` begins an interpolation.
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    text = re.sub(r"(\\*)('|$)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), text)
    return f"'{text}'"
