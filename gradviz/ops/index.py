"""Indexing and its adjoint, with NumPy's indices: numbers, slices, ellipsis, None, arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from gradviz.core.arrays import axes_taken
from gradviz.core.expr import Expr
from gradviz.core.format import key_tex
from gradviz.core.primitive import Shape, function, primitive
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle, lengths


def _key_symbol(attrs: Any, shapes: Any) -> str:
    return f"[{key_tex(attrs['key'])}]"


def _item_shape(old: Shape, *, key: Any) -> Shape:
    try:
        return tuple(np.broadcast_to(np.empty(()), old)[key].shape)
    except (IndexError, ValueError) as error:  # ValueError: a step of 0
        raise ShapeError(str(error)) from None


_getitem = primitive("getitem", symbol=_key_symbol, shape=_item_shape,
    forward=lambda xp, x, key: xp.getitem(x, key),
    vjp=lambda xp, g, f, x, key: (xp.scatter(g, key, xp.shape(x)),))  # fmt: skip


def _scattered(old: Shape, *, key: Any, shape: Shape) -> Shape:
    if _item_shape(shape, key=key) != old:
        raise ShapeError(f"an array of shape {old} does not fit that index of one of shape {shape}")
    return shape


_scatter = primitive("scatter", symbol=r"\operatorname{scatter}", shape=_scattered,
    forward=lambda xp, x, key, shape: xp.scatter(x, key, shape),
    vjp=lambda xp, g, f, x, key, shape: (xp.getitem(g, key),))  # fmt: skip


@function
def getitem(x: Any, key: Any) -> Expr:
    """Return elements by NumPy's indexing: numbers, slices, ellipsis, None, arrays of integers or booleans."""
    handle = as_handle(x)
    return _getitem(handle, key=_spelled_out(key, handle.ndim))


@function
def scatter(x: Any, key: Any, shape: Any) -> Expr:
    """Return zeros of a shape, to which x is added at an index; repeated indices add up.

    It is the adjoint of indexing: what backpropagation does to ``y[key]``.
    """
    whole = lengths(shape, "scatter")
    return _scatter(as_handle(x), key=_spelled_out(key, len(whole)), shape=whole)


def _spelled_out(key: Any, ndim: int) -> tuple[Any, ...]:
    """Return an index of an array with so many axes as a tuple without an ellipsis."""
    parts = tuple([_index(part) for part in (key if isinstance(key, tuple) else (key,))])
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(places) != 1:  # NumPy refuses several
        return parts
    before, behind = parts[: places[0]], parts[places[0] + 1 :]
    return (*before, *(slice(None),) * (ndim - axes_taken((*before, *behind))), *behind)


def _index(part: Any) -> Any:
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return slice(*(None if end is None else _whole(end) for end in (part.start, part.stop, part.step)))
    if isinstance(part, Expr):
        raise GraphError("a node cannot be an index", where=user_location(), hint="index with numbers or an array")
    if isinstance(part, (bool, np.bool_)):
        raise GraphError(f"{part} is no index", where=user_location(), hint="use 0 or 1, or an array of booleans")
    try:
        return operator.index(part)
    except TypeError:
        array = np.array(part)
        if array.dtype.kind not in "iub" and array.size:
            raise GraphError(
                f"{part!r} is no index", where=user_location(), hint="use integers, slices or boolean arrays"
            ) from None
        return array if array.dtype.kind in "iub" else array.astype(np.intp)


def _whole(end: Any) -> int:
    try:
        return operator.index(end)
    except TypeError:
        what = "a node" if isinstance(end, Expr) else repr(end)
        raise GraphError(f"{what} cannot bound a slice", where=user_location(), hint="use integers") from None
