"""Terms made readable: numbers folded, ones and zeros dropped, shape bookkeeping removed.

For labels only: ``0 * x`` becomes ``0`` here, which is no rule of floating-point arithmetic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from gradviz.namespaces.record import Term, as_term
from gradviz.namespaces.shapes import shape_of
from gradviz.ops.elementwise import COMPARISONS

ZERO, ONE = as_term(0), as_term(1)

_FOLD: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "equal": operator.eq,
    "differ": operator.ne,
}
_INDICATORS = {"indicator", *(op.name for op in COMPARISONS)}
_PASSED_THROUGH = {"reshape", "squeeze"}


def simplify(term: Term) -> Term:
    """Return a term of the same value (for real numbers) that is shorter to read."""
    if term.fn in ("number", "symbol"):
        return term
    args = tuple(simplify(arg) for arg in term.args)
    rule = _RULES.get(term.fn)
    found = rule(*args) if rule and not term.attrs else None
    if found is not None:
        return found
    if term.fn in _FOLD and all(arg.fn == "number" for arg in args):
        return as_term(_FOLD[term.fn](args[0].value, args[1].value))
    if term.fn in _PASSED_THROUGH:
        return args[0]
    if term.fn == "sum_to":
        return args[0] if shape_of(term.args[0]) == term.attrs[0] else Term("sum", args, shape=term.attrs[0])
    shaped = _SHAPED.get(term.fn)
    return _first(shaped(args, term.attrs) if shaped else None, Term(term.fn, args, term.attrs, term.shape))


def _first(found: Term | None, otherwise: Term) -> Term:
    return otherwise if found is None else found


def _is(term: Term, number: float) -> bool:
    return term.fn == "number" and term.value == number


def negated(term: Term) -> Term | None:
    """Return minus the term if that is shorter than the term itself, else None."""
    if term.fn == "number" and term.value is not None and term.value < 0:
        return as_term(-term.value)
    if term.fn == "negative":
        return term.args[0]  # type: ignore[no-any-return]
    if term.fn in ("multiply", "divide"):
        for place, arg in enumerate(term.args):
            plain = negated(arg)
            if plain is not None:
                args = (*term.args[:place], plain, *term.args[place + 1 :])
                return _first(_RULES[term.fn](*args), Term(term.fn, args))
    return None


def _add(a: Term, b: Term) -> Term | None:
    if _is(a, 0):
        return b
    if _is(b, 0):
        return a
    if a.fn == b.fn == "number":
        return None
    minus = negated(b)
    return None if minus is None else Term("subtract", (a, minus))


def _subtract(a: Term, b: Term) -> Term | None:
    if _is(b, 0):
        return a
    if a.fn == b.fn == "number":
        return None
    if _is(a, 0):
        return _negative(b)
    plus = negated(b)
    return None if plus is None else Term("add", (a, plus))


def _multiply(a: Term, b: Term) -> Term | None:
    if _is(a, 0) or _is(b, 0):
        return ZERO
    if _is(a, 1):
        return b
    if _is(b, 1):
        return a
    for one, other in ((a, b), (b, a)):
        number = _spread(one, other)
        if number is not None:
            return _first(_multiply(number, other), Term("multiply", (number, other)))
    if a.fn == b.fn == "number":
        return None
    if b.fn == "number":  # the number first
        a, b = b, a
    if a.fn == "number" and b.fn == "multiply" and b.args[0].fn == "number":
        number = as_term(a.value * b.args[0].value)
        return _first(_multiply(number, b.args[1]), Term("multiply", (number, b.args[1])))
    plus = negated(a) if a.fn == "number" else None
    if plus is not None:
        return _negative(_first(_multiply(plus, b), Term("multiply", (plus, b))))
    left, right = negated(a), negated(b)
    if left is not None and right is not None:
        return _first(_multiply(left, right), Term("multiply", (left, right)))
    if a.fn == "divide" and _is(a.args[0], 1):
        return Term("divide", (b, a.args[1]))
    if b.fn == "divide" and _is(b.args[0], 1):
        return Term("divide", (a, b.args[1]))
    return Term("multiply", (a, b))


def _spread(term: Term, other: Term) -> Term | None:
    """Return the number that a term spreads over ones, if in a product with another these change nothing."""
    if term.fn == "ones":
        ones, number = term, ONE
    elif term.fn == "multiply":
        number, ones = term.args
    elif term.fn == "divide":
        ones, number = term.args[0], Term("divide", (ONE, term.args[1]))
    else:
        return None
    return number if ones.fn == "ones" and shape_of(other) == ones.attrs[0] else None


def _divide(a: Term, b: Term) -> Term | None:
    if _is(b, 1):
        return a
    if _is(a, 0):
        return ZERO
    if b.fn == "divide":  # a fraction in a fraction is hard to read
        over, under = b.args
        top = _first(_multiply(a, under), Term("multiply", (a, under)))
        return _first(_divide(top, over), Term("divide", (top, over)))
    if a.fn == "divide":
        over, under = a.args
        bottom = _first(_multiply(under, b), Term("multiply", (under, b)))
        return _first(_divide(over, bottom), Term("divide", (over, bottom)))
    minus = negated(a)
    return None if minus is None else Term("negative", (Term("divide", (minus, b)),))


def _power(a: Term, b: Term) -> Term | None:
    if _is(b, 1):
        return a
    if _is(b, 0):
        return ONE
    if a.fn == b.fn == "number" and isinstance(b.value, int) and abs(b.value) < 10 and a.value:
        return as_term(a.value**b.value)
    if b.fn == "number" and isinstance(b.value, float) and b.value.is_integer():
        whole = as_term(int(b.value))
        return _first(_power(a, whole), Term("power", (a, whole)))
    return None


def _negative(a: Term) -> Term:
    otherwise = Term("negative", (a,)) if a.value is None else as_term(-a.value)
    return _first(negated(a), otherwise)


def _guard(holds: Term, value: Term, otherwise: Term) -> Term:
    return otherwise if _is(holds, 0) else value


def _where(condition: Term, a: Term, b: Term) -> Term | None:
    if condition.fn == "number":
        return a if condition.value else b
    chosen = condition if condition.fn in _INDICATORS else Term("indicator", (condition,))
    if _is(a, 1) and _is(b, 0):
        return chosen
    if _is(a, 0) and _is(b, 1):
        return Term("subtract", (ONE, chosen))
    return None


def _indicator(condition: Term) -> Term | None:
    return as_term(int(condition.value)) if condition.fn == "number" and condition.value is not None else None


def _matmul(a: Term, b: Term) -> Term | None:
    return _multiply(a, b) if "number" in (a.fn, b.fn) else None


_RULES: dict[str, Callable[..., Term | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "negative": _negative,
    "guard": _guard,
    "where": _where,
    "indicator": _indicator,
    "matmul": _matmul,
}


def _transposed(term: Term) -> Term:
    if term.fn == "number":
        return term
    if term.fn == "transpose" and len(term.shape or ()) == 2:
        return term.args[0]  # type: ignore[no-any-return]
    return term.args[0] if term.fn == "transposed" else Term("transposed", (term,))


def _expand(args: tuple[Term, ...], attrs: tuple[Any, ...]) -> Term:
    return _transposed(args[0]) if attrs == (-2,) else args[0]


def _broadcast(args: tuple[Term, ...], attrs: tuple[Any, ...]) -> Term:
    """Write a number spread over an array as its product with ones: a product of matrices would lose them."""
    if not (attrs and attrs[0]) or shape_of(args[0]) != ():
        return args[0]
    ones = Term("ones", (), attrs)
    return _first(_multiply(args[0], ones), Term("multiply", (args[0], ones)))


def _einsum(args: tuple[Term, ...], attrs: tuple[Any, ...]) -> Term | None:
    """Drop the factors of an einsum that are one everywhere; what is left may be a product entry by entry."""
    inputs, output = attrs[0].split("->")
    factors = list(zip(args, inputs.split(","), strict=True))
    kept = [(arg, letters) for arg, letters in factors if not _repeats(arg, letters, output)]
    if not kept:
        lengths = dict(pair for arg, letters in factors if letters for pair in zip(letters, arg.attrs[0], strict=True))
        known = output and set(output) <= lengths.keys()  # of what was simplified before, they may be gone
        return Term("ones", (), (tuple(lengths[letter] for letter in output),)) if known else ONE
    terms, places = zip(*kept, strict=True)
    if places == (output[::-1],) and len(output) == 2:
        return _transposed(terms[0])
    if (len(kept) == 1 and places[0] in output) or all(letters == output for letters in places):
        product: Term = reduce(operator.mul, terms)
        return product
    return Term("einsum", terms, (f"{','.join(places)}->{output}",))


def _repeats(term: Term, letters: str, output: str) -> bool:
    """Whether a factor is 1, or ones that spread the others over an axis of the result."""
    return (_is(term, 1) and not letters) or (term.fn == "ones" and set(letters) <= set(output))


_SHAPED: dict[str, Callable[[tuple[Term, ...], tuple[Any, ...]], Term | None]] = {
    "swapaxes": lambda args, attrs: _transposed(args[0]),
    "transpose": lambda args, attrs: _transposed(args[0]) if attrs == ((1, 0),) else None,
    "transposed": lambda args, attrs: _transposed(args[0]),
    "einsum": _einsum,
    "expand_dims": _expand,
    "broadcast_to": _broadcast,
}
