"""Where one is in a walk through backpropagation: what is known by now, what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.core.graph import Graph
from gradviz.passes.given import leaf_values
from gradviz.passes.steps import Step


class Walk:
    """A position among the steps of a graph.

    Args:
        graph: the graph.
        steps: from `gradviz.steps`.
        at: the values of leaves that the steps were made for.

    Attributes:
        position: how many steps are done.
        forward, backward: the values and adjoints known by now, by node; a node that is not in them is
            not yet reached.

    Example:
        >>> import gradviz as gv
        >>> graph = gv.graph(y=gv.square(gv.param("x", 3.0)))
        >>> walk = Walk(graph, gv.steps(graph))
        >>> walk.move(2)
        >>> walk.current.phase, walk.forward, walk.backward
        ('seed', {0: np.float64(3.0), 1: np.float64(9.0)}, {1: np.float64(1.0)})
    """

    def __init__(self, graph: Graph, steps: Sequence[Step], at: Mapping[str, Any] | None = None) -> None:
        self.graph = graph
        self.steps = steps
        self._leaves = dict(leaf_values(graph, at or {}))
        self.position = 0
        self.forward: dict[int, Any] = dict(self._leaves)
        self.backward: dict[int, Any] = {}
        self._round = 1

    @property
    def current(self) -> Step | None:
        """The step that was done last; None at the start."""
        return self.steps[self.position - 1] if self.position else None

    @property
    def edge(self) -> tuple[int, int] | None:
        """The edge (parent, slot) that the current step goes along, if any."""
        step = self.current
        if step is None or step.parent is None or step.slot is None:
            return None
        return step.parent, step.slot

    def move(self, position: int) -> None:
        """Go to where so many steps are done."""
        target = min(max(position, 0), len(self.steps))
        if target < self.position:
            self.position, self.forward, self.backward, self._round = 0, dict(self._leaves), {}, 1
        for step in self.steps[self.position : target]:
            self._do(step)
        self.position = target

    def _do(self, step: Step) -> None:
        if step.round > self._round:  # only the leaves keep their values
            self._round = step.round
            self.forward = {index: self.forward[index] for index in self.graph.leaf_ids}
            self.backward = {}
        if step.phase in ("forward", "update"):
            self.forward[step.node] = step.after
        elif step.phase in ("seed", "backward"):
            self.backward[step.node] = step.after

    def next_phase(self) -> int:
        """Return the position where the next phase has done its first step."""
        here = _group(self.current)
        for place in range(self.position, len(self.steps)):
            if _group(self.steps[place]) != here:
                return place + 1
        return len(self.steps)

    def next_of(self, node: int) -> int:
        """Return the next position (from the start, if there is none ahead) that gives a node a number."""
        order = [*range(self.position, len(self.steps)), *range(self.position)]
        return next((place + 1 for place in order if self.steps[place].node == node), self.position)


def _group(step: Step | None) -> tuple[int, str]:
    """The phase as a reader counts: the seed and the sums belong to the way back."""
    if step is None:
        return 0, ""
    return step.round, {"seed": "backward", "sum": "backward"}.get(step.phase, step.phase)
