"""Labels: the derivative on every edge in symbols, by running the rules on the names of the picture.

A child speaks by its name; an unnamed one is written out when that is short, else by its ``f_i``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np

from gradviz.core.format import array_tex, number_tex
from gradviz.core.graph import Graph
from gradviz.core.primitive import call_rule
from gradviz.errors import RuleError
from gradviz.namespaces.record import Term, as_term, recorder, symbol
from gradviz.namespaces.simplify import simplify
from gradviz.namespaces.tex import fill, leaf_count, to_tex

LONGEST_WRITTEN_OUT = 2
"""An unnamed child is written out if it has at most this many symbols and numbers."""

ADJOINT = "g"
"""What the adjoint of a parent that is an array is called in a label."""


def breadth_first(graph: Graph) -> Iterator[int]:
    """Yield the nodes from the outputs down, level by level, arguments from left to right."""
    seen = set(graph.outputs.values())
    waiting = deque(dict.fromkeys(graph.outputs.values()))
    while waiting:
        index = waiting.popleft()
        yield index
        for child in graph.args[index]:
            if child not in seen:
                seen.add(child)
                waiting.append(child)


def node_numbers(graph: Graph) -> dict[int, int]:
    """Return the number i of f_i for every operation: the slides count from the root down, which is 0."""
    operations = (index for index in breadth_first(graph) if not graph.rows[index].op.leaf)
    return {index: number for number, index in enumerate(operations)}


class Labeler:
    r"""Writes the derivatives of one graph's edges.

    Args:
        graph: the graph.
        numbers: the number i of ``f_i`` by node; see `node_numbers`.

    Example:
        >>> import gradviz as gv
        >>> x, y = gv.param("x"), gv.data("y")
        >>> g = gv.graph(gv.maximum(1 - (x * y).named("margin"), 0))
        >>> Labeler(g, {}).derivative(len(g) - 1, 0)
        '\\mathbf{1}[1 - \\mathrm{margin} > 0]'
    """

    def __init__(self, graph: Graph, numbers: Mapping[int, int]) -> None:
        self._graph = graph
        self._numbers = numbers
        self._terms: dict[int, Term] = {}

    def derivative(self, parent: int, slot: int) -> str:
        """Return the LaTeX of the local derivative on an edge.

        For an elementwise primitive that is the partial derivative; for another with a single number
        as its value, the gradient; else the rule, in which g stands for the parent's adjoint.
        """
        row = self._graph.rows[parent]
        adjoint = as_term(1) if row.shape == () else symbol(ADJOINT, row.shape)
        label = row.op.label_for(row.attrs, slot)
        if label is not None:
            text = self._filled(label, parent, adjoint)
            adjoint_needed = row.op.partials is None and row.shape != () and "#g" not in label
            return rf"{ADJOINT} \odot {text}" if adjoint_needed else text
        try:
            term = self._product(parent, slot, adjoint) if row.op.partials is None else self._partial(parent, slot)
        except RuleError:  # a user's may do what only arrays allow
            return rf"\partial_{{{slot + 1}}} {self._symbol(parent)}"
        return to_tex(term)

    def passed_on(self, parent: int, slot: int, adjoint: Term) -> Term:
        """Return what an edge passes on to the child of an adjoint of the parent, in symbols."""
        child = self._graph.rows[self._graph.args[parent][slot]]
        passed = self._passed_on(parent, slot, adjoint)
        return passed if passed.shape is not None else Term(passed.fn, passed.args, passed.attrs, child.shape)

    def _passed_on(self, parent: int, slot: int, adjoint: Term) -> Term:
        row, child = self._graph.rows[parent], self._graph.rows[self._graph.args[parent][slot]]
        label = row.op.label_for(row.attrs, slot)
        if label is not None:
            text = symbol(self._filled(label, parent, adjoint), child.shape)
            whole = row.op.partials is None and "#g" in label
            return text if whole else adjoint * text
        try:
            if row.op.partials is None:
                return self._product(parent, slot, adjoint)
            passed = adjoint * self._partial(parent, slot)
        except RuleError:  # a user's may do what only arrays allow
            return adjoint * symbol(rf"\partial_{{{slot + 1}}} {self._symbol(parent)}", child.shape)
        return passed if child.shape == row.shape else Term("sum", (passed,))

    def _arguments(self, parent: int) -> list[Term]:
        return [self._child(child) for child in self._graph.args[parent]]

    def _filled(self, label: str, parent: int, adjoint: Term) -> str:
        """Write a label that the primitive itself declares."""
        terms = self._arguments(parent)
        places = {str(place): term for place, term in enumerate(terms, 1)}
        return fill(label, {**places, "f": self._value(parent, terms), "g": simplify(adjoint)})

    def _partial(self, parent: int, slot: int) -> Term:
        row, terms = self._graph.rows[parent], self._arguments(parent)
        assert row.op.partials is not None
        rule, value = row.op.partials[slot], self._value(parent, terms)
        return call_rule(lambda: as_term(rule(recorder, value, *terms, **row.attrs)))

    def _product(self, parent: int, slot: int, adjoint: Term) -> Term:
        row, terms = self._graph.rows[parent], self._arguments(parent)
        assert row.op.vjp is not None
        rule, value = row.op.vjp, self._value(parent, terms)
        return call_rule(lambda: as_term(rule(recorder, adjoint, value, *terms, **row.attrs)[slot]))

    def _symbol(self, index: int) -> str:
        row = self._graph.rows[index]
        return row.op.symbol_for(row.attrs, tuple(self._graph.rows[arg].shape for arg in self._graph.args[index]))

    def _value(self, index: int, terms: list[Term]) -> Term:
        """The node's own value: its name, or written out when short, or f_i."""
        name = self._graph.names.get(index)
        row = self._graph.rows[index]
        if name is None:
            written = Term(row.op.name, tuple(terms), shape=row.shape)
            if self._short(index, written):
                return written
        return self.name(index)

    def name(self, index: int) -> Term:
        """Return what a node is called: its name, or f_i."""
        name = self._graph.names.get(index)
        shape = self._graph.rows[index].shape
        if name is not None:
            return symbol(name.tex, shape)
        return symbol(f"f_{{{self._numbers[index]}}}" if index in self._numbers else "f", shape)

    def _short(self, index: int, written: Term) -> bool:
        row = self._graph.rows[index]
        return (not row.attrs or row.op.notation is not None) and leaf_count(written) <= LONGEST_WRITTEN_OUT

    def _child(self, index: int) -> Term:
        """The term for a node where it is an argument."""
        if index not in self._terms:
            self._terms[index] = self._make_child(index)
        return self._terms[index]

    def _make_child(self, index: int) -> Term:
        graph = self._graph
        row = graph.rows[index]
        if index in graph.names:
            return self.name(index)
        if row.op.leaf:
            value = np.asarray(graph.constants[index])
            if value.ndim == 0:
                return as_term(value.item()) if np.isfinite(value) else symbol(number_tex(value.item()))
            return symbol(array_tex(value) if value.size <= LONGEST_WRITTEN_OUT else "c", row.shape)
        children = graph.args[index]
        if len(children) <= LONGEST_WRITTEN_OUT and all(
            child in graph.names or graph.rows[child].op.leaf for child in children
        ):
            written = Term(row.op.name, tuple(self._child(child) for child in children), shape=row.shape)
            if self._short(index, written):
                return written
        return self.name(index)
