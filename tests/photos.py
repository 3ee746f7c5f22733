"""Images as files, for tests of datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pgebench.data.cache import Decoded

Read = Callable[..., Decoded]
"""``read_as(kind, path, loader={...}, reading options...)``, a fixture."""


def write(path: Path, pixels: np.ndarray, **options: object) -> None:
    """Write an image and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
