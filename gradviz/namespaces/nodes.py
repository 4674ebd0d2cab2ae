"""The namespace of nodes: a rule run on handles builds the graph of what it computes.

That is how a derivative becomes a graph itself, to be drawn, checked and differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.core.arrays import stretched
from gradviz.core.expr import Expr
from gradviz.core.primitive import CONSTANT, FUNCTIONS
from gradviz.namespaces import numpy as numbers
from gradviz.namespaces.numpy import eye, ones, pi

__all__ = ["eye", "ones", "pi"]


def __getattr__(name: str) -> Callable[..., Any]:
    """Return a function of the vocabulary: the user's function of that name, or NumPy's for mere numbers."""
    if name not in numbers.__all__ or name not in FUNCTIONS:
        raise AttributeError(f"the rules' vocabulary has no {name!r}")

    def build(*args: Any, **options: Any) -> Any:
        if any(map(_holds_node, args)):
            return FUNCTIONS[name](*args, **options)
        found = getattr(numbers, name)(*args, **options)
        return found.item() if isinstance(found, np.generic) else found  # Python's number: the dtype is the nodes'

    return build


def _holds_node(value: Any) -> bool:
    return isinstance(value, Expr) or (isinstance(value, (tuple, list)) and any(map(_holds_node, value)))


def shape(x: Any) -> tuple[int, ...]:
    """The shape of a node or number."""
    return x.shape if isinstance(x, Expr) else np.shape(x)


def ndim(x: Any) -> int:
    """The number of axes of a node or number."""
    return len(shape(x))


def indicator(condition: Any) -> Any:
    """A comparison of nodes is its indicator."""
    return condition if isinstance(condition, Expr) else numbers.indicator(condition)


def _number(x: Any) -> Any:
    """Return the value of a constant, None of any other node."""
    if not isinstance(x, Expr):
        return x
    return x.tape.values[x.id] if x.tape.rows[x.id].op is CONSTANT else None


def equal(a: Any, b: Any) -> Any:
    """1[a = b]; decided at once for constants."""
    known = _number(a), _number(b)
    if known[0] is not None and known[1] is not None:
        return np.equal(*known)
    return (a >= b) * (a <= b)


def differ(a: Any, b: Any) -> Any:
    """1[a ≠ b]; decided at once for constants."""
    found = equal(a, b)
    return 1 - found if isinstance(found, Expr) else ~found


def guard(holds: Any, value: Any, otherwise: Any) -> Any:
    """The value, but something else where a condition fails and the formula would be 0/0."""
    if isinstance(holds, Expr):
        return FUNCTIONS["where"](holds, value, otherwise)
    return value if np.all(holds) else FUNCTIONS["where"](indicator(holds), value, otherwise)


def take(x: Any, indices: Any) -> Any:
    """Rows of x by their numbers."""
    return FUNCTIONS["take"](x, indices, axis=0)


def normal_cdf(x: Any) -> Any:
    """The normal distribution function."""
    return (1 + FUNCTIONS["erf"](x / math.sqrt(2))) / 2


def prod_others(x: Any, axis: tuple[int, ...]) -> Any:
    """For each element, the product of the others, without dividing: of copies with a 1 in its place."""
    kept = tuple(index for index in range(x.ndim) if index not in axis)
    moved = FUNCTIONS["transpose"](x, (*kept, *axis)) if axis else x
    lengths = moved.shape[: len(kept)]
    count = math.prod(x.shape[index] for index in axis)
    flat = FUNCTIONS["reshape"](moved, (*lengths, 1, count))
    copies = FUNCTIONS["broadcast_to"](flat, (*lengths, count, count))
    others = FUNCTIONS["prod"](FUNCTIONS["where"](np.eye(count), 1, copies), axis=-1)
    back = FUNCTIONS["reshape"](others, moved.shape)
    return FUNCTIONS["transpose"](back, tuple(np.argsort((*kept, *axis)).tolist())) if axis else back


def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes that broadcasting added or stretched, so that the shape is this one."""
    if x.shape == shape:
        return x
    whole = np.broadcast_shapes(x.shape, shape)
    spread = FUNCTIONS["broadcast_to"](x, whole) if x.shape != whole else x
    axes = stretched(whole, shape)
    return FUNCTIONS["reshape"](FUNCTIONS["sum"](spread, axis=axes, keepdims=True), shape)
