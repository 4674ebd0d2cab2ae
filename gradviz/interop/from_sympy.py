"""`gradviz.from_sympy`: a SymPy expression as a graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy
from sympy.logic.boolalg import Boolean
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.arrayop import Flatten
from sympy.tensor.array.ndim_array import NDimArray

from gradviz.core.apply import constant
from gradviz.core.build import data, param
from gradviz.core.build import graph as freeze
from gradviz.core.expr import Expr
from gradviz.core.expression import refuse_unknown
from gradviz.core.graph import Graph
from gradviz.core.primitive import FUNCTIONS, REGISTRY
from gradviz.core.tape import private_tape
from gradviz.errors import ExpressionError, GradvizError
from gradviz.passes.algebra import NAMES

_SAME = {name: name for name in "exp log sin cos tan sinh cosh tanh erf sign".split()} | NAMES
_SAME |= {"atan2": "arctan2", "Heaviside": "step"}
_SAME |= {"StrictGreaterThan": "greater", "GreaterThan": "greater_equal"}
_SAME |= {"StrictLessThan": "less", "LessThan": "less_equal"}
_BY_OTHERS: dict[str, Callable[[Expr], Expr]] = {
    "erfc": lambda x: 1 - FUNCTIONS["erf"](x),
    "sinc": lambda x: FUNCTIONS["sinc"](x / np.pi),
    "sec": lambda x: 1 / FUNCTIONS["cos"](x),
    "csc": lambda x: 1 / FUNCTIONS["sin"](x),
    "cot": lambda x: 1 / FUNCTIONS["tan"](x),
    "sech": lambda x: 1 / FUNCTIONS["cosh"](x),
    "csch": lambda x: 1 / FUNCTIONS["sinh"](x),
    "coth": lambda x: 1 / FUNCTIONS["tanh"](x),
}
_CONSTANTS = {sympy.pi: math.pi, sympy.E: math.e, sympy.oo: math.inf, -sympy.oo: -math.inf}
_FOLDED = {"Or": "maximum", "And": "multiply", "MatAdd": "add", "HadamardProduct": "multiply"}
_FOLDED |= {name: NAMES[name] for name in ("Max", "Min")}


@private_tape()
def from_sympy(expression: Any, *, at: Mapping[str, Any] | None = None, data: Iterable[str] = ()) -> Graph:
    """Make a graph of a SymPy expression.

    Symbols become leaves of their names. An `IndexedBase` and a `MatrixSymbol` become arrays, of the
    shape that they have, or that ``at`` gives, or that the largest index asks for. Equal parts of the
    expression become one node. Sums and products over a known range are written out.

    Args:
        expression: an expression, a matrix, or an array of expressions; never a text, which SymPy would evaluate.
        at: values of leaves by name.
        data: the names that become data; the others become parameters.

    Raises:
        ExpressionError: for what is no expression of SymPy, or has no primitive here.

    Example:
        >>> import sympy
        >>> import gradviz as gv
        >>> x, y = sympy.symbols("x y")
        >>> g = gv.from_sympy(sympy.Max(1 - x * y, 0), at={"x": 0.5, "y": 1.0})
        >>> float(gv.backprop(g).grad["x"])
        -1.0
    """
    if not isinstance(expression, (sympy.Basic, sympy.MatrixBase, NDimArray)):
        raise ExpressionError(f"a SymPy expression is wanted, not {type(expression).__name__}", hint="sympy.symbols")
    marked = frozenset(data)
    walker = _Walker(at or {}, marked)
    try:
        found = walker.array(expression)
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply") from None
    refuse_unknown((*(at or {}), *marked), walker.leaves)
    return freeze(found)


class _Walker:
    """Builds nodes for the parts of an expression, each once."""

    def __init__(self, at: Mapping[str, Any], data: frozenset[str]) -> None:
        self._at = at
        self._data = data
        self._known: dict[Any, Expr] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self.leaves: dict[str, Expr] = {}

    def array(self, expression: Any) -> Expr:
        """Build a matrix or array of expressions entry by entry, and anything else as it is."""
        if isinstance(expression, (sympy.MatrixBase, NDimArray)):
            entries = list(Flatten(expression)) if isinstance(expression, NDimArray) else list(expression.flat())
            self._note_shapes(*entries)
            flat = FUNCTIONS["stack"]([self.node(entry) for entry in entries])
            return FUNCTIONS["reshape"](flat, tuple(map(int, expression.shape)))
        self._note_shapes(expression)
        return self.node(expression)

    def _note_shapes(self, *expressions: Any) -> None:
        """Find out how large the indexed leaves are."""
        for expression in expressions:
            for entry in expression.atoms(sympy.Indexed):
                name = entry.base.label.name
                if entry.base.shape is not None and all(length.is_Integer for length in entry.base.shape):
                    self._shapes[name] = tuple(map(int, entry.base.shape))
                elif name not in self._at and all(index.is_Integer for index in entry.indices):
                    least = tuple(int(index) + 1 for index in entry.indices)
                    before = self._shapes.get(name, least)
                    self._shapes[name] = tuple(map(max, before, least))

    def node(self, expression: Any) -> Expr:
        """Return the node of an expression."""
        if expression not in self._known:
            try:
                self._known[expression] = self._make(expression)
            except ExpressionError:
                raise
            except GradvizError as error:
                raise ExpressionError(f"{expression}: {error.what}", hint=error.hint) from None
        return self._known[expression]

    def _make(self, expression: Any) -> Expr:
        name = type(expression).__name__
        if isinstance(expression, sympy.Symbol):
            return self._leaf(expression.name, ())
        if isinstance(expression, sympy.MatrixSymbol):
            return self._leaf(expression.name, tuple(map(int, expression.shape)))
        if isinstance(expression, (sympy.Sum, sympy.Product, sympy.Derivative)):
            return self._written_out(expression)
        if isinstance(expression, (sympy.Indexed, MatrixElement)):
            return self._entry(expression)
        if expression in (sympy.true, sympy.false):
            return constant(float(expression == sympy.true))
        if expression in _CONSTANTS or isinstance(expression, sympy.Float):
            return constant(_CONSTANTS.get(expression) or float(expression))
        if isinstance(expression, sympy.Rational):
            return self._fraction(int(expression.p), int(expression.q))
        if name in _FOLDED:
            return reduce(REGISTRY[_FOLDED[name]], map(self.node, expression.args))
        if name in _SAME and len(expression.args) == len(REGISTRY[_SAME[name]].partials or ()) + (name == "Heaviside"):
            return REGISTRY[_SAME[name]](*map(self.node, expression.args[: 1 if name == "Heaviside" else None]))
        if name in _BY_OTHERS:
            return _BY_OTHERS[name](self.node(expression.args[0]))
        special = getattr(self, f"_make_{name.lower()}", None)
        if special is None:
            raise ExpressionError(f"SymPy's {name} has no primitive here: {expression}", hint="write it with others")
        return special(expression)  # type: ignore[no-any-return]

    def _leaf(self, name: str, shape: tuple[int, ...]) -> Expr:
        if name not in self.leaves:
            make = data if name in self._data else param
            value = self._at.get(name)
            size = np.shape(value) if value is not None and not shape else shape
            self.leaves[name] = make(name, value, shape=size)
        return self.leaves[name]

    def _fraction(self, top: int, bottom: int) -> Expr:
        """A constant, if a short decimal number is the fraction; else a division."""
        decimal = repr(top / bottom)
        whole = sympy.Rational(decimal) == sympy.Rational(top, bottom)
        return constant(float(decimal)) if whole else constant(float(top)) / float(bottom)

    def _written_out(self, expression: Any) -> Expr:
        done = expression.doit()
        if done == expression or done.has(sympy.Sum, sympy.Product, sympy.Derivative):
            raise ExpressionError(f"{expression} cannot be written out", hint="give it a known range")
        self._note_shapes(done)
        return self.node(done)

    def _entry(self, expression: Any) -> Expr:
        indices = expression.indices
        if not all(index.is_Integer for index in indices):
            raise ExpressionError(f"{expression} has an index that is no number")
        if isinstance(expression, MatrixElement):
            return self.node(expression.parent)[tuple(map(int, indices))]
        name = expression.base.label.name
        return self._leaf(name, self._shapes.get(name, ()))[tuple(map(int, indices))]

    # n-ary and two-sided forms, as one writes them

    def _make_add(self, expression: Any) -> Expr:
        terms = expression.as_ordered_terms()
        terms.sort(key=lambda term: bool(term.could_extract_minus_sign()))  # what is subtracted comes last
        found = self.node(terms[0])
        for term in terms[1:]:
            minus = term.could_extract_minus_sign()
            found = found - self.node(-term) if minus else found + self.node(term)
        return found

    def _make_mul(self, expression: Any) -> Expr:
        if expression.could_extract_minus_sign():
            return -self.node(-expression)
        top, bottom = sympy.fraction(expression, exact=True)
        if bottom != 1:
            return self.node(top) / self.node(bottom)
        return reduce(lambda a, b: a * b, map(self.node, expression.as_ordered_factors()))

    def _make_pow(self, expression: Any) -> Expr:
        base, exponent = expression.as_base_exp()
        if exponent == sympy.Rational(1, 2):
            return FUNCTIONS["sqrt"](self.node(base))
        if exponent.could_extract_minus_sign():
            return 1 / self.node(base**-exponent)
        if exponent.is_Integer:
            return self.node(base) ** int(exponent)
        return self.node(base) ** (float(exponent) if exponent.is_number else self.node(exponent))

    def _make_piecewise(self, expression: Any) -> Expr:
        *cases, (last, otherwise) = expression.args
        if otherwise != sympy.true:
            raise ExpressionError(f"{expression} is not defined everywhere", hint="end it with (…, True)")
        found: Any = None
        if len(cases) == 1 and cases[0][0] == 1 and last == 0:
            return self.node(cases[0][1])
        for value, condition in reversed(cases):
            rest = self.node(last) if found is None else found
            found = FUNCTIONS["where"](self.node(condition), self.node(value), rest)
        return self.node(last) if found is None else found

    def _make_not(self, expression: Boolean) -> Expr:
        return 1 - self.node(expression.args[0])

    def _make_equality(self, expression: Any) -> Expr:
        a, b = map(self.node, expression.args)
        return (a >= b) * (a <= b)

    def _make_unequality(self, expression: Any) -> Expr:
        return 1 - self.node(sympy.Eq(*expression.args))

    def _make_matmul(self, expression: Any) -> Expr:
        factor, matrices = expression.as_coeff_matrices()
        product = reduce(lambda a, b: a @ b, map(self.node, matrices))
        return product if factor == 1 else self.node(factor) * product

    def _make_transpose(self, expression: Any) -> Expr:
        return self.node(expression.arg).T

    def _make_trace(self, expression: Any) -> Expr:
        return FUNCTIONS["einsum"]("ii->", self.node(expression.arg))
