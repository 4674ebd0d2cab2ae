"""A user's values as read-only arrays of numbers: floats, or whole numbers of 64 bits."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from gradviz.core.graph import Array
from gradviz.errors import GraphError, short_repr, user_location

FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype of values that one is asked for: whole numbers and truth values have 64 bits, whatever it says.

    So sums of truth values count, and nothing wraps around.

    Raises:
        GraphError: for what is no dtype of real numbers.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found.kind in "iub":
        return INT64
    if found.kind != "f":
        raise GraphError(f"{dtype!r} is no dtype of numbers", where=user_location(), hint="float, int, or NumPy's")
    return native(found)


def native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype with the bytes in this machine's order, as the results of all operations have them."""
    return dtype if dtype.isnative else np.dtype(dtype.type)


def adjoint_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of a derivative by values of a dtype: by whole numbers it is none."""
    return dtype if dtype.kind == "f" else FLOAT64


def uniform_value(array: Any) -> Any:
    """Return the number that all elements of an array are; None where they differ, or there are none."""
    flat = np.reshape(array, -1)
    return flat[0] if flat.size and bool(np.all(flat == flat[0])) else None


def stretched(whole: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes that broadcasting a shape to the whole has added or stretched."""
    lead = len(whole) - len(shape)
    return tuple(axis for axis, length in enumerate(whole) if axis < lead or shape[axis - lead] == 1 != length)


def axes_taken(key: Iterable[Any]) -> int:
    """Return how many axes of an array an index without an ellipsis speaks of."""
    return sum(part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else part is not None for part in key)


def to_array(value: Any, dtype: Any = None) -> Array:
    """Return a read-only array of a user's value; integers become float64 unless a dtype is asked for.

    Raises:
        GraphError: for anything but real numbers and booleans in a regular arrangement; where whole numbers are asked
            for, for others.
    """
    try:
        if type(value) in (float, int) and (dtype is None or dtype is FLOAT64):
            return np.float64(value)  # type: ignore[return-value]  # a scalar is as good, and cannot be changed
        array = np.array(np.asarray(value))  # asked for a copy at once, arrays of other libraries warn
        if array.dtype.kind == "O" and all(isinstance(one, Real) for one in array.flat):
            array = array.astype(FLOAT64)
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        ragged = "inhomogeneous shape" in str(error)
        reason = "its rows have different lengths" if ragged else str(error)
        raise GraphError(f"not an array of numbers: {reason}", where=user_location()) from None
    if array.dtype.kind not in "fiub":
        raise GraphError(f"not real numbers: {short_repr(value)}", where=user_location())
    wanted = (
        {"f": native(array.dtype), "b": INT64}.get(array.dtype.kind, FLOAT64) if dtype is None else real_dtype(dtype)
    )
    with np.errstate(invalid="ignore"):
        made = array.astype(wanted, copy=False)
    if wanted is INT64 and not np.array_equal(made, array):
        raise GraphError(f"not whole numbers: {short_repr(value)}", where=user_location())
    made.setflags(write=False)
    return made
