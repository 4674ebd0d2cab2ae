"""A graph without loops: every step of every scan written out, one after another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.build import frozen
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Name, Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import CONSTANT, FUNCTIONS
from gradviz.core.replay import rebuild
from gradviz.core.tape import inside, private_tape
from gradviz.errors import GraphError, user_location

_NOW = re.compile(r"_(?:t\b|\{t\})")
_BEFORE = re.compile(r"_\{t-1\}")


_UNROLLED: WeakKeyDictionary[Graph, Graph] = WeakKeyDictionary()
"""What was written out for graphs that are still there: for each of many evaluations it need not be made anew."""


@private_tape()
def unroll(graph: Graph, *, checked: bool = True) -> Graph:
    """Return a graph of the same outputs in which every step of a scan is written out.

    The nodes of step 3 of a cell in the scope "lstm" stand in "lstm/t3", and ``f_t`` is ``f_{3}`` there; those of
    a second scan in that scope stand in "lstm/scan_2/t3".
    A graph without loops is returned as it is. Leaves that no step uses stay in the graph.

    Args:
        graph: a graph.
        checked: whether names and scopes are looked at, as in a graph that somebody reads.

    Example:
        >>> import gradviz as gv
        >>> h = gv.scan(lambda x, h: gv.tanh(x + h), gv.data("x", [1.0, 2.0]), 0.0)
        >>> [node.scope for node in gv.unroll(gv.graph(h[-1])).nodes if node.op.name == "tanh"]
        ['t1', 't2']
    """
    if not graph.looped:
        return graph
    handles = _Unroller().replay(graph, {}, "", "", None)
    leaves = [handles[leaf.id] for leaf in graph.leaves if leaf.op is not CONSTANT]
    outputs = {name: handles[index] for name, index in graph.outputs.items()}
    return frozen(outputs, leaves if checked else (), checked=checked)


def as_graph(value: Graph | Expr, *, loops: bool = False) -> Graph:
    """Return the graph itself, or the graph of a handle; without loops, unless they are asked for.

    Raises:
        GraphError: for anything else.
    """
    if isinstance(value, Expr):
        value = freeze(value)
    if not isinstance(value, Graph):
        raise GraphError(
            f"a graph or a node is wanted, not {type(value).__name__}", where=user_location(), hint="gv.graph(loss)"
        )
    if loops or not value.looped:
        return value
    if value not in _UNROLLED:
        _UNROLLED[value] = unroll(value)
    return _UNROLLED[value]


class _Unroller:
    def __init__(self) -> None:
        self._runs: dict[Any, tuple[list[list[Expr]], list[Expr]]] = {}
        self._items: dict[int, list[Expr]] = {}
        """By the id of a stacked result, the handles that were stacked."""
        self._elements: dict[tuple[str, int, int], Expr] = {}
        self._scans: Counter[str] = Counter()
        """By scope, how many loops were written out there."""

    def replay(self, graph: Graph, given: Mapping[int, Expr], base: str, into: str, time: int | None) -> list[Expr]:
        """Put the nodes of a graph on the tape, those of the scope base into another; of a cell, those of one step."""
        handles: list[Expr] = []
        for node in graph.nodes:
            if node.id in given:
                handles.append(given[node.id])
                continue
            place = _moved(node.scope, base, into)
            with inside(place):
                made = self._build(node, [handles[arg] for arg in node.args], place)
            name = graph.names.get(node.id)
            if name is not None:  # the name given outside wins over that of a step
                made.tape.give_name(made.id, *(name if time is None else _dated(name, time)))
            handles.append(made)
        return handles

    def _build(self, node: Node, args: list[Expr], place: str) -> Expr:
        loop = node.attrs.get("loop")
        if isinstance(loop, Loop):
            return self._result(loop, node, args, place)
        if node.op.name == "getitem" and args[0].id in self._items:
            first, rest = node.attrs["key"][:1], node.attrs["key"][1:]
            arrays = any(isinstance(part, np.ndarray) for part in rest)  # with them a number may put axes in front
            if first and isinstance(first[0], int) and not arrays:
                item = self._items[args[0].id][first[0]]
                return FUNCTIONS["getitem"](item, rest) if rest else item
        return rebuild(node, args)

    def _result(self, loop: Loop, node: Node, args: list[Expr], place: str) -> Expr:
        key = (loop, tuple(arg.id for arg in args))
        if key not in self._runs:
            self._runs[key] = self._steps(loop, args, node.scope, place)
        kept, states = self._runs[key]
        take: int = node.attrs["take"]
        if take >= len(kept):
            return states[take - len(kept)]
        if not loop.length:
            return constant(np.zeros(node.shape, node.dtype))
        stacked: Expr = FUNCTIONS["stack"](kept[take])
        self._items[stacked.id] = kept[take]
        return stacked

    def _steps(self, loop: Loop, args: Sequence[Expr], base: str, place: str) -> tuple[list[list[Expr]], list[Expr]]:
        names = [loop.cell.names.get(index) for index in loop.inputs[: loop.sequences]]
        self._scans[place] += 1
        number = self._scans[place]
        into = place if number == 1 else _joined(place, f"scan_{number}")

        def element(sequence: Expr, time: int) -> Expr:
            key = (place, sequence.id, time)  # loops along the same sequence share its elements
            if key not in self._elements:
                self._elements[key] = FUNCTIONS["getitem"](sequence, time)
            return self._elements[key]

        def step(time: int, given: list[Expr]) -> list[Expr]:
            for item, name in zip(given, names, strict=False):
                if name is not None and item.id not in item.tape.names:
                    item.tape.give_name(item.id, f"{name.name}{time + 1}", _dated(name, time).given_tex)
            step_scope = _joined(into, f"t{time + 1}")
            return self.replay(loop.cell, dict(zip(loop.inputs, given, strict=True)), base, step_scope, time)

        return loop.run(args, element, step)


def _moved(scope: str, base: str, into: str) -> str:
    """Return the place in another scope of what stands in base; what stands elsewhere keeps its whole path there."""
    inner = scope == base or scope.startswith(f"{base}/") or not base
    return _joined(into, scope[len(base) :].strip("/") if inner else scope)


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def _dated(name: Name, time: int) -> Name:
    """Return a name whose LaTeX speaks of t as that of one step."""
    tex = _BEFORE.sub(f"_{{{time}}}", _NOW.sub(f"_{{{time + 1}}}", name.tex))
    return Name(name.name, tex)
