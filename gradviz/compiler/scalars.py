"""A graph of small arrays as formulas of single numbers: every element a term, equal terms once.

The rules are those of the arrays, run on arrays of terms: whatever moves elements is NumPy's own.
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.compiler.expand import recorded
from gradviz.compiler.instructions import VIEWS, size
from gradviz.compiler.scalar_forms import FORMS
from gradviz.compiler.scalar_terms import ONE, ZERO, SharedTerms, Terms, number
from gradviz.core.graph import Graph, Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import CONSTANT
from gradviz.namespaces import numpy as vocabulary
from gradviz.namespaces.record import Term, symbol


class UnsuitableError(Exception):
    """The graph has something that single numbers cannot do, or would be far too long."""


@dataclass(frozen=True)
class Scalars:
    """A graph, number by number.

    Attributes:
        leaves: by path, the symbols of the elements of parameters and data.
        outputs: by name, the terms of the elements.
        hints: names for the elements of named nodes.
        terms: makes further ones.
    """

    leaves: Mapping[str, Terms]
    outputs: Mapping[str, Terms]
    hints: Mapping[Term, str]
    terms: SharedTerms


def work(graph: Graph) -> int:
    """Return about how many operations on single numbers a graph is, without writing them out."""
    return sum(_work(graph, index) for index in range(len(graph)))


def _work(graph: Graph, index: int) -> int:
    row = graph.rows[index]
    loop = row.attrs.get("loop")
    if isinstance(loop, Loop):
        return loop.length * work(loop.cell)
    shapes = [graph.rows[arg].shape for arg in graph.args[index]]
    largest = max(map(size, [row.shape, *shapes]))
    if row.op.name == "matmul":
        return size(row.shape) * shapes[0][-1]
    if row.op.name == "einsum":
        letters = row.attrs["subscripts"].partition("->")[0].replace(",", "")
        lengths = (length for shape in shapes for length in shape)
        return math.prod(dict(zip(letters, lengths, strict=True)).values())
    return largest if row.op.leaf or row.op.name not in VIEWS else 0


def unrolled(graph: Graph) -> Scalars:
    """Write a graph without loops out, number by number.

    Raises:
        UnsuitableError: for what only arrays can do.
    """
    return _Unrolling(graph).run()


class _Unrolling:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._terms = SharedTerms()
        self._values: list[Terms] = []
        self._leaves: dict[str, Terms] = {}
        self._hints: dict[Term, str] = {}
        self._often = Counter(graph.texts.values())

    def run(self) -> Scalars:
        graph = self._graph
        for index, row in enumerate(graph.rows):
            if row.op.leaf:
                self._values.append(self._leaf(index))
                continue
            if row.dtype.kind != "f" or not size(row.shape):
                raise UnsuitableError
            args = [self._values[arg] for arg in graph.args[index]]
            term = recorded(row.op, row.attrs, tuple(arg.shape for arg in args))
            if term is None:
                raise UnsuitableError
            value = self._terms.share(_run(term, args))
            if value.shape != row.shape:
                raise UnsuitableError
            self._name(index, value)
            self._values.append(value)
        outputs = {name: _lifted(self._values[index]) for name, index in graph.outputs.items()}
        shared = {name: self._terms.share(one) for name, one in outputs.items()}
        return Scalars(self._leaves, shared, self._hints, self._terms)

    def _leaf(self, index: int) -> Terms:
        node = self._graph.node(index)
        if node.op is CONSTANT:
            return np.asarray(self._graph.constants[index])
        made = _each(symbol, self._element_names(node))
        self._leaves[node.path] = made
        return made

    def _name(self, index: int, value: Terms) -> None:
        node = self._graph.node(index)
        if node.name:
            for term, name in zip(value.flat, self._element_names(node).flat, strict=True):
                if term.fn in FORMS:
                    self._hints.setdefault(term, name)

    def _element_names(self, node: Node) -> Terms:
        """Return names for the elements: w1, w2; W11, W12, W21; axes of length 1 are not counted."""
        base = node.path.replace("/", "_") if self._often[node.name] > 1 else node.name
        counted = [axis for axis, length in enumerate(node.shape) if length > 1]
        between = "_" if any(node.shape[axis] > 9 for axis in counted) else ""
        before = "_" if counted and base[-1:].isdigit() else ""
        made = np.empty(node.shape, object)
        for place in np.ndindex(node.shape):
            made[place] = base + before + between.join(str(place[axis] + 1) for axis in counted)
        return made


def _run(term: Term, args: list[Terms]) -> Terms:
    """Run a recorded rule on arrays of terms."""
    if term.fn == "symbol":
        return args[int(term.args[0])]
    if term.fn == "number":
        return np.array(number(term.args[0]), object)
    given = [_run(arg, args) for arg in term.args]
    if term.fn in ("take", "segment_sum"):
        if given[1].dtype == object:
            raise UnsuitableError  # which element it is, is not known before
        given[0] = _lifted(given[0])
    else:
        given = list(map(_lifted, given))
    special = _RULES.get(term.fn)
    if special is not None:
        return _array(special(*given, *term.attrs))
    if term.fn in _MOVERS:
        return _lifted(_array(getattr(vocabulary, term.fn)(*given, *term.attrs)))
    if term.fn in FORMS and not term.attrs:
        return _call(term.fn, *given)
    raise UnsuitableError


def _array(value: Any) -> Terms:
    return value if isinstance(value, np.ndarray) else np.array(value, object)


def _each(function: Callable[..., Any], *args: Terms) -> Terms:
    return _array(np.frompyfunc(function, len(args), 1)(*args))


def _lifted(value: Terms) -> Terms:
    """Return an array of terms; numbers become terms."""
    if value.dtype == object:
        return _each(lambda one: one if isinstance(one, Term) else number(one), value)
    made = np.empty(value.shape, object)
    for place in np.ndindex(value.shape):
        one = value[place]
        made[place] = number(float(str(one)) if one.dtype == np.float32 else one.item())  # 0.1 as it was written
    return made


def _over(function: Callable[[tuple[Term, ...]], Term]) -> Callable[..., Any]:
    """Return a reduction over axes by a function of several numbers."""

    def reduce(x: Terms, axis: tuple[int, ...], keepdims: bool = False) -> Any:
        last = np.moveaxis(x, axis, range(x.ndim - len(axis), x.ndim))
        made = np.empty(last.shape[: x.ndim - len(axis)], object)
        for place in np.ndindex(made.shape):
            made[place] = function(tuple(last[place].flat) if axis else (last[place],))
        return np.expand_dims(made, axis) if keepdims else made

    return reduce


_max = _over(lambda each: functools.reduce(lambda a, b: Term("maximum", (a, b)), each))


def _length(each: tuple[Term, ...]) -> Term:
    """Python's hypot neither overflows nor vanishes, but takes an infinity for more than NaN."""
    total = functools.reduce(operator.add, [one * one for one in each])
    return Term("where", (Term("equal", (total, total)), Term("hypot", each), total))


