"""Layers of lecture size run as straight-line Python, where that is quicker than calls of NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gradviz.compiler.instructions import VIEWS
from gradviz.compiler.optimize import optimize
from gradviz.compiler.scalar_source import ScalarFunction, print_scalars
from gradviz.compiler.scalars import UnsuitableError, unrolled, work
from gradviz.compiler.storage import Storage
from gradviz.compiler.task import UNFIT, Task
from gradviz.core.graph import Graph
from gradviz.core.loop import Loop
from gradviz.core.unroll import unroll

MOST_WORK = 2000
"""Longer graphs are not even written out to be counted."""

MOST_OPERATIONS = {"numpy": 400, "numba": 200}
"""By backend. A longer function is none that anybody reads; a call of compiled loops costs as much as 200."""

OPERATIONS_A_CALL = 40
"""So many operations on numbers (20 ns each) take less time than a call of NumPy with its part of the step (1 µs)."""

MODULES = ("import math", "import struct")


class ScalarProgram:
    """A function that was compiled to Python's own arithmetic.

    Where that has no answer, as for 1/0, the function on arrays is run instead, and gives inf or NaN.

    Attributes:
        functions: the lines of its source.
        shapes: of its outputs, by name.
    """

    def __init__(
        self, task: Task, graph: Graph, printed: ScalarFunction, storage: Storage, arrays: Callable[[], Any]
    ) -> None:
        self.functions = [printed.lines]
        self.source = "\n".join([*with_modules(["import numpy as np"]), "", "", *printed.lines, ""])
        scope: dict[str, Any] = {}
        exec(compile(self.source, f"<layer {task.name}>", "exec"), scope)
        self.run: Callable[..., tuple[Any, ...]] = scope[f"make_{task.name}"](storage.whole)
        self.shapes = {name: graph.rows[index].shape for name, index in graph.outputs.items()}
        self.order = list(printed.inputs.values())
        self._arrays = arrays
        self._instead: Callable[..., tuple[Any, ...]] | None = None

    def __call__(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Run it on inputs by path."""
        try:
            return self.run(*[given[path] for path in self.order])
        except UNFIT:
            if self._instead is None:
                self._instead = self._arrays()
            return self._instead(given)

    def quick(self) -> Callable[..., tuple[Any, ...]]:
        """Return a step that checks its arrays by itself, and raises an error of `UNFIT` if they do not fit."""
        return self.run


def scalar_program(
    task: Task, graph: Graph, storage: Storage, arrays: Callable[[], Callable[..., tuple[Any, ...]]], backend: str
) -> ScalarProgram | None:
    """Return a function of single numbers, or None where arrays are quicker or the only way.

    Args:
        task: what it is to do.
        graph: of single instructions.
        storage: of the parameters.
        arrays: makes the function on arrays.
        backend: what that is printed as.
    """
    if storage.whole is None or work(graph) > MOST_WORK:
        return None
    try:
        flat = optimize(unroll(graph, checked=False)) if graph.looped else graph
        printed = print_scalars(task, flat, unrolled(flat), storage)
    except UnsuitableError:
        return None
    if printed.operations > min(MOST_OPERATIONS[backend], OPERATIONS_A_CALL * _calls(graph)):
        return None
    return ScalarProgram(task, flat, printed, storage, arrays)


def _calls(graph: Graph) -> int:
    """Return about how many calls of NumPy a graph takes; one more, to begin with."""
    count = 1
    for row in graph.rows:
        loop = row.attrs.get("loop")
        if isinstance(loop, Loop):
            count += loop.length * _calls(loop.cell)
        elif not row.op.leaf and row.op.name not in VIEWS:
            count += 1
    return count


def with_modules(header: list[str]) -> list[str]:
    """Return the lines of a header that also imports what functions of numbers need."""
    place = header.index("import numpy as np")
    before = [line for line in header[:place] if line and line not in MODULES]
    return [*MODULES, *before, "", *header[place:]]
