"""`batched`: a graph written for one sample, as on the slide, as one for many."""

from __future__ import annotations

from collections.abc import Iterable

from gradviz.core.apply import make_leaf
from gradviz.core.batch import Lifted, vectorize
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.primitive import DATA, FUNCTIONS
from gradviz.core.tape import current_tape, inside, private_tape
from gradviz.core.unroll import as_graph
from gradviz.errors import GraphError, user_location


@private_tape()
def batched(graph: Graph | Expr, size: int, *, shared: Iterable[str] = (), mean: Iterable[str] | None = None) -> Graph:
    """Return a graph for many samples at once.

    Every data leaf gets a first axis of this length, and with it whatever depends on one. An output that
    is a single number of each sample, as a loss is, becomes the mean over them.

    Args:
        graph: a graph or a node, of one sample.
        size: the number of samples.
        shared: the names of data leaves that are the same for all samples.
        mean: the names of the outputs to take the mean of, if not of all that are single numbers; the
            others have a first axis of samples.

    Raises:
        GraphError: for a negative size, or a name that no data leaf has.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", [1.0, 2.0]), gv.data("x", shape=2)
        >>> graph = gv.batched(gv.graph(loss=gv.square(w @ x)), 3)
        >>> float(gv.backprop(graph, at={"x": [[1, 0], [0, 1], [1, 1]]}).output)
        4.666666666666667
    """
    one = as_graph(graph, loops=True)
    if size < 0:
        raise GraphError(f"a batch of {size} samples", where=user_location(), hint="give a size of at least 0")
    same = {one.find(name) for name in shared}
    tape = current_tape()
    given: dict[int, Lifted] = {}
    for leaf in one.leaves:
        if leaf.op is DATA and leaf.id not in same:
            with inside(leaf.scope):
                handle = make_leaf(DATA, None, tape.lane((size, *leaf.shape), leaf.dtype))
            if leaf.name:
                handle.named(*one.names[leaf.id])
            given[leaf.id] = Lifted(handle, len(leaf.shape))
    if not same <= {leaf.id for leaf in one.leaves if leaf.op is DATA}:
        raise GraphError("shared names data leaves only", where=user_location())
    made = vectorize(one, size, given)
    averaged = set(one.outputs) if mean is None else set(mean)
    return freeze(**{name: _output(made[index], name in averaged) for name, index in one.outputs.items()})


def _output(made: Lifted | None, averaged: bool) -> Expr:
    assert made is not None
    if made.behind is None:
        return made.handle
    if made.rank == 0 and averaged:
        whole = FUNCTIONS["mean" if made.handle.size else "sum"]  # of no samples, 0
        return whole(made.handle)
    return made.first
