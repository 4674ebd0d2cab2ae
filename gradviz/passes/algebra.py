"""Products and sums of labels simplified by SymPy, and written back in the names of the picture.

Indicators, arrays and the activation functions stay whole, as the slides have them; SymPy sees them as
symbols. What it knows (sin, exp, max, …) it gets as its own functions.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import sympy

from gradviz.namespaces import sympy as xp
from gradviz.namespaces.record import Term, as_term
from gradviz.namespaces.simplify import simplify
from gradviz.namespaces.tex import is_scalar, to_tex
from gradviz.passes.limit import TimeIsUpError, time_limit

_LONG = 9
"""Numbers of more characters than this stay floating-point numbers."""
_SECONDS = 1.0
"""The time to look for a shorter form."""
_RELATIONS = {"gt": sympy.Gt, "ge": sympy.Ge, "lt": sympy.Lt, "le": sympy.Le}
_BACK = {sympy.StrictGreaterThan: "gt", sympy.GreaterThan: "ge", sympy.StrictLessThan: "lt", sympy.LessThan: "le"}
_COMPARISONS = {"greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le"}
_KNOWN = {"abs", "exp", "log", "sign", "sqrt", "maximum", "minimum", "sin", "cos", "tan", "sinh", "cosh", "tanh"}
_KNOWN |= {"arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"}
NAMES = {"Abs": "abs", "acos": "arccos", "asin": "arcsin", "atan": "arctan", "acosh": "arccosh", "asinh": "arcsinh"}
NAMES |= {"atanh": "arctanh", "Max": "maximum", "Min": "minimum"}
"""Primitives by the names that SymPy has for them, where those are others."""
_UNDEFINED = (sympy.zoo, sympy.nan)
_LINEAR = {"matmul", "outer", "einsum", "sum", "transposed"}
"""Linear in each argument, so that a number can be taken out."""


class Algebra:
    """A translation between terms and SymPy's expressions.

    Args:
        leaves: the LaTeX of the graph's leaves; in a product they stand last, in their alphabetical order,
            after the indicators and the computed nodes.
    """

    def __init__(self, leaves: Collection[str] = ()) -> None:
        self._leaves = frozenset(leaves)
        self._atoms: dict[str, sympy.Symbol] = {}
        self._terms: dict[sympy.Symbol, Term] = {}
        self._order: dict[sympy.Symbol, int] = {}
        self._indicators: dict[sympy.Symbol, Any] = {}

    # there

    def expression(self, term: Term) -> Any:
        """Return a term as a SymPy expression."""
        return self._expression(simplify(term))

    def _expression(self, term: Term) -> Any:
        fn, args = term.fn, term.args
        if fn == "number":
            # SymPy would raise to the power of a long fraction's numerator
            return xp.exact(args[0]) if len(repr(args[0])) < _LONG else sympy.Float(args[0])
        if fn == "pi":
            return sympy.pi
        if fn == "symbol":
            return self._atom(term)
        if fn in _ARITHMETIC:
            return _ARITHMETIC[fn](*map(self._expression, args))
        if fn == "square":
            return self._expression(args[0]) ** 2
        if fn == "step":
            return self._indicator("gt", args[0], as_term(0))
        if fn in _COMPARISONS:
            return self._indicator(_COMPARISONS[fn], *args)
        if fn == "indicator" and args[0].fn in _RELATIONS:
            return self._indicator(args[0].fn, *args[0].args)
        if fn in _KNOWN and not term.attrs:
            return getattr(xp, fn)(*map(self._expression, args)).item()
        if fn in _LINEAR:
            return self._linear(term)
        return self._atom(term)

    def _atom(self, term: Term) -> sympy.Symbol:
        key = to_tex(term)
        if key not in self._atoms:
            self._atoms[key] = symbol = sympy.Symbol(key, real=True)
            self._terms[symbol] = term
            self._order[symbol] = len(self._order)
        return self._atoms[key]

    def _indicator(self, relation: str, a: Term, b: Term) -> Any:
        """1[a > b], solved for what stands alone: 1 - m > 0 becomes m < 1."""
        left, right = self._expression(a), self._expression(b)
        held = _RELATIONS[relation](*sides(sympy.expand(left - right)))
        if held in (True, False):
            return sympy.Integer(int(bool(held)))
        if held.lhs.is_number:
            held = held.reversed
        solved = Term(_BACK[type(held)], (self.term(held.lhs), self.term(held.rhs)))
        symbol = self._atom(Term("indicator", (solved,)))
        self._indicators[symbol] = held
        return symbol

    def _linear(self, term: Term) -> Any:
        """Take the numbers out of a linear function of arrays; the rest is one symbol."""
        factor: Any = sympy.Integer(1)
        args = []
        for arg in term.args:
            whole = sympy.factor_terms(self._expression(arg))
            scalars, rest = whole.as_independent(*self._arrays(), as_Add=False)
            factor *= scalars
            args.append(self.term(rest) if rest != 1 else as_term(1))
        kept = simplify(Term(term.fn, tuple(args), term.attrs, term.shape))
        return factor * (self._atom(kept) if kept.fn in _LINEAR else self._expression(kept))

    def _arrays(self) -> list[sympy.Symbol]:
        return [symbol for symbol, term in self._terms.items() if not is_scalar(term)]

    # and back

    def term(self, expression: Any) -> Term:
        """Return an expression as a term, its factors in the slides' order."""
        if expression.is_Symbol:
            return self._terms[expression]
        if expression.is_Rational:
            top, bottom = as_term(int(expression.p)), as_term(int(expression.q))
            return top if expression.q == 1 else Term("divide", (top, bottom))
        if expression.is_Float:
            return as_term(float(expression))
        if expression is sympy.pi:
            return Term("pi", ())
        if expression is sympy.E:
            return Term("exp", (as_term(1),))
        if expression.is_Add:
            return self._sum(expression)
        if expression.is_Mul:
            return self._product(expression)
        if expression.is_Pow:
            return self._power(expression)
        name = type(expression).__name__
        return Term(NAMES.get(name, name), tuple(map(self.term, expression.args)))

    def _sum(self, expression: Any) -> Term:
        parts = sorted(expression.args, key=lambda part: (part.could_extract_minus_sign(), self._first(part)))
        found = self.term(parts[0])
        for part in parts[1:]:
            minus = part.could_extract_minus_sign()
            found = Term("subtract" if minus else "add", (found, self.term(-part if minus else part)))
        return found

    def _first(self, part: Any) -> tuple[bool, int]:
        """Where a summand stands: by the first of its symbols that was met, numbers last."""
        places = [self._order.get(symbol, 0) for symbol in part.free_symbols]
        return not places, min(places, default=0)

    def _rank(self, factor: Any) -> tuple[int, str, int]:
        """Where a factor stands: numbers, indicators, computed nodes by place on the path, leaves by name, ones."""
        symbols = factor.free_symbols
        if not symbols:
            return (0, "", 0)
        if symbols <= self._indicators.keys():
            return (1, "", 0)
        first = min(symbols, key=lambda symbol: self._order.get(symbol, 0))
        if factor.is_Symbol and self._terms[first].fn == "ones":
            return (4, "", 0)
        if factor.is_Symbol and to_tex(self._terms[first]) in self._leaves:
            return (3, _letters(to_tex(self._terms[first])), 0)
        return (2, "", self._order.get(first, 0))

    def _product(self, expression: Any) -> Term:
        if expression.could_extract_minus_sign():
            return Term("negative", (self.term(-expression),))
        top, bottom = sympy.fraction(expression, exact=True)
        if bottom != 1:
            return Term("divide", (self.term(top), self.term(bottom)))
        factors = sorted(sympy.Mul.make_args(top), key=self._rank)
        return Term("product", tuple(map(self.term, factors))) if len(factors) > 1 else self.term(factors[0])

    def _power(self, expression: Any) -> Term:
        base, exponent = expression.as_base_exp()
        if base in self._indicators and exponent.is_positive:
            return self.term(base)
        if exponent == sympy.Rational(1, 2):
            return Term("sqrt", (self.term(base),))
        if exponent.could_extract_minus_sign():
            return Term("divide", (as_term(1), self.term(base**-exponent)))
        if base is sympy.E:
            return Term("exp", (self.term(exponent),))
        return Term("power", (self.term(base), self.term(exponent)))

    # simplified

    def simplified(self, expression: Any) -> Any:
        """Return the expression in the shortest of the forms that SymPy finds within a time limit.

        None where it divides by zero: SymPy takes x - x for 0, whatever it is divided by.
        """
        if expression.has(*_UNDEFINED):
            return None
        forms = [expression]
        with suppress(TimeIsUpError, RecursionError), time_limit(_SECONDS):
            for form in (sympy.factor_terms, sympy.factor, sympy.expand, sympy.simplify):
                found = form(expression)
                if not (_multiplied_out(found) or found.has(sympy.Piecewise, *_UNDEFINED)):  # a label has no cases
                    forms.append(found)
        return min(forms, key=lambda form: (_length(form), forms.index(form)))

    def formula(self, expression: Any) -> Any:
        """Return the expression with indicators as Piecewise, for a reader who goes on with SymPy."""
        found = {symbol: sympy.Piecewise((1, held), (0, True)) for symbol, held in self._indicators.items()}
        return expression.xreplace(found)


