"""Constants as NumPy source: short where a formula gives the array."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

import numpy as np

from gradviz.core.arrays import uniform_value
from gradviz.core.graph import Array


def constant_text(value: Array | None, dtype: np.dtype[Any]) -> str:
    """Print an array, short where it is made of few numbers.

    Example:
        >>> import numpy as np
        >>> mask = np.triu(np.full((4, 4), -np.inf), 1)
        >>> for value in (np.ones((2, 3)), np.repeat([0.5, 1], [30, 10])[:, None], mask):
        ...     print(constant_text(value, np.dtype("float32")))
        np.ones((2, 3), np.float32)
        np.repeat(np.array([0.5, 1.0], np.float32), [30, 10]).reshape(40, 1)
        np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    """
    assert value is not None
    name, number = dtype_name(dtype), uniform_value(value) if value.shape else None
    if not value.size:  # a list would lose its shape
        return f"np.empty({value.shape}, {name})"
    if number is not None:
        known = {0: "zeros", 1: "ones"}.get(number.item())
        if known and not np.signbit(number):
            return f"np.{known}({value.shape if value.ndim > 1 else value.size}, {name})"
        return f"np.full({value.shape}, {number_text(numbers_of(number))}, {name})"
    if value.ndim == 2:
        if np.array_equal(value, np.eye(*value.shape)):
            return f"np.eye({value.shape[0]}, {value.shape[1]}, 0, {name})"
        for corner, half, function in ((value[0, -1], "triu", np.triu), (value[-1, 0], "tril", np.tril)):
            for shift in (-1, 0, 1):
                if np.array_equal(value, function(np.full(value.shape, corner), shift)):
                    return f"np.{half}(np.full({value.shape}, {number_text(numbers_of(corner))}, {name}), {shift})"
    runs = [(number, len(list(group))) for number, group in groupby(numbers_of(value.reshape(-1)))]
    shaped = "" if value.ndim == 1 else f".reshape({axes_text(value.shape)})"
    if len(runs) <= MOST_RUNS < value.size:
        numbers, counts = ([run[part] for run in runs] for part in (0, 1))
        return f"np.repeat(np.array({number_text(numbers)}, {name}), {counts}){shaped}"
    if value.size > MOST_NUMBERS and value.dtype == dtype:
        order = f"<{dtype.kind}{dtype.itemsize}"
        digits = value.astype(order).tobytes().hex()
        return f'np.frombuffer(bytes.fromhex("{digits}"), "{order}").astype({name}){shaped}'
    return f"np.array({number_text(numbers_of(value))}, {name})"


MOST_RUNS = 8
"""Runs of equal numbers that are written as such."""
MOST_NUMBERS = 1000
"""More are written as bytes: nobody reads them, and Python takes seconds to read a million."""


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return how every NumPy calls a dtype; not all know np.bool."""
    return f"np.{dtype}" if dtype.kind != "b" else "np.bool_"


def axes_text(shape: tuple[int, ...]) -> str:
    """Write a shape or an order of axes as arguments."""
    return ", ".join(map(str, shape)) or "()"


def numbers_of(value: Any) -> Any:
    """Return an array as Python's numbers, the shortest that its dtype does not tell apart from them.

    Example:
        >>> import numpy as np
        >>> numbers_of(np.array([0.1, -np.inf], np.float32))
        [0.1, -inf]
    """
    return value.astype(str).astype(np.float64).tolist() if value.dtype == np.float32 else value.tolist()


def number_text(value: Any) -> str:
    """Write a number, or a list of numbers, as NumPy has it."""
    return re.sub(r"\b(inf|nan)\b", r"np.\1", repr(value))
