"""What `gradviz.check` has found, as rows: for a reader in Markdown, for a program in JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradviz.core.format import array_text
from gradviz.core.graph import Graph
from gradviz.core.plain import tex_to_text
from gradviz.core.primitive import CONSTANT
from gradviz.passes.edges import Kind, checked_slots
from gradviz.passes.labels import Labeler, node_numbers

VERDICTS = ("proved", "sampled", "numeric", "kink", "WRONG")
MOST_ROWS = 60
"""Graphs with more edges than this have one row for each kind of edge, with how many there are."""
_MOST_WRONG = 20
_MOST_ANSWERS = 3


@dataclass(frozen=True)
class EdgeRow:
    """One edge, or several that are alike.

    Attributes:
        edge: "parent → child" in words.
        rule: the rule's derivative, plain text.
        answer: SymPy's derivative, plain text; of an argument that is an array, by its first entry.
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


@dataclass(frozen=True)
class LeafRow:
    """A leaf's gradient three ways, along one direction.

    Attributes:
        leaf: its name; or what several are called together.
        direction: "1" for a single number, else how the direction was drawn.
        gradviz, sympy, difference: the derivative of the output along the direction, by the rules, by
            SymPy from the whole formula (None where that was not done), and by central differences.
        verdict: "agree", "kink", "WRONG", or "not measured".
        note: what else there is to say.
    """

    leaf: str
    direction: str
    gradviz: float | None
    sympy: float | None
    difference: float | None
    verdict: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """What a check has found; true if nothing is wrong.

    Attributes:
        graph: the graph.
        kinds: the operations by kind, with their proofs and measurements.
        leaves: the leaves' gradients three ways.
        seed: of the random directions and values.
        failures: what could not be computed at all, a line each.
        notes: what the reader should know, a line each.
    """

    graph: Graph
    kinds: Sequence[Kind]
    leaves: Sequence[LeafRow]
    seed: int
    failures: Sequence[str] = ()
    notes: Sequence[str] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.failures and not self.counts["WRONG"] and all(row.verdict != "WRONG" for row in self.leaves)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        return f"<Report: {self.summary}>"

    @cached_property
    def counts(self) -> Counter[str]:
        """How many edges have each verdict."""
        return Counter(kind.verdict(parent, slot) for kind, parent, slot in self._all())

    @property
    def summary(self) -> str:
        """One line that says it all."""
        edges = ", ".join(f"{self.counts[verdict]} {verdict}" for verdict in VERDICTS if self.counts[verdict])
        leaves = Counter(row.verdict for row in self.leaves)
        found = ", ".join(f"{count} {verdict}" for verdict, count in leaves.items())
        return f"edges: {edges or 'none'}; leaves: {found or 'none'}" + "".join(f"; {one}" for one in self.failures)

    def _all(self) -> Iterator[tuple[Kind, int, int]]:
        for kind in self.kinds:
            for parent in kind.parents:
                for slot in checked_slots(self.graph, parent):
                    yield kind, parent, slot

    def edges(self, every: bool = False) -> list[EdgeRow]:
        """Return the rows, from the output down.

        Args:
            every: a row for every edge; by default edges that are alike share one in a big graph, but
                for those that are wrong.
        """
        numbers = node_numbers(self.graph)
        writer = _Writer(self.graph, numbers)
        edges = sorted(self._all(), key=lambda edge: (numbers.get(edge[1], math.inf), edge[2]))
        if every or len(edges) <= MOST_ROWS:
            return [writer.row(*edge) for edge in edges]
        alike: dict[Any, list[tuple[Kind, int, int]]] = {}
        wrong = 0
        for kind, parent, slot in edges:
            verdict = kind.verdict(parent, slot)
            wrong += verdict == "WRONG"
            alone = parent if verdict == "WRONG" and wrong <= _MOST_WRONG else None
            alike.setdefault((id(kind), slot, verdict, alone), []).append((kind, parent, slot))
        return [writer.row(*max(group, key=_difference), count=len(group)) for group in alike.values()]

    def to_json(self, every: bool = False) -> str:
        """Return everything as JSON; edges as `edges` gives them."""
        facts = {
            "ok": self.ok,
            "seed": self.seed,
            "counts": {verdict: self.counts[verdict] for verdict in VERDICTS},
            "edges": [_plain(vars(row)) for row in self.edges(every)],
            "leaves": [_plain(vars(row)) for row in self.leaves],
            "failures": list(self.failures),
            "notes": list(self.notes),
        }
        return json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)

    def to_markdown(self, every: bool = False) -> str:
        """Return two tables, of the edges and of the leaves, and the notes."""
        lines = [f"**{'Nothing is wrong' if self.ok else 'Something is WRONG'}**: {self.summary}.", ""]
        lines += _table(EDGE_HEADINGS, [edge_cells(row) for row in self.edges(every)])
        if self.leaves:
            lines += ["", *_table(LEAF_HEADINGS, [leaf_cells(row) for row in self.leaves])]
        lines += [f"\n{note}." for note in (*self.failures, *self.notes)]
        return "\n".join(lines) + "\n"


