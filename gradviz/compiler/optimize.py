"""Rewriting a graph for speed: constants folded, equal nodes once, loops kept small."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gradviz.compiler.apart import rows_apart
from gradviz.compiler.expand import recell
from gradviz.compiler.gates import with_joint_gates
from gradviz.compiler.kinds import CellRewriter
from gradviz.compiler.loops import SmallLoop, used_results
from gradviz.compiler.merge import merged
from gradviz.compiler.patches import arranged
from gradviz.compiler.products import rows_of_product, scaled_factor, standing
from gradviz.compiler.rules import RULES, STABLE
from gradviz.core.build import frozen
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.loop import Loop
from gradviz.core.replay import replay
from gradviz.passes.rewrite import Rewriter, Rule

GraphRule = Callable[[Graph, Node, list[Expr]], Expr | None]
"""Looks at a node in its graph, and its arguments, built anew; returns a handle of the same value, or None."""

MOST_ROUNDS = 8


def prepare(graph: Graph) -> Graph:
    """Return a graph whose loops are as small as can be, for gradients to be taken of it."""
    return _smaller(graph, STABLE, _prepared, scaled_factor)


def optimize(graph: Graph) -> Graph:
    """Return a graph of the same outputs that is quicker to run."""
    for _ in range(MOST_ROUNDS):
        before = graph
        graph = _smaller(graph, RULES, _cell, _of_graph)
        if graph.args == before.args and [row.op for row in graph.rows] == [row.op for row in before.rows]:
            break
    return graph


def _of_graph(graph: Graph, node: Node, args: list[Expr]) -> Expr | None:
    windows = arranged(graph, node, args)
    return rows_apart(graph, node, args) if windows is None else windows


def _prepared(loop: Loop) -> Loop:
    return merged(recell(loop, CellRewriter(loop, STABLE).build, rename=False))


def _cell(loop: Loop) -> Loop:
    joint = with_joint_gates(loop)
    rewriter = CellRewriter(joint, RULES)

    def build(node: Node, args: list[Expr]) -> Expr:
        return rewriter.build(node, args) if (rows := rows_of_product(joint.cell, node, args)) is None else rows

    return recell(joint, build, rename=False)


def _smaller(graph: Graph, rules: Mapping[str, Rule], rewritten: Callable[[Loop], Loop], of_graph: GraphRule) -> Graph:
    rewriter = Rewriter(rules=rules, scopes=False)
    used = used_results(graph)
    loops: dict[Loop, Loop] = {}
    runs: dict[Any, SmallLoop] = {}

    def build(node: Node, args: list[Expr]) -> Expr:
        loop = node.attrs.get("loop")
        if not isinstance(loop, Loop):
            made = of_graph(graph, node, args)
            return rewriter.build(node, args) if made is None else made
        key = (loop, node.args)
        if node.attrs["take"] not in used.get(key, ()):
            return args[0]  # nobody will look at it
        if key not in runs:
            if loop not in loops:
                loops[loop] = rewritten(loop)
            runs[key] = SmallLoop(loops[loop], [standing(arg) for arg in args], used[key])
        return runs[key].results[node.attrs["take"]]

    handles = replay(graph, build, rename=False)
    return frozen({name: handles[index] for name, index in graph.outputs.items()})
