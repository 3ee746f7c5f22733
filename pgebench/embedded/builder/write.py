"""Files in which the same arrays always are the same bytes."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# The oldest date a zip can hold; the real one would change the file's digest at every build.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_npz(path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write an npz file that `numpy.load` reads with ``allow_pickle=False``.

    Deflate rather than LZMA, which is a quarter smaller but missing from some Pythons.

    Args:
        path: of the file; replaced when there.
        arrays: name to array; no object arrays.

    Raises:
        ValueError: an object array was given.
    """
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            # Else the zip notes which system wrote it.
            member.create_system = 3
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(member, buffer.getvalue(), compresslevel=9)


def smallest(numbers: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return non-negative integers in the smallest unsigned type that holds them.

    >>> smallest(np.array([0, 300])).dtype
    dtype('uint16')
    """
    return numbers.astype(np.min_scalar_type(int(numbers.max())))


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with sorted keys and a newline at the end."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", "utf-8")
