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

from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.primitive import CONSTANT, PARAMETER
from gradviz.core.unroll import as_graph
from gradviz.errors import UsageError
from gradviz.passes.evaluate import backprop, contributions
from gradviz.passes.given import output_name
from gradviz.passes.step_writer import StepText, StepWriter
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
    _round: Round | None = field(default=None, repr=False, compare=False)

    @cached_property
    def text(self) -> StepText:
        """What the step says, with holes for its numbers."""
        assert self._round is not None
        return self._round.writer.write(self)

    def number(self, source: str) -> Any:
        """Return what stands in a hole of the step's text."""
        assert self._round is not None
        known = {"b": self.before, "a": self.after, "u": self.after, "r": self._round.learning_rate}
        if source[0] in known:
            return known[source[0]]
        values = self._round.values
        if source[0] in "fg":
            return (values.forward if source[0] == "f" else values.backward)[int(source[1:])]
        parent, slot = map(int, source[1:].split("/"))
        return (values.local if source[0] == "d" else values.contribution)[parent, slot]

    @property
    def formula(self) -> str:
        """The step in symbols, as LaTeX."""
        return self.text.formula

    @property
    def substituted(self) -> str:
        """The same with numbers, and what they give, as LaTeX."""
        return self.text.substituted(self.number)

    @property
    def line(self) -> str:
        """The formula and its numbers in one line, as LaTeX; what the formula says already is not said twice."""
        numbers = f"= {self.substituted}"
        return self.formula if self.formula.endswith(numbers) else f"{self.formula} {numbers}"

    @property
    def sentence(self) -> str:
        """What happens, in words."""
        return self.text.spoken(self.number)


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
    name = output_name(frozen, output)
    writer: StepWriter | None = None
    for turn in range(1, rounds + 1):
        values = backprop(frozen, given, output=output)
        writer = writer or StepWriter(frozen, sorted(values.backward), name)
        walk = Round(frozen, values, turn, learning_rate, frozen.outputs[name], writer)
        found.extend(walk.forward())
        found.extend(walk.backward())
        for leaf in parameters:
            if leaf.id not in values.backward:
                continue
            update = walk.update(leaf.id)
            given[leaf.path] = update.after
            found.append(update)
    return tuple(found)


def forward_steps(values: Values) -> tuple[Step, ...]:
    """Walk through a graph's values alone, where there is no single number to differentiate.

    Args:
        values: from `evaluate`.
    """
    graph = values.graph
    name, root = next(iter(graph.outputs.items()))
    return tuple(Round(graph, values, 1, 0.0, root, StepWriter(graph, (), name)).forward())


@dataclass(frozen=True)
class Round:
    """One round of forward, backward and update."""

    graph: Graph
    values: Values
    turn: int
    learning_rate: float
    root: int
    writer: StepWriter

    def _step(self, phase: Phase, node: int, before: Any, after: Any, **edge: Any) -> Step:
        return Step(phase, self.turn, node, before, after, **edge, _round=self)

    def forward(self) -> Iterator[Step]:
        """Compute every value."""
        for index, row in enumerate(self.graph.rows):
            if not row.op.leaf:
                yield self._step("forward", index, None, self.values.forward[index])

    def backward(self) -> Iterator[Step]:
        """Go back along every edge from the output, if a gradient flows anywhere."""
        if self.root not in self.values.backward:
            return
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
        """Move a parameter against its gradient."""
        before = self.values.forward[leaf]
        after = np.asarray(before - self.learning_rate * self.values.backward[leaf])
        return self._step("update", leaf, before, after[()])
