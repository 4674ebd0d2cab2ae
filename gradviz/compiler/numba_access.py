"""Which elements of which array a place shows: an offset, and a stride for each axis of a loop nest.

All shapes are known when a plan is made, so a view is nothing but arithmetic on the index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradviz.compiler.addresses import address
from gradviz.compiler.instructions import Place
from gradviz.core.graph import Array
from gradviz.core.primitive import Shape


@dataclass(frozen=True)
class Term:
    """What the step of a loop adds to an index: coefficient · ((step + shift) mod period, if there is one)."""

    variable: str
    coefficient: int
    shift: int = 0
    period: int = 0
    length: int = 0


@dataclass(frozen=True)
class Access:
    """Elements of a root: that at offset + Σ stride · index + what the steps add.

    Attributes:
        root: the array, seen as a row of elements.
        place: the place that is shown.
        strides: one for each axis of the nest.
    """

    root: Place
    place: Place
    offset: int
    strides: tuple[int, ...]
    terms: tuple[Term, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What tells whether two accesses are of the same element at every index."""
        return self.root, self.offset, self.strides, self.terms

    def take(self, axes: tuple[int, ...], at: tuple[tuple[int, int], ...] = ()) -> Access:
        """Return the access with some of its axes, in this order, and others held at an index."""
        offset = self.offset + sum(self.strides[axis] * index for axis, index in at)
        return replace(self, offset=offset, strides=tuple(self.strides[axis] for axis in axes))

    def bounds(self, space: Shape) -> tuple[int, int]:
        """Return the least and the largest index, but for the steps."""
        ends = [stride * (length - 1) for stride, length in zip(self.strides, space, strict=True)]
        return self.offset + sum(min(0, end) for end in ends), self.offset + sum(max(0, end) for end in ends)


class Addresses:
    """Finds the accesses of places.

    Args:
        variables: by an item's name, the variable of its loop and the number of steps.
    """

    def __init__(self, variables: Mapping[Place, tuple[str, int]]) -> None:
        self._variables = variables

    def of(self, place: Place, shown: Array | None = None) -> Access:
        """Return the access of a place.

        Args:
            place: the place.
            shown: a view of the place's sample, to be accessed instead of all of it.
        """
        root = place.root
        sample = sample_of(place) if shown is None else shown
        base = sample_of(root)
        offset = (address(sample) - address(base)) // base.itemsize if sample.size else 0
        strides = tuple(stride // base.itemsize for stride in sample.strides)
        terms = []
        for item in _items(place):
            assert item.base is not None
            variable, length = self._variables[item]
            coefficient = sample_of(item.base).strides[0] // base.itemsize
            if not item.period:
                offset += item.shift * coefficient
            shift = item.shift % item.period if item.period else 0
            terms.append(Term(variable, coefficient, shift, item.period, length))
        return Access(root, place, offset, strides, tuple(terms))


def sample_of(place: Place) -> Array:
    """Return an array like that at the place."""
    if place.sample is None:
        place.sample = np.empty(place.shape, place.dtype)
    return place.sample


def broadcast(access: Access, own: Shape, wanted: Shape) -> Access:
    """Return an access over the axes of a larger shape."""
    lead = len(wanted) - len(own)
    strides = tuple(
        0 if axis < lead or own[axis - lead] == 1 else access.strides[axis - lead] for axis in range(len(wanted))
    )
    return replace(access, strides=strides)


def apart(one: Access, other: Access, space: Shape, other_space: Shape) -> bool:
    """Whether two accesses surely have no element in common, at the same steps."""
    if one.root is not other.root:
        return True
    if one.terms != other.terms:
        return _other_steps(one, other)
    low, high = one.bounds(space)
    other_low, other_high = other.bounds(other_space)
    if high < other_low or other_high < low:
        return True
    if one.strides != other.strides or space != other_space:
        return False
    return not reaches(one.strides, space, one.offset - other.offset, one.offset - other.offset, same=True)


def _other_steps(one: Access, other: Access) -> bool:
    """Whether they are different entries of a state of which few are kept."""
    pairs = list(zip(one.terms, other.terms, strict=False))
    if len(one.terms) != len(other.terms) or not pairs[-1][0].period:
        return False
    return pairs[:-1] == [(term, term) for term, _ in pairs[:-1]] and pairs[-1][0].shift != pairs[-1][1].shift


def reaches(strides: tuple[int, ...], space: Shape, low: int, high: int, *, same: bool) -> bool:
    """Whether Σ stride · difference of two indices can be within limits.

    Args:
        strides, space: of the nest.
        low, high: the limits.
        same: whether equal indices count.
    """
    axes = sorted(range(len(space)), key=lambda axis: -abs(strides[axis]))
    rest = [0]
    for axis in reversed(axes):
        rest.append(rest[-1] + abs(strides[axis]) * (space[axis] - 1))
    rest.reverse()

    def search(depth: int, total: int, moved: bool) -> bool:
        if total - rest[depth] > high or total + rest[depth] < low:
            return False
        if depth == len(axes):
            return moved or same
        stride, length = abs(strides[axes[depth]]), space[axes[depth]]
        if stride == 0:
            return search(depth + 1, total, moved or length > 1)
        first = max(1 - length, -((total + rest[depth + 1] - low) // stride))
        last = min(length - 1, (high + rest[depth + 1] - total) // stride)
        return any(search(depth + 1, total + step * stride, moved or step != 0) for step in range(first, last + 1))

    return search(0, 0, False)


def _items(place: Place) -> list[Place]:
    found = []
    one: Place | None = place
    while one is not None:
        if one.kind == "item":
            found.append(one)
        one = one.base
    return found[::-1]
