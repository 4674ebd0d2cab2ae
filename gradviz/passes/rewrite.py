"""Rewriting: a graph of the same values that is shorter to read. Constants folded, x·1 and x + 0 gone.

Named nodes stay, as they are what a reader knows. Equal nodes become one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr, handle_at
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import CONSTANT, FUNCTIONS, attrs_key
from gradviz.core.replay import rebuild, replay
from gradviz.core.tape import private_tape
from gradviz.namespaces import numpy as xp
from gradviz.ops.elementwise import COMPARISONS

Rule = Callable[[Node, list[Expr], list[Any]], Expr | None]
"""Returns a handle of the same value that makes a node needless, or None."""

MOST_FOLDED = 10_000
"""Constants of more elements than this are not computed beforehand."""


@private_tape()
def simplify(graph: Graph) -> Graph:
    """Return a graph that computes the same outputs with fewer nodes.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", 2.0)
        >>> [node.op.name for node in simplify(gv.graph(1 * x * 1 + 0 + x * x)).nodes]
        ['parameter', 'multiply', 'add']
    """
    rewriter = Rewriter(graph.names.keys())
    handles = replay(graph, rewriter.build)
    return freeze(**{name: handles[index] for name, index in graph.outputs.items()})


class Rewriter:
    """Builds nodes anew, shorter where a rule applies, and equal ones once.

    Args:
        kept: the ids of nodes that must stay as they are.
        rules: further rules by the name of an operation, tried first.
        scopes: whether equal nodes of different scopes stay apart.
    """

    def __init__(self, kept: Container[int] = (), rules: Mapping[str, Rule] | None = None, scopes: bool = True) -> None:
        self._kept = kept
        self._rules = rules or {}
        self._scopes = scopes
        self._known: dict[Any, Expr] = {}

    def build(self, node: Node, args: list[Expr]) -> Expr:
        """Return a node of the same value."""
        if node.op.leaf and node.op is not CONSTANT:
            return rebuild(node, args)
        found = None if node.id in self._kept else self._shorter(node, args)
        if found is None:
            found = self._once(node, args)
        return found

    def _once(self, node: Node, args: list[Expr]) -> Expr:
        """Build a node, or find the one that was built before."""
        if node.id in self._kept:
            return rebuild(node, args)
        key: Any = (node.op, attrs_key(node.attrs), tuple(arg.id for arg in args), node.scope if self._scopes else "")
        if node.value is not None:
            value = np.asarray(node.value)
            key = (node.op, value.shape, value.dtype.str, value.tobytes())
        if key not in self._known:
            self._known[key] = rebuild(node, args)
        return self._known[key]

    def _shorter(self, node: Node, args: list[Expr]) -> Expr | None:
        """Return a handle of the same value that makes the node needless, or None."""
        if node.op is CONSTANT:
            return None
        values = [known_value(arg) for arg in args]
        if args and all(value is not None for value in values) and np.prod(node.shape) <= MOST_FOLDED:
            return self._fold(node, values)
        found = None
        for rule in (self._rules.get(node.op.name), _RULES.get(node.op.name)):
            if found is None and rule is not None:
                found = rule(node, args, values)
        if found is None and node.op.name in _REARRANGING and len(args) == 1 and args[0].shape == node.shape:
            found = args[0] if _is_identity(node) else None
        return found if found is not None and (found.shape, found.dtype) == (node.shape, node.dtype) else None

    def _fold(self, node: Node, values: list[Any]) -> Expr | None:
        with np.errstate(all="ignore"):
            value = np.asarray(node.op.forward(xp, *values, **node.attrs), dtype=node.dtype)
        if not np.all(np.isfinite(value)):
            return None  # where it comes from must stay to be seen
        return constant(np.broadcast_to(value, node.shape), node.dtype)


def known_value(handle: Expr) -> Any:
    """Return the value of an unnamed constant, else None."""
    if handle.tape.rows[handle.id].op is not CONSTANT or handle.id in handle.tape.names:
        return None
    return handle.tape.values[handle.id]


def is_number(value: Any, number: float) -> bool:
    """Whether a known value is this number, everywhere."""
    return value is not None and bool(np.all(np.asarray(value) == number)) and np.size(value) > 0


def made_by(handle: Expr, name: str) -> list[Expr] | None:
    """Return the arguments of a handle that an operation of this name has made."""
    tape = handle.tape
    if tape.rows[handle.id].op.name != name or handle.id in tape.names:
        return None
    return [handle_at(tape, arg) for arg in tape.args[handle.id]]


def attrs_of(handle: Expr) -> Mapping[str, Any]:
    """Return the attributes of the operation that has made a handle."""
    return handle.tape.rows[handle.id].attrs


def _zero(node: Node) -> Expr:
    return constant(np.zeros(node.shape), node.dtype)


def _add(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    a, b = args
    if is_number(values[0], 0):
        return b
    if is_number(values[1], 0):
        return a
    minus = made_by(b, "negative")
    return a - minus[0] if minus else None


def _subtract(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    a, b = args
    if is_number(values[1], 0):
        return a
    if is_number(values[0], 0):
        return _minus(b)
    plus = made_by(b, "negative")
    return a + plus[0] if plus else None


def _multiply(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    for place in (0, 1):
        other = args[1 - place]
        if is_number(values[place], 0):
            return _zero(node)
        if is_number(values[place], 1):
            return other
        if is_number(values[place], -1):
            return _minus(other)
    for place in (0, 1):
        minus = made_by(args[place], "negative")
        if minus:
            other = args[1 - place]
            return -(minus[0] * other if place == 0 else other * minus[0])
    return None


def _divide(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    if is_number(values[1], 1):
        return args[0]
    return _zero(node) if is_number(values[0], 0) else None


def _minus(handle: Expr) -> Expr:
    inner = made_by(handle, "negative")
    return inner[0] if inner else -handle


def _negative(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    inner = made_by(args[0], "negative")
    return inner[0] if inner else None


def _power(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    if is_number(values[1], 1):
        return args[0]
    return FUNCTIONS["square"](args[0]) if is_number(values[1], 2) else None


def _where(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    if values[0] is not None:
        if np.all(values[0]):
            return args[1]
        if not np.any(values[0]):
            return args[2]
    return args[0] if is_indicator(args[0]) and is_number(values[1], 1) and is_number(values[2], 0) else None


def is_indicator(handle: Expr) -> bool:
    """Whether a handle is made by a comparison, which gives 1 or 0."""
    return handle.tape.rows[handle.id].op in COMPARISONS


_REARRANGING = {"reshape", "transpose", "broadcast_to", "squeeze", "expand_dims", "sum", "concatenate", "flip"}
_RULES: dict[str, Rule] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "power": _power,
    "where": _where,
}


def _is_identity(node: Node) -> bool:
    """Whether an operation that keeps the shape keeps every element where it is."""
    if node.op.name == "transpose":
        return bool(node.attrs["axes"] == tuple(range(len(node.shape))))
    if node.op.name == "flip":
        return all(node.shape[axis] == 1 for axis in node.attrs["axis"])
    return True  # a sum over axes of length 1, or none
