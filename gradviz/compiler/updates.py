"""The plan of a step of gradient descent: parameters lose their gradients, part by part where these are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from gradviz.compiler.gradients import GRADIENT
from gradviz.compiler.instructions import Instruction, Plan, part
from gradviz.compiler.plan import Planner
from gradviz.core.build import frozen
from gradviz.core.graph import Array, Graph
from gradviz.core.replay import replay


def updating(graph: Graph, root: str, wanted: Iterable[str], parameters: Mapping[str, Array]) -> Plan:
    """Plan a step.

    Args:
        graph: the loss and its gradients; its adjoint starts from the learning rate, so that they are updates.
        root: the name of the loss.
        wanted: the paths of the leaves whose gradients there are.
        parameters: the arrays by path.
    """
    outputs = {root: graph.outputs[root]}
    pieces: list[tuple[str, str, tuple[Any, ...]]] = []
    for path in wanted:
        for number, (key, index) in enumerate(_pieces(graph, graph.outputs[GRADIENT + path])):
            name = f"{GRADIENT}{path}:{number}"
            outputs[name] = index
            pieces.append((path, name, key))
    handles = replay(graph, rename=False)  # without the joins that are left over
    planner = Planner()
    plan = planner.plan(frozen({name: handles[index] for name, index in outputs.items()}), parameters)
    updates, views = [], []
    for path, name, key in pieces:
        if path in plan.parameters:
            target = plan.parameters[path]
            if key:
                target = part(target, key, planner.names.new(f"{target.name}_part"))
                views.append(target)
            updates.append(Instruction("subtract", (target, plan.outputs[name]), (), target, f"update {path}"))
    return replace(plan, places=(*plan.places, *views)).then(tuple(updates), {root: plan.outputs[root]})


def _pieces(graph: Graph, index: int) -> list[tuple[tuple[Any, ...], int]]:
    """Return which parts of a gradient are computed where: what is joined of parts need not be joined."""
    row = graph.rows[index]
    if row.op.name != "concatenate":
        return [((), index)]
    axis: int = row.attrs["axis"]
    ends = list(accumulate((graph.rows[arg].shape[axis] for arg in graph.args[index]), initial=0))
    keys = [(*(slice(None),) * axis, slice(*pair)) for pair in pairwise(ends)]
    return list(zip(keys, graph.args[index], strict=True))
