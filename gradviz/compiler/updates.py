"""The plans of gradients and of a step of gradient descent: part by part, where gradients are joined of parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gradviz.compiler.gradients import GRADIENT
from gradviz.compiler.instructions import Instruction, Piece, Plan, part
from gradviz.compiler.joins import keys_of_parts
from gradviz.compiler.names import Names
from gradviz.compiler.plan import make_plan
from gradviz.core.apply import constant
from gradviz.core.build import frozen
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import PARAMETER
from gradviz.core.replay import replay
from gradviz.core.visible import visible


def in_pieces(graph: Graph, root: str, wanted: Iterable[str], parameters: Mapping[str, Array], tuned: bool) -> Plan:
    """Plan a loss and its gradients, part by part where they are joined of parts.

    Args:
        graph: the loss and its gradients.
        root: the name of the loss.
        wanted: the paths of the leaves whose gradients there are.
        parameters, tuned: as for `make_plan`.
    """
    outputs = {root: graph.outputs[root]}
    found: list[tuple[str, str, tuple[Any, ...]]] = []
    for path in wanted:
        for number, (key, index) in enumerate(_pieces(graph, graph.outputs[GRADIENT + path])):
            name = f"{GRADIENT}{path}:{number}"
            outputs[name] = index
            found.append((path, name, key))
    handles = replay(graph, rename=False)  # without the joins that are left over
    results = {name: handles[index] for name, index in outputs.items()}
    if graph.rows[outputs[root]].op is PARAMETER:  # the loss is that before the update
        results[root] = results[root] + constant(0.0, results[root].dtype)
    plan = make_plan(frozen(results), parameters, tuned)
    pieces = [Piece(path, key, plan.outputs[name]) for path, name, key in found]
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
