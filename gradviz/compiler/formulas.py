"""Formulas in the comments of printed source: those of the user's nodes, and how formulas are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gradviz.core.arrays import uniform_value
from gradviz.core.graph import Graph
from gradviz.core.loop import Loop
from gradviz.core.primitive import CONSTANT
from gradviz.core.visible import visible
from gradviz.namespaces.single import COMPARED

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}
_COMPARED = COMPARED | {"greater": ">", "greater_equal": ">=", "less": "<", "less_equal": "<="}
MOST_DEEP = 8
"""Levels of a formula; what lies deeper is left out."""
LONGEST = 100
"""Characters of a formula that can be read in a line."""
_SHAPED = ("reshape", "transpose", "broadcast_to", "expand_dims")
PARTS = ("concatenate", "stack", "getitem", *_SHAPED)
"""What only puts numbers elsewhere is written where it is used."""
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 2, "**": 3}
_SIGNS = {"sigmoid": "σ", "sum": "Σ", "relu": "ReLU"}
_ATOM = 9

Formula = tuple[str, int]
"""A text, and how strongly the operator binds that holds it together."""


def atom(text: str) -> Formula:
    """Return a formula that needs no parentheses.

    Example:
        >>> formula("multiply", [formula("add", [atom("x"), atom("1")]), atom("y")])[0]
        '(x + 1) * y'
    """
    return text, _ATOM


def formula(fn: str, operands: Sequence[Formula]) -> Formula:
    """Return a function of formulas."""
    sign = INFIX.get(fn)
    if sign is not None:
        own = _BINDING[sign]
        (left, before), (right, after) = operands
        return f"{_held(left, before >= own)} {sign} {_held(right, after > own)}", own
    if fn in _COMPARED:
        left, right = (_held(text, binding > 0) for text, binding in operands)
        return f"{left} {_COMPARED[fn]} {right}", 0
    if fn == "negative":
        return f"-{_held(operands[0][0], operands[0][1] > 1)}", 2
    if fn == "square":
        return f"{_held(operands[0][0], operands[0][1] == _ATOM)}²", 3
    texts = [text for text, _ in operands]
    if fn in ("concatenate", "stack"):
        return atom(f"[{', '.join(texts)}]")
    return atom(f"{_SIGNS.get(fn, fn)}({', '.join(texts)})")


def _held(text: str, alone: bool) -> str:
    return text if alone else f"({text})"


def formulas(graph: Graph, called: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the formulas of the named nodes, those of loops too, by name in their order.

    Args:
        graph: the graph, as the user wrote it.
        called: what leaves are called in the source, by path.
    """
    found: dict[str, list[str]] = {}
    leaves = {index: called.get(graph.node(index).path, "") for index in graph.leaf_ids}
    for name, text in _of(graph, leaves):
        found.setdefault(name, []).append(text)
    return found


def _of(graph: Graph, leaves: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    writer = _Writer(graph, leaves)
    seen: set[object] = set()
    for index, row in enumerate(graph.rows):
        loop = row.attrs.get("loop")
        if isinstance(loop, Loop):
            if (loop, graph.args[index]) not in seen:
                seen.add((loop, graph.args[index]))
                yield from _of(loop.cell, _of_cell(loop, [writer.name(arg) for arg in graph.args[index]]))
        elif index in graph.names and not row.op.leaf and row.op.name not in PARTS:
            text = writer.inside(index)[0]
            if len(text) <= LONGEST and "…" not in text:
                yield visible(graph.names[index].name), text


def _of_cell(loop: Loop, args: Sequence[str]) -> dict[int, str]:
    """Return what the inputs of a cell are called."""
    names = dict(zip(loop.inputs, args, strict=True))
    for place, following in enumerate(loop.following):
        index = loop.inputs[loop.sequences + place]
        if following in loop.cell.names:
            names[index] = f"{visible(loop.cell.names[following].name)}_before"
    return names


class _Writer:
    def __init__(self, graph: Graph, leaves: Mapping[int, str]) -> None:
        self._graph = graph
        self._leaves = leaves

    def name(self, index: int) -> str:
        """Return what a node is called, "" if nothing."""
        name = self._graph.names.get(index)
        return self._leaves.get(index) or ("" if name is None else visible(name.name))

    def inside(self, index: int, depth: int = 0) -> Formula:
        """Return how a node is computed of those that have names."""
        row, args = self._graph.rows[index], self._graph.args[index]
        operands = [self._operand(arg, depth + 1) for arg in args]
        if row.op.name in _SHAPED:
            text, binding = operands[0]
            axes = row.attrs.get("axes", ())
            turned = len(axes) > 1 and axes == (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
            return atom(f"{_held(text, binding == _ATOM)}.T") if turned else (text, binding)
        if row.op.name == "getitem":
            key = ", ".join(str(part) if isinstance(part, int) else ":" for part in row.attrs["key"])
            return atom(f"{_held(operands[0][0], operands[0][1] == _ATOM)}[{key}]")
        return formula(row.op.name, operands)

    def _operand(self, index: int, depth: int) -> Formula:
        row = self._graph.rows[index]
        if self.name(index) and row.op.name not in PARTS:
            return atom(self.name(index))
        loop = row.attrs.get("loop")
        if isinstance(loop, Loop):
            results = (*loop.emitted, *loop.following)
            name = loop.cell.names.get(results[row.attrs["take"]])
            return atom("…" if name is None else visible(name.name))
        if row.op is CONSTANT:
            number = uniform_value(self._graph.constants[index])
            return atom("…" if number is None else f"{number:.6g}")
        return atom("…") if row.op.leaf or depth > MOST_DEEP else self.inside(index, depth)
