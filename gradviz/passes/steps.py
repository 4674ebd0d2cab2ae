"""Backpropagation as a tuple of steps: what the slides do one line at a time, for every reader alike.

A round is: every value forward, the seed at the output, every edge backward with the sums where
several meet, the gradients of the leaves, and the update of the parameters. A step holds numbers; what
it says in formulas and words is written when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from gradviz.core.build import as_graph
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.primitive import CONSTANT, PARAMETER
from gradviz.errors import UsageError
from gradviz.passes.evaluate import backprop, contributions
from gradviz.passes.step_writer import StepWriter
from gradviz.passes.values import Values

Phase = Literal["forward", "seed", "backward", "sum", "gradient", "update"]


@dataclass(frozen=True)
class Step:
    r"""One step.

    Attributes:
        phase: "forward" (a value is computed), "seed" (the output's adjoint), "backward" (an edge passes
            on an adjoint), "sum" (all that came back to a node used several times is there), "gradient"
            (a leaf's), "update" (of a parameter).
        round: from 1.
        node: the node that gets a number.
        parent, slot: the edge that it comes by, in a backward step; else None.
        before: what the node had: of a sum that grows, what there was so far; None for nothing yet.
        after: what it has now.
        added: what an edge adds, in a backward step.
    """

    phase: Phase
    round: int
    node: int
    before: Any
    after: Any
    parent: int | None = None
    slot: int | None = None
    added: Any = None
    _writer: StepWriter | None = field(default=None, repr=False, compare=False)

    @cached_property
    def _written(self) -> tuple[str, str, str]:
        assert self._writer is not None
        return self._writer.write(self)

    @property
    def formula(self) -> str:
        """The step in symbols, as LaTeX."""
        return self._written[0]

    @property
    def substituted(self) -> str:
        """The same with numbers, and what they give, as LaTeX."""
        return self._written[1]

    @property
    def sentence(self) -> str:
        """What happens, in words."""
        return self._written[2]


def steps(
    graph: Graph | Expr,
    at: Mapping[str, Any] | None = None,
    *,
    learning_rate: float = 0.1,
    rounds: int = 1,
    output: str | None = None,
) -> tuple[Step, ...]:
    r"""Walk through backpropagation.

    Args:
        graph: a graph or a node, of which the output is a single number.
        at: values for leaves by name, instead of their own.
        learning_rate: η of the update w ← w - η ∂output/∂w.
        rounds: how often to go forward, backward and update.
        output: the name of the output, if there are several.

    Raises:
        ValueMissingError, GraphError: as `backprop`.
        UsageError: for no round, or a step size that is no number.

    Example:
        >>> import gradviz as gv
        >>> w, x = gv.param("w", 2.0), gv.data("x", 3.0)
        >>> for step in gv.steps(gv.square(w * x).named("loss")):
        ...     print(step.phase, step.formula, "|", step.substituted)
        forward f_{1} = w\,x | 2 \cdot 3 = 6
        forward f_{0} = f_{1}^2 | 6^2 = 36
        seed g_{0} = 1 | 1
        backward g_{1} = 2\,w\,x \cdot g_{0} | 12 \cdot 1 = 12
        backward g_{w} = x \cdot g_{1} | 3 \cdot 12 = 36
        gradient \frac{\partial \mathrm{loss}}{\partial w} = g_{w} | 36
        update w \leftarrow w - \eta\,\frac{\partial \mathrm{loss}}{\partial w} | 2 - 0.1 \cdot 36 = -1.6
    """
    frozen = as_graph(graph)
    if rounds < 1 or not np.isfinite(learning_rate):
        raise UsageError(f"{rounds} rounds with a step size of {learning_rate} are no walk")
    parameters = [leaf for leaf in frozen.leaves if leaf.op is PARAMETER]
    given = dict(at or {})
    found: list[Step] = []
    for turn in range(1, rounds + 1):
        values = backprop(frozen, given, output=output)
        walk = _Round(frozen, values, turn, learning_rate, output)
        found.extend(walk.forward())
        found.extend(walk.backward())
        for leaf in parameters:
            if leaf.id not in values.backward:
                continue
            update = walk.update(leaf.id)
            given[leaf.path] = update.after
            found.append(update)
    return tuple(found)


@dataclass
class _Round:
    graph: Graph
    values: Values
    turn: int
    learning_rate: float
    output: str | None

    def __post_init__(self) -> None:
        name = self.output or next(iter(self.graph.outputs))
        self.root = self.graph.outputs[name]
        self.writer = StepWriter(self.graph, self.values, self.root, name, self.learning_rate)

    def _step(self, phase: Phase, node: int, before: Any, after: Any, **edge: Any) -> Step:
        return Step(phase, self.turn, node, before, after, **edge, _writer=self.writer)

    def forward(self) -> Iterator[Step]:
        for index, row in enumerate(self.graph.rows):
            if not row.op.leaf:
                yield self._step("forward", index, None, self.values.forward[index])

    def backward(self) -> Iterator[Step]:
        found: dict[int, Any] = {self.root: self.values.backward[self.root]}
        missing = self._uses()
        yield self._step("seed", self.root, None, found[self.root])
        for index in range(self.root, -1, -1):
            if index not in found:
                continue
            slots = [slot for slot, child in enumerate(self.graph.args[index]) if child in self.values.backward]
            given = contributions(self.graph, self.values.forward, found[index], index, slots) if slots else []
            for slot, added in zip(slots, given, strict=True):
                child = self.graph.args[index][slot]
                before = found.get(child)
                found[child] = added if before is None else before + added
                yield self._step("backward", child, before, found[child], parent=index, slot=slot, added=added)
                missing[child] -= 1
                if missing[child] == 0 and before is not None:
                    yield self._step("sum", child, None, found[child])
        for leaf in self.graph.leaves:
            if leaf.id in found and leaf.name and leaf.op is not CONSTANT:
                yield self._step("gradient", leaf.id, None, found[leaf.id])

    def _uses(self) -> dict[int, int]:
        """Count the edges that bring something back to each node."""
        found: dict[int, int] = {}
        for index in range(self.root + 1):
            if index in self.values.backward:
                for child in self.graph.args[index]:
                    found[child] = found.get(child, 0) + 1
        return found

    def update(self, leaf: int) -> Step:
        before = self.values.forward[leaf]
        after = np.asarray(before - self.learning_rate * self.values.backward[leaf])
        return self._step("update", leaf, before, after[()])
