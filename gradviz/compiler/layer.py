"""A compiled graph: a layer that runs, gives gradients and learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from gradviz.compiler.asked import checked_batch, checked_dtype, checked_leaves, chosen_root
from gradviz.compiler.inputs import Inputs
from gradviz.compiler.memory import inputs_first
from gradviz.compiler.programs import Programs
from gradviz.compiler.quick import quick_step
from gradviz.compiler.storage import Storage
from gradviz.compiler.task import SEED
from gradviz.compiler.train import fit
from gradviz.compiler.weights import load, save
from gradviz.core.arrays import to_array
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import DATA, PARAMETER, Shape
from gradviz.core.unroll import as_graph
from gradviz.errors import ShapeError, UsageError, ValueMissingError, user_location


def compile(  # noqa: A001 - the public name is gv.compile
    graph: Any,
    *,
    batch: int | None = None,
    dtype: Any = np.float64,
    wrt: Iterable[str] | None = None,
    output: str | None = None,
    shared: Iterable[str] = (),
    backend: str = "numpy",
) -> Layer:
    """Compile a graph into a layer.

    Args:
        graph: a graph or a node, written for one sample as on the slide.
        batch: how many samples the layer is prepared for; its inputs then have a first axis of samples, of
            any length, and a loss is the mean over them. None for one sample without such an axis.
        dtype: float64 or float32, of all numbers in the layer.
        wrt: the names of the leaves that gradients are wanted for; by default the parameters.
        output: the name of the output that is differentiated, if there are several; by default "loss", or
            the only one that is a single number.
        shared: the names of data leaves that are the same for all samples of a batch.
        backend: "numpy" for calls of NumPy, "numba" for compiled loops, which take seconds to be compiled
            (pip install "gradviz[numba]"). Either is plain Python on numbers for a graph of lecture size.

    Raises:
        GraphError: for a name that no node has.
        ValueMissingError: for a parameter without a value.
        UsageError: for a dtype or backend that there is none of, a batch below 1, or a wrt or shared that
            is no such leaf.

    Example:
        >>> import gradviz as gv
        >>> w, x, y = gv.param("w", [0.0, 0.0]), gv.data("x", shape=2), gv.data("y", shape=())
        >>> layer = gv.compile(gv.graph(loss=gv.square(w @ x - y)), batch=2)
        >>> xs, ys = [[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0]
        >>> for _ in range(100):
        ...     loss = layer.step(0.5, x=xs, y=ys)
        >>> layer.parameters["w"].round(6).tolist()
        [1.0, -1.0]
    """
    return Layer(as_graph(graph, loops=True), batch, dtype, wrt, output, shared, backend)


class Layer:
    """A compiled graph. Made by `gradviz.compile`.

    It computes in arrays of its own, so that only one thread at a time can use it.

    Attributes:
        parameters: the parameters by path. The arrays are the layer's own: writing into them changes it, and
            what is assigned is copied into them.
        inputs: the shapes of the data leaves by name, of one sample.
        input_dtypes: their dtypes.
        dtype: of the numbers in the layer.
        batch: the number of samples it is prepared for; None for one sample without a first axis.
        shared: the inputs that are the same for all samples of a batch.
    """

    fit, save, load = fit, save, load

    def __init__(
        self,
        graph: Graph,
        batch: int | None,
        dtype: Any,
        wrt: Iterable[str] | None,
        output: str | None,
        shared: Iterable[str],
        backend: str,
    ) -> None:
        self.batch = checked_batch(batch)
        self.dtype = checked_dtype(dtype)
        self.shared = frozenset(checked_leaves(graph, "shared", shared, (DATA,)))
        values: dict[str, Array] = {}
        self.inputs: dict[str, Shape] = {}
        self.input_dtypes: dict[str, np.dtype[Any]] = {}
        for leaf in graph.leaves:
            if leaf.op is PARAMETER:
                if leaf.value is None:
                    raise ValueMissingError(
                        f"the parameter {leaf.path!r} has no value",
                        where=user_location(),
                        hint=f"give it one to start from: gv.param({leaf.name!r}, …)",
                    )
                values[leaf.path] = leaf.value
            elif leaf.op is DATA:
                self.inputs[leaf.path] = leaf.shape
                self.input_dtypes[leaf.path] = self.dtype if leaf.dtype.kind == "f" else leaf.dtype
        storage = Storage(values, self.dtype, inputs_first(graph) if batch is not None else ())
        self.parameters = storage.arrays
        defaults = {leaf.path: leaf.value for leaf in graph.leaves if leaf.op is DATA and leaf.value is not None}
        self._inputs = Inputs(self.inputs, self.input_dtypes, defaults, batch, self.shared)
        wanted = tuple(self.parameters) if wrt is None else checked_leaves(graph, "wrt", wrt, (PARAMETER, DATA))
        self._root = chosen_root(graph, output)
        self._graph = _without_values(graph)
        self._backend = backend
        self._programs = Programs(self._graph, self.dtype, self._root, wanted, self.shared, storage, backend)
        self._last: dict[str, Any] | None = None
        self._step = vars(self)["step"] = quick_step(self._inputs, self._programs)  # the method would be a detour

    def __call__(self, /, *unnamed: object, **inputs: Any) -> Any:
        """Return the output, or a dict of several by name; of a batch, that of every sample.

        Args:
            inputs: arrays by the names of the data leaves, with a first axis of samples if the layer is
                for batches. A leaf that has a value of its own may be left out in a layer without batches.

        Raises:
            ShapeError, ValueMissingError: naming the input.
            UsageError: for an array without a name.
        """
        if unnamed:
            names = ", ".join(f"{name}=…" for name in self._inputs.shapes)
            raise UsageError("a layer takes its inputs by name", where=user_location(), hint=f"layer({names})")
        size, given = self._inputs.check(inputs)
        self._last = given
        found = self._programs.forward(size)(given)
        outputs = {name: np.array(value) for name, value in zip(self._graph.outputs, found, strict=True)}
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))[()]

    def value_and_grad(self, /, **inputs: Any) -> tuple[float, dict[str, Array]]:
        """Return the loss and its gradients by path; the arrays are the caller's.

        Args:
            inputs: as in a call.

        Raises:
            UsageError: where the output is no single number.
        """
        value, gradients = self.gradients(**inputs)
        return value, {name: np.array(gradient) for name, gradient in gradients.items()}

    def gradients(self, /, **inputs: Any) -> tuple[float, dict[str, Array]]:
        """Return the same as `value_and_grad`, in arrays that the next call writes over."""
        size, given = self._inputs.check(inputs)
        program = self._programs.value_and_grad(size)
        value, *found = program(given)
        return float(value), dict(zip(self._programs.wanted, found, strict=True))

    def loss(self, /, **inputs: Any) -> float:
        """Return the loss, the mean over the samples, without its gradient."""
        size, given = self._inputs.check(inputs)
        losses = self._programs.forward(size)(given)[list(self._graph.outputs).index(self._root)]
        return float(np.mean(losses)) if np.size(losses) else 0.0

    @property
    def learned(self) -> frozenset[str]:
        """The parameters that learn: those that there are gradients of."""
        return frozenset(self.parameters) & frozenset(self._programs.wanted)

    @property
    def optional(self) -> frozenset[str]:
        """The inputs that may be left out, for they have a value of their own."""
        return frozenset(self._inputs.defaults)

    def backward(self, /, g: Any = None, **inputs: Any) -> dict[str, Array]:
        """Return the gradients at the inputs of the last call, or at these.

        The arrays of the last call are not copied: what was written into them since then counts.

        Args:
            g: the adjoint of the output, of its shape; 1 for a single number.
            inputs: as in a call; those of the last call, if there are none.

        Raises:
            UsageError: without a call before, or without g for an output that is no single number.
        """
        if inputs or self._last is None:
            if not inputs and self.inputs.keys() - self.optional:
                raise UsageError("backward comes after a call", where=user_location(), hint="layer(x=…) first")
            size, given = self._inputs.check(inputs)
        else:
            given = self._last
            size = self._inputs.size(given)
        if g is None:
            _, *found = self._programs.value_and_grad(size)(given)
        else:
            program = self._programs.pulled_back(size)
            _, *found = program({**given, SEED: self._adjoint(g, program.shapes[self._root])})
        return {name: np.array(one) for name, one in zip(self._programs.wanted, found, strict=True)}

    def _adjoint(self, g: Any, shape: Shape) -> Array:
        array = to_array(g, self.dtype)
        if array.shape != shape:
            raise ShapeError(f"the adjoint has shape {array.shape}, the output {shape}", where=user_location())
        return np.ascontiguousarray(array).reshape(shape)

    def step(self, learning_rate: float, **inputs: Any) -> float:
        """Make one step of gradient descent, in place, and return the loss before it.

        Args:
            learning_rate: η in w ← w − η · ∂loss/∂w.
            inputs: as in a call.
        """
        return self._step(learning_rate, **inputs)

    @property
    def graph(self) -> Graph:
        """The graph as it was written, its parameters at the values that they have now."""
        graph, values = self._graph, dict(self._graph.constants)
        for path, array in self.parameters.items():
            index = graph.paths[path]
            values[index] = array.astype(graph.rows[index].dtype)
            values[index].flags.writeable = False
        return replace(graph, given=values)

    @property
    def source(self) -> str:
        """NumPy source of the layer, that stands alone; of a small one, plain Python on single numbers.

        A ``make_…`` function takes the parameters and returns the function itself: arrays one after another, or,
        of a function on numbers, one array of all that they hold, as it says. What is computed stands beside it as
        formulas of the graph.
        """
        return self._programs.source(self.batch)

    def first_nonfinite(self, /, **inputs: Any) -> str | None:
        """Return the first node that makes a NaN or an infinity of these inputs, or None."""
        from gradviz.core.batched import batched
        from gradviz.passes.evaluate import evaluate

        size, given = self._inputs.check(inputs)
        graph = self.graph if size is None else batched(self.graph, size, shared=self.shared)
        return evaluate(graph, at=given).first_nonfinite

    def __copy__(self) -> Layer:
        """Return a layer of the same graph, compiled anew, with arrays of its own."""
        wanted = self._programs.wanted
        copied = Layer(self.graph, self.batch, self.dtype, wanted, self._root, self.shared, self._backend)
        copied.parameters.update(self.parameters)
        return copied

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Layer:
        return self.__copy__()

    def __reduce__(self) -> NoReturn:
        hint = "layer.save(path) keeps its parameters, and load(path) puts them into a layer of the same graph"
        raise UsageError("a layer cannot be pickled: it is compiled code", where=user_location(), hint=hint)

    def __repr__(self) -> str:
        count = sum(array.size for array in self.parameters.values())
        return f"<Layer of {count} parameters: {', '.join(self.inputs)} -> {', '.join(self._graph.outputs)}>"


def _without_values(graph: Graph) -> Graph:
    """Return the graph without what its parameters start from: the layer has them in arrays of its own."""
    kept = {index: value for index, value in graph.constants.items() if graph.rows[index].op is not PARAMETER}
    return replace(graph, given=kept)
