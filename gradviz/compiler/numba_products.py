"""Products of matrices: which go to BLAS, which are a loop, and what BLAS is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.compiler.instructions import Place
from gradviz.compiler.numba_access import Access, broadcast
from gradviz.compiler.numba_ops import Op, Product, Statement
from gradviz.core.primitive import Shape

FEWEST = 2048
"""The multiplications of a product that is worth a call of BLAS."""


class Products:
    """Emits products.

    Args:
        temporary: makes a buffer.
        emit: takes what is made.
    """

    def __init__(self, temporary: Callable[[str, Shape, Any], Place], emit: Callable[[Op], None]) -> None:
        self._temporary = temporary
        self._emit = emit

    def matmul(self, a: Access, b: Access, out: Access, says: str) -> None:
        """Emit a product of whole places as NumPy's matmul has it."""
        a_shape, b_shape = a.place.shape, b.place.shape
        a_last, b_last = (a.strides[-2:], b.strides[-2:])
        rows: tuple[int, ...] = (0,)
        columns: tuple[int, ...] = (0,)
        if len(a_shape) == 1:
            a_shape, a_last = (1, *a_shape), (0, *a.strides)
            rows = ()
        if len(b_shape) == 1:
            b_shape, b_last = (*b_shape, 1), (*b.strides, 0)
            columns = ()
        lead = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
        own = list(out.strides[len(lead) :])
        out_last = (own.pop(0) if rows else 0, own.pop(0) if columns else 0)
        a = broadcast(replace(a, strides=a.strides[: len(a_shape) - 2]), a_shape[:-2], lead)
        b = broadcast(replace(b, strides=b.strides[: len(b_shape) - 2]), b_shape[:-2], lead)
        one = Product(
            replace(a, strides=(*a.strides, *a_last)),
            replace(b, strides=(*b.strides, *b_last)),
            replace(out, strides=(*out.strides[: len(lead)], *out_last)),
            lead,
            (a_shape[-2], b_shape[-1], a_shape[-1]),
            says=says,
        )
        self._choose(one, out.place.dtype)

    def _choose(self, one: Product, dtype: Any) -> None:
        rows, columns, inner = one.sizes
        if 0 in (*one.space, rows, columns):
            return
        if inner == 1 or rows * columns * inner < FEWEST:
            self._emit(_statement(one))
            return
        axes = [axis for axis, length in enumerate(one.space) if length != 1]
        last = len(one.space), len(one.space) + 1
        kept = (*axes, *last)
        one = replace(
            one,
            a=one.a.take(kept),
            b=one.b.take(kept),
            out=one.out.take(kept),
            space=tuple(one.space[axis] for axis in axes),
        )
        a, b = (self._fit(one, access, dtype) for access in (one.a, one.b))
        if leading(one.out, one.shape_of(one.out)) is not None:
            self._emit(replace(one, a=a, b=b))
            return
        whole = self._new(one.shape_of(one.out), dtype)
        self._emit(replace(one, a=a, b=b, out=whole))
        self._emit(Statement("copy", (whole,), one.out, one.shape_of(one.out)))

    def _fit(self, one: Product, access: Access, dtype: Any) -> Access:
        """Return an operand that BLAS can read, copied if need be."""
        shape = one.shape_of(access)
        if leading(access, shape) is not None and access.root.dtype == dtype:
            return access
        moved = self._new(shape, dtype)
        self._emit(Statement("copy", (access,), moved, shape))
        return moved

    def _new(self, shape: Shape, dtype: Any) -> Access:
        place = self._temporary("matrix", shape, dtype)
        sample = place.sample
        assert sample is not None
        return Access(place, place, 0, tuple(stride // sample.itemsize for stride in sample.strides))


def _statement(one: Product) -> Statement:
    """Return a small product as a sum over a nest."""
    rows, columns, inner = one.sizes
    lead = len(one.space)
    a = replace(one.a, strides=(*one.a.strides[:lead], one.a.strides[-2], 0, one.a.strides[-1]))
    b = replace(one.b, strides=(*one.b.strides[:lead], 0, one.b.strides[-1], one.b.strides[-2]))
    out = replace(one.out, strides=(*one.out.strides, 0))
    return Statement("multiply", (a, b), out, (*one.space, rows, columns, inner), "sum", one.says)


def leading(access: Access, shape: Shape) -> tuple[bool, int] | None:
    """Return whether rows (not columns) are runs of memory, and the distance of the next; None if neither."""
    rows, columns = shape[-2:]
    down, along = access.strides[-2:]
    if (along == 1 or columns == 1) and (down >= max(columns, 1) or rows == 1):
        return True, down if rows > 1 else max(columns, 1)
    if (down == 1 or rows == 1) and (along >= max(rows, 1) or columns == 1):
        return False, along if columns > 1 else max(rows, 1)
    return None
