"""Where the parameters of a layer are in memory."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from gradviz.compiler.addresses import aligned
from gradviz.core.graph import Array

MOST_TOGETHER = 1000
"""Parameters of more elements in all have their own memory each."""


class Storage:
    """The live arrays of a layer. Those of a small one are views of one array, so that one call reads them all.

    Args:
        values: what the parameters start from, by path.
        dtype: of all of them.
        columns_first: the paths of large matrices whose columns lie one after another.

    Attributes:
        arrays: by path.
        whole: the array that they are views of, one after another, or None.
        places: by path, where their elements stand in it.
    """

    def __init__(self, values: Mapping[str, Array], dtype: np.dtype[Any], columns_first: Container[str] = ()) -> None:
        self.arrays: dict[str, Array] = {}
        self.places: dict[str, Array] = {}
        total = sum(np.size(value) for value in values.values())
        self.whole = np.empty(total, dtype) if total <= MOST_TOGETHER else None
        start = 0
        for path, value in values.items():
            if self.whole is None:
                self.arrays[path] = _copy(value, dtype, path in columns_first)
                continue
            stop = start + np.size(value)
            self.arrays[path] = self.whole[start:stop].reshape(np.shape(value))
            self.arrays[path][...] = value
            self.places[path] = np.arange(start, stop).reshape(np.shape(value))
            start = stop


def _copy(value: Array, dtype: np.dtype[Any], columns_first: bool) -> Array:
    array = np.asarray(value)
    made = aligned(array.shape[::-1] if columns_first else array.shape, dtype)
    copy = made.T if columns_first else made
    copy[...] = array
    return copy
