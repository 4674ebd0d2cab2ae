"""A loop as data: the graph of one step, what goes from step to step, and what each step leaves behind.

The primitive `scan` holds one. Only what draws loops and what compiles them looks inside; everybody else
sees the steps one after another (`gradviz.core.unroll`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.graph import Graph
from gradviz.core.primitive import Shape, call_rule

Step = Callable[[int, list[Any]], list[Any]]


@dataclass(frozen=True, eq=False)
class Loop:
    """What a scan repeats.

    Attributes:
        cell: the graph of one step.
        inputs: the ids of the cell's leaves that are given: an element of each sequence, then the
            states, then what all steps share.
        sequences, states: how many of the inputs are elements of sequences, and states.
        following: for each state, the id of the node that is the state after the step.
        emitted: the ids of the nodes whose values at all steps are kept, stacked in the order of time.
        length: the number of steps.
        reverse: whether the steps go from the end to the beginning.
    """

    cell: Graph
    inputs: tuple[int, ...]
    sequences: int
    states: int
    following: tuple[int, ...]
    emitted: tuple[int, ...]
    length: int
    reverse: bool = False

    @property
    def times(self) -> range:
        """The places in time, in the order in which the steps are made."""
        return range(self.length - 1, -1, -1) if self.reverse else range(self.length)

    @property
    def shared(self) -> int:
        """How many of the inputs are the same at all steps."""
        return len(self.inputs) - self.sequences - self.states

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of the results: what is emitted, then the states after the last step."""
        rows = self.cell.rows
        emitted = [(self.length, *rows[index].shape) for index in self.emitted]
        return emitted + [rows[index].shape for index in self.following]

    def dtype(self, take: int) -> np.dtype[Any]:
        """Return the dtype of a result."""
        return self.cell.rows[(*self.emitted, *self.following)[take]].dtype

    def split(self, args: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
        """Return what is given for the sequences, the states and the shared inputs."""
        ends = self.sequences, self.sequences + self.states
        return args[: ends[0]], args[ends[0] : ends[1]], args[ends[1] :]

    def run(self, args: Sequence[Any], element: Callable[[Any, int], Any], step: Step) -> tuple[list[list[Any]], Any]:
        """Make all steps.

        Args:
            args: the sequences, the first states, what is shared.
            element: takes the element at a time out of a sequence.
            step: ``step(time, values of the inputs)`` returns the value of every node of the cell.

        Returns:
            What is emitted, a list over time for each; and the last states.
        """
        sequences, states, shared = self.split(args)
        kept: list[list[Any]] = [[None] * self.length for _ in self.emitted]
        for time in self.times:
            values = step(time, [*(element(one, time) for one in sequences), *states, *shared])
            states = [values[index] for index in self.following]
            for place, index in zip(kept, self.emitted, strict=True):
                place[time] = values[index]
        return kept, states


def cell_values(loop: Loop, given: Iterable[Any], xp: Any) -> list[Any]:
    """Return the value of every node of a loop's cell, by the rules under a namespace."""
    values: list[Any] = [None] * len(loop.cell)
    for index, value in loop.cell.constants.items():
        values[index] = value
    for index, value in zip(loop.inputs, given, strict=True):
        values[index] = value
    for index, (row, args) in enumerate(zip(loop.cell.rows, loop.cell.args, strict=True)):
        if not row.op.leaf:
            values[index] = row.op.forward(xp, *[values[arg] for arg in args], **row.attrs)
    return values


def passed_on(graph: Graph, values: Sequence[Any], parent: int, g: Any, slots: Sequence[int], xp: Any) -> list[Any]:
    """Return what a node with the adjoint g adds to the adjoints of some arguments, by its rule under a namespace.

    It is None for an argument by which the rule gives no derivative.
    """
    row, args = graph.rows[parent], graph.args[parent]
    partials, vjp = row.op.partials, row.op.vjp
    given = [values[parent], *(values[arg] for arg in args)]

    def run() -> list[Any]:
        if partials is not None:
            return [
                xp.sum_to(g * partials[slot](xp, *given, **row.attrs), graph.rows[args[slot]].shape) for slot in slots
            ]
        assert vjp is not None
        products = vjp(xp, g, *given, **row.attrs)
        return [products[slot] if slot < len(products) else None for slot in slots]

    return call_rule(run, lambda: graph.describe(parent))


def cell_adjoints(loop: Loop, values: Sequence[Any], seeds: Iterable[tuple[int, Any]], xp: Any) -> list[Any]:
    """Return the adjoint of each input of a loop's cell, None where no gradient flows to."""
    live = loop.cell.depends_on(frozenset(loop.inputs))
    found: list[Any] = [None] * len(loop.cell)

    def add(index: int, g: Any) -> None:
        if g is not None and live[index]:
            found[index] = g if found[index] is None else found[index] + g

    for index, seed in seeds:
        add(index, seed)
    for index in range(len(loop.cell) - 1, -1, -1):
        if found[index] is not None:
            args = loop.cell.args[index]
            slots = [slot for slot, child in enumerate(args) if live[child]]
            for slot, g in zip(slots, passed_on(loop.cell, values, index, found[index], slots, xp), strict=True):
                add(args[slot], g)
    return [found[index] for index in loop.inputs]
