"""Sizes on disk as a user types them: ``20GB``."""

from __future__ import annotations

import re

from pgebench.core.errors import ConfigError

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def bytes_of(text: str, option: str) -> int:
    """The bytes that a size means.

    Args:
        text: A number with its unit; 0 needs none.
        option: That it was given for.

    Raises:
        ConfigError: It is no such size.

    >>> bytes_of("20GB", "keep"), bytes_of("1.5 mb", "keep"), bytes_of("0", "keep")
    (20000000000, 1500000, 0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)", text.strip().upper())
    if found is not None:
        return int(float(found[1]) * UNITS[found[2]])
    if text.strip() == "0":
        return 0
    raise ConfigError(f"{option}={text}: give a size with its unit, such as 20GB or 500MB, or 0")
