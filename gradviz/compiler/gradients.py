"""The gradients of a graph as part of the graph: what a training step computes, loops kept as loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradviz.compiler.joins import span_of
from gradviz.core.apply import apply, constant, make_leaf
from gradviz.core.arrays import adjoint_dtype
from gradviz.core.build import data, frozen
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node, Row
from gradviz.core.loop import Loop, cell_adjoints, passed_on
from gradviz.core.primitive import DATA, FUNCTIONS, REGISTRY
from gradviz.core.replay import rebuild
from gradviz.core.tape import current_tape, inside
from gradviz.core.trace import trace
from gradviz.namespaces import nodes as xp
from gradviz.passes.rewrite import attrs_of, made_by

GRADIENT = "∂"
"""The gradient by the leaf W is the output "∂W"."""


def with_gradients(graph: Graph, root: str, wrt: Mapping[str, Row], seed: str | None = None) -> Graph:
    """Return a graph of the same outputs and of the gradients of one of them by some leaves.

    Args:
        graph: a graph, which may hold loops.
        root: the name of an output.
        wrt: leaves by their paths, as rows; those that the graph does not have, or need, get zeros of that shape.
        seed: the name of a new data leaf that the adjoint of the output starts from, instead of 1; of the
            output's shape.
    """
    return _Differentiation(graph).run(root, wrt, seed)


class _Differentiation:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._handles: list[Expr] = []
        self._adjoints: dict[int, Expr] = {}
        self._loops: dict[Any, _LoopRun] = {}
        self._first: dict[Any, int] = {}
        """By loop and arguments, the first of the nodes that are results of this run."""

    def run(self, root: str, wrt: Mapping[str, Row], seed: str | None) -> Graph:
        """Build the whole graph."""
        graph = self._graph
        for node in graph.nodes:
            with inside(node.scope):
                made = self._forward(node)
            made.tape.offer_name(made.id, graph.names.get(node.id))
            self._handles.append(made)
        start = graph.outputs[root]
        leaves = {path: graph.paths.get(path, -1) for path in wrt}
        live = graph.depends_on(frozenset(leaves.values()) - {-1})
        row = graph.rows[start]
        one = data(seed, shape=row.shape, dtype=row.dtype) if seed else constant(np.ones(row.shape), row.dtype)
        self._add(start, one)
        for index in range(len(graph) - 1, -1, -1):
            if live[index] and not graph.rows[index].op.leaf:
                self._back(index, live)
        outputs = {name: self._handles[index] for name, index in graph.outputs.items()}
        for path, row in wrt.items():
            found = self._adjoints.get(leaves[path])
            outputs[GRADIENT + path] = _zeros(row) if found is None else found
        return frozen(outputs)

    def _forward(self, node: Node) -> Expr:
        args = [self._handles[arg] for arg in node.args]
        loop = node.attrs.get("loop")
        if not isinstance(loop, Loop):
            with inside(node.scope if node.op.leaf else ""):  # a leaf is known by its path
                return rebuild(node, args)
        key = (loop, node.args)
        if key not in self._loops:
            self._loops[key] = _LoopRun(loop, args)
            self._first[key] = node.id
        return self._loops[key].result(node.attrs["take"])

    def _add(self, index: int, g: Expr | None) -> None:
        if g is not None:
            before = self._adjoints.get(index)
            self._adjoints[index] = g if before is None else before + g

    def _back(self, index: int, live: bytearray) -> None:
        row, args = self._graph.rows[index], self._graph.args[index]
        loop = row.attrs.get("loop")
        if isinstance(loop, Loop):
            run = self._loops[loop, args]
            run.adjoints[row.attrs["take"]] = self._adjoints.get(index)
            if index == self._first[loop, args] and any(g is not None for g in run.adjoints.values()):
                for child, g in zip(args, run.back([bool(live[arg]) for arg in args]), strict=True):
                    self._add(child, g)
            return
        g = self._adjoints.get(index)
        if g is None:
            return
        slots = [slot for slot, child in enumerate(args) if live[child]]
        for slot, added in zip(slots, passed_on(self._graph, self._handles, index, g, slots, xp), strict=True):
            self._add(args[slot], None if added is None else constant(added))


class _LoopRun:
    """One loop run forward, keeping what the way back needs, and the loop that goes back."""

    def __init__(self, loop: Loop, args: list[Expr]) -> None:
        cell = loop.cell
        inner = [index for index, row in enumerate(cell.rows) if not row.op.leaf]
        states = loop.inputs[loop.sequences : loop.sequences + loop.states]
        self._kept = (*loop.emitted, *states, *inner)
        self._loop = loop
        self._wide = Loop(
            cell, loop.inputs, loop.sequences, loop.states, loop.following, self._kept, loop.length, loop.reverse
        )
        self._args = args
        self.adjoints: dict[int, Expr | None] = {}

    def result(self, take: int) -> Expr:
        """Return a result of the original loop."""
        original = len(self._loop.emitted)
        wide = take if take < original else take - original + len(self._kept)
        return self._wide_result(wide)

    def back(self, live: list[bool]) -> list[Expr | None]:
        """Return the adjoints of the arguments, given those of the results; None where there is none."""
        loop, cell = self._loop, self._loop.cell
        count = len(loop.emitted)
        seen = self._seen()
        emitted = {take: g for take, g in seen.items() if take < count}
        known = dict(enumerate(self._kept[count:], count))
        items, _, shared = loop.split(self._args)
        shared_ids = loop.inputs[loop.sequences + loop.states :]
        sequences = [*emitted.values(), *items, *(self._wide_result(place) for place in known)]
        after = [
            seen[count + place] if count + place in seen else _zeros(cell.rows[index])
            for place, index in enumerate(loop.following)
        ]
        kinds = [loop.emitted[take] for take in emitted], [*loop.inputs[: loop.sequences], *known.values()]
        leaves = [self._leaf(index, "d_{}_out", adjoint_dtype) for index in kinds[0]]
        leaves += [self._leaf(index, "{}") for index in kinds[1]]
        leaves += [self._leaf(index, "d_{}", adjoint_dtype) for index in loop.following]
        leaves += [self._leaf(index, "{}") for index in shared_ids]
        ends = len(kinds[0]), len(sequences), len(sequences) + loop.states
        values = self._values(
            dict(zip((*kinds[1], *shared_ids), (*leaves[ends[0] : ends[1]], *leaves[ends[2] :]), strict=True))
        )
        seeds = [*zip(loop.following, leaves[ends[1] : ends[2]], strict=True), *zip(kinds[0], leaves, strict=False)]
        found = cell_adjoints(loop, values, seeds, xp)
        states = range(loop.sequences, loop.sequences + loop.states)
        before = [_zeros(cell.rows[loop.inputs[i]]) if found[i] is None else constant(found[i]) for i in states]
        parts = [i for i, one in enumerate(found) if one is not None and live[i] and i not in states]
        back = self._traced(leaves, before, [found[i] for i in parts], len(sequences))
        given = [*sequences, *after, *shared]
        answer: list[Expr | None] = [None] * len(loop.inputs)
        for take, place in enumerate((*parts, *states)):
            if live[place]:
                one = apply(REGISTRY["scan"], *given, loop=back, take=take)
                answer[place] = one if place < loop.sequences + loop.states else FUNCTIONS["sum"](one, axis=0)
        return answer

    def _seen(self) -> dict[int, Expr]:
        """Return the adjoints of the results; of the last of all states, if only that is used, as of that state."""
        loop, count = self._loop, len(self._loop.emitted)
        seen = {take: g for take, g in self.adjoints.items() if g is not None}
        for take in [take for take in seen if take < count and loop.emitted[take] in loop.following]:
            last = _item(seen[take], 0 if loop.reverse else loop.length - 1)
            if last is not None:
                state = count + loop.following.index(loop.emitted[take])
                del seen[take]
                seen[state] = seen[state] + last if state in seen else last
        return seen

    def _wide_result(self, take: int) -> Expr:
        return apply(REGISTRY["scan"], *self._args, loop=self._wide, take=take)

    def _leaf(self, index: int, called: str, dtype_of: Callable[[Any], Any] = np.dtype) -> Expr:
        """Return a leaf like a node of the cell, called after it: what source is printed of has its name."""
        row, name = self._loop.cell.rows[index], self._loop.cell.names.get(index)
        made = make_leaf(DATA, None, current_tape().lane(row.shape, dtype_of(row.dtype)))
        return made if name is None else made.named(called.format(name.name))

    def _values(self, given: dict[int, Expr]) -> list[Any]:
        """Return what stands for the value of each node of the cell on the way back."""
        cell = self._loop.cell
        values: list[Any] = [given.get(index) for index in range(len(cell))]
        for index, value in cell.constants.items():
            values[index] = constant(value, cell.rows[index].dtype)
        return values

    def _traced(self, leaves: list[Expr], before: list[Expr], emitted: list[Any], sequences: int) -> Loop:
        loop = self._loop
        traced, ids, outer = trace(leaves, [*before, *map(constant, emitted)])
        assert not outer
        results = tuple(traced.outputs.values())
        following, kept = results[: loop.states], results[loop.states :]
        return Loop(traced, ids, sequences, loop.states, following, kept, loop.length, not loop.reverse)


def _item(g: Expr, number: int) -> Expr | None:
    """Return an item along the first axis, if all others are zero for sure."""
    inner = made_by(g, "scatter")
    span = None if inner is None else span_of(attrs_of(g)["key"], g.shape)
    if inner is None or span is None or (span.axis, span.start, span.single) != (0, number, True):
        return None
    return inner[0]


def _zeros(row: Row) -> Expr:
    return constant(np.zeros(row.shape), adjoint_dtype(row.dtype))