def _length(expression: Any) -> int:
    """How long an expression is to read."""
    return int(expression.count_ops()) + sum(1 for part in sympy.preorder_traversal(expression) if part.is_Atom)


def _multiplied_out(expression: Any) -> bool:
    """Whether a summand was multiplied by a factor of the common denominator, only to be divided by it."""
    top, bottom = sympy.fraction(expression)
    factors = {factor for summand in sympy.Add.make_args(top) for factor in sympy.Mul.make_args(summand)}
    return any(factor in factors for factor in sympy.Mul.make_args(bottom) if not factor.is_number)


def _letters(tex: str) -> str:
    """The letters to sort a name by, without the commands of LaTeX that only set its type."""
    return tex.replace(r"\mathbf", "").replace(r"\mathrm", "").strip("\\{}").lower()


def sides(difference: Any) -> tuple[Any, Any]:
    """Part a - b of a > b into two sides without a minus sign: what is positive, and what is negative."""
    terms = sympy.Add.make_args(difference)
    left = sympy.Add(*(term for term in terms if not term.could_extract_minus_sign()))
    right = sympy.Add(*(-term for term in terms if term.could_extract_minus_sign()))
    return left, right


_ARITHMETIC: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "product": sympy.Mul,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "negative": lambda a: -a,
}
