"""The NumPy namespace: rules run on arrays. Careful forms live here, under the name of the formula.

A rule says ``xp.sigmoid(x)`` or ``xp.logsumexp(x)``; how to compute that without overflow or
cancellation is this file's business alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import (
    abs,  # noqa: A004 - NumPy's names are the vocabulary
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    broadcast_to,
    cos,
    cosh,
    cumsum,
    exp,
    exp2,
    expand_dims,
    expm1,
    eye,
    flip,
    hypot,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    matmul,
    maximum,
    minimum,
    ndim,
    ones,
    pi,
    reshape,
    shape,
    sign,
    sin,
    sinc,
    sinh,
    sqrt,
    squeeze,
    swapaxes,
    tan,
    tanh,
    transpose,
    where,
)

from gradviz.core.arrays import stretched
from gradviz.core.graph import Array
from gradviz.namespaces.places import fold, one_hot, segment_sum, take, windows

__all__ = [
    "abs",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "broadcast_to",
    "concatenate",
    "cos",
    "cosh",
    "cumsum",
    "differ",
    "einsum",
    "equal",
    "erf",
    "exp",
    "exp2",
    "expand_dims",
    "expm1",
    "eye",
    "flip",
    "fold",
    "getitem",
    "guard",
    "hypot",
    "indicator",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "minimum",
    "ndim",
    "norm",
    "normal_cdf",
    "one_hot",
    "ones",
    "pad",
    "pi",
    "prod",
    "prod_others",
    "reshape",
    "scatter",
    "segment_sum",
    "shape",
    "sigmoid",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "sqrt",
    "squeeze",
    "stack",
    "sum",
    "sum_to",
    "swapaxes",
    "take",
    "tan",
    "tanh",
    "top_gap",
    "transpose",
    "where",
    "windows",
]

equal = np.equal
differ = np.not_equal

Axes = tuple[int, ...]


def indicator(condition: Any) -> Any:
    """1.0 where the condition holds, else 0.0."""
    return np.multiply(condition, 1.0)


def guard(holds: Any, value: Any, otherwise: Any) -> Any:
    """The value, but something else where a condition fails and the formula would be 0/0."""
    return np.where(holds, value, otherwise)


_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def _each(function: Any, x: Any) -> Any:
    array = np.asarray(x)
    return np.asarray(function(array), dtype=np.result_type(array.dtype, np.float16))


def erf(x: Any) -> Any:
    """The error function, by the C library's (one call an element)."""
    return _each(_erf, x)


def normal_cdf(x: Any) -> Any:
    """The normal distribution function; erfc keeps its left tail exact, where 1 + erf would cancel."""
    return _each(_erfc, -np.asarray(x) / math.sqrt(2)) / 2


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(-x)): the exponential is taken of -|x| only, so that it never overflows."""
    z = np.exp(-np.abs(x))
    return np.where(np.asarray(x) >= 0, 1 / (1 + z), z / (1 + z))


def softplus(x: Any) -> Any:
    """ln(1 + exp(x)) = max(x, 0) + ln(1 + exp(-|x|))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# NumPy's stubs tell True from False in keepdims, and from version 2.5 on know no bool that may be either.
def sum(x: Any, axis: Axes, keepdims: Any = False) -> Any:  # noqa: A001 - NumPy's name
    """The sum over axes."""
    return np.sum(x, axis=axis, keepdims=keepdims)


def max(x: Any, axis: Axes, keepdims: Any = False) -> Any:  # noqa: A001 - NumPy's name
    """The largest element over axes."""
    return np.max(x, axis=axis, keepdims=keepdims)


def prod(x: Any, axis: Axes, keepdims: Any = False) -> Any:
    """The product over axes."""
    return np.prod(x, axis=axis, keepdims=keepdims)


def prod_others(x: Any, axis: Axes) -> Array:
    """For each element, the product of the others: exact with zeros, and without dividing."""
    array = np.asarray(x)
    moved = np.moveaxis(array, axis, range(-len(axis), 0)) if axis else array[..., None]
    flat = moved.reshape(*moved.shape[: array.ndim - len(axis)], math.prod(array.shape[i] for i in axis))
    before = np.ones_like(flat)
    after = np.ones_like(flat)
    np.multiply.accumulate(flat[..., :-1], axis=-1, out=before[..., 1:])
    np.multiply.accumulate(flat[..., :0:-1], axis=-1, out=after[..., -2::-1])
    others = (before * after).reshape(moved.shape)
    return np.moveaxis(others, range(-len(axis), 0), axis) if axis else others[..., 0]


def norm(x: Any, axis: Axes, keepdims: bool = False) -> Any:
    """The Euclidean norm, scaled by the largest element so that squares neither overflow nor vanish."""
    size = np.abs(x)
    top = np.max(size, axis=axis, keepdims=True, initial=0)
    usable = (top > 0) & np.isfinite(top)
    scale = np.where(usable, top, 1)
    found = np.sqrt(np.sum((x / scale) ** 2, axis=axis, keepdims=True)) * scale
    return found if keepdims else np.squeeze(found, axis)


def logsumexp(x: Any, axis: Axes, keepdims: bool = False) -> Any:
    """The logarithm of Σ exp(x), after the maximum is taken out (where it is finite, so that ∞ - ∞ is not formed)."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    found = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return found if keepdims else np.squeeze(found, axis)


def softmax(x: Any, axis: int) -> Any:
    """exp(x) / Σ exp(x), after the maximum is taken out; NaN everywhere where that is infinite."""
    z = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return z / np.sum(z, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: int) -> Any:
    """The logarithm of softmax, x - logsumexp(x), with the difference to the maximum formed first."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def top_gap(x: Any, axis: Axes) -> Any:
    """How far the largest element stands above the next; 0 at a tie, infinite for a single element."""
    array = np.asarray(x)
    if not axis:
        return np.full(array.shape, math.inf)
    moved = np.moveaxis(array, axis, range(-len(axis), 0))
    rows = moved.shape[: array.ndim - len(axis)]
    flat = np.sort(moved.reshape(*rows, math.prod(moved.shape[len(rows) :])), axis=-1)
    return flat[..., -1] - flat[..., -2] if flat.shape[-1] > 1 else np.full(flat.shape[:-1], math.inf)


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum products over repeated indices."""
    return np.einsum(subscripts, *operands)


def getitem(x: Any, key: Any) -> Any:
    """Elements by index."""
    return x[key]


def scatter(g: Any, key: Any, shape: tuple[int, ...]) -> Array:
    """The adjoint of `getitem`: zeros, to which g is added at the key; repeated indices add up."""
    found = np.zeros(shape, dtype=np.asarray(g).dtype)
    np.add.at(found, key, g)
    return found


def concatenate(arrays: Any, axis: int) -> Any:
    """Join along an axis."""
    return np.concatenate(arrays, axis)


def stack(arrays: Any, axis: int) -> Any:
    """Join along a new axis."""
    return np.stack(arrays, axis)


def pad(x: Any, width: Any, value: float) -> Any:
    """Put a border of a constant around."""
    return np.pad(x, width, constant_values=value) if width else x


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes that broadcasting added or stretched, so that the shape is this one."""
    array = np.asarray(x)
    if array.shape == shape:
        return array
    array = np.broadcast_to(array, np.broadcast_shapes(array.shape, shape))
    return np.sum(array, axis=stretched(array.shape, shape), keepdims=True).reshape(shape)
