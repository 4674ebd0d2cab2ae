"""The instructions of a graph, or of one step of a loop: a place for every value, where it is wanted next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz.compiler.blas import blocks
from gradviz.compiler.expand import record
from gradviz.compiler.instructions import COMPARISONS, ELEMENTWISE, REDUCTIONS, VIEWS, Instruction, Place, Repeat
from gradviz.compiler.joins import JOINS, keys_of_parts
from gradviz.compiler.layouts import Order, inverse, order_of
from gradviz.compiler.plan_loop import LoopPlan
from gradviz.core.graph import Graph, Row
from gradviz.core.loop import Loop
from gradviz.core.primitive import CONSTANT
from gradviz.core.visible import visible
from gradviz.errors import RuleError
from gradviz.namespaces import numpy as numbers
from gradviz.namespaces.record import Term

if TYPE_CHECKING:
    from gradviz.compiler.plan import Planner


class Body:
    """The instructions of a graph, or of one step of a loop."""

    def __init__(
        self,
        planner: Planner,
        graph: Graph,
        given: Mapping[int, Place],
        targets: Mapping[int, Place],
        orders: Mapping[int, Order] | None = None,
    ) -> None:
        self._planner = planner
        self._orders = orders or {}
        self._graph = graph
        self._places: dict[int, Place] = dict(given)
        self._targets = targets
        self._found: list[Instruction | Repeat] = []
        self._loops: dict[Any, list[Place]] = {}
        self._joined: dict[int, Place] = {}
        self._pieces: dict[int, list[Place]] = {}
        self.looped: list[Place] = []
        self._used_with_arrays = _used_with_arrays(graph)

    @property
    def outputs(self) -> dict[str, Place]:
        """Where the outputs of the graph are."""
        return {name: self._places[index] for name, index in self._graph.outputs.items()}

    def at(self, index: int) -> Place:
        """Return where the value of a node is."""
        return self._places[index]

    def run(self) -> list[Instruction | Repeat]:
        """Plan every node."""
        for index, row in enumerate(self._graph.rows):
            if index in self._places:
                continue
            if row.op is CONSTANT:
                self._places[index] = self._planner.constant(self._graph.constants[index], row.dtype, self._says(index))
            elif isinstance(row.attrs.get("loop"), Loop):
                self._places[index] = self._loop_result(index)
            else:
                self._places[index] = self._node(index)
        for index, target in self._targets.items():
            if self._places[index] is not target:
                self._found.append(Instruction("copy", (self._places[index],), (), target))
        return self._found

    def _operand(self, term: Term, args: list[Place], row: Row) -> Place | float | int:
        """Return an argument; a number beside arrays is an array of no axes, which NumPy takes quickest."""
        if term.fn != "number":
            return args[int(term.args[0])]
        number: float | int = term.args[0]
        return self._planner.constant(number, row.dtype) if row.shape != () else number

    def _beside(self, operand: Place | float | int, index: int) -> Place | float | int:
        """Return an operand of a value; a constant's axes stand in memory in the order of those of the value."""
        order = self._orders.get(index)
        if order is None or not isinstance(operand, Place) or operand.value is None:
            return operand
        missing = len(order) - len(operand.shape)
        own = tuple(axis - missing for axis in order if axis >= missing)
        if own == tuple(sorted(own)):
            return operand
        moved = self._planner.constant(operand.value.transpose(own), operand.dtype, f"{operand.name}_T")
        return self._shown(moved, "transpose", (inverse(own),), operand.name)

    def _says(self, index: int) -> str:
        name = self._graph.names.get(index)
        return "" if name is None else visible(name.name)

    def _node(self, index: int) -> Place:
        row = self._graph.rows[index]
        args = [self._places[arg] for arg in self._graph.args[index]]
        try:
            term = record(row.op, row.attrs, tuple(arg.shape for arg in args))
        except RuleError as error:
            raise RuleError(
                f"the rule of {self._graph.describe(index)} cannot be compiled, it asks for arrays: {error.what}",
                where=error.where,
            ) from error
        while term.fn == "indicator" and term.args[0].fn != "symbol":
            term = term.args[0]
        operands = tuple(self._operand(arg, args, row) for arg in term.args)
        if index not in self._targets:
            view = self._view(index, term, operands)
            if view is not None:
                return view
        if term.fn in JOINS:
            return self._join(index, term, operands)
        out = self._targets.get(index) or self._part_of_join(index, term.fn) or self._out(index, term)
        operands = tuple(self._beside(operand, index) for operand in operands)
        self._found.append(self._in_blocks(Instruction(term.fn, operands, term.attrs, out, self._says(index))))
        return out

    def _in_blocks(self, one: Instruction) -> Instruction:
        """Return a product with a matrix, or of two, as one of blocks of rows or columns, where that is quicker."""
        if not self._planner.may_tune or one.fn != "matmul" or one.out.kind == "fresh" or not one.out.contiguous:
            return one
        a, b = one.args
        if not (isinstance(a, Place) and isinstance(b, Place) and len(a.shape) == 2 and len(b.shape) in (2, 3)):
            return one
        assert a.sample is not None
        assert b.sample is not None
        *many, rows, columns = one.out.shape
        first = b.sample[0] if many and many[0] else b.sample
        count = blocks(a.sample, first) if first.ndim == 2 else 1
        if count > 1:
            out = self._shown(one.out, "reshape", ((*many, count, rows // count, columns),), "")
            each = self._shown(b, "reshape", ((*many, 1, *b.shape[1:]),), "") if many else b
            blocked = replace(one, args=(self._cut(a, count), each), out=out)
        elif not many and first.T.flags.c_contiguous and (count := blocks(first.T, a.sample.T)) > 1:
            cut = self._cut(self._shown(b, "transpose", ((1, 0),), ""), count)
            out = self._shown(one.out, "reshape", ((rows, count, columns // count),), "")
            out = self._shown(out, "transpose", ((1, 0, 2),), "")
            blocked = replace(one, args=(a, self._shown(cut, "transpose", ((0, 2, 1),), "")), out=out)
        else:
            return one
        self._planner.tuned = True
        return blocked

    def _cut(self, matrix: Place, count: int) -> Place:
        """Return the rows of a matrix that is contiguous, or whose transpose is, in so many blocks."""
        rows, columns = matrix.shape
        if matrix.contiguous:
            return self._shown(matrix, "reshape", ((count, rows // count, columns),), "")
        turned = self._shown(matrix, "transpose", ((1, 0),), "")
        turned = self._shown(turned, "reshape", ((columns, count, rows // count),), "")
        return self._shown(turned, "transpose", ((1, 2, 0),), "")

    def _join(self, index: int, term: Term, operands: tuple[Any, ...]) -> Place:
        """Put the arguments side by side; those that were computed where they belong need no moving."""
        parts = self._parts(index)
        for part, operand in zip(parts, operands, strict=True):
            if operand is not part:
                self._found += self._planner.copy(operand, part, self._says(index))
        return self._joined[index]

    def _parts(self, index: int) -> list[Place]:
        """Return the places of the arguments of a join within its result."""
        if index not in self._pieces:
            row = self._graph.rows[index]
            out = self._targets.get(index) or self._part_of_join(index, row.op.name)
            out = out or self._planner.buffer(self._says(index), row.shape, row.dtype)
            self._joined[index] = out
            self._pieces[index] = [
                self._shown(out, "getitem", ((*key, ...),), out.label) for key in keys_of_parts(self._graph, index)
            ]
        return self._pieces[index]

    def _part_of_join(self, index: int, fn: str) -> Place | None:
        """Return the place of a value that is only used to be joined with others."""
        edges = self._graph.parents[index]
        if len(edges) != 1 or index in self._graph.outputs.values() or fn not in WITH_OUT:
            return None
        user, slot = edges[0]
        if self._graph.rows[user].op.name not in JOINS:
            return None
        part = self._parts(user)[slot]
        anywhere = fn in ELEMENTWISE or fn in JOINS or fn == "matmul"
        return part if anywhere or part.contiguous else None

    def _shown(self, base: Place, fn: str, attrs: tuple[Any, ...], name: str) -> Place:
        """Make a view."""
        made = self._planner.view(base, fn, attrs, name)
        (self.looped if made.looped else self._planner.made).append(made)
        return made

    def _view(self, index: int, term: Term, operands: tuple[Any, ...]) -> Place | None:
        """Return a place that shows a part of the argument, where no element need be moved."""
        row = self._graph.rows[index]
        if term.fn not in VIEWS or not isinstance(operands[0], Place):
            return None
        base = operands[0]
        if base.sample is None or base.kind in ("scalar", "fresh") or row.shape == ():
            return None
        shown = np.asarray(getattr(numbers, term.fn)(base.sample, *term.attrs))
        if not (shown.size == 0 or np.may_share_memory(shown, base.sample)):
            return None
        made = self._planner.place(
            self._says(index), row.shape, row.dtype, "view", base=base, fn=term.fn, attrs=term.attrs, sample=shown
        )
        (self.looped if made.looped else self._planner.made).append(made)
        return made

    def _out(self, index: int, term: Term) -> Place:
        row = self._graph.rows[index]
        if term.fn not in WITH_OUT:
            kind = "scalar" if row.shape == () else "fresh"
            sample = np.empty(row.shape, row.dtype)
            return self._planner.place(self._says(index), row.shape, row.dtype, kind, sample=sample)
        if row.shape == () and not self._used_with_arrays[index]:
            return self._planner.place(self._says(index), (), row.dtype, "scalar")
        dtype = bool if self._is_mask(index, term) else row.dtype
        order = self._orders.get(index)
        if term.fn == "fold":
            order = order_of(self._places[self._graph.args[index][0]], len(row.shape))
        if order is None:
            return self._planner.buffer(self._says(index), row.shape, dtype)
        buffer = self._planner.buffer(self._says(index), [row.shape[axis] for axis in order], dtype)
        return self._shown(buffer, "transpose", (inverse(order),), buffer.label)

    def _is_mask(self, index: int, term: Term) -> bool:
        """Whether a value is 0 or 1 and only multiplies numbers: truth values take less memory."""
        graph = self._graph
        if term.fn not in COMPARISONS or index in graph.outputs.values() or not graph.parents[index]:
            return False
        users = [(graph.rows[user].op.name, graph.args[user]) for user, _ in graph.parents[index]]
        return all(name == "multiply" and args[0] != args[1] for name, args in users)

    def _loop_result(self, index: int) -> Place:
        row, args = self._graph.rows[index], self._graph.args[index]
        loop: Loop = row.attrs["loop"]
        if (loop, args) not in self._loops:
            run = LoopPlan(self._planner, loop, [self._places[arg] for arg in args])
            repeat = run.repeat(Body, self._says(index))
            self._found += [*run.start, repeat]
            self._loops[loop, args] = run.results
        take: int = row.attrs["take"]
        return self._loops[loop, args][take]


WITH_OUT = ELEMENTWISE | JOINS | {*REDUCTIONS, "matmul", "getitem", "reshape", "transpose"}
WITH_OUT |= {"broadcast_to", "einsum", "cumsum", "scatter", "pad", "flip", "take"}
WITH_OUT |= {"windows", "fold", "copy"}
"""What can be told where to put its result."""


def _used_with_arrays(graph: Graph) -> bytearray:
    """Return a flag a node: whether it is used beside an array, which is quicker for an array of no axes."""
    flags = bytearray(len(graph))
    for row, args in zip(graph.rows, graph.args, strict=True):
        if row.shape != ():
            for arg in args:
                flags[arg] = 1
    return flags