EDGE_HEADINGS = ("edge", "rule", "SymPy's derivative", "difference", "verdict", "")
LEAF_HEADINGS = ("leaf", "along", "gradviz", "SymPy", "differences", "verdict", "")


def edge_cells(row: EdgeRow) -> tuple[str, ...]:
    """Return the cells of an edge's row, as text."""
    edge = f"{row.edge} (×{row.count})" if row.count > 1 else row.edge
    return edge, row.rule, row.answer, _small(row.difference), row.verdict, row.note


def _small(difference: float | None) -> str:
    return "" if difference is None else f"{difference:.0e}" if difference else "0"


def leaf_cells(row: LeafRow) -> tuple[str, ...]:
    """Return the cells of a leaf's row, as text."""
    numbers = ("" if one is None else f"{one:.8g}" for one in (row.gradviz, row.sympy, row.difference))
    return row.leaf, row.direction, *numbers, row.verdict, row.note


def _difference(edge: tuple[Kind, int, int]) -> float:
    kind, parent, slot = edge
    return kind.difference[slot].get(parent, -1.0)


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in facts.items()
    }


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        safe = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
        return f"| {' | '.join(safe)} |"

    return [line(headings), f"|{'---|' * len(headings)}", *map(line, rows)]


class _Writer:
    """Writes the rows of one graph's edges."""

    def __init__(self, graph: Graph, numbers: Mapping[int, int]) -> None:
        self._graph = graph
        self._numbers = numbers
        self._labeler = Labeler(graph, numbers)

    def row(self, kind: Kind, parent: int, slot: int, count: int = 1) -> EdgeRow:
        child = self._graph.args[parent][slot]
        return EdgeRow(
            edge=f"{self._name(parent)} → {self._name(child)}",
            rule=self._rule(parent, slot),
            answer=self._answer(kind, parent, slot),
            difference=kind.difference[slot].get(parent),
            verdict=kind.verdict(parent, slot),
            note=kind.note(parent, slot),
            count=count,
        )

    def _name(self, index: int) -> str:
        name = self._graph.names.get(index)
        if name is not None:
            return name.name
        if self._graph.rows[index].op.leaf:
            return array_text(self._graph.constants[index])
        return f"f_{self._numbers[index]}" if index in self._numbers else f"node {index}"

    def _rule(self, parent: int, slot: int) -> str:
        try:
            return tex_to_text(self._labeler.derivative(parent, slot))
        except Exception:  # a rule of the user's may raise anything; the note says what
            return "?"

    def _answer(self, kind: Kind, parent: int, slot: int) -> str:
        """Write SymPy's derivative with the names of the graph in place of its symbols."""
        proof = kind.proof
        if proof is None or not proof.slots[slot].answers:
            return ""
        names = self._symbol_names(kind, parent)
        answers = proof.slots[slot].answers
        if len(answers) == 1:
            return _text(answers[0][0], names)
        cases = []
        for answer, conditions in answers[:_MOST_ANSWERS]:
            texts = dict.fromkeys(_condition(one, names) for one in conditions)
            cases.append(f"{_text(answer, names)} if {' and '.join(texts)}")
        return "; ".join([*cases, *["…"][: len(answers) > _MOST_ANSWERS]])

    def _symbol_names(self, kind: Kind, parent: int) -> dict[Any, Any]:
        """Return what is written for each symbol of a proof: a name, or the number of a constant."""
        import sympy

        from gradviz.namespaces.sympy import exact

        assert kind.proof is not None
        found: dict[Any, Any] = {}
        for array, child in zip(kind.proof.symbols, self._graph.args[parent], strict=True):
            if (
                array.ndim == 0
                and self._graph.rows[child].op is CONSTANT
                and np.size(self._graph.constants[child]) == 1
            ):
                found[array.item()] = exact(self._graph.constants[child].item())
                continue
            for place, entry in np.ndenumerate(array):
                index = ", ".join(map(str, place))
                found[entry] = sympy.Symbol(f"{self._name(child)}[{index}]" if index else self._name(child))
        return found


def _text(expression: Any, names: Mapping[Any, Any]) -> str:
    return str(expression.xreplace(names)).replace("**", "^")


def _condition(condition: Any, names: Mapping[Any, Any]) -> str:
    """Write a condition as one would: a > b for a - b > 0."""
    import sympy

    difference = condition.lhs - condition.rhs
    if isinstance(condition, sympy.Lt):
        difference = -difference
    sign = {sympy.Eq: "=", sympy.Ne: "≠"}.get(type(condition), ">")
    terms = sympy.Add.make_args(difference.xreplace(names))
    minus = [-term for term in terms if term.could_extract_minus_sign()]
    left = sympy.Add(*(term for term in terms if not term.could_extract_minus_sign()))
    right = sympy.Add(*minus)
    if left.is_number and sign == ">":
        return f"{_text(right, {})} < {_text(left, {})}"
    return f"{_text(left, {})} {sign} {_text(right, {})}"
