"""Whether a formula is zero, decided by algebra."""

from __future__ import annotations

from typing import Any

import sympy

from gradviz.errors import GradvizError

_LONG = 10**6


def why_given_up(error: Exception) -> str:
    """Say why SymPy could not work something out."""
    if isinstance(error, RecursionError):
        return "the formula is too deep for SymPy"
    if isinstance(error, GradvizError):
        return f"the rule does not run on symbols: {error.what}"
    return f"SymPy gives up: {type(error).__name__}: {error}"


def is_zero(expression: Any) -> bool:
    """Say whether algebra turns an expression into 0; False also means "not decided"."""
    if expression == 0:
        return True
    rational = _with_names(expression)
    if _numerator(rational) == 0 or sympy.expand(expression) == 0:
        return True
    if _numerator(_with_names(sympy.powdenest(expression.rewrite(sympy.exp), force=True))) == 0:
        return True
    return not has_long_numbers(expression) and bool(sympy.simplify(expression) == 0)


def has_long_numbers(expression: Any) -> bool:
    """Whether there is a long fraction: simplifying p/q·ln x, SymPy would work out x to the power of p."""
    return any(max(abs(one.p), one.q) > _LONG for one in expression.atoms(sympy.Rational))


def _numerator(expression: Any) -> Any:
    return sympy.expand(sympy.fraction(sympy.together(expression))[0])


def _with_names(expression: Any) -> Any:
    """Name what is no rational function: e^x and √x become powers of few symbols, which are seen to cancel."""
    names: dict[Any, sympy.Symbol] = {}

    def name(key: Any) -> sympy.Symbol:
        return names.setdefault(key, sympy.Dummy(f"e{len(names)}", positive=True))

    def exponential(argument: Any) -> Any:
        product = sympy.S.One
        for term in sympy.Add.make_args(sympy.expand(argument)):
            number, rest = term.as_coeff_Mul()
            product *= name((sympy.exp, rest)) ** number
        return product

    def root(base: Any, exponent: Any) -> Any:
        return name((base, exponent.q)) ** exponent.p

    named = expression.replace(sympy.exp, exponential)
    return named.replace(_is_root, lambda power: root(*power.as_base_exp()))


def _is_root(expression: Any) -> bool:
    return bool(expression.is_Pow and expression.exp.is_Rational and not expression.exp.is_Integer)
