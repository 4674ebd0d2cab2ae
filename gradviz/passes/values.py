"""What evaluating a graph gives: values, adjoints, local derivatives, contributions.

"Not computed" is a state of its own: a node that no gradient flows to has no entry in ``backward``,
and looking it up says so; it is never shown as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradviz.core.format import array_text
from gradviz.core.graph import Array, Edge, Graph
from gradviz.core.primitive import CONSTANT
from gradviz.errors import GradvizError

Column: TypeAlias = Sequence[Any] | NDArray[Any]
"""An entry a node, None where it is not computed; of a graph of numbers, perhaps an array."""


class NodeValues(Mapping[int, Any]):
    """Values by node: the keys are ids; looking up takes a name as well.

    Scalars come as NumPy scalars, arrays read-only.
    """

    def __init__(self, graph: Graph, values: Column, wanted: Callable[[], frozenset[int]] | None, what: str) -> None:
        self._graph = graph
        self._values = values
        self._wanted = wanted
        self._what = what

    @cached_property
    def _live(self) -> Sequence[int]:
        return self._graph.depends_on(self._wanted()) if self._wanted is not None else b"\1" * len(self._values)

    def _has(self, index: int) -> bool:
        return self._values[index] is not None and (self._wanted is None or bool(self._live[index]))

    def __getitem__(self, key: object) -> Any:
        index = self._graph.find(key)
        if not self._has(index):
            raise NotComputedError(f"{self._what} of {self._graph.describe(index)} is not computed")
        value = self._values[index]
        return np.float64(value) if type(value) is float else value

    def wanted(self, index: int) -> bool:
        """Whether somebody asked for the adjoint of this node, or of one that it depends on."""
        return self._wanted is not None and bool(self._live[index])

    def get(self, key: object, default: Any = None) -> Any:
        """Return the value of a node, or the default where it is not computed or there is no such node."""
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[int]:
        return (index for index in range(len(self._values)) if self._has(index))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None  # pictures ask at every node, where counting would be quadratic

    def __repr__(self) -> str:
        named = (f"{path}={self[index]}" for path, index in self._graph.paths.items() if index in self)
        return f"<{len(self)} of {len(self._values)} nodes: {', '.join(named)}>"


class NotComputedError(GradvizError, KeyError):
    """A value was asked for that no pass has computed."""

    __str__ = GradvizError.__str__


class Gradients(dict[str, Any]):
    """The gradients of leaves by name; looked up by anything else that names a node, or refused with the reason."""

    def __init__(self, graph: Graph, found: Mapping[str, Any], wanted: Callable[[int], bool]) -> None:
        super().__init__(found)
        self._graph = graph
        self._wanted = wanted

    def __missing__(self, key: object) -> Any:
        index = self._graph.find(key)
        path = self._graph.node(index).path
        if path in self:
            return self[path]
        where, asked = self._graph.describe(index), path or index
        if not self._graph.rows[index].op.leaf:
            raise NotComputedError(f"{where} is no leaf", hint=f"its adjoint is values.backward[{asked!r}]")
        if self._wanted(index):
            raise NotComputedError(f"the output does not depend on {where}", hint="so its gradient would be 0")
        raise NotComputedError(f"no gradient is wanted of {where}", hint=f"gv.backprop(loss, wrt=[{asked!r}])")


class EdgeValues(Mapping[Edge, Any]):
    """Values by edge (parent id or name, slot), computed when they are asked for.

    Args:
        graph: the graph.
        compute: computes one.
        ends: the nodes that an edge is to lead from and to; None for all.
    """

    def __init__(self, graph: Graph, compute: Callable[[int, int], Any], ends: NodeValues | None) -> None:
        self._graph = graph
        self._compute = compute
        self._ends = ends
        self._known: dict[Edge, Any] = {}

    def __getitem__(self, edge: tuple[object, int]) -> Any:
        parent, slot = self._graph.find(edge[0]), edge[1]
        if not 0 <= slot < len(self._graph.args[parent]):
            raise NotComputedError(f"{self._graph.describe(parent)} has no argument {slot}")
        if not self._has(parent, slot):
            raise NotComputedError(f"edge {slot} of {self._graph.describe(parent)} is not computed")
        if (parent, slot) not in self._known:
            self._known[parent, slot] = self._compute(parent, slot)
        return self._known[parent, slot]

    def _has(self, parent: int, slot: int) -> bool:
        return self._ends is None or (parent in self._ends and self._graph.args[parent][slot] in self._ends)

    def __iter__(self) -> Iterator[Edge]:
        return ((parent, slot) for parent, slot, _ in self._graph.edges() if self._has(parent, slot))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, repr=False)
class Values:
    """The values of a graph at a point.

    Attributes:
        graph: the graph.
        forward: f of every node, by id or name.
        backward: g = ∂output/∂f of every node that a gradient flows to; empty after `evaluate`.
        local: the local derivative of every edge (parent, slot): for an elementwise primitive the
            partial derivative at each position, with the parent's shape; for any other the gradient
            (the argument's shape) where the parent is a single number, else the Jacobian, whose shape
            is the parent's followed by the argument's.
        contribution: what each edge adds to its child's g, with the child's shape.
    """

    graph: Graph
    forward: NodeValues
    backward: NodeValues
    local: EdgeValues
    contribution: EdgeValues

    def __repr__(self) -> str:
        outputs = ", ".join(f"{name} = {array_text(self.forward[index])}" for name, index in self.graph.outputs.items())
        gradients = ", ".join(f"{name}: {array_text(value)}" for name, value in self.grad.items())
        return f"<Values: {outputs}" + (f"; grad {gradients}>" if gradients else ">")

    @property
    def grad(self) -> Mapping[str, Any]:
        """The gradients of the leaves they are wanted for, by name (or node)."""
        return Gradients(
            self.graph,
            {
                self.graph.node(index).path: self.backward[index]
                for index in range(len(self.graph))
                if self.graph.rows[index].op.leaf and index in self.graph.names and index in self.backward
            },
            self.backward.wanted,
        )

    @property
    def output(self) -> Any:
        """The value of the output (the first, if there are several)."""
        return self.forward[next(iter(self.graph.outputs.values()))]

    @cached_property
    def first_nonfinite(self) -> str | None:
        """The first node that holds a NaN, an ∞ or a -∞ that none of its arguments holds, described; or None.

        An infinity in a constant, such as a mask, is there on purpose and not meant.
        """
        for index in self.forward:
            held = _nonfinite(self.forward[index])
            if held:
                before = (_nonfinite(self.forward[arg]) for arg in self.graph.args[index])
                meant = {"inf", "-inf"} if self.graph.rows[index].op is CONSTANT else set()
                made = held.difference(*before, meant)
                if made:
                    kind = "NaN" if "nan" in made else "inf"
                    return f"{self.graph.describe(index)} is the first to hold {kind}"
        return None


def _nonfinite(value: Any) -> set[str]:
    """Return which of "nan", "inf" and "-inf" a value holds."""
    array = np.asarray(value)
    return set(map(str, array[~np.isfinite(array)].tolist()))


def read_only(value: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array | np.generic:
    """Return a value with the dtype and shape that its node has, as a scalar or a read-only array."""
    array = np.asarray(value, dtype=dtype)
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    if shape == ():
        return array[()]
    view = array.view()
    view.setflags(write=False)
    return view
