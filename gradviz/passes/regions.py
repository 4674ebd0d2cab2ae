"""Regions: where a formula with cases (max, |x|, 1[a > b], …) is one smooth formula.

At a point that is on no border, every case is decided; what remains is the smooth formula of the
region around the point. It is differentiated there, and cases need no calculus of their own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sympy

from gradviz.core.primitive import Interval
from gradviz.namespaces.sympy import CASES, Case, Guard

DIGITS = 40
"""Decimal digits that points are evaluated with."""
TINY = sympy.Float("1e-25", DIGITS)
"""What is below this, relative to the size of the numbers it was made of, counts as 0."""

_DISTANCES = [4**power / 2 for power in range(8)]
_HALVINGS = 16
_MOST_MOVED = 3
"""The other side of a border is sought so far away and so closely, along so many of its symbols."""

Point = Mapping[sympy.Symbol, Any]


class OnBorderError(Exception):
    """The point lies where two cases meet: this expression is 0 there, or no real number."""

    def __init__(self, border: sympy.Expr) -> None:
        super().__init__(str(border))
        self.border = border


def value_at(expression: Any, point: Point) -> Any:
    """Return the number that an expression has at a point (NaN where it is not real)."""
    found = expression.xreplace(point).evalf(DIGITS)
    return found if found.is_real or found.is_infinite else sympy.nan


class Region:
    """The region that a point lies in.

    Attributes:
        point: the point.
        conditions: what decides the cases met so far, in the order of meeting; each holds in the region.
    """

    def __init__(self, point: Point) -> None:
        self.point = point
        self.conditions: list[Any] = []
        self._known: dict[Any, Any] = {}

    def smooth(self, expression: Any) -> Any:
        """Return the formula without cases that an expression is in this region.

        Raises:
            OnBorderError: where the point does not decide between two cases.
        """
        if expression.is_Atom or not expression.has(*CASES):
            return expression
        if expression not in self._known:
            self._known[expression] = self._decide(expression)
        return self._known[expression]

    def _decide(self, expression: Any) -> Any:
        if isinstance(expression, sympy.Piecewise):
            for value, condition in expression.args:
                if self.holds(condition):
                    return self.smooth(value)
            return sympy.nan
        if isinstance(expression, Guard):
            return self.smooth(expression.args[1])
        if isinstance(expression, Case):
            condition, value, otherwise = expression.args
            return self.smooth(value if self.holds(condition) else otherwise)
        args = [self.smooth(arg) for arg in expression.args]
        if isinstance(expression, (sympy.Max, sympy.Min)):
            return self._extreme(args, isinstance(expression, sympy.Max))
        if isinstance(expression, (sympy.Abs, sympy.sign)):
            positive = self._sign(args[0]) > 0
            if isinstance(expression, sympy.sign):
                return sympy.S.One if positive else sympy.S.NegativeOne
            return args[0] if positive else -args[0]
        return expression.func(*args)

    def _sign(self, expression: Any) -> Any:
        """Return a number of the sign that an expression has here, and note the sign."""
        number = value_at(expression, self.point)
        if number is sympy.nan or abs(number) < TINY:
            raise OnBorderError(expression)
        if not expression.is_number:
            self.conditions.append(sympy.Gt(expression, 0) if number > 0 else sympy.Lt(expression, 0))
        return number

    def _extreme(self, args: list[Any], largest: bool) -> Any:
        numbers = [value_at(arg, self.point) for arg in args]
        if sympy.nan in numbers:
            raise OnBorderError(args[numbers.index(sympy.nan)])
        best = args[numbers.index((max if largest else min)(numbers))]
        for arg in args:
            if arg is not best and (difference := best - arg) != 0:
                self._sign(difference)
        return best

    def holds(self, condition: Any) -> bool:
        """Say whether a condition holds in this region."""
        if condition in (sympy.true, sympy.false):
            return bool(condition)
        if isinstance(condition, sympy.Not):
            return not self.holds(condition.args[0])
        if isinstance(condition, sympy.And):
            return all(self.holds(arg) for arg in condition.args)
        if isinstance(condition, sympy.Or):
            return any(self.holds(arg) for arg in condition.args)
        difference = self.smooth(condition.lhs - condition.rhs)
        if isinstance(condition, (sympy.Eq, sympy.Ne)):
            return self._equal(difference) == isinstance(condition, sympy.Eq)
        if difference == 0:
            return isinstance(condition, (sympy.Ge, sympy.Le))
        return bool(self._sign(difference) > 0) == isinstance(condition, (sympy.Gt, sympy.Ge))

    def _equal(self, difference: Any) -> bool:
        number = value_at(difference, self.point)
        if number is sympy.nan:
            raise OnBorderError(difference)
        equal = bool(abs(number) < TINY)
        if not difference.is_number:
            self.conditions.append((sympy.Eq if equal else sympy.Ne)(difference, 0, evaluate=False))
        return equal


def side_of(condition: Any) -> tuple[sympy.Expr, bool] | None:
    """Return the border of a condition, and whether it is positive here; None for a condition that is no sign."""
    if not isinstance(condition, (sympy.Gt, sympy.Lt)):
        return None
    border, positive = condition.lhs - condition.rhs, isinstance(condition, sympy.Gt)
    return (-border, not positive) if border.could_extract_minus_sign() else (border, positive)


def points_beyond(border: sympy.Expr, point: Point, domains: Mapping[sympy.Symbol, Interval]) -> Iterator[Point]:
    """Yield points where an expression has another sign than at a point: just beyond the border, and farther.

    Args:
        border: the expression, which is 0 at the border.
        point: where to start; symbols are moved one at a time, and all together.
        domains: the interval of each symbol.
    """
    here = value_at(border, point)

    def moved(symbols: Sequence[sympy.Symbol], distance: Any) -> Point:
        return {**point, **{symbol: point[symbol] + distance for symbol in symbols}}

    def is_beyond(place: Point) -> bool:
        if not all(low < place[symbol] < high for symbol, (low, high) in domains.items()):
            return False
        there = value_at(border, place)
        return there is not sympy.nan and bool(here * there < 0)

    alone = [(symbol,) for symbol in sorted(border.free_symbols, key=str)[:_MOST_MOVED]]
    for symbols in dict.fromkeys([*alone, tuple(domains)]):
        for sign in (1, -1):
            far = next((sign * one for one in _DISTANCES if is_beyond(moved(symbols, sign * one))), None)
            if far is None:
                continue
            inside, near = sympy.Float(0, DIGITS), sympy.Float(far, DIGITS)
            for _ in range(_HALVINGS):
                middle = (inside + near) / 2
                inside, near = (inside, middle) if is_beyond(moved(symbols, middle)) else (middle, near)
            yield moved(symbols, near)
            yield moved(symbols, far)


def draw_points(symbols: Mapping[sympy.Symbol, Interval], seed: int) -> Iterator[Point]:
    """Yield random points without end; every fourth has zeros where the domain allows it."""
    source = random.Random(seed)
    count = 0
    while True:
        count += 1
        point = {symbol: _draw(source, *interval) for symbol, interval in symbols.items()}
        if count % 4 == 0:
            allowed = [symbol for symbol, (low, high) in symbols.items() if low < 0 < high]
            for symbol in source.sample(allowed, k=min(len(allowed), 1)):
                point[symbol] = sympy.S.Zero
        yield point


def _draw(source: random.Random, low: float, high: float) -> sympy.Float:
    """Draw a short decimal number from an interval, mostly of the size of 1."""
    if low > -1e6 and high < 1e6:
        drawn = source.uniform(low + 0.02 * (high - low), high - 0.02 * (high - low))
    elif low > -1e6:
        drawn = low + source.lognormvariate(0, 0.7)
    elif high < 1e6:
        drawn = high - source.lognormvariate(0, 0.7)
    else:
        drawn = source.gauss(0, 1.3)
    return sympy.Float(f"{drawn:.3f}" if abs(drawn) > 0.01 else f"{drawn:.3g}", DIGITS)
