"""What the page computes with: a graph's program in JavaScript, and its nodes, leaves, steps and paths as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.graph import Edge, Graph
from gradviz.core.primitive import CONSTANT
from gradviz.errors import GraphError
from gradviz.namespaces.javascript import literal, to_javascript
from gradviz.passes.evaluate import backprop, evaluate
from gradviz.passes.labels import Labeler, node_numbers
from gradviz.passes.paths import Path, count_paths, write_paths
from gradviz.passes.program import record
from gradviz.passes.steps import Step, forward_steps, steps
from gradviz.passes.values import Values


@dataclass(frozen=True)
class Walkthrough:
    """A graph with all that its page tells.

    Attributes:
        graph: the graph.
        given: the values of the leaves that have one.
        values: at these, and at zero for leaves that have none.
        steps: of one round; the way forward alone where there is no single number to differentiate.
    """

    graph: Graph
    given: dict[int, Any]
    values: Values
    steps: tuple[Step, ...]

    @classmethod
    def of(cls, graph: Graph, values: Values | None, learning_rate: float) -> Walkthrough:
        """Walk through a graph, with the values of its leaves from earlier values or from the leaves themselves."""
        leaves = {leaf.id: leaf for leaf in graph.leaves}
        known = {index: graph.constants.get(index) if values is None else values.forward.get(index) for index in leaves}
        given = {index: value for index, value in known.items() if value is not None}
        at = {
            leaf.path: given.get(leaf.id, np.zeros(leaf.shape))
            for leaf in leaves.values()
            if leaf.name and leaf.op is not CONSTANT
        }
        try:
            return cls(graph, given, backprop(graph, at), steps(graph, at, learning_rate=learning_rate))
        except GraphError:  # no single number to start from
            found = evaluate(graph, at)
            return cls(graph, given, found, forward_steps(found))

    @property
    def root(self) -> int:
        """The output that is differentiated."""
        return next(iter(self.graph.outputs.values()))

    @property
    def edges(self) -> dict[Edge, int]:
        """The edges that the walk goes back along, with their children."""
        return {
            (step.parent, step.slot): step.node
            for step in self.steps
            if step.parent is not None and step.slot is not None
        }

    def paths(self) -> Iterator[tuple[int, int, tuple[Path, ...]]]:
        """Yield each leaf with the number of paths that lead to it, and the paths where they are not too many."""
        labeler = Labeler(self.graph, node_numbers(self.graph))
        for leaf in self.graph.leaves:
            if leaf.name and leaf.id in self.values.backward:
                written = write_paths(self.graph, self.root, leaf.id, labeler, None)
                yield leaf.id, count_paths(self.graph, self.root, leaf.id), written

    def script(self) -> str:
        """Return the graph's program as JavaScript.

        Raises:
            RuleError: for a user's rule that cannot be recorded.
        """
        program = record(self.graph, self.edges)
        values = [f"[{index}, f => {self._fitted(index, term)}]," for index, term in program.values.items()]
        passed = [
            f'"{parent}/{slot}": (f, g) => {self._fitted(self.graph.args[parent][slot], term)},'
            for (parent, slot), term in program.passed.items()
        ]
        partials = [
            f'"{parent}/{slot}": f => {self._fitted(parent, term)},'
            for (parent, slot), term in program.partials.items()
        ]
        sections = ["values: [", *values, "],", "passed: {", *passed, "},", "partials: {", *partials, "}};"]
        return "\n".join(["const program = {", *sections])

    def _fitted(self, index: int, term: Any) -> str:
        row = self.graph.rows[index]
        single = ", true" if row.dtype == np.float32 else ""
        return f"fitted({to_javascript(term)}, {literal(row.shape)}{single})"

    def data(self, learning_rate: float) -> dict[str, Any]:
        """Return the nodes, leaves and steps as what JSON can say."""
        graph = self.graph
        return {
            "root": self.root,
            "rate": learning_rate,
            "nodes": [
                {"shape": row.shape, "args": args} | ({"constant": True} if row.op is CONSTANT else {})
                for row, args in zip(graph.rows, graph.args, strict=True)
            ],
            "leaves": [
                {"node": index, "shape": graph.rows[index].shape, "value": _plain(self.given.get(index))}
                for index in graph.leaf_ids
            ],
            "complete": sum(step.phase != "update" for step in self.steps),
            "steps": [
                {"phase": step.phase, "node": step.node}
                | ({"edge": f"{step.parent}/{step.slot}"} if step.parent is not None else {})
                for step in self.steps
            ],
        }


def _plain(value: Any) -> list[float | str] | None:
    """Return an array's elements; those that JSON has no number for as text, which JavaScript reads."""
    if value is None:
        return None
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return [words.get(str(one), one) for one in np.asarray(value, dtype=float).ravel().tolist()]
