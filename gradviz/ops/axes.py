"""Axes as attributes: normalized once, when the graph is built."""

from __future__ import annotations

import operator
from typing import Any

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.primitive import Shape
from gradviz.errors import ShapeError, user_location


def normalize_axis(axis: Any, ndim: int, what: str) -> int:
    """Return an axis as a number from 0 to ndim - 1.

    Raises:
        ShapeError: for an axis out of range, or no integer.
    """
    try:
        index = operator.index(axis)
    except TypeError:
        raise ShapeError(f"{what}: {axis!r} is no axis", where=user_location(), hint="axes are integers") from None
    if not -ndim <= index < ndim:
        raise ShapeError(
            f"{what}: axis {index} is out of range", where=user_location(), hint=f"the argument has {ndim} axes"
        )
    return index % ndim


def normalize_axes(axis: Any, ndim: int, what: str) -> tuple[int, ...]:
    """Return axes (None for all, a number, or a sequence) as increasing numbers.

    Raises:
        ShapeError: for an axis out of range or given twice.
    """
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = tuple(sorted(normalize_axis(one, ndim, what) for one in given))
    if len(set(axes)) < len(axes):
        raise ShapeError(f"{what}: an axis is given twice", where=user_location())
    return axes


def kept_shape(shape: Shape, axis: tuple[int, ...]) -> Shape:
    """Return the shape with the axes reduced to length 1."""
    return tuple(1 if index in axis else length for index, length in enumerate(shape))


def reduced_shape(shape: Shape, axis: tuple[int, ...], keepdims: bool) -> Shape:
    """Return the shape of a reduction over the axes."""
    if keepdims:
        return kept_shape(shape, axis)
    return tuple(length for index, length in enumerate(shape) if index not in axis)


def as_handle(x: Any) -> Expr:
    """Return x as a handle, a constant if it is none."""
    return x if isinstance(x, Expr) else constant(x)


def lengths(shape: Any, what: str) -> tuple[int, ...]:
    """Return a shape as a tuple of numbers.

    Raises:
        ShapeError: for what is no number or sequence of numbers.
    """
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    try:
        return tuple(operator.index(length) for length in given)
    except TypeError:
        raise ShapeError(f"{what}: {shape!r} is no shape", where=user_location(), hint="give lengths") from None
