"""Guards: what a rule gives instead of 0/0, and near it, against the formula that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import sympy

from gradviz.core.primitive import Interval
from gradviz.namespaces import sympy as xp
from gradviz.passes.claims import Claims
from gradviz.passes.proof import Counterexample
from gradviz.passes.regions import (
    DIGITS,
    OnBorderError,
    Point,
    Region,
    draw_points,
    points_beyond,
    side_of,
    value_at,
)

_CLOSE = 1e-9
"""A series that stands in for a formula near 0/0 may be so far from it, in proportion."""
_SAMPLES = 12
"""So many points are tried at each scale."""

Domains = Mapping[sympy.Symbol, Interval]


def refute_guards(slots: Sequence[Claims], domains: Domains) -> None:
    """Look for a counterexample among the points where a guard's condition fails.

    Args:
        slots: what a rule claims; a counterexample is noted there.
        domains: the interval of each symbol.
    """
    failing: dict[Any, list[Point]] = {}
    for slot in slots:
        if slot.counterexample:
            continue
        for guard in {one for claim in slot.claims for one in claim.atoms(xp.Guard)}:
            condition, symbols = guard.args[0], tuple(sorted(guard.free_symbols, key=str))
            if (condition, symbols) not in failing:
                of_guard = {symbol: domains[symbol] for symbol in symbols}
                failing[condition, symbols] = [one for one in _around(condition, of_guard) if _fails(condition, one)]
            slot.counterexample = slot.counterexample or _refute(guard, failing[condition, symbols])


def _around(condition: Any, domains: Domains) -> Iterator[Point]:
    """Yield points near 0, where most guards stand, some of the whole domain, and some just beyond a border."""
    ends = {symbol: (0.0 if symbol.is_positive else -1.0, 1.0) for symbol in domains}
    points = draw_points(ends, seed=2)
    for scale in [sympy.Float(10, DIGITS) ** -power for power in (1, 2, 3, 4, 6)] * _SAMPLES:
        yield {symbol: entry * scale for symbol, entry in next(points).items()}
    drawn = list(islice(draw_points(domains, seed=3), _SAMPLES))
    yield from drawn
    region = Region(drawn[-1])
    with suppress(OnBorderError):
        region.holds(condition)
    for border, _ in filter(None, map(side_of, region.conditions)):
        yield from points_beyond(border, region.point, domains)


def _fails(condition: Any, point: Point) -> bool:
    try:
        return not Region(point).holds(condition)
    except OnBorderError:
        return False


def _refute(guard: Any, points: Sequence[Point]) -> Counterexample | None:
    _, value, otherwise = guard.args
    for point in points:
        region = Region(point)
        try:
            pair = [value_at(region.smooth(one), point) for one in (otherwise, value)]
        except OnBorderError:
            continue
        if sympy.nan not in pair and abs(pair[0] - pair[1]) > _CLOSE * abs(pair[1]):
            shown = {str(symbol): float(entry) for symbol, entry in point.items()}
            return Counterexample(shown, next(iter(shown), ""), *map(float, pair))
    return None
