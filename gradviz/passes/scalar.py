"""The scalar sweep: graphs of float64 numbers, run as one Python loop.

An array call costs more than a product of two floats, so for graphs of single numbers the primitives'
own rules are recorded once and printed as the branches of a loop over the tape. Nothing about an
operation is known here. Where Python's arithmetic raises (1/0, exp(1000)) the sweep gives up, and
the caller runs the rules on arrays, which give inf or NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np

from gradviz.core.graph import Graph
from gradviz.core.primitive import Primitive, call_rule
from gradviz.errors import RuleError
from gradviz.namespaces import numpy as xp
from gradviz.namespaces.record import Term, as_term, recorder, symbol

Kind = tuple[Primitive, tuple[tuple[str, float], ...]]
LEAF = -1
_SAMPLE = 64
"""So many nodes tell which operations are common: their branches are tried first."""

_FLOAT64 = np.dtype(np.float64)
_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "equal": "==",
    "differ": "!=",
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
_MATH = {
    name: getattr(math, name.replace("arc", "a"))
    for name in (
        "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh erf exp exp2 expm1 hypot log log10 log1p log2 "
        "sin sinh sqrt tan tanh"
    ).split()
}


def _on_array(name: str) -> Callable[..., float]:
    careful = getattr(xp, name)

    def run(*args: float) -> float:
        return float(careful(*args))

    return run


def _scope() -> dict[str, Any]:
    functions = {name: _MATH.get(name) or _on_array(name) for name in xp.__all__ if callable(getattr(xp, name))}
    functions["maximum"] = lambda a, b: a if a > b or isnan(a) else b  # NaN wins, as in NumPy
    functions["minimum"] = lambda a, b: a if a < b or isnan(a) else b
    return {**functions, "abs": abs, "pow_": math.pow}


def _print(term: Term) -> str:
    if term.fn == "number":
        return repr(term.args[0])
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
    for code, kind in enumerate(kinds):
        places = [f"i{slot}" for slot in range(len(kind[0].partials or ()))]
        lines.append(f"        {'if' if code == 0 else 'elif'} code == {code}:")
        lines.append(f"            {', '.join(places)}, = args_k")
        lines.extend(f"            {line}" for line in body(kind, places))
    return lines


def _forward_lines(kind: Kind, places: list[str]) -> list[str]:
    op, attrs = kind
    arguments = [symbol(f"f[{place}]") for place in places]
    term = call_rule(lambda: as_term(op.forward(recorder, *arguments, **dict(attrs))))
    return [f"put({_print(term)})"]


def _backward_lines(kind: Kind, places: list[str]) -> list[str]:
    op, attrs = kind
    arguments = [symbol(f"f[{place}]") for place in places]
    lines = []
    for place, partial in zip(places, op.partials or (), strict=True):
        term = call_rule(lambda rule=partial: as_term(rule(recorder, symbol("f[k]"), *arguments, **dict(attrs))))  # type: ignore[misc]  # bound now
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


def _source(kinds: tuple[Kind, ...]) -> list[str]:
    return [
        "def forward(codes, args, leaves):",
        "    f = []",
        "    put = f.append",
        "    for code, args_k in zip(codes, args):",
        *_branches(kinds, _forward_lines),
        "        else:" if kinds else "        if True:",
        "            put(next(leaves))",
        "    return f",
        "def backward(codes, args, f):",
        "    k = len(f)",
        "    g = [0.0] * k",
        "    g[-1] = 1.0",
        "    for code, args_k in zip(reversed(codes), reversed(args)):",
        "        k -= 1",
        "        g_k = g[k]",
        *_branches(kinds, _backward_lines),
        "    return g",
    ]


def _codes(graph: Graph) -> tuple[list[int], tuple[Kind, ...]] | None:
    """Return a code a node, and the kinds they stand for; None for a graph that is not all scalars."""
    kinds: dict[Kind, int] = {}
    by_row: dict[Any, int] = {}
    common = Counter(graph.rows[-_SAMPLE:])
    for row in sorted(set(graph.rows), key=lambda row: -common[row]):
        if row.shape != () or row.dtype != _FLOAT64:
            return None
        if row.op.leaf:
            by_row[row] = LEAF
        elif row.op.partials is None or not all(type(value) is float for value in row.attrs.values()):
            return None
        else:
            by_row[row] = kinds.setdefault((row.op, tuple(row.attrs.items())), len(kinds))
    return list(map(by_row.__getitem__, graph.rows)), tuple(kinds)


def _forward(graph: Graph, leaves: Mapping[int, Any]) -> tuple[list[int], Any, list[float]] | None:
    coded = _codes(graph)
    if coded is None:
        return None
    codes, kinds = coded
    program = _program(kinds)
    if program is None:
        return None
    forward, backward = program
    values = iter([leaves[index].item() for index in graph.leaf_ids])
    try:
        return codes, backward, forward(codes, graph.args, values)
    except (ArithmeticError, ValueError):
        return None


def forward(graph: Graph, leaves: Mapping[int, Any]) -> list[float] | None:
    """Return the value of every node, or None where the arrays must do it."""
    found = _forward(graph, leaves)
    return found and found[2]


def both(graph: Graph, leaves: Mapping[int, Any]) -> tuple[list[float], list[float]] | None:
    """Return value and adjoint of every node of a graph whose last node is the output, or None."""
    found = _forward(graph, leaves)
    if found is None:
        return None
    codes, backward, values = found
    try:
        return values, backward(codes, graph.args, values)
    except (ArithmeticError, ValueError):
        return None
