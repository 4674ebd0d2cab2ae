"""Rows by their numbers, where the numbers are a node: words of a sequence, labels of classes.

The numbers are integers and have no derivative. `take` and `segment_sum` are each other's adjoint.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.arrays import real_dtype
from gradviz.core.batch import Lifted, leading
from gradviz.core.expr import Expr
from gradviz.core.primitive import FUNCTIONS, Shape, function, primitive
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle, normalize_axis
from gradviz.ops.index import getitem


def _taken(x: Shape, indices: Shape) -> Shape:
    if not x:
        raise ShapeError("a scalar has no rows to take")
    return (*indices, *x[1:])


def _take_batch(args: Sequence[Lifted], size: int) -> Lifted:
    """Rows of one table for all samples stay rows; where each sample has its own table, products pick them."""
    x, indices = args
    if x.behind is None:
        made = _take(x.handle, indices.first)
        return Lifted(made, made.ndim - 1)
    if indices.behind is None:
        return Lifted(_take(x.last, indices.handle), 0)
    count, rest = x.shape[0], x.shape[1:]
    rows = x.first.reshape(size, count, math.prod(rest))
    chosen = one_hot(indices.first.reshape(size, math.prod(indices.shape)), count, rows.dtype)
    return Lifted((chosen @ rows).reshape(size, *indices.shape, *rest), indices.rank + len(rest))


_take = primitive("take", symbol=r"\operatorname{take}", notation="<#1>_{#2}", shape=_taken,
    dtype=lambda x, indices: x, indices={1: lambda x, indices: x[0]},
    forward=lambda xp, x, indices: xp.take(x, indices),
    vjp=lambda xp, g, f, x, indices: (xp.segment_sum(g, indices, xp.shape(x)[0]), 0),
    batch=_take_batch)  # fmt: skip


def _summed(x: Shape, indices: Shape, *, count: int) -> Shape:
    if x[: len(indices)] != indices:
        raise ShapeError("each row needs one index")
    return (count, *x[len(indices) :])


def _segment_sum_batch(args: Sequence[Lifted], size: int, *, count: int) -> Lifted:
    x, indices = args
    if indices.behind is None:
        return Lifted(_segment_sum(x.last, indices.handle, count=count), 0)
    rest = x.shape[indices.rank :]
    rows = x.spread(size).handle.reshape(size, math.prod(indices.shape), math.prod(rest))
    chosen = one_hot(indices.first.reshape(size, math.prod(indices.shape)), count, rows.dtype)
    return Lifted((FUNCTIONS["swapaxes"](chosen, 1, 2) @ rows).reshape(size, count, *rest), 1 + len(rest))


_segment_sum = primitive("segment_sum", symbol=r"\Sigma", notation=r"\Sigma_{#2 = k}\,<#1>", shape=_summed,
    dtype=lambda x, indices, count: x, indices={1: lambda x, indices, count: count},
    forward=lambda xp, x, indices, count: xp.segment_sum(x, indices, count),
    vjp=lambda xp, g, f, x, indices, count: (xp.take(g, indices), 0),
    batch=_segment_sum_batch)  # fmt: skip

_one_hot = primitive("one_hot", symbol=r"\mathbf{1}[\cdot = k]", notation=r"\mathbf{1}[#1 = k]",
    shape=lambda indices, *, count, dtype: (*indices, count), dtype=lambda indices, *, count, dtype: dtype,
    indices={0: lambda indices, count, dtype: count},
    forward=lambda xp, indices, count, dtype: xp.one_hot(indices, count),
    vjp=lambda xp, g, f, indices, count, dtype: (0,),
    batch=leading("one_hot"))  # fmt: skip


@function
def take(x: Any, indices: Any, axis: Any = None) -> Expr:
    """Return elements by their numbers, which may be a node: a data leaf made with ``dtype=int``.

    Args:
        x: a node or array-like.
        indices: integers from 0; a node of them, or as NumPy's.
        axis: along which the numbers count; None for the flattened argument, as in NumPy.

    Raises:
        GraphError: for a node that is not of integers; at evaluation, for a number out of range.

    Example:
        >>> import gradviz as gv
        >>> words = gv.data("words", [2, 0], dtype=int)
        >>> gv.evaluate(gv.take(gv.param("W", [[1.0], [2.0], [3.0]]), words, axis=0)).output.tolist()
        [[3.0], [1.0]]
    """
    handle = as_handle(x)
    handle = handle.reshape(-1) if axis is None else handle
    place = normalize_axis(0 if axis is None else axis, handle.ndim, "take")
    if not isinstance(indices, Expr):
        return getitem(handle, (*(slice(None),) * place, np.asarray(indices, dtype=np.intp)))
    _need_integers("take", indices)
    if place == 0:
        return _take(handle, indices)
    front = (place, *(other for other in range(handle.ndim) if other != place))
    taken = _take(FUNCTIONS["transpose"](handle, front), indices)
    count = indices.ndim
    back = (*range(count, count + place), *range(count), *range(count + place, taken.ndim))
    return FUNCTIONS["transpose"](taken, back)


@function
def segment_sum(x: Any, indices: Any, count: int) -> Expr:
    """Return for k = 0, …, count - 1 the sum of the rows of x whose index is k: the adjoint of `take`.

    Example:
        >>> import gradviz as gv
        >>> of = gv.data("of", [0, 1, 0], dtype=int)
        >>> gv.evaluate(gv.segment_sum(gv.data("x", [1.0, 2.0, 3.0]), of, 2)).output.tolist()
        [4.0, 2.0]
    """
    chosen = constant(indices, np.intp)
    _need_integers("segment_sum", chosen)
    return _segment_sum(as_handle(x), chosen, count=operator.index(count))


@function
def one_hot(indices: Any, count: int, dtype: Any = np.float64) -> Expr:
    """Return ``1[index = k]`` for k = 0, …, count - 1, along a new last axis.

    Example:
        >>> import gradviz as gv
        >>> gv.evaluate(gv.one_hot(gv.data("label", 2, dtype=int), 4)).output.tolist()
        [0.0, 0.0, 1.0, 0.0]
    """
    chosen = constant(indices, np.intp)
    _need_integers("one_hot", chosen)
    return _one_hot(chosen, count=operator.index(count), dtype=real_dtype(dtype))


def _need_integers(what: str, indices: Expr) -> None:
    if indices.dtype.kind not in "iu":
        raise GraphError(
            f"{what}: the indices are {indices.dtype}", where=user_location(), hint="make them with dtype=int"
        )
