"""How large pictures are, from what their files begin with: nothing is decoded."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from pgebench.data.listing import Content
from pgebench.data.picture import open_picture


def all_within(contents: Iterable[Content], side: int) -> bool:
    """Whether no picture is wider or higher than so many pixels; the first one that is ends the search.

    Args:
        contents: Files, encoded files or pixels.
        side: In pixels.

    Returns:
        Of the pictures that can be opened; False if there are none.

    >>> small, large = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 90), np.uint8)
    >>> all_within([small, b"no picture"], 32), all_within([small, large], 32), all_within([], 32)
    (True, False, False)
    """
    found = False
    for content in contents:
        size = _size(content)
        if size is not None and max(size) > side:
            return False
        found = found or size is not None
    return found


def _size(content: Content) -> tuple[int, int] | None:
    if isinstance(content, np.ndarray):
        return content.shape[1], content.shape[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # who decodes it will tell
            with open_picture(content) as image:
                return image.size
    except Exception:  # as in decoding: there it is refused with its reason
        return None
