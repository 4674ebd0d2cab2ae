"""One attempt at a proof: both rules on the same symbols, region by region.

A claim is first compared with the derivative at points, where a wrong one shows as two numbers; then
the difference of the two must be zero by algebra.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import sympy

from gradviz.core.primitive import REALS, Interval, Primitive, Shape, call_rule
from gradviz.namespaces import sympy as xp
from gradviz.passes.claims import Claims, claims_of
from gradviz.passes.guards import refute_guards
from gradviz.passes.proof import ArgumentProof, Counterexample, Proof
from gradviz.passes.regions import (
    DIGITS,
    TINY,
    OnBorderError,
    Point,
    Region,
    draw_points,
    points_beyond,
    side_of,
    value_at,
)
from gradviz.passes.zero import is_zero

MOST_REGIONS = 64
_QUIET = 24
"""So many points in known regions end the search for further ones."""
_MOST_POINTS = 600
_FEW, _SAMPLES = 2, 12
"""So many points are compared before algebra is asked, and where it does not decide."""
_LETTERS = "abcdefhijklmnopqrstuvwxyz"  # without g, the adjoint


class Attempt:
    """A rule for arguments of some shapes, and what has been found out about it so far.

    Args:
        op, attrs, shapes: the primitive and what it is applied to.
        fixed: numbers, or an array of them, for some of the arguments.
    """

    def __init__(self, op: Primitive, attrs: dict[str, Any], shapes: tuple[Shape, ...], fixed: dict[int, Any]) -> None:
        self._op = op
        self._attrs = xp.exact_attrs(attrs)
        self._shapes = shapes
        self._fixed = fixed
        self._slots: list[Claims] = []
        self._regions: dict[Any, Region] = {}
        self._sides: dict[tuple[Any, bool], None] = {}
        self._done = False
        self._borders: dict[Any, None] = {}
        self._zeros: dict[Any, bool] = {}

    @cached_property
    def arguments(self) -> tuple[Any, ...]:
        """The symbols of the arguments, or their fixed numbers."""
        return tuple(
            xp.symbolic(self._fixed[place])
            if place in self._fixed
            else xp.variables(_LETTERS[place] if len(self._shapes) < len(_LETTERS) else f"a{place}", shape, **sign)
            for place, (shape, sign) in enumerate(zip(self._shapes, self._signs(), strict=True))
        )

    def _signs(self) -> list[dict[str, bool]]:
        return [{"positive": True} if self._domain(place)[0] >= 0 else {} for place in range(len(self._shapes))]

    def _domain(self, place: int) -> tuple[float, float]:
        return self._op.domain[place] if self._op.domain and not self._fixed else REALS

    def run(self) -> None:
        """Run both rules, find the regions, and decide in each."""
        op, attrs, arguments = self._op, self._attrs, self.arguments
        value = call_rule(lambda: op.forward(xp, *arguments, **attrs))
        if op.partials is not None:
            self._parts = [(sympy.S.One, xp.symbolic(value).item())]
            partials = op.partials
            claims = call_rule(lambda: [partial(xp, value, *arguments, **attrs) for partial in partials])
            self._adjoint: list[Any] = []
        else:
            assert op.vjp is not None
            vjp = op.vjp
            g = xp.variables("g", np.shape(value))
            self._adjoint = list(g.flat)
            self._parts = list(zip(self._adjoint, xp.symbolic(value).flat, strict=True))
            claims = call_rule(lambda: list(vjp(xp, g, value, *arguments, **attrs)))
            claims += [None] * (len(arguments) - len(claims))
        self._slots = [  # all of them or, where time is up before, none
            Claims([], []) if place in self._fixed else claims_of(place, argument, claim)
            for place, (argument, claim) in enumerate(zip(arguments, claims, strict=True))
        ]
        needed = set[Any]().union(*(part.free_symbols for _, part in self._parts))
        for slot in self._slots:
            slot.shown = next((entry for entry in slot.entries if entry in needed), next(iter(slot.entries), None))
        self._decide()
        refute_guards(self._slots, self._domains)
        self._done = True

    @cached_property
    def _domains(self) -> dict[Any, Interval]:
        """The domain of every symbol."""
        return {
            entry: self._domain(place)
            for place, argument in enumerate(self.arguments)
            for entry in xp.plain(argument).flat
            if place not in self._fixed
        } | dict.fromkeys(self._adjoint, REALS)

    def _decide(self) -> None:
        quiet = 0
        for point in islice(draw_points(self._domains, seed=0), _MOST_POINTS):
            quiet = 0 if self._visit(point) else quiet + 1
            if quiet >= _QUIET or self._is_full or (self._regions and not self._has_cases):
                break
        if self._has_cases:
            self._cross_borders()

    def _visit(self, point: Point) -> bool:
        """Settle the region of a point; say whether it is a new one."""
        try:
            region = self._enter(point)
        except OnBorderError as error:
            self._borders.setdefault(error.border)
            return False
        if region is not None:
            self._settle(region)
        return region is not None

    def _cross_borders(self) -> None:
        """Visit the other side of every border that was met from one side only."""
        place = 0
        while place < len(self._regions) and not self._is_full:
            region = list(self._regions.values())[place]
            place += 1
            for border, positive in filter(None, map(side_of, region.conditions)):
                if (border, not positive) not in self._sides and not self._is_full:
                    for point in points_beyond(border, region.point, self._domains):
                        self._visit(point)

    @property
    def _is_full(self) -> bool:
        return len(self._regions) >= MOST_REGIONS

    @cached_property
    def _has_cases(self) -> bool:
        return any(one.has(*xp.CASES) for one in self._formulas())

    def _formulas(self) -> Iterator[Any]:
        """Yield the value's entries and all claims."""
        yield from (part for _, part in self._parts)
        for slot in self._slots:
            yield from slot.claims

    def _enter(self, point: Point) -> Region | None:
        """Return the region of a point, if it is a new one."""
        region = Region(point)
        for one in self._formulas():
            region.smooth(one)
        key = frozenset(region.conditions)
        if key in self._regions:
            return None
        self._regions[key] = region
        self._sides |= dict.fromkeys(filter(None, map(side_of, region.conditions)))
        return region

    def _settle(self, region: Region) -> None:
        """Refute or prove every claim in a region."""
        parts = [(g, region.smooth(part)) for g, part in self._parts]
        reads = [part.free_symbols for _, part in parts]
        for slot in self._slots:
            if slot.counterexample or slot.reason:
                continue
            for entry, claim in zip(slot.entries, slot.claims, strict=True):
                slopes = [
                    g * sympy.diff(part, entry) for (g, part), read in zip(parts, reads, strict=True) if entry in read
                ]
                correct = sympy.Add(*slopes)
                claimed = region.smooth(claim)
                if entry == slot.shown:
                    alone = {self._adjoint[0]: sympy.S.One} if len(self._adjoint) == 1 else {}
                    slot.answers.setdefault(correct.xreplace(alone), region.conditions)
                if claimed == correct:
                    continue
                slot.counterexample = self._refute(region, entry, claimed, correct, _FEW)
                if slot.counterexample is None and not self._is_zero(self._in_domain(claimed - correct)):
                    slot.undecided = True
                    slot.counterexample = self._refute(region, entry, claimed, correct, _SAMPLES)
                if slot.counterexample:
                    break

    def _is_zero(self, expression: Any) -> bool:
        """Whether algebra says 0; entries that differ by the names of their symbols alone are asked about once."""
        symbols = sorted(expression.free_symbols, key=str)
        alike = {s: sympy.Symbol(f"s{place}", real=True, positive=s.is_positive) for place, s in enumerate(symbols)}
        key = expression.xreplace(alike)
        if key not in self._zeros:
            self._zeros[key] = is_zero(expression)
        return self._zeros[key]

    def _in_domain(self, expression: Any) -> Any:
        """Put 1 + p for a symbol above 1 (and so on), so that SymPy knows the signs of what it simplifies."""
        for place, argument in enumerate(self.arguments):
            low, high = self._domain(place)
            if -np.inf < low != 0 and high == np.inf:
                above = {entry: xp.exact(low) + sympy.Dummy("p", positive=True) for entry in xp.plain(argument).flat}
                expression = expression.xreplace(above)
        return expression

    def _refute(self, region: Region, entry: Any, claimed: Any, correct: Any, count: int) -> Counterexample | None:
        """Return a point of the region where the two differ, if so many points show one."""
        for point in islice(self._inside(region), count):
            pair = value_at(claimed, point), value_at(correct, point)
            if pair[1] is sympy.nan or (pair[0] is sympy.nan and 0 in point.values()):
                continue  # 0/0 at such a point is no fault of the rule
            if pair[0] is sympy.nan or abs(pair[0] - pair[1]) > TINY * max(1, abs(pair[0]), abs(pair[1])):
                needed = set(claimed.free_symbols | correct.free_symbols) | {entry}
                shown = {str(symbol): float(value) for symbol, value in point.items() if symbol in needed}
                return Counterexample(shown, str(entry), float(pair[0]), float(pair[1]))
        return None

    def _inside(self, region: Region) -> Iterator[Point]:
        """Yield the region's point and points near it, which lie in the region as long as the cases agree."""
        yield region.point
        source = draw_points(dict.fromkeys(region.point, (-1.0, 1.0)), seed=1)
        for scale in [sympy.Float(10, DIGITS) ** -power for power in (1, 2, 3)] * _SAMPLES:
            shift = next(source)
            point = {symbol: value * (1 + scale * shift[symbol]) for symbol, value in region.point.items()}
            if all(_agrees(condition, point) for condition in region.conditions):
                yield point

    def time_is_up(self, seconds: float) -> None:
        """Say of every claim that is not refuted that time was too short."""
        for slot in self._slots:
            slot.reason = slot.reason or f"not decided within {seconds:g} s"

    def proof(self) -> Proof:
        """Return what has been found out."""
        if not self._slots:
            reason = "its formula was not written out in time"
            return Proof((ArgumentProof("numeric", reason=reason),) * len(self._shapes))
        return Proof(
            tuple(self._verdict(slot) for slot in self._slots),
            self.arguments,
            len(self._regions),
            tuple(self._all_borders()),
        )

    def _all_borders(self) -> dict[Any, None]:
        """Return what is 0 where two regions meet."""
        met = [border for border, _ in self._sides] if len(self._regions) > 1 else []
        borders = (*self._borders, *met)
        return dict.fromkeys(-border if border.could_extract_minus_sign() else border for border in borders)

    def _verdict(self, slot: Claims) -> ArgumentProof:
        answers = tuple((answer, tuple(conditions)) for answer, conditions in slot.answers.items())
        entry = slot.shown if len(slot.entries) > 1 else None
        if slot.counterexample:
            return ArgumentProof("WRONG", answers, entry, str(slot.counterexample), slot.counterexample)
        if slot.reason and not self._done and not self._regions:
            return ArgumentProof("numeric", answers, entry, slot.reason)
        if slot.reason:
            return ArgumentProof("WRONG" if slot.misfit else "sampled", answers, entry, slot.reason)
        if not self._regions:
            return ArgumentProof("numeric", reason="no point of its domain gives a real number")
        if len(self._regions) >= MOST_REGIONS:
            return ArgumentProof(
                "sampled", answers, entry, f"it has more than {MOST_REGIONS} regions, and so many were tried"
            )
        if slot.undecided:
            return ArgumentProof(
                "sampled", answers, entry, f"SymPy does not decide it; equal to {DIGITS} digits where tried"
            )
        return ArgumentProof("proved", answers, entry)


def _agrees(condition: Any, point: Point) -> bool:
    found = condition.xreplace(point)
    return bool(found == sympy.true)
