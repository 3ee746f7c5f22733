"""Files: written whole or not at all, known by their sha256, and pickles of arrays that run nothing they may name."""

from __future__ import annotations

import hashlib
import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from pgebench.core.errors import StoreError

_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, whatever happens in between.

    Args:
        path: Of the file; folders above it are made.
        content: All of it.

    Raises:
        StoreError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(
            f"cannot write {path}: {error.strerror or error}. "
            "Give a folder that can be written with results=DIR (and store=DIR)."
        ) from error


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content.

    Args:
        path: Of the file; it is read in pieces, however large it is.

    Returns:
        64 hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class NumpyUnpickler(pickle.Unpickler):
    """Unpickles arrays and refuses everything else, because a pickle can run any code it names."""

    _ALLOWED = frozenset({("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")})

    def find_class(self, module: str, name: str) -> Any:
        """The three names of numpy that an array needs.

        Raises:
            pickle.UnpicklingError: the pickle names anything else.
        """
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"refused: {module}.{name}")
        # numpy 2 moved numpy.core; asking for the old name warns.
        return super().find_class(module.replace("numpy.core", "numpy._core") if _NUMPY_2 else module, name)
