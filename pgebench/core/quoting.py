"""Quoting: text as Hydra's grammar takes it literally."""

from __future__ import annotations

import re
from typing import Any

QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
"""A text between quotes; a backslash before a quote keeps it from being the end."""


def quoted(text: str) -> str:
    r"""A string in Hydra's grammar that stands for exactly this text.

    Args:
        text: A path or a name, with any signs in it.

    Returns:
        The text between single quotes.

    >>> print(quoted("it's ${here}"))
    'it\'s \${here}'
    """
    # A backslash is one before a quote only; `\Z` is the end of the text, which `$` is not where it ends in a newline.
    text = re.sub(r"(\\*)('|\Z)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), escaped(text))
    return f"'{text}'"


def unquoted(text: str) -> str:
    r"""The text that a quoted one stands for, in either kind of quotes.

    Args:
        text: Of the form ``QUOTED``.

    Returns:
        What is between the quotes; ``\${`` there is a plain ``${``, as in Hydra.

    >>> print(unquoted(quoted("it's ${here}")), unquoted('"a,b"'))
    it's ${here} a,b
    """
    mark, inner = text[0], text[1:-1]
    inner = re.sub(rf"(\\+)({mark}|\Z)", lambda match: match[1][: len(match[1]) // 2] + match[2], inner)
    return re.sub(r"(\\+)\$\{", lambda match: match[1][: len(match[1]) // 2] + "${", inner)


def escaped(text: str) -> str:
    r"""A text in which OmegaConf finds no interpolation.

    Args:
        text: What a config's value is to be.

    Returns:
        The same with a backslash before each ``${``.

    >>> print(escaped("a/${b}"))
    a/\${b}
    """
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def escaped_all(value: Any) -> Any:
    r"""Plain values in whose texts OmegaConf finds no interpolation.

    Args:
        value: A text, or mappings and lists of texts and others.

    Returns:
        The same with every text escaped.

    >>> escaped_all({"path": "${x}", "sizes": [1, "${y}"]}) == {"path": "\\${x}", "sizes": [1, "\\${y}"]}
    True
    """
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, dict):
        return {key: escaped_all(inner) for key, inner in value.items()}
    return [escaped_all(inner) for inner in value] if isinstance(value, list | tuple) else value
