"""A user's values as read-only arrays of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.graph import Array
from gradviz.errors import GraphError, user_location

FLOAT64 = np.dtype(np.float64)


def to_array(value: Any, dtype: Any = None) -> Array:
    """Return a read-only array of a user's value; integers become float64 unless a dtype is asked for.

    Raises:
        GraphError: for anything but real numbers and booleans in a regular arrangement.
    """
    try:
        if type(value) in (float, int) and (dtype is None or dtype is FLOAT64):
            return np.float64(value)  # type: ignore[return-value]  # a scalar is as good, and cannot be changed
        array = np.array(value, dtype=dtype)
    except (ValueError, TypeError, OverflowError) as error:
        raise GraphError(f"not an array of numbers: {error}", where=user_location()) from None
    if array.dtype.kind not in "fiub":
        raise GraphError(f"not real numbers: {_short(value)}", where=user_location())
    if dtype is None and array.dtype.kind in "iu":
        array = array.astype(FLOAT64)
    array.setflags(write=False)
    return array


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
