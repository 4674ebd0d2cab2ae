"""Where arrays lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.graph import Array


def aligned(shape: int | tuple[int, ...], dtype: Any) -> Array:
    """Return new memory that begins with a line of the cache: instructions on 64 bytes at once are quickest there."""
    length = int(np.prod(shape))
    whole = np.empty(length + 64, dtype)
    start = -whole.ctypes.data % 64 // whole.itemsize
    return whole[start : start + length].reshape(shape)


def memory_of(array: Array, root: Array) -> tuple[Any, ...]:
    """Return what two views of a root share if and only if they show the same elements in the same way."""
    place = address(array) - address(root)
    return (place, array.shape, moves(array.shape, array.strides), array.dtype.str, array.flags.writeable)


def address(array: Array) -> int:
    """Return where its first element is."""
    found: int = np.asarray(array).__array_interface__["data"][0]
    return found


def moves(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides; those of an axis of one entry say nothing."""
    return tuple(move if length > 1 else 0 for length, move in zip(shape, strides, strict=True))
