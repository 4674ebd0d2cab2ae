"""Windows: all patches of an array that a kernel meets, and the sum that is their adjoint.

A convolution is windows, then products with the kernels and sums; pooling is windows, then the
largest element or the mean.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from gradviz.core.batch import Lifted, leading
from gradviz.core.expr import Expr
from gradviz.core.primitive import Shape, function, primitive
from gradviz.errors import ShapeError, user_location
from gradviz.ops.axes import as_handle, lengths


def _places(shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Return how many windows fit along each of the last axes."""
    found = []
    for length, width, step, spread in zip(shape[-len(size) :], size, stride, dilation, strict=True):
        reach = (width - 1) * spread + 1
        if reach > length:
            raise ShapeError(f"a window of {reach} does not fit an axis of {length}")
        found.append((length - reach) // step + 1)
    return tuple(found)


def _windows_shape(shape: Shape, *, size: Shape, stride: Shape, dilation: Shape) -> Shape:
    if len(shape) < len(size):
        raise ShapeError(f"windows over {len(size)} axes need as many")
    return (*shape[: len(shape) - len(size)], *_places(shape, size, stride, dilation), *size)


MANY = 8
"""So many samples are worth being the innermost axis: long runs of memory, whatever the windows are."""


def _samples_last(name: str) -> Callable[..., Lifted]:
    """Return the batch rule of an operation on trailing axes; the result has the samples last, if they are many."""
    rule = leading(name)

    def batched(args: Sequence[Lifted], size: int, /, **attrs: Any) -> Lifted:
        made = rule(args, size, **attrs)
        return made.moved(0) if size >= MANY else made

    return batched


_windows = primitive("windows", symbol=r"\operatorname{windows}", shape=_windows_shape, batch=_samples_last("windows"),
    forward=lambda xp, x, size, stride, dilation: xp.windows(x, size, stride, dilation),
    vjp=lambda xp, g, f, x, size, stride, dilation: (
        xp.fold(g, xp.shape(x)[-len(size):], stride, dilation),))  # fmt: skip


def _fold_shape(parts: Shape, *, shape: Shape, stride: Shape, dilation: Shape) -> Shape:
    axes = len(shape)
    if len(parts) < 2 * axes:
        raise ShapeError(f"windows of {axes} axes need {2 * axes}: where they are, and their own")
    if _places(shape, parts[-axes:], stride, dilation) != parts[-2 * axes : -axes]:
        raise ShapeError(f"these are not the windows of an array of shape {shape}")
    return (*parts[: -2 * axes], *shape)


_fold = primitive("fold", symbol=r"\operatorname{fold}", shape=_fold_shape, batch=_samples_last("fold"),
    forward=lambda xp, x, shape, stride, dilation: xp.fold(x, shape, stride, dilation),
    vjp=lambda xp, g, f, x, shape, stride, dilation: (
        xp.windows(g, xp.shape(x)[-len(shape):], stride, dilation),))  # fmt: skip


@function
def windows(x: Any, size: Any, stride: Any = 1, dilation: Any = 1) -> Expr:
    """Return all windows over the last axes of an array.

    Args:
        x: a node or array-like, (…, lengths).
        size: of a window, one length an axis: (height, width).
        stride: from one window to the next; a number for all axes.
        dilation: from one element of a window to the next; a number for all axes.

    Returns:
        (…, places, size): where the windows stand, and what is in them.

    Raises:
        ShapeError: for a window that does not fit, or a stride or dilation below 1.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [1.0, 2.0, 3.0, 4.0, 5.0])
        >>> gv.evaluate(gv.windows(x, 3, stride=2)).output.tolist()
        [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    size = lengths(size, "windows")
    steps, spreads = (steps_of(one, len(size), what) for one, what in ((stride, "stride"), (dilation, "dilation")))
    if not size or any(length < 1 for length in size):
        raise ShapeError(f"windows: {size} is no size of a window", where=user_location())
    return _windows(as_handle(x), size=size, stride=steps, dilation=spreads)


@function
def fold(x: Any, shape: Any, stride: Any = 1, dilation: Any = 1) -> Expr:
    """Add up windows where they were taken: the adjoint of `windows`, which overlaps sum.

    Args:
        x: windows, (…, places, size).
        shape: of the last axes of the result, which the windows were taken of.
        stride, dilation: as they were taken.

    Raises:
        ShapeError: where these are not the windows of an array of that shape.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
        >>> gv.evaluate(gv.fold(x, 5, stride=2)).output.tolist()
        [1.0, 1.0, 2.0, 1.0, 1.0]
    """
    target = lengths(shape, "fold")
    steps, spreads = (steps_of(one, len(target), what) for one, what in ((stride, "stride"), (dilation, "dilation")))
    return _fold(as_handle(x), shape=target, stride=steps, dilation=spreads)


def steps_of(value: Any, axes: int, what: str) -> tuple[int, ...]:
    """Return a step for each axis, from one for all or a sequence.

    Raises:
        ShapeError: for another number of steps, or one below 1.
    """
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    try:
        steps = tuple(map(operator.index, given))
    except TypeError:
        steps = ()
    if len(steps) != axes or any(step < 1 for step in steps):
        raise ShapeError(
            f"{what} {value!r} is no step for {axes} axes", where=user_location(), hint="a positive integer"
        )
    return steps
