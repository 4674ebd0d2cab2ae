"""What `gradviz.check` has found, as rows: for a reader in Markdown, for a program in JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gradviz.core.graph import Graph
from gradviz.passes.edges import Kind, checked_slots
from gradviz.passes.labels import node_numbers
from gradviz.passes.rows import EdgeRow, RowWriter

VERDICTS = ("proved", "sampled", "numeric", "kink", "WRONG")
MOST_ROWS = 60
"""Graphs with more edges than this have one row for each kind of edge, with how many there are."""
_MOST_WRONG = 20


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
    notes: Sequence[str] = ()

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
        return f"edges: {edges or 'none'}; leaves: {found or 'none'}"

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
        writer = RowWriter(self.graph, numbers)
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
