"""Reductions over axes, and the normalized exponentials that belong to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.format import number_tex
from gradviz.core.primitive import FUNCTIONS, Primitive, Shape, function, primitive
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle, kept_shape, normalize_axes, normalize_axis, reduced_shape


def _reduced(shape: Shape, *, axis: tuple[int, ...], keepdims: bool, **_: Any) -> Shape:
    return reduced_shape(shape, axis, keepdims)


def _is_empty(shape: Shape, axis: tuple[int, ...]) -> bool:
    return any(shape[index] == 0 for index in axis)


def _check_elements(shape: Shape, axis: tuple[int, ...]) -> None:
    if _is_empty(shape, axis):
        over = ", ".join(str(index) for index in axis if shape[index] == 0)
        raise ShapeError(f"there is no element along axis {over}")


def _nonempty(shape: Shape, *, axis: tuple[int, ...], keepdims: bool, **_: Any) -> Shape:
    _check_elements(shape, axis)
    return reduced_shape(shape, axis, keepdims)


def _count(xp: Any, x: Any, axis: tuple[int, ...]) -> int:
    return math.prod(xp.shape(x)[index] for index in axis)


def _keep(xp: Any, reduced: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Give a reduced value its axes back, with length 1."""
    return xp.reshape(reduced, kept_shape(xp.shape(x), axis))


def _over(sign: str) -> Any:
    """Write the axis under a sign, where it is not all of them."""

    def symbol(attrs: Any, shapes: Any) -> str:
        axis = attrs["axis"]
        return sign if len(axis) == len(shapes[0]) else rf"{sign}_{{{','.join(map(str, axis))}}}"

    return symbol


