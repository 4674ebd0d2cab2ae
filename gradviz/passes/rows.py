"""The rows of a report: an edge's rule and SymPy's derivative of it, in the names of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from gradviz.core.format import array_text
from gradviz.core.graph import Graph
from gradviz.core.plain import tex_to_text
from gradviz.core.primitive import CONSTANT
from gradviz.namespaces.sympy import exact
from gradviz.passes.algebra import sides
from gradviz.passes.edges import Kind
from gradviz.passes.labels import Labeler
from gradviz.passes.limit import TimeIsUpError, time_limit
from gradviz.passes.zero import has_long_numbers

_MOST_ANSWERS = 3


@dataclass(frozen=True)
class EdgeRow:
    """One edge, or several that are alike.

    Attributes:
        edge: "parent → child" in words.
        rule: the rule's derivative, plain text.
        answer: SymPy's derivative, plain text; of an argument that is an array, by one entry.
        difference: the rule's number minus a central difference, in proportion where the derivative
            is above 1; None where it was not measured.
        verdict: "proved", "sampled", "numeric", "kink" or "WRONG".
        note: the reason, or the counter-example.
        count: how many edges the row stands for.
    """

    edge: str
    rule: str
    answer: str
    difference: float | None
    verdict: str
    note: str
    count: int = 1


class RowWriter:
    """Writes the rows of one graph's edges."""

    def __init__(self, graph: Graph, numbers: Mapping[int, int]) -> None:
        self._graph = graph
        self._numbers = numbers
        self._labeler = Labeler(graph, numbers)

    def row(self, kind: Kind, parent: int, slot: int, count: int = 1) -> EdgeRow:
        """Write the row of an edge, which may stand for several that are alike."""
        child = self._graph.args[parent][slot]
        return EdgeRow(
            edge=f"{self._name(parent)} → {self._name(child)}",
            rule=tex_to_text(self._labeler.derivative(parent, slot)),
            answer=self._answer(kind, parent, slot),
            difference=kind.difference[slot].get(parent),
            verdict=kind.verdict(parent, slot),
            note=self._note(kind, parent, slot),
            count=count,
        )

    def _note(self, kind: Kind, parent: int, slot: int) -> str:
        if kind.verdict(parent, slot) == "kink":
            return self._kink(kind, parent)
        example = kind.slot_proof(slot).counterexample
        if example is None:
            return kind.note(parent, slot)
        return example.text({str(symbol): str(name) for symbol, name in self._symbol_names(kind, parent).items()})

    def _kink(self, kind: Kind, parent: int) -> str:
        """Name the kinks of an operation, and the convention."""
        assert kind.proof is not None
        names = self._symbol_names(kind, parent)
        borders = dict.fromkeys(_condition(sympy.Eq(one, 0, evaluate=False), names) for one in kind.proof.borders)
        where = f" where {' or '.join(list(borders)[:_MOST_ANSWERS])}" if borders else ""
        return f"no derivative{where}; the rule gives the convention, 0 at a tie"

    def _name(self, index: int) -> str:
        name = self._graph.names.get(index)
        if name is not None:
            return name.name
        if self._graph.rows[index].op.leaf:
            return array_text(self._graph.constants[index])
        return f"f_{self._numbers[index]}" if index in self._numbers else f"node {index}"

    def _answer(self, kind: Kind, parent: int, slot: int) -> str:
        """Write SymPy's derivative with the names of the graph in place of its symbols."""
        proof = kind.proof
        if proof is None or not proof.slots[slot].answers:
            return ""
        names = self._symbol_names(kind, parent)
        answers, entry = proof.slots[slot].answers, proof.slots[slot].entry
        by = "" if entry is None else f"by {_text(entry, names)}: "
        if len(answers) == 1:
            return by + _text(_shorter(answers[0][0]), names)
        cases = []
        for answer, conditions in answers[:_MOST_ANSWERS]:
            texts = dict.fromkeys(_condition(one, names) for one in conditions)
            cases.append(f"{_text(answer, names)} if {' and '.join(texts)}")
        return by + "; ".join([*cases, *["…"][: len(answers) > _MOST_ANSWERS]])

    def _symbol_names(self, kind: Kind, parent: int) -> dict[Any, Any]:
        """Return what is written for each symbol of a proof: a name, or the number of a constant."""
        assert kind.proof is not None
        found: dict[Any, Any] = {}
        if not kind.proof.symbols:  # a rule that is only measured has none
            return found
        for array, child in zip(kind.proof.symbols, self._graph.args[parent], strict=True):
            constant = self._graph.constants[child] if self._graph.rows[child].op is CONSTANT else None
            if constant is not None and array.ndim == 0 and constant.size == 1:
                found[array.item()] = exact(constant.item())
                continue
            for place, entry in np.ndenumerate(array):
                index = ", ".join(map(str, place))
                found[entry] = sympy.Symbol(f"{self._name(child)}[{index}]" if index else self._name(child))
        return found


@lru_cache(maxsize=256)
def _shorter(expression: Any) -> Any:
    """Return an expression simplified, where that is soon done and shorter."""
    if expression.count_ops() < 8 or has_long_numbers(expression):
        return expression
    with suppress(TimeIsUpError), time_limit(0.5):
        found = sympy.simplify(expression)
        return found if found.count_ops() < expression.count_ops() else expression
    return expression


def _text(expression: Any, names: Mapping[Any, Any]) -> str:
    return str(expression.xreplace(names)).replace("**", "^")


def _condition(condition: Any, names: Mapping[Any, Any]) -> str:
    """Write a condition as one would: a > b for a - b > 0."""
    difference = condition.lhs - condition.rhs
    if isinstance(condition, sympy.Lt):
        difference = -difference
    sign = {sympy.Eq: "=", sympy.Ne: "≠"}.get(type(condition), ">")
    left, right = sides(difference.xreplace(names))
    if left.is_number:  # stands at the end
        left, right, sign = right, left, "<" if sign == ">" else sign
    return f"{_text(left, {})} {sign} {_text(right, {})}"
