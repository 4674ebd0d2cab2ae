"""Terms that stand for single numbers: equal ones are one, and what floats allow is worked out beforehand.

``0 * x`` stays, as it is NaN where x is infinite; ``x + 0``, ``1 * x`` and signs are what they seem.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from gradviz.namespaces.record import Term

Terms: TypeAlias = Any
"""An array of terms. (To NumPy's types, an element of an array of objects is an array.)"""


def number(value: float) -> Term:
    """Return the term of a number."""
    return Term("number", (value,), shape=())


ZERO, ONE = number(0.0), number(1.0)

_SWAPPED = frozenset(("add", "multiply", "maximum", "minimum", "equal", "differ"))
"""Equal, whichever argument comes first."""

_CONDITIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "equal": operator.eq,
    "differ": operator.ne,
}
_KNOWN: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
}


class SharedTerms:
    """Makes terms short, and equal ones the same."""

    def __init__(self) -> None:
        self._made: dict[Term, Term] = {}
        self._known: dict[Any, Term] = {}

    def share(self, value: Terms) -> Terms:
        """Return an array of terms of the same values, each made once."""
        if value.dtype != object:
            return value
        shared = np.empty(value.shape, object)
        for place in np.ndindex(value.shape):
            shared[place] = self._shared(value[place])
        return shared

    def _shared(self, term: Term) -> Term:
        waiting = [term]
        while waiting:
            one = waiting[-1]
            args = one.args if one.fn not in ("number", "symbol") else ()
            missing = [arg for arg in args if arg not in self._made]
            waiting.extend(missing)
            if not missing:
                waiting.pop()
                made = one if not args else self.make(one.fn, *(self._made[arg] for arg in args))
                self._made[one] = self.once(made)
        return self._made[term]

    def make(self, fn: str, *args: Term) -> Term:
        """Return a function of shared terms, as short as it gets."""
        numbers = [arg.value for arg in args]
        if fn in _KNOWN and None not in numbers:
            found = _worked_out(fn, numbers)
            if found is not None:
                return self.once(number(found))
        rule = _SHORTER.get(fn)
        shorter = rule(self, *args) if rule is not None else None
        return self.once(Term(fn, args)) if shorter is None else shorter

    def once(self, term: Term) -> Term:
        """Return the one term that stands for all that are equal to this."""
        key: Any = (term.fn, term.args)
        if term.fn == "number":
            key = ("number", repr(float(term.args[0])))
        elif term.fn == "symbol":
            key = term
        elif term.fn in _SWAPPED:
            key = (term.fn, frozenset(term.args))
        found = self._known.setdefault(key, term)
        self._made[found] = found
        return found


def _worked_out(fn: str, numbers: list[Any]) -> float | None:
    try:
        found = float(_KNOWN[fn](*map(float, numbers)))  # NumPy's own would warn where Python's raise
    except (ArithmeticError, ValueError):
        return None
    return found if math.isfinite(found) else None  # where it comes from must stay to be seen


def _add(terms: SharedTerms, a: Term, b: Term) -> Term | None:
    if a.value == 0:
        return b
    if b.value == 0:
        return a
    if b.fn == "negative":
        return terms.make("subtract", a, b.args[0])
    return terms.make("subtract", b, a.args[0]) if a.fn == "negative" else None


def _subtract(terms: SharedTerms, a: Term, b: Term) -> Term | None:
    if b.value == 0:
        return a
    if a.value == 0:
        return terms.make("negative", b)
    return terms.make("add", a, b.args[0]) if b.fn == "negative" else None


def _multiply(terms: SharedTerms, a: Term, b: Term) -> Term | None:
    for one, other in ((a, b), (b, a)):
        if one.value == 1:
            return other
        if one.value == -1:
            return terms.make("negative", other)
    if a.fn == "negative":
        return terms.make("negative", terms.make("multiply", a.args[0], b))
    if b.fn == "negative":
        return terms.make("negative", terms.make("multiply", a, b.args[0]))
    return None


def _divide(terms: SharedTerms, a: Term, b: Term) -> Term | None:
    if a.fn == "negative":
        return terms.make("negative", terms.make("divide", a.args[0], b))
    return a if b.value == 1 else None


def _negative(terms: SharedTerms, a: Term) -> Term | None:
    return a.args[0] if a.fn == "negative" else None


def _square(terms: SharedTerms, a: Term) -> Term:
    return terms.make("multiply", a, a)


def _power(terms: SharedTerms, a: Term, b: Term) -> Term | None:
    if b.value == 1:
        return a
    return terms.make("multiply", a, a) if b.value == 2 else None


def _indicator(terms: SharedTerms, a: Term) -> Term | None:
    if a.fn == "indicator":
        return a
    holds = _decided(a)
    return None if holds is None else terms.once(ONE if holds else ZERO)


def _number_last(fn: str) -> Callable[..., Term | None]:
    def rule(terms: SharedTerms, a: Term, b: Term) -> Term | None:
        return terms.make(fn, b, a) if a.value is not None and b.value is None else None

    return rule


def _where(terms: SharedTerms, condition: Term, a: Term, b: Term) -> Term | None:
    holds = _decided(condition)
    if holds is not None:
        return a if holds else b
    if condition.fn == "indicator":
        return terms.make("where", condition.args[0], a, b)
    if a is b:
        return a
    return terms.make("indicator", condition) if a.value == 1 and b.value == 0 else None


def _decided(condition: Term) -> bool | None:
    """Return whether a condition holds, if that is known."""
    if condition.value is not None:
        return bool(condition.value)
    if condition.fn in _CONDITIONS:
        a, b = (arg.value for arg in condition.args)
        return _CONDITIONS[condition.fn](a, b) if a is not None and b is not None else None
    return None


_SHORTER: dict[str, Callable[..., Term | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "maximum": _number_last("maximum"),
    "minimum": _number_last("minimum"),
    "square": _square,
    "power": _power,
    "indicator": _indicator,
    "where": _where,
}
