"""Putting a frozen graph back on the tape, so that one can go on building with its nodes."""

from __future__ import annotations

from collections.abc import Callable

from gradviz.core.apply import apply, make_leaf
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.tape import current_tape, inside

Build = Callable[[Node, list[Expr]], Expr]


def rebuild(node: Node, args: list[Expr]) -> Expr:
    """Put one node on the tape as it is, without its name."""
    if node.op.leaf:
        tape = args[0].tape if args else current_tape()
        return make_leaf(node.op, node.value, tape.lane(node.shape, node.dtype))
    return apply(node.op, *args, **node.attrs)


def replay(graph: Graph, build: Build = rebuild, *, rename: bool = True) -> list[Expr]:
    """Put all nodes of a graph on the tape of this thread, with their names and scopes.

    Args:
        graph: the graph.
        build: makes a node from its arguments' handles; it may make another node of the same value.
        rename: whether every named node must keep its name; else a node that stands for several has one of theirs.

    Returns:
        The handles, one for each node of the graph.
    """
    handles: list[Expr] = []
    for node in graph.nodes:
        with inside(node.scope):
            made = build(node, [handles[arg] for arg in node.args])
        name = graph.names.get(node.id)
        if name is not None and rename:
            made.named(name.name, name.given_tex)
        handles.append(made)
    if not rename:
        for index, name in graph.names.items():
            handles[index].tape.offer_name(handles[index].id, name)
    return handles
