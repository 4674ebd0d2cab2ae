"""A graph of single instructions: primitives whose rule is a formula are replaced by what it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from gradviz.core.apply import apply, constant, make_leaf
from gradviz.core.build import frozen
from gradviz.core.expr import Expr, handle_at
from gradviz.core.graph import Graph, Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import FUNCTIONS, Primitive, Shape, call_rule
from gradviz.core.replay import Build, rebuild, replay
from gradviz.core.tape import current_tape
from gradviz.core.trace import trace
from gradviz.errors import RuleError
from gradviz.namespaces import nodes as xp
from gradviz.namespaces.record import Term, as_term, recorder, symbol

MOST_STEPS = 20
"""A formula within a formula within a formula: more levels than this are a rule that calls itself."""

_ATOMS = ("symbol", "number")

CAST = Primitive(
    name="cast",
    symbol="",
    dtype=lambda x, dtype: dtype,
    forward=lambda xp, x, dtype: Term("copy", (x,)) if isinstance(x, Term) else x,
    partials=(lambda xp, f, x, dtype: 1,),
)
"""Integers as floating-point numbers."""


def recorded(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...]) -> Term | None:
    """Return a primitive's value as a term of the symbols "0", "1", …; None if its rule asks for arrays."""
    try:
        return record(op, attrs, shapes)
    except RuleError:
        return None


def record(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...]) -> Term:
    """Return the same term.

    Raises:
        RuleError: for a rule that asks for arrays, or a user's that fails.
    """
    arguments = [symbol(str(slot), shape) for slot, shape in enumerate(shapes)]
    return call_rule(lambda: as_term(op.forward(recorder, *arguments, **attrs)))


def is_single(term: Term) -> bool:
    """Whether a term is one function of symbols and numbers."""
    if term.fn == "indicator":
        return is_single(term.args[0])
    return term.fn not in _ATOMS and bool(term.args) and all(arg.fn in _ATOMS for arg in term.args)


def expand(graph: Graph, dtype: np.dtype[Any] | None = None) -> Graph:
    """Return a graph of the same outputs in which every node is a single instruction.

    Args:
        graph: a graph, which may hold loops.
        dtype: of all floating-point leaves, instead of their own.
    """
    handles = replay(graph, lambda node, args: _expanded(node, args, dtype))
    return frozen({name: handles[index] for name, index in graph.outputs.items()})


def _expanded(node: Node, args: list[Expr], dtype: np.dtype[Any] | None) -> Expr:
    if node.op.leaf:
        return _leaf(node, args, dtype)
    loop = node.attrs.get("loop")
    if isinstance(loop, Loop):
        return apply(node.op, *args, **{**node.attrs, "loop": _loop(loop, dtype)})
    attrs = node.attrs
    if dtype is not None and "dtype" in attrs and node.dtype.kind == "f":
        attrs = {**attrs, "dtype": dtype}
    made = _formula(node.op, _floats(node, args, dtype or node.dtype), attrs)
    if dtype is None or made.dtype.kind != "f" or made.dtype == dtype:
        return made
    return apply(CAST, made, dtype=dtype)  # of integers alone, such as a comparison


def _floats(node: Node, args: list[Expr], dtype: np.dtype[Any]) -> list[Expr]:
    """Cast integers that numbers are computed of: NumPy would compute with more digits, or fewer, than are wanted.

    Those that are compared with each other stay exact, and those that choose are no numbers.
    """
    kinds = [arg.dtype.kind != "f" and slot not in node.op.indices for slot, arg in enumerate(args)]
    if node.dtype.kind != "f" or not any(kinds):
        return args
    term = recorded(node.op, node.attrs, tuple(arg.shape for arg in args)) if all(kinds) else None
    if term is not None and term.fn == "indicator":
        return args
    return [apply(CAST, arg, dtype=dtype) if whole else arg for whole, arg in zip(kinds, args, strict=True)]


def _formula(op: Primitive, args: list[Expr], attrs: Mapping[str, Any], depth: int = 0) -> Expr:
    """Apply a primitive, or what its rule is made of."""
    shapes = tuple(arg.shape for arg in args)
    term = recorded(op, attrs, shapes)
    if term is None or is_single(term) or depth > MOST_STEPS:
        return apply(op, *args, **attrs)
    first = args[0].tape
    before = len(first.rows)
    made = constant(op.forward(xp, *args, **attrs))
    if made.shape != (shape := op.shape(*shapes, **attrs)):  # a rule may give a number for all elements
        made = FUNCTIONS["broadcast_to"](made, shape)
    if any(first.rows[index].op is op for index in range(before, len(first.rows))):
        raise RuleError(f"the rule of {op.name} is made of itself")
    return _again(made, before, depth)


def _again(made: Expr, before: int, depth: int) -> Expr:
    """Expand what a formula has put on the tape."""
    tape = made.tape
    new: dict[int, Expr] = {}

    def handle(index: int) -> Expr:
        return new.get(index) or handle_at(tape, index)

    for index in range(before, made.id + 1):
        row = tape.rows[index]
        if not row.op.leaf:
            args = [handle(arg) for arg in tape.args[index]]
            moved = any(arg in new for arg in tape.args[index])
            term = recorded(row.op, row.attrs, tuple(arg.shape for arg in args))
            if moved or not (term is None or is_single(term)):
                new[index] = _formula(row.op, args, row.attrs, depth + 1)
    return handle(made.id)


def _leaf(node: Node, args: list[Expr], dtype: np.dtype[Any] | None) -> Expr:
    if dtype is None or node.dtype.kind != "f":
        return rebuild(node, args)
    value = None if node.value is None else np.asarray(node.value, dtype)
    return make_leaf(node.op, value, current_tape().lane(node.shape, dtype))


@lru_cache(maxsize=64)
def _loop(loop: Loop, dtype: np.dtype[Any] | None) -> Loop:
    """Return the loop with a cell of single instructions; all results of a loop must get the same one."""
    return recell(loop, lambda node, args: _expanded(node, args, dtype))


def recell(loop: Loop, build: Build, *, rename: bool = True) -> Loop:
    """Return a loop whose cell is built anew, node by node."""
    return with_cell(loop, replay(loop.cell, build, rename=rename))


def with_cell(loop: Loop, handles: Sequence[Expr] | Mapping[int, Expr]) -> Loop:
    """Return a loop whose cell is made of these nodes in the place of its own."""
    results = [handles[index] for index in (*loop.following, *loop.emitted)]
    cell, ids, _ = trace([handles[index] for index in loop.inputs], results)
    found = tuple(cell.outputs.values())
    return replace(loop, cell=cell, inputs=ids, following=found[: loop.states], emitted=found[loop.states :])
