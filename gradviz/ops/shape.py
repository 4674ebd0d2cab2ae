"""Rearranging elements: reshaping, joining, splitting, indexing. All are linear maps of zeros and ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz.core.batch import Lifted
from gradviz.core.expr import Expr
from gradviz.core.primitive import Shape, function, primitive
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle, lengths, normalize_axes, normalize_axis

_MOST_PLACES = 4
"""A concatenation of more arrays has dots between the first and the last."""


def _reshape_shape(old: Shape, *, shape: Shape) -> Shape:
    if math.prod(old) != math.prod(shape):
        raise ShapeError(f"{math.prod(old)} elements do not fit the shape {shape}")
    return shape


_reshape = primitive("reshape", symbol=r"\operatorname{reshape}", shape=_reshape_shape,
    forward=lambda xp, x, shape: xp.reshape(x, shape),
    vjp=lambda xp, g, f, x, shape: (xp.reshape(g, xp.shape(x)),))  # fmt: skip

_transpose = primitive("transpose", symbol=r"(\cdot)^\top", notation=r"<#1>^\top",
    shape=lambda old, *, axes: tuple(old[axis] for axis in axes),
    forward=lambda xp, x, axes: xp.transpose(x, axes),
    vjp=lambda xp, g, f, x, axes: (xp.transpose(g, tuple(np.argsort(axes).tolist())),))  # fmt: skip


def _expanded(old: Shape, *, axis: tuple[int, ...]) -> Shape:
    rest = iter(old)
    return tuple(1 if index in axis else next(rest) for index in range(len(old) + len(axis)))


_expand_dims = primitive("expand_dims", symbol=r"\operatorname{expand}", notation="#1", shape=_expanded,
    forward=lambda xp, x, axis: xp.reshape(x, _expanded(xp.shape(x), axis=axis)),
    vjp=lambda xp, g, f, x, axis: (xp.reshape(g, xp.shape(x)),))  # fmt: skip


def _squeezed(old: Shape, *, axis: tuple[int, ...]) -> Shape:
    for index in axis:
        if old[index] != 1:
            raise ShapeError(f"axis {index} has length {old[index]}, not 1")
    return tuple(length for index, length in enumerate(old) if index not in axis)


_squeeze = primitive("squeeze", symbol=r"\operatorname{squeeze}", notation="#1", shape=_squeezed,
    forward=lambda xp, x, axis: xp.reshape(x, _squeezed(xp.shape(x), axis=axis)),
    vjp=lambda xp, g, f, x, axis: (xp.reshape(g, xp.shape(x)),))  # fmt: skip


def _broadcast_shape(old: Shape, *, shape: Shape) -> Shape:
    try:
        fits = np.broadcast_shapes(old, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(f"{old} does not broadcast to {shape}")
    return shape


def _broadcast_batch(args: Sequence[Lifted], size: int, *, shape: Shape) -> Lifted:
    (arg,) = args
    missing = tuple(range(1, 1 + len(shape) - arg.rank))
    aligned = expand_dims(arg.first, missing) if missing else arg.first
    return Lifted(_broadcast_to(aligned, shape=(size, *shape)), len(shape))


_broadcast_to = primitive("broadcast_to", symbol=r"\operatorname{broadcast}", notation="#1", shape=_broadcast_shape,
    forward=lambda xp, x, shape: xp.broadcast_to(x, shape),
    vjp=lambda xp, g, f, x, shape: (xp.sum_to(g, xp.shape(x)),), batch=_broadcast_batch)  # fmt: skip


def _joined(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    for shape in shapes[1:]:
        if len(shape) != len(first) or any(
            a != b for index, (a, b) in enumerate(zip(first, shape, strict=True)) if index != axis
        ):
            raise ShapeError(f"{first} and {shape} differ elsewhere than along axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _part(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(start, stop))


def _concatenate_vjp(xp: Any, g: Any, f: Any, *args: Any, axis: int) -> tuple[Any, ...]:
    ends = np.cumsum([xp.shape(arg)[axis] for arg in args]).tolist()
    starts = [0, *ends[:-1]]
    return tuple(xp.getitem(g, _part(axis, start, stop)) for start, stop in zip(starts, ends, strict=True))


def _list_symbol(attrs: Any, shapes: tuple[Shape, ...]) -> str:
    places = [r"\cdot\,"] * len(shapes) if len(shapes) <= _MOST_PLACES else [r"\cdot\,", r"\ldots\,", r"\cdot\,"]
    return rf"[\,{','.join(places)}]"


_concatenate = primitive("concatenate", symbol=_list_symbol, shape=_joined,
    forward=lambda xp, *args, axis: xp.concatenate(args, axis),
    vjp=_concatenate_vjp)  # fmt: skip


def _stacked(*shapes: Shape, axis: int) -> Shape:
    if len(set(shapes)) > 1:
        raise ShapeError("all shapes must be equal")
    return (*shapes[0][:axis], len(shapes), *shapes[0][axis:])


_stack = primitive("stack", symbol=r"\operatorname{stack}", shape=_stacked,
    forward=lambda xp, *args, axis: xp.stack(args, axis),
    vjp=lambda xp, g, f, *args, axis: tuple(
        xp.getitem(g, (*(slice(None),) * axis, place)) for place in range(len(args))))  # fmt: skip


_flip = primitive("flip", symbol=r"\operatorname{flip}", shape=lambda old, *, axis: old,
    forward=lambda xp, x, axis: xp.flip(x, axis),
    vjp=lambda xp, g, f, x, axis: (xp.flip(g, axis),))  # fmt: skip


def _padded(old: Shape, *, width: tuple[tuple[int, int], ...], value: float) -> Shape:
    return tuple(before + length + after for length, (before, after) in zip(old, width, strict=True))


def _inside(xp: Any, x: Any, width: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for n, (before, _) in zip(xp.shape(x), width, strict=True))


_pad = primitive("pad", symbol=r"\operatorname{pad}", shape=_padded,
    forward=lambda xp, x, width, value: xp.pad(x, width, value),
    vjp=lambda xp, g, f, x, width, value: (xp.getitem(g, _inside(xp, x, width)),))  # fmt: skip


@function
def reshape(x: Any, shape: Any) -> Expr:
    """Return the same elements in another shape; one length may be -1."""
    handle = as_handle(x)
    wanted = lengths(shape, "reshape")
    if wanted.count(-1) == 1:
        known = math.prod(length for length in wanted if length != -1)
        if known == 0 or handle.size % known:
            raise ShapeError(f"reshape: {handle.size} elements do not fit {wanted}", where=user_location())
        wanted = tuple(handle.size // known if length == -1 else length for length in wanted)
    if any(length < 0 for length in wanted):
        raise ShapeError(f"reshape: {shape!r} is no shape", where=user_location(), hint="one length may be -1")
    return _reshape(handle, shape=wanted)


@function
def transpose(x: Any, axes: Any = None) -> Expr:
    """Return the axes in another order; reversed for None."""
    handle = as_handle(x)
    order = tuple(reversed(range(handle.ndim))) if axes is None else tuple(axes)
    order = tuple(normalize_axis(axis, handle.ndim, "transpose") for axis in order)
    if sorted(order) != list(range(handle.ndim)):
        raise ShapeError(f"transpose: {axes!r} is no order of {handle.ndim} axes", where=user_location())
    return _transpose(handle, axes=order)


@function
def swapaxes(x: Any, axis1: int, axis2: int) -> Expr:
    """Return the argument with two axes exchanged."""
    handle = as_handle(x)
    order = list(range(handle.ndim))
    first, second = (normalize_axis(axis, handle.ndim, "swapaxes") for axis in (axis1, axis2))
    order[first], order[second] = order[second], order[first]
    return transpose(handle, order)


@function
def expand_dims(x: Any, axis: Any) -> Expr:
    """Return the argument with new axes of length 1 at these places of the result."""
    handle = as_handle(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    return _expand_dims(handle, axis=normalize_axes(axis, handle.ndim + count, "expand_dims"))


@function
def squeeze(x: Any, axis: Any = None) -> Expr:
    """Return the argument without axes of length 1 (all of them for None)."""
    handle = as_handle(x)
    if axis is None:
        axis = tuple(index for index, length in enumerate(handle.shape) if length == 1)
    return _squeeze(handle, axis=normalize_axes(axis, handle.ndim, "squeeze"))


@function
def broadcast_to(x: Any, shape: Any) -> Expr:
    """Return the argument repeated to a shape."""
    return _broadcast_to(as_handle(x), shape=lengths(shape, "broadcast_to"))


@function
def concatenate(arrays: Sequence[Any], axis: int = 0) -> Expr:
    """Join arrays along an axis that they have."""
    handles = _several(arrays, "concatenate")
    return _concatenate(*handles, axis=normalize_axis(axis, handles[0].ndim, "concatenate"))


@function
def stack(arrays: Sequence[Any], axis: int = 0) -> Expr:
    """Join arrays of one shape along a new axis."""
    handles = _several(arrays, "stack")
    return _stack(*handles, axis=normalize_axis(axis, handles[0].ndim + 1, "stack"))


def _several(arrays: Sequence[Any], what: str) -> list[Expr]:
    handles = [as_handle(array) for array in arrays] if not isinstance(arrays, Expr) and np.iterable(arrays) else []
    if not handles:
        raise GraphError(f"{what} takes a list of nodes", where=user_location(), hint=f"gv.{what}([a, b])")
    return handles


@function
def split(x: Any, parts: Any, axis: int = 0) -> list[Expr]:
    """Cut an array along an axis into equal parts (a number) or before the indices (a list)."""
    handle = as_handle(x)
    place = normalize_axis(axis, handle.ndim, "split")
    length = handle.shape[place]
    if isinstance(parts, (tuple, list)):
        ends = [*lengths(parts, "split"), length]
    else:
        (count,) = lengths(parts, "split")
        if count < 1 or length % count:
            raise ShapeError(f"split: {length} elements do not divide into {count} parts", where=user_location())
        ends = [length // count * (index + 1) for index in range(count)]
    return [handle[_part(place, start, stop)] for start, stop in zip([0, *ends[:-1]], ends, strict=True)]


@function
def flip(x: Any, axis: Any = None) -> Expr:
    """Return the elements in reverse order along the axes (all for None)."""
    handle = as_handle(x)
    return _flip(handle, axis=normalize_axes(axis, handle.ndim, "flip"))


@function
def pad(x: Any, pad_width: Any, constant_values: float = 0.0) -> Expr:
    """Return the argument with a border of a constant.

    Args:
        x: a node or array-like.
        pad_width: as NumPy's: a number, (before, after), or one such pair an axis.
        constant_values: what the border holds.
    """
    handle = as_handle(x)
    try:
        pairs = np.broadcast_to(np.array(pad_width, dtype=np.intp), (handle.ndim, 2)).tolist()
    except (ValueError, TypeError):
        raise ShapeError(f"pad: {pad_width!r} is no width for {handle.ndim} axes", where=user_location()) from None
    if any(end < 0 for pair in pairs for end in pair):
        raise ShapeError("pad: a width is negative", where=user_location(), hint="index to cut elements off")
    return _pad(handle, width=tuple(map(tuple, pairs)), value=float(constant_values))
