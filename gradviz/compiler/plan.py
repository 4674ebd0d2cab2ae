"""From a graph to a plan: what is computed where, in memory that is used again as soon as it is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.compiler.instructions import Instruction, Place, Plan
from gradviz.compiler.layouts import inverse, laid_out, order_between, orders
from gradviz.compiler.memory import Memory
from gradviz.compiler.names import Names
from gradviz.compiler.plan_body import Body
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import CONSTANT, PARAMETER
from gradviz.namespaces import numpy as numbers


def make_plan(graph: Graph, parameters: Mapping[str, Array], tuned: bool) -> Plan:
    """Plan the evaluation of the outputs of a graph of single instructions.

    Args:
        graph: the graph.
        parameters: the arrays of the parameters by path, for how they lie in memory.
        tuned: whether it may depend on the library that multiplies matrices here.
    """
    return Planner(tuned).plan(graph, parameters)


class Planner:
    """Hands out places; one for a whole function, with its loops.

    Attributes:
        names: the identifiers.
        constants, made: the places so far.
        may_tune, tuned: whether it may look at the library that multiplies matrices, and has planned otherwise for it.
    """

    def __init__(self, tuned: bool) -> None:
        self.may_tune, self.tuned = tuned, False
        self.names = Names()
        self.constants: list[Place] = []
        self.made: list[Place] = []
        self._known: dict[Any, Place] = {}
        self._count = 0

    def plan(self, graph: Graph, arrays: Mapping[str, Array]) -> Plan:
        """Plan a graph."""
        graph = laid_out(graph)
        parameters: dict[str, Place] = {}
        inputs: dict[str, Place] = {}
        given: dict[int, Place] = {}
        for leaf in graph.leaves:
            if leaf.op is not CONSTANT:
                kind = "parameter" if leaf.op is PARAMETER else "input"
                place = self.place(leaf.name or "x", leaf.shape, leaf.dtype, kind)
                place.sample = arrays[leaf.path] if kind == "parameter" else np.empty(leaf.shape, leaf.dtype)
                given[leaf.id] = place
                (parameters if kind == "parameter" else inputs)[leaf.path] = place
        body = Body(self, graph, given, {}, orders(graph))
        instructions = body.run()
        memory = Memory()
        memory.assign(instructions, list(body.outputs.values()))
        return Plan(
            parameters=parameters,
            inputs=inputs,
            constants=tuple(self.constants),
            blocks=tuple(memory.blocks),
            places=tuple(self.made),
            body=tuple(instructions),
            outputs=body.outputs,
            tuned=self.tuned,
        )

    def place(self, wanted: str, shape: Any, dtype: Any, kind: Any, **rest: Any) -> Place:
        """Make a place under a new name: near to what is wanted, "" for any."""
        self._count += 1
        name = self.names.new(wanted or f"t{self._count}")
        return Place(name, tuple(shape), np.dtype(dtype), kind, label=wanted, **rest)

    def buffer(self, wanted: str, shape: Any, dtype: Any) -> Place:
        """Make a buffer; its memory is found when all is known."""
        made = self.place(wanted, shape, dtype, "buffer", sample=np.empty(shape, dtype))
        self.made.append(made)
        return made

    def view(self, base: Place, fn: str, attrs: tuple[Any, ...], wanted: str) -> Place:
        """Make a place that shows another one."""
        assert base.sample is not None
        sample = np.asarray(getattr(numbers, fn)(base.sample, *attrs))
        return self.place(wanted, sample.shape, base.dtype, "view", base=base, fn=fn, attrs=attrs, sample=sample)

    def copy(self, source: Place, out: Place, says: str) -> list[Instruction]:
        """Return what copies an array: in two steps, where both its rows and its columns are far apart."""
        order = None if source.looped or out.looped else order_between(source)
        if order is None:
            return [Instruction("copy", (source,), (), out, says)]
        room = self.buffer("", [source.shape[axis] for axis in order], source.dtype)
        near, back = self.view(source, "transpose", (order,), ""), self.view(room, "transpose", (inverse(order),), "")
        self.made += [near, back]
        return [Instruction("copy", (near,), (), room), Instruction("copy", (back,), (), out, says)]

    def constant(self, value: Any, dtype: Any, name: str = "") -> Place:
        """Make a constant, once for each value."""
        array = np.array(value, dtype, order="C")  # as its source will have it
        key = (array.shape, array.dtype.str, array.tobytes())
        if key not in self._known:
            made = self.place(name or _constant_name(array), array.shape, dtype, "constant", value=array, sample=array)
            self.constants.append(made)
            self._known[key] = made
        return self._known[key]


def _constant_name(array: np.ndarray[Any, Any]) -> str:
    if array.size != 1:
        equal = {number for number in (0, 1) if array.size and np.all(array == number)}
        shape = "x".join(map(str, array.shape))
        return f"zeros_{shape}" if 0 in equal else f"ones_{shape}" if 1 in equal else "table"
    number = f"{array.reshape(())[()]:.6g}".replace("-", "minus_").replace(".", "_").replace("+", "")
    return {"0": "zero", "1": "one", "2": "two", "0_5": "half", "minus_1": "minus_one"}.get(number, f"c{number}")
