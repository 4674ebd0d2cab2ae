"""The scalar sweep: graphs of float64 numbers, run as one Python loop.

An array call costs more than a product of two floats, so for graphs of single numbers the primitives'
own rules are recorded once and printed as the branches of a loop over the tape. Nothing about an
operation is known here. Where Python's arithmetic raises (1/0, exp(1000)) the sweep gives up, and
the caller runs the rules on arrays, which give inf or NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isnan
from typing import Any, NamedTuple

from gradviz.core.arguments import Arguments
from gradviz.core.arrays import FLOAT64
from gradviz.core.graph import Graph, Row
from gradviz.core.primitive import Primitive, call_rule
from gradviz.errors import RuleError
from gradviz.namespaces import numpy as xp
from gradviz.namespaces.record import Term, as_term, recorder, symbol
from gradviz.namespaces.single import COMPARED, MATH
from gradviz.passes.values import Column
from gradviz.passes.wide import Beginning, find_beginning

Kind = tuple[Primitive, tuple[tuple[str, float], ...]]
_SAMPLE = 64
"""So many nodes tell which operations are common: their branches are tried first."""

_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    **COMPARED,
}
_FORMS = {
    "negative": "(-{})",
    "power": "pow_({}, {})",
    "indicator": "(1.0 if {} else 0.0)",
    "where": "({1} if {0} else {2})",
    "guard": "({1} if {0} else {2})",
    "abs": "abs({})",
    "pi": repr(math.pi),
}


def _on_array(name: str) -> Callable[..., float]:
    careful = getattr(xp, name)

    def run(*args: float) -> float:
        return float(careful(*args))

    return run


def _scope() -> dict[str, Any]:
    functions = {
        name: getattr(math, MATH[name]) if name in MATH else _on_array(name)
        for name in xp.__all__
        if callable(getattr(xp, name))
    }
    functions["maximum"] = lambda a, b: a if a > b or isnan(a) else b  # NaN wins, as in NumPy
    functions["minimum"] = lambda a, b: a if a < b or isnan(a) else b
    return {**functions, "abs": abs, "pow_": math.pow}


def _print(term: Term) -> str:
    if term.fn == "number":
        return repr(float(term.args[0]))  # a maximum of a number and 0 is a float
    if term.fn == "symbol":
        return str(term.args[0])
    parts = [_print(arg) for arg in term.args]
    if term.fn in _INFIX:
        return f"({parts[0]} {_INFIX[term.fn]} {parts[1]})"
    if term.attrs:
        raise RuleError(f"{term.fn} is for arrays")
    if term.fn in _FORMS:
        return _FORMS[term.fn].format(*parts)
    return f"{term.fn}({', '.join(parts)})"


def _branches(kinds: tuple[Kind, ...], body: Callable[[Kind, list[str]], list[str]]) -> list[str]:
    lines = []
    for place, kind in enumerate(kinds):
        arity = len(kind[0].partials or ())
        arguments = [f"i{slot}" for slot in range(arity)]
        lines.append(f"        {'if' if place == 0 else 'elif'} row is row{place}:")
        if arity > 2:
            lines.append(f"            {', '.join(arguments)} = more[k]")
        lines.extend(f"            {line}" for line in body(kind, arguments) or ["pass"])
    return lines


def _forward_lines(kind: Kind, places: list[str]) -> list[str]:
    op, attrs = kind
    arguments = [symbol(f"f[{place}]") for place in places]
    term = call_rule(lambda: as_term(op.forward(recorder, *arguments, **dict(attrs))))
    return [f"f.append({_print(term)})"]


def _backward_lines(kind: Kind, places: list[str]) -> list[str]:
    op, attrs = kind
    arguments = [symbol(f"f[{place}]") for place in places]
    lines = []
    for place, partial in zip(places, op.partials or (), strict=True):
        term = call_rule(lambda rule=partial: as_term(rule(recorder, symbol("f_k"), *arguments, **dict(attrs))))  # type: ignore[misc]  # bound now
        if term.value == 0:
            continue  # as wide.is_nothing
        if term.value in (1, -1):
            lines.append(f"g[{place}] {'+' if term.value == 1 else '-'}= g_k")
        else:
            lines.append(f"g[{place}] += g_k * {_print(term)}")
    return lines


@lru_cache(maxsize=64)
def _program(kinds: tuple[Kind, ...]) -> tuple[Callable[..., list[float]], Callable[..., list[float]]] | None:
    """Compile the two sweeps for the kinds of operation that a graph has; None if a rule cannot be recorded."""
    try:
        source = _source(kinds)
    except RuleError:  # a user's may do what only arrays allow
        return None
    scope = _scope()
    exec(compile("\n".join(source), "<scalar sweep>", "exec"), scope)
    return scope["forward"], scope["backward"]


def _loop(body: Sequence[str], **columns: str) -> str:
    """Return the head of a loop over those columns that its body reads."""
    words = set(re.findall(r"\w+", "\n".join(body)))
    read = {name: column for name, column in columns.items() if name in words or name == "row"}
    return f"    for {', '.join(read)}, in zip({', '.join(read.values())}):"


def _source(kinds: tuple[Kind, ...]) -> list[str]:
    rows = "".join(f", row{place}" for place in range(len(kinds)))
    up = _branches(kinds, _forward_lines)
    down = _branches(kinds, _backward_lines)
    return [
        f"def forward(f, rows, first, second, more, leaves{rows}):",
        _loop(up, k="range(len(f), len(f) + len(rows))", row="rows", i0="first", i1="second"),
        *up,
        "        else:" if kinds else "        if True:",
        "            f.append(next(leaves))",
        f"def backward(f, rows, first, second, more{rows}):",
        "    g = [0.0] * len(f)",
        "    g[-1] = 1.0",
        _loop(  # an adjoint is complete when its turn comes: all that adds to it stands further up
            down,
            k="range(len(f) - 1, -1, -1)",
            f_k="reversed(f)",
            g_k="reversed(g)",
            row="reversed(rows)",
            i0="reversed(first)",
            i1="reversed(second)",
        ),
        *(down or ["        pass"]),
        "    return g",
    ]


class _Run(NamedTuple):
    """A forward sweep that went well, and all that the backward sweep needs."""

    beginning: Beginning | None
    rows: Sequence[Row]
    told_apart: tuple[Row, ...]
    backward: Callable[..., list[float]]
    found: list[float]

    @property
    def values(self) -> Column:
        """The value of every node."""
        return self.found if self.beginning is None else self.beginning.values(self.found)

    def adjoints(self, arguments: Arguments) -> Column:
        """Return the adjoint of every node."""
        columns = (arguments.first, arguments.second, arguments.more)
        found = self.backward(self.found, self.rows, *columns, *self.told_apart)
        return found if self.beginning is None else self.beginning.adjoints(found)


def _kinds(graph: Graph) -> tuple[Sequence[Row], dict[Kind, Row]] | None:
    """Return one row a node, the same for the same operation, and those rows by operation.

    None for a graph that is not all float64 numbers.
    """
    sample = graph.rows[-_SAMPLE:]
    distinct = sorted(graph.distinct_rows, key=sample.count, reverse=True)
    kinds: dict[Kind, Row] = {}
    like: dict[Row, Row] = {}
    for row in distinct:
        if row.shape != () or row.dtype != FLOAT64:
            return None
        if row.op.leaf:
            like[row] = row
        elif row.op.partials is None or not all(type(value) is float for value in row.attrs.values()):
            return None
        else:
            like[row] = kinds.setdefault((row.op, tuple(row.attrs.items())), row)
    if any(row is not other for row, other in like.items()):  # scopes, or attributes, make several rows of a kind
        return tuple([like[row] for row in graph.rows]), kinds
    return graph.rows, kinds


def _run(graph: Graph, leaves: Mapping[int, Any]) -> _Run | None:
    found = _kinds(graph)
    if found is None:
        return None
    rows, kinds = found
    program = _program(tuple(kinds))
    if program is None:
        return None
    forward, backward = program
    arguments, told_apart = graph.arguments, tuple(kinds.values())
    first, second = arguments.first, arguments.second
    values = map(float, map(leaves.__getitem__, graph.leaf_ids))
    beginning = find_beginning(rows, arguments, graph.leaf_ids)
    f: list[float] = []
    try:
        if beginning is not None:
            end = beginning.end
            f = beginning.forward(values)
            rows, first, second = rows[end:], first[end:], second[end:]
        forward(f, rows, first, second, arguments.more, values, *told_apart)
    except (ArithmeticError, ValueError):
        return None
    return _Run(beginning, rows, told_apart, backward, f)


def forward(graph: Graph, leaves: Mapping[int, Any]) -> Column | None:
    """Return the value of every node, or None where the arrays must do it."""
    run = _run(graph, leaves)
    return None if run is None else run.values


def both(graph: Graph, leaves: Mapping[int, Any]) -> tuple[Column, Column] | None:
    """Return value and adjoint of every node of a graph whose last node is the output, or None."""
    run = _run(graph, leaves)
    if run is None:
        return None
    try:
        return run.values, run.adjoints(graph.arguments)
    except (ArithmeticError, ValueError):
        return None
