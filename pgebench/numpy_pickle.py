"""Pickles of arrays, read without running what a pickle may name."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

_NUMPY_2 = int(np.__version__.split(".")[0]) >= 2


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
