"""The NumPy namespace's functions of places: rows by number, windows and the sums that are their adjoints.

They need NumPy alone, so that the source of a compiled layer can take them along.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.graph import Array
from gradviz.core.primitive import Shape


def _checked(indices: Any, count: int) -> Array:
    """Return indices as integers.

    Raises:
        IndexError: for one that is out of range; NumPy would take a negative one from the end.
    """
    found = np.asarray(indices)
    if found.size and (found.min() < 0 or found.max() >= count):
        wrong = int(found[(found < 0) | (found >= count)][0])
        raise IndexError(f"the index {wrong} is out of range (there are {count}, counted from 0)")
    return found.astype(np.intp, copy=False)


def take(x: Any, indices: Any) -> Any:
    """Rows of x by their numbers."""
    return np.asarray(x)[_checked(indices, len(x))]


def segment_sum(x: Any, indices: Any, count: int) -> Array:
    """The adjoint of `take`: row k is the sum of the rows of x that have the number k."""
    places, rows = _checked(indices, count), np.asarray(x)
    found = np.zeros((count, *rows.shape[places.ndim :]), dtype=rows.dtype)
    np.add.at(found, places, rows)
    return found


def one_hot(indices: Any, count: int) -> Array:
    """1[index = k] for k = 0, …, count - 1, along a new last axis."""
    return np.eye(count)[_checked(indices, count)]


def windows(x: Any, size: Shape, stride: Shape, dilation: Shape) -> Array:
    """A view of all windows over the last axes: (…, places, size), for as many axes as the size has."""
    array = np.asarray(x)
    lead, last = array.shape[: -len(size)], array.strides[-len(size) :]
    every = zip(array.shape[-len(size) :], size, stride, dilation, strict=True)
    places = tuple((length - (width - 1) * apart - 1) // step + 1 for length, width, step, apart in every)
    moves = tuple(move * step for move, step in zip(last, stride, strict=True))
    within = tuple(move * apart for move, apart in zip(last, dilation, strict=True))
    strides = (*array.strides[: -len(size)], *moves, *within)
    return np.lib.stride_tricks.as_strided(array, (*lead, *places, *size), strides, writeable=False)


def fold(g: Any, shape: Shape, stride: Shape, dilation: Shape, out: Any = None) -> Array:
    """The adjoint of `windows`: every element of a window is added at the place that it was taken from."""
    parts, axes = np.asarray(g), len(shape)
    places, size = parts.shape[-2 * axes : -axes], parts.shape[-axes:]
    found = np.empty((*parts.shape[: -2 * axes], *shape), dtype=parts.dtype) if out is None else out
    apart = all(step >= width for step, width in zip(stride, size, strict=True))
    whole = all(
        step == width and step * count == length
        for step, width, count, length in zip(stride, size, places, shape, strict=True)
    )
    if not (whole and set(dilation) == {1}):
        found.fill(0)
    for offset in np.ndindex(*size):
        target: tuple[Any, ...] = tuple(
            slice(at * step, at * step + (count - 1) * move + 1, move)
            for at, step, count, move in zip(offset, dilation, places, stride, strict=True)
        )
        if apart and set(dilation) == {1}:
            found[(..., *target)] = parts[(..., *offset)]
        else:
            found[(..., *target)] += parts[(..., *offset)]
    return found