def _logsumexp(x: Terms, axis: tuple[int, ...], keepdims: bool = False) -> Any:
    top = _each(_finite, _max(x, axis, True))
    total = np.sum(_call("exp", x - top), axis=axis, keepdims=True)
    found = _call("log", _array(total)) + top
    return found if keepdims else np.squeeze(found, axis)


def _finite(one: Term) -> Term:
    return Term("where", (Term("equal", (one - one, ZERO)), one, ZERO))


def _prod_others(x: Terms, axis: tuple[int, ...]) -> Any:
    made, kept = np.empty(x.shape, object), x.ndim - len(axis)
    last, target = (np.moveaxis(one, axis, range(kept, x.ndim)) for one in (x, made))
    for place in np.ndindex(last.shape):
        row = last[place[:kept]]
        others = [row[other] for other in np.ndindex(row.shape) if other != place[kept:]] if axis else []
        target[place] = functools.reduce(lambda a, b: a * b, others, ONE)
    return made


def _call(fn: str, *args: Terms) -> Terms:
    return _each(lambda *each: Term(fn, each), *args)


def _softplus(x: Term) -> Term:
    return Term("maximum", (x, ZERO)) + Term("log1p", (Term("exp", (-Term("abs", (x,)),)),))


def _logaddexp(a: Term, b: Term) -> Term:
    larger = Term("maximum", (a, b)) + Term("log1p", (Term("exp", (-Term("abs", (a - b,)),)),))
    return Term("where", (Term("equal", (a, b)), a + math.log(2), larger))


def _sinc(x: Term) -> Term:
    turned = math.pi * x
    return Term("where", (Term("equal", (x, ZERO)), ONE, Term("sin", (turned,)) / turned))


def _normal_cdf(x: Term) -> Term:
    return Term("erfc", (-x / math.sqrt(2),)) / 2


_RULES: dict[str, Callable[..., Any]] = {
    "copy": lambda x: x,
    "indicator": lambda x: _call("indicator", x),
    "max": _max,
    "norm": _over(_length),
    "logsumexp": _logsumexp,
    "prod_others": _prod_others,
    "softplus": lambda x: _each(_softplus, x),
    "logaddexp": lambda a, b: _each(_logaddexp, a, b),
    "sinc": lambda x: _each(_sinc, x),
    "normal_cdf": lambda x: _each(_normal_cdf, x),
    "guard": lambda holds, value, otherwise: _call("where", holds, value, otherwise),
    "pi": lambda: np.array(number(math.pi), object),
    "concatenate": lambda *args: np.concatenate(args[:-1], args[-1]),
    "stack": lambda *args: np.stack(args[:-1], args[-1]),
    "einsum": lambda *args: _lifted(_array(np.einsum(args[-1], *args[:-1]))),  # a sum of nothing is a plain 0
}
"""What is done otherwise for terms than for arrays."""

_MOVERS = frozenset(
    "broadcast_to cumsum expand_dims eye flip fold getitem matmul ones pad prod reshape scatter segment_sum squeeze "
    "sum sum_to swapaxes take transpose windows".split()
)
"""What NumPy does with arrays of terms as with any: moving, adding and multiplying."""