_sum = primitive("sum", symbol=_over(r"\Sigma"), notation=r"\Sigma\,<#1>", shape=_reduced,
    forward=lambda xp, x, axis, keepdims: xp.sum(x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (xp.broadcast_to(_keep(xp, g, x, axis), xp.shape(x)),))  # fmt: skip

_mean = primitive("mean", symbol=_over(r"\operatorname{mean}"), shape=_nonempty, dtype="float",
    forward=lambda xp, x, axis, keepdims: xp.sum(x, axis, keepdims) / _count(xp, x, axis),
    vjp=lambda xp, g, f, x, axis, keepdims: (
        xp.broadcast_to(_keep(xp, g, x, axis) / _count(xp, x, axis), xp.shape(x)),))  # fmt: skip


def _only(xp: Any, f: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """1 at the one element that the extreme is taken from; 0 everywhere at a tie, as the slides have it."""
    at = xp.indicator(xp.equal(x, _keep(xp, f, x, axis)))
    return at * xp.indicator(xp.sum(at, axis, True) < 2)


_max = primitive("max", symbol=_over(r"\max"), shape=_nonempty,
    kink=lambda xp, x, axis, keepdims: xp.top_gap(x, axis),
    forward=lambda xp, x, axis, keepdims: xp.max(x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (_keep(xp, g, x, axis) * _only(xp, f, x, axis),),
    label=(r"\mathbf{1}[#1 = #f]",))  # fmt: skip

_min = primitive("min", symbol=_over(r"\min"), shape=_nonempty,
    kink=lambda xp, x, axis, keepdims: xp.top_gap(-x, axis),
    forward=lambda xp, x, axis, keepdims: -xp.max(-x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (_keep(xp, g, x, axis) * _only(xp, f, x, axis),),
    label=(r"\mathbf{1}[#1 = #f]",))  # fmt: skip

_prod = primitive("prod", symbol=_over(r"\Pi"), notation=r"\Pi\,<#1>", shape=_reduced,
    forward=lambda xp, x, axis, keepdims: xp.prod(x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (_keep(xp, g, x, axis) * xp.prod_others(x, axis),),
    label=(r"\prod_{j \neq i} <#1>_j",))  # fmt: skip


def _deviation(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    return x - xp.sum(x, axis, True) / _count(xp, x, axis)


def _divisor(ddof: float, difference: str = "{}") -> str:
    return difference.format(f"n {'-' if ddof > 0 else '+'} {number_tex(abs(ddof))}") if ddof else "n"


_var = primitive("var", symbol=_over(r"\operatorname{var}"), shape=_nonempty, dtype="float",
    forward=lambda xp, x, axis, keepdims, ddof: (
        xp.sum(_deviation(xp, x, axis) ** 2, axis, keepdims) / (_count(xp, x, axis) - ddof)),
    vjp=lambda xp, g, f, x, axis, keepdims, ddof: (
        _keep(xp, g, x, axis) * 2 / (_count(xp, x, axis) - ddof) * _deviation(xp, x, axis),),
    label=lambda attrs: (rf"\frac{{2}}{{{_divisor(attrs['ddof'])}}}(<#1> - \overline{{#1}})",))  # fmt: skip

_std = primitive("std", symbol=_over(r"\operatorname{std}"), shape=_nonempty, dtype="float",
    kink=lambda xp, x, axis, keepdims, ddof: xp.sum(_deviation(xp, x, axis) ** 2, axis, keepdims),
    forward=lambda xp, x, axis, keepdims, ddof: xp.sqrt(
        xp.sum(_deviation(xp, x, axis) ** 2, axis, keepdims) / (_count(xp, x, axis) - ddof)),
    vjp=lambda xp, g, f, x, axis, keepdims, ddof: (
        _keep(xp, g, x, axis) * xp.guard(
            _keep(xp, f, x, axis) > 0,
            _deviation(xp, x, axis) / (_keep(xp, f, x, axis) * (_count(xp, x, axis) - ddof)), 0),),
    label=lambda attrs: (
        rf"\frac{{<#1> - \overline{{#1}}}}{{{_divisor(attrs['ddof'], '({})')}\,#f}}",))  # fmt: skip

# an axis under the bars would be read as the kind of norm
_norm = primitive("norm", symbol=r"\|\cdot\|", notation=r"\|#1\|", shape=_reduced, dtype="float",
    kink=lambda xp, x, axis, keepdims: xp.sum(x**2, axis, keepdims),
    forward=lambda xp, x, axis, keepdims: xp.norm(x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (
        _keep(xp, g, x, axis) * xp.guard(_keep(xp, f, x, axis) > 0, x / _keep(xp, f, x, axis), 0),),
    label=(r"\frac{#1}{#f}",))  # fmt: skip

_logsumexp = primitive("logsumexp", symbol=_over(r"\operatorname{logsumexp}"), notation=r"\ln \Sigma\, e^{#1}",
    shape=_nonempty, dtype="float",
    forward=lambda xp, x, axis, keepdims: xp.logsumexp(x, axis, keepdims),
    vjp=lambda xp, g, f, x, axis, keepdims: (_keep(xp, g, x, axis) * xp.exp(x - _keep(xp, f, x, axis)),))  # fmt: skip

# along one axis, keeping the shape


def _kept(shape: Shape, *, axis: int) -> Shape:
    return shape


def _normalized(shape: Shape, *, axis: int) -> Shape:
    _check_elements(shape, (axis,))
    return shape


_softmax = primitive("softmax", symbol=r"\operatorname{softmax}", shape=_normalized, dtype="float",
    forward=lambda xp, x, axis: xp.softmax(x, axis),
    vjp=lambda xp, g, f, x, axis: (f * (g - xp.sum(g * f, (axis,), True)),),
    label=(r"#f \odot (#g - \Sigma\, <#g> \odot #f)",))  # fmt: skip

_log_softmax = primitive("log_softmax", symbol=r"\ln\operatorname{softmax}", shape=_normalized, dtype="float",
    forward=lambda xp, x, axis: xp.log_softmax(x, axis),
    vjp=lambda xp, g, f, x, axis: (g - xp.exp(f) * xp.sum(g, (axis,), True),),
    label=(r"#g - e^{#f}\, \Sigma\, <#g>",))  # fmt: skip

_cumsum = primitive("cumsum", symbol=r"\operatorname{cumsum}", shape=_kept,
    forward=lambda xp, x, axis: xp.cumsum(x, axis),
    vjp=lambda xp, g, f, x, axis: (xp.flip(xp.cumsum(xp.flip(g, (axis,)), axis), (axis,)),),
    label=(r"\textstyle\sum_{j \ge i} <#g>_j",))  # fmt: skip


_OF_TWO = {"max": "the larger of two is gv.maximum(a, b)", "min": "the smaller of two is gv.minimum(a, b)"}


def _of_none(outer: str, inner: str) -> Callable[..., Expr]:
    """Return the plain formula of a careful sum, which takes out the largest element: here there is none."""
    return lambda x, **over: FUNCTIONS[outer](_sum(FUNCTIONS[inner](x), **over))


def _reduction(op: Primitive, doc: str, of_none: Callable[..., Expr] | None = None) -> Callable[..., Expr]:
    name = op.name

    def reduction(x: Any, axis: Any = None, keepdims: bool = False) -> Expr:
        handle = as_handle(x)
        try:
            axes = normalize_axes(axis, handle.ndim, name)
        except ShapeError as error:
            raise ShapeError(error.what, where=error.where, hint=_OF_TWO.get(name, error.hint)) from None
        made = of_none if of_none is not None and _is_empty(handle.shape, axes) else op
        return made(handle, axis=axes, keepdims=bool(keepdims))

    reduction.__name__ = reduction.__qualname__ = name
    reduction.__doc__ = (
        f"{doc}\n\nArgs:\n    x: a node or array-like.\n    axis: None for all axes, a number, or a tuple.\n"
        "    keepdims: keep the axes, with length 1.\n\nRaises:\n    ShapeError: for an axis out of range."
    )
    FUNCTIONS[name] = reduction
    return reduction


_reduction(_sum, "The sum over the axes.")
_reduction(_mean, "The mean over the axes.")
max_ = _reduction(_max, "The largest element over the axes; at a tie no element gets a gradient.")
_reduction(_min, "The smallest element over the axes; at a tie no element gets a gradient.")
_reduction(_prod, "The product over the axes; its gradient is right with zeros, too.")
norm = _reduction(
    _norm, "The Euclidean (Frobenius) norm over the axes; its gradient at 0 is 0.", _of_none("sqrt", "square")
)
_reduction(_logsumexp, "ln Σ exp(x) over the axes, without overflow; of no elements -∞.", _of_none("log", "exp"))


def _spread(op: Primitive, x: Any, axis: Any, keepdims: bool, ddof: float) -> Expr:
    handle = as_handle(x)
    axes = normalize_axes(axis, handle.ndim, op.name)
    if 0 < math.prod(handle.shape[index] for index in axes) <= ddof:
        raise ShapeError(f"{op.name}: too few elements for ddof={ddof:g}", where=user_location())
    return op(handle, axis=axes, keepdims=bool(keepdims), ddof=ddof)


@function
def var(x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Expr:
    """Return the variance over the axes, with divisor n - ddof."""
    return _spread(_var, x, axis, keepdims, ddof)


@function
def std(x: Any, axis: Any = None, keepdims: bool = False, ddof: float = 0) -> Expr:
    """Return the standard deviation over the axes, with divisor n - ddof; its gradient at 0 is 0."""
    return _spread(_std, x, axis, keepdims, ddof)


def _along(op: Primitive, x: Any, axis: Any) -> Expr:
    handle = as_handle(x)
    if handle.ndim == 0:
        raise GraphError(f"{op.name}: a scalar has no axis", where=user_location())
    return op(handle, axis=normalize_axis(axis, handle.ndim, op.name))


@function
def softmax(x: Any, axis: int = -1) -> Expr:
    """Return exp(x) / Σ exp(x) along an axis, evaluated without overflow."""
    return _along(_softmax, x, axis)


@function
def log_softmax(x: Any, axis: int = -1) -> Expr:
    """Return x - logsumexp(x) along an axis."""
    return _along(_log_softmax, x, axis)


@function
def cumsum(x: Any, axis: int | None = None) -> Expr:
    """Return the running sum along an axis; of the flattened argument for None, as in NumPy."""
    return _along(_cumsum, FUNCTIONS["reshape"](x, -1), 0) if axis is None else _along(_cumsum, x, axis)
