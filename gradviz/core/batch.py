"""From one sample to many: a graph in which some values get one more axis.

Where the new axis stands is said by how many of the value's own axes lie behind it: 0 when it is the
last, all of them when it is the first. Vectors keep it last, so that ``W @ x`` stays one product of
matrices; what has more axes, or comes from outside, has it first.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.apply import apply
from gradviz.core.arrays import axes_taken
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import FUNCTIONS, REGISTRY, Primitive
from gradviz.core.replay import rebuild
from gradviz.core.tape import inside


class Lifted(NamedTuple):
    """A value that may have the new axis.

    Attributes:
        handle: the node.
        behind: how many of its own axes lie behind the new one; None where it has no new axis.
    """

    handle: Expr
    behind: int | None = None

    @property
    def rank(self) -> int:
        """The number of its own axes."""
        return self.handle.ndim - (self.behind is not None)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        shape = self.handle.shape
        if self.behind is None:
            return shape
        place = self.rank - self.behind
        return shape[:place] + shape[place + 1 :]

    def moved(self, behind: int) -> Lifted:
        """Return the same value with so many of its axes behind the new one."""
        if self.behind is None or self.behind == behind:
            return self
        order = list(range(self.handle.ndim))
        order.insert(self.rank - behind, order.pop(self.rank - self.behind))
        return Lifted(FUNCTIONS["transpose"](self.handle, tuple(order)), behind)

    @property
    def first(self) -> Expr:
        """The node with the new axis in front."""
        return self.moved(self.rank).handle

    @property
    def last(self) -> Expr:
        """The node with the new axis at the end."""
        return self.moved(0).handle

    def spread(self, size: int) -> Lifted:
        """Return the value with a new axis in front in any case: repeated if it has none."""
        if self.behind is not None:
            return self.moved(self.rank)
        return Lifted(FUNCTIONS["broadcast_to"](self.handle, (size, *self.handle.shape)), self.rank)


def vectorize(
    graph: Graph, size: int, given: Mapping[int, Lifted], needed: Container[int] | None = None
) -> list[Lifted | None]:
    """Put a graph on the tape in which values have one more axis.

    Args:
        graph: of one sample.
        size: the length of the new axis.
        given: for some nodes, what stands for them.
        needed: the ids of the nodes to be made, all by default.

    Returns:
        For each node of the graph, what it became; None for one that is not needed.

    Raises:
        GraphError: for a primitive that cannot be given an axis.
    """
    found: list[Lifted | None] = []
    for node in graph.nodes:
        if node.id in given or (needed is not None and node.id not in needed):
            found.append(given.get(node.id))
            continue
        with inside(node.scope):
            made = _vectorized(node, [found[arg] for arg in node.args], size)
        made.handle.tape.offer_name(made.handle.id, graph.names.get(node.id))
        found.append(made)
    return found


def _vectorized(node: Node, found: Sequence[Lifted | None], size: int) -> Lifted:
    args = [arg for arg in found if arg is not None]
    assert len(args) == len(node.args)
    if node.op.leaf or all(arg.behind is None for arg in args):
        return Lifted(rebuild(node, [arg.handle for arg in args]))
    return lift(node.op, args, node.attrs, size)


def lift(op: Primitive, args: Sequence[Lifted], attrs: Mapping[str, Any], size: int) -> Lifted:
    """Apply a primitive to values of which some have the new axis."""
    if op.batch is not None:
        return op.batch(args, size, **attrs)  # type: ignore[no-any-return]
    if op.partials is not None:
        return _elementwise(op, args, attrs)
    return _along_axes(op, args, attrs, size)


def _elementwise(op: Primitive, args: Sequence[Lifted], attrs: Mapping[str, Any]) -> Lifted:
    """Align the new axes: broadcasting counts axes from behind, and so do we."""
    lifted = [arg for arg in args if arg.behind is not None]
    rank = max(arg.rank for arg in lifted)
    target = min(arg.behind for arg in lifted if arg.rank == rank and arg.behind is not None)
    handles = []
    for arg in args:
        if arg.behind is None:
            place = arg.rank - target
            handles.append(FUNCTIONS["expand_dims"](arg.handle, place) if place > 0 else arg.handle)
        elif arg.rank >= target:
            handles.append(arg.moved(target).handle)
        else:
            missing = tuple(range(1, 1 + target - arg.rank))
            handles.append(FUNCTIONS["expand_dims"](arg.first, missing))
    return Lifted(apply(op, *handles, **attrs), target)


def _along_axes(op: Primitive, args: Sequence[Lifted], attrs: Mapping[str, Any], size: int) -> Lifted:
    """An operation whose attributes name the axes that it acts on: they are moved aside for the new one."""
    indexed = any(isinstance(part, np.ndarray) for part in attrs.get("key", ()))  # the axes of arrays may go in front
    if indexed or all(arg.behind in (None, 0) for arg in args):
        handles = [arg.spread(size).last if arg.behind is None else arg.last for arg in args]
        scattered = "key" in attrs and "shape" in attrs  # then the key is of what is made
        rank = len(attrs["shape"]) if scattered else args[0].rank
        moved = {name: _before(name, value, rank, size) for name, value in attrs.items()}
        return Lifted(apply(op, *handles, **moved), 0)
    handles = [arg.spread(size).handle for arg in args]
    made = apply(op, *handles, **{name: _after(name, value, size) for name, value in attrs.items()})
    return Lifted(made, made.ndim - 1)


def _before(name: str, value: Any, rank: int, size: int) -> Any:
    """Return an attribute for an argument that got an axis at the end."""
    change: dict[str, Callable[[], Any]] = {
        "shape": lambda: (*value, size),
        "axes": lambda: (*value, rank),
        "key": lambda: _filled_key(value, rank),
        "width": lambda: (*value, (0, 0)),
    }
    return change[name]() if name in change else value


def _filled_key(key: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    return (*key, *(slice(None),) * (rank + 1 - axes_taken(key)))


def _after(name: str, value: Any, size: int) -> Any:
    """Return an attribute for an argument that got an axis in front."""
    change: dict[str, Callable[[], Any]] = {
        "axis": lambda: tuple(axis + 1 for axis in value) if isinstance(value, tuple) else value + 1,
        "shape": lambda: (size, *value),
        "axes": lambda: (0, *(axis + 1 for axis in value)),
        "key": lambda: (slice(None), *value),
        "width": lambda: ((0, 0), *value),
    }
    return change[name]() if name in change else value


def leading(name: str) -> Callable[..., Lifted]:
    """Return the batch rule of an operation on the trailing axes of its arguments: it stays as it is."""

    def rule(args: Sequence[Lifted], size: int, /, **attrs: Any) -> Lifted:
        made = apply(REGISTRY[name], *(arg.spread(size).handle for arg in args), **attrs)
        return Lifted(made, made.ndim - 1)

    return rule
