"""The functions of a layer, made when they are first called: one of each kind for each size of batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from gradviz.compiler.expand import expand
from gradviz.compiler.gradients import GRADIENT, with_gradients
from gradviz.compiler.instructions import Plan
from gradviz.compiler.optimize import optimize, prepare
from gradviz.compiler.outer import outer_memory
from gradviz.compiler.plan import make_plan
from gradviz.compiler.printers import Printer, make_printer
from gradviz.compiler.scalar import ScalarProgram, scalar_program, with_modules
from gradviz.compiler.storage import Storage
from gradviz.compiler.task import RATE, SEED, Task
from gradviz.compiler.updates import in_pieces, updating
from gradviz.core.batched import batched
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import Shape
from gradviz.core.tape import private_tape
from gradviz.errors import GraphError, UsageError, user_location


class Program:
    """A function that was compiled to calls of NumPy, and its source.

    Attributes:
        memory: the bytes of its buffers.
        tuned: whether its source is for this machine.
    """

    def __init__(
        self, task: Task, plan: Plan, parameters: Mapping[str, Array], dtype: np.dtype[Any], printer: Printer
    ) -> None:
        # The plan itself is not kept: its places hold arrays to ask NumPy about.
        self.memory = plan.memory + outer_memory(plan, task.updating)
        self.tuned = plan.tuned
        self.functions = printer.functions(task, plan)
        self.printer = printer
        self.source = source_of(printer.header(), self.functions)
        scope: dict[str, Any] = {}
        exec(compile(self.source, f"<layer {task.name}>", "exec"), scope)
        made = scope[f"make_{task.name}"](*(parameters[path] for path in plan.parameters))
        self.run: Callable[..., tuple[Any, ...]] = np.errstate(all="ignore")(made)
        self.shapes = {name: place.shape for name, place in plan.outputs.items()}
        self.order = [path for path in plan.inputs if task.updating or path != RATE]
        self._fitting = [(place.dtype, place.shape) for path, place in plan.inputs.items() if path != RATE]
        self._rate = dtype if task.updating else None

    def __call__(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        """Run it on inputs by path."""
        if self._rate is not None:
            given = {**given, RATE: np.array(given[RATE], self._rate)}
        try:
            return self.run(*[given[name] for name in self.order])
        except IndexError as error:  # a label, or the number of a word
            raise GraphError(str(error), where=user_location()) from None

    def quick(self) -> Callable[..., tuple[Any, ...]]:
        """Return a step that checks its arrays by itself, and raises an error of `UNFIT` if they do not fit."""
        assert self._rate is not None
        wanted, run, dtype = self._fitting, self.run, self._rate

        def step(*arguments: Any) -> tuple[float]:
            *arrays, rate = arguments
            for value, (kind, shape) in zip(arrays, wanted, strict=True):
                fits = type(value) is np.ndarray and value.dtype is kind and value.shape == shape
                if not (fits and value.flags.c_contiguous):
                    raise TypeError
            return (float(run(*arrays, np.array(rate, dtype))[0]),)

        return step


def source_of(header: Iterable[str], functions: Iterable[list[str]]) -> str:
    """Return a file of functions."""
    return "\n".join([*header, *(line for one in functions for line in ("", "", *one)), ""])


class Programs:
    """All functions of a layer.

    Attributes:
        wanted: the paths of the leaves that gradients are wanted for.
    """

    def __init__(
        self,
        graph: Graph,
        dtype: np.dtype[Any],
        root: str,
        wanted: tuple[str, ...],
        shared: frozenset[str],
        storage: Storage,
        backend: str,
        tuned: bool = True,
    ) -> None:
        self._backend = backend
        self._tuned = tuned
        self._new_printer = make_printer(backend, graph)
        self._graph = graph
        self._dtype = dtype
        self._root = root
        self.wanted = wanted
        self._shared = shared
        self._storage = storage
        self._made: dict[tuple[str, int | None], Program | ScalarProgram] = {}
        self._joint: dict[int | None, Graph] = {}
        """The loss and gradients times a rate, by the size of the batch."""

    def forward(self, size: int | None) -> Program | ScalarProgram:
        """Return the function of the inputs that gives the outputs."""
        task = Task("forward", "The outputs.")
        return self._program(task, size, lambda: self._instructions(prepare(self._of(size))))

    def value_and_grad(self, size: int | None) -> Program | ScalarProgram:
        """Return the function of the inputs that gives the loss and its gradients."""
        task = Task("value_and_grad", "The loss and its gradients.", self._root)
        return self._program(task, size, lambda: self._with_gradients(size, None))

    def pulled_back(self, size: int | None) -> Program | ScalarProgram:
        """Return the function of the inputs and the adjoint of the output that gives output and gradients."""
        return self._program(Task("pulled_back", "Gradients."), size, lambda: self._with_gradients(size, SEED))

    def step(self, size: int | None) -> Program | ScalarProgram:
        """Return the function of the inputs and the learning rate that makes a step and gives the loss."""
        task = Task("step", "A step of gradient descent, in place.", self._root, updating=True)
        return self._program(task, size, lambda: self._with_gradients(size, RATE))

    def source(self, size: int | None) -> str:
        """Return the source of a layer that stands alone: the same on all machines, so not tuned to this one."""
        programs = [self.forward(size)]
        if self._graph.rows[self._graph.outputs[self._root]].shape == () and self.wanted:
            programs += [self.value_and_grad(size), self.step(size)]
        if any(isinstance(program, Program) and program.tuned for program in programs):
            return self._untuned().source(size)
        printer = self._new_printer()
        for program in programs:
            if isinstance(program, Program):
                printer.merge(program.printer)
        lines = printer.header()
        if any(isinstance(program, ScalarProgram) for program in programs):
            lines = with_modules(lines)
        functions: list[list[str]] = []
        for program in programs:
            functions += [one for one in program.functions if one not in functions]
        return source_of(lines, functions)

    def _untuned(self) -> Programs:
        arguments = self._graph, self._dtype, self._root, self.wanted, self._shared, self._storage, self._backend
        return Programs(*arguments, tuned=False)

    @private_tape()
    def _program(self, task: Task, size: int | None, graph: Callable[[], Graph]) -> Program | ScalarProgram:
        """Return a function, printed as what is quickest for its graph."""
        key = (task.name, size)
        if key not in self._made:
            scalar = None
            if self._storage.whole is not None:
                arrays = partial(self._arrays, task, size, graph)
                scalar = scalar_program(task, graph(), self._storage, arrays, self._backend)
            self._made[key] = self._arrays(task, size, graph) if scalar is None else scalar
        return self._made[key]

    def _arrays(self, task: Task, size: int | None, graph: Callable[[], Graph]) -> Program:
        plan = self._plan(task, size, graph)
        return Program(task, plan, self._storage.arrays, self._dtype, self._new_printer())

    def _plan(self, task: Task, size: int | None, graph: Callable[[], Graph]) -> Plan:
        """Return the plan of a function; in NumPy, gradients and a step of descent have one of the same graph."""
        compiled = self._backend == "numba"
        if not task.number or (compiled and not task.updating):
            return make_plan(graph(), self._storage.arrays, self._tuned)
        if size not in self._joint:
            self._joint[size] = self._with_gradients(size, RATE)
        plan = in_pieces(self._joint[size], self._root, self.wanted, self._storage.arrays, self._tuned, not compiled)
        return updating(plan) if compiled else plan

    def _of(self, size: int | None, mean: tuple[str, ...] = ()) -> Graph:
        return self._graph if size is None else batched(self._graph, size, shared=self._shared, mean=mean)

    def _instructions(self, graph: Graph) -> Graph:
        return optimize(expand(graph, self._dtype))

    def _with_gradients(self, size: int | None, seed: str | None) -> Graph:
        graph = self._of(size, (self._root,))
        shape: Shape = self._graph.rows[self._graph.outputs[self._root]].shape
        if shape != () and seed != SEED:
            raise UsageError(
                f"the output {self._root!r} has shape {shape}; gradients are of a single number",
                where=user_location(),
                hint="sum it, or give the adjoint: layer.backward(g)",
            )
        wanted = {path: graph.rows[graph.find(path)] for path in self.wanted}
        joint = with_gradients(prepare(graph), self._root, wanted, seed)
        outputs = {self._root: joint.outputs[self._root]}
        outputs |= {GRADIENT + path: joint.outputs[GRADIENT + path] for path in self.wanted}
        return self._instructions(joint.with_outputs(outputs))
