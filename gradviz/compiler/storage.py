"""Where the parameters of a layer are in memory."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn

import numpy as np

from gradviz.compiler.addresses import aligned
from gradviz.core.arrays import to_array
from gradviz.core.graph import Array
from gradviz.errors import ShapeError, UsageError, did_you_mean, user_location

MOST_TOGETHER = 1000
"""Parameters of more elements in all have their own memory each."""


class LiveArrays(MutableMapping[str, Array]):
    """Arrays by path that compiled functions compute with: what is assigned is copied into them.

    Raises:
        UsageError: for a path that there is none of, or where one is to be removed.
        ShapeError: for a value of another shape.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self._arrays = arrays

    def __getitem__(self, path: str) -> Array:
        return self._arrays[path]

    def __setitem__(self, path: str, value: Any) -> None:
        array = self._arrays.get(path)
        if array is None:
            hint = did_you_mean(path, self._arrays, f"it has {', '.join(self._arrays)}")
            raise UsageError(f"the layer has no parameter {path!r}", where=user_location(), hint=hint)
        given = to_array(value, array.dtype)
        if given.shape != array.shape:
            raise ShapeError(
                f"the parameter {path!r} has shape {array.shape}, not {given.shape}", where=user_location()
            )
        array[...] = given

    def __delitem__(self, path: str) -> NoReturn:
        raise UsageError("the parameters of a layer cannot be removed", where=user_location())

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **other}

    def __repr__(self) -> str:
        return repr(self._arrays)


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
        arrays: dict[str, Array] = {}
        self.arrays = LiveArrays(arrays)
        self.places: dict[str, Array] = {}
        total = sum(np.size(value) for value in values.values())
        self.whole = np.empty(total, dtype) if total <= MOST_TOGETHER else None
        start = 0
        for path, value in values.items():
            if self.whole is None:
                arrays[path] = _copy(value, dtype, path in columns_first)
                continue
            stop = start + np.size(value)
            arrays[path] = self.whole[start:stop].reshape(np.shape(value))
            arrays[path][...] = value
            self.places[path] = np.arange(start, stop).reshape(np.shape(value))
            start = stop


def _copy(value: Array, dtype: np.dtype[Any], columns_first: bool) -> Array:
    array = np.asarray(value)
    made = aligned(array.shape[::-1] if columns_first else array.shape, dtype)
    copy = made.T if columns_first else made
    copy[...] = array
    return copy
