"""The plans of gradients and of a step of gradient descent: part by part, where gradients are joined of parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradviz.compiler.gradients import GRADIENT
from gradviz.compiler.instructions import Instruction, Piece, Plan, part
from gradviz.compiler.joins import keys_of_parts
from gradviz.compiler.names import Names
from gradviz.compiler.outer import factors_of
from gradviz.compiler.plan import make_plan
from gradviz.core.apply import constant
from gradviz.core.build import frozen
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import FUNCTIONS, PARAMETER
from gradviz.core.replay import replay
from gradviz.core.visible import visible

COLUMN = "column of "
"""Before the name of what is a column times a row: the output that is the column; the row is called after both."""


def in_pieces(
    graph: Graph, root: str, wanted: Sequence[str], parameters: Mapping[str, Array], tuned: bool, factors: bool
) -> Plan:
    """Plan a loss and its gradients, part by part where they are joined of parts.

    Args:
        graph: the loss and its gradients.
        root: the name of the loss.
        wanted: the paths of the leaves whose gradients there are.
        parameters, tuned: as for `make_plan`.
        factors: whether a large part that is a column times a row is left as these two.
    """
    found: list[tuple[str, str, tuple[Any, ...]]] = []
    handles = replay(graph, rename=False)  # without the joins that are left over
    results = {root: handles[graph.outputs[root]]}
    for path in wanted:
        for number, (key, index) in enumerate(_pieces(graph, graph.outputs[GRADIENT + path])):
            name = f"{GRADIENT}{path}:{number}"
            product = factors_of(graph, index) if factors else None
            if product is None:
                results[name] = handles[index]
            else:
                column, row, turned = product
                pair = handles[column], handles[row]
                results[COLUMN + name], results[name] = map(FUNCTIONS["transpose"], pair[::-1]) if turned else pair
            found.append((path, name, key))
    if graph.rows[graph.outputs[root]].op is PARAMETER:  # the loss is that before the update
        results[root] = results[root] + constant(0.0, results[root].dtype)
    plan = make_plan(frozen(results), parameters, tuned)
    pieces = [Piece(path, key, plan.outputs[name], plan.outputs.get(COLUMN + name)) for path, name, key in found]
    products = [piece for piece in pieces if piece.column is not None]
    if any(place.root.kind == "parameter" for piece in products for place in piece.places):
        # A parameter may change before its old value is subtracted from another one.
        return in_pieces(graph, root, wanted, parameters, tuned, factors=False)
    return replace(plan, outputs={root: plan.outputs[root]}, pieces=tuple(pieces))


def updating(plan: Plan) -> Plan:
    """Return a plan by which the parameters lose the gradients, whose adjoint starts from the learning rate."""
    names = Names()
    for place in (*plan.parameters.values(), *plan.inputs.values(), *plan.constants, *plan.places):
        names.new(place.name)
    updates, views = [], []
    for piece in plan.pieces:
        if piece.path in plan.parameters:
            target = plan.parameters[piece.path]
            if piece.key:
                target = part(target, piece.key, names.new(f"{target.name}_part"))
                views.append(target)
            updates.append(Instruction("subtract", (target, piece.place), (), target, f"update {visible(piece.path)}"))
    return replace(plan, places=(*plan.places, *views), pieces=()).then(tuple(updates), plan.outputs)


def _pieces(graph: Graph, index: int) -> list[tuple[tuple[Any, ...], int]]:
    """Return which parts of a gradient are computed where: what is joined of parts need not be joined."""
    row = graph.rows[index]
    if row.op.name != "concatenate":
        return [((), index)]
    return list(zip(keys_of_parts(graph, index), graph.args[index], strict=True))
