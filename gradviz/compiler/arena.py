"""Where arrays of different sizes stand in one piece of memory: beside what lives at the same time, over the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ALIGNMENT = 64
"""Bytes: a line of the cache."""


@dataclass
class Life:
    """How long some memory is in use.

    Attributes:
        length, itemsize: its elements, and the bytes of one.
        start, end: the first moment and the last one.
    """

    length: int
    itemsize: int
    start: int
    end: int

    @property
    def room(self) -> int:
        """The elements that it takes in whole lines of the cache."""
        return room_for(max(self.length, 1), self.itemsize)


def room_for(length: int, itemsize: int) -> int:
    """Return the least number of elements that is not less and fills whole lines of the cache."""
    unit = max(1, ALIGNMENT // itemsize)
    return -(-length // unit) * unit


def arranged(lives: Sequence[Life]) -> list[int]:
    """Return where each begins, in elements: the largest are put down first, each into the smallest gap it fits into.

    Gaps are those between what lives at the same time. Where none is large enough, the end is taken.
    """
    count = len(lives)
    rooms = np.array([life.room for life in lives], np.int64)
    begins = np.array([life.start for life in lives], np.int64)
    ends = np.array([life.end for life in lives], np.int64)
    order = np.lexsort((begins, begins - ends, -rooms))
    begins, ends, rooms = begins[order], ends[order], rooms[order]
    first, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for number in range(count):
        meets = np.flatnonzero((begins[:number] <= ends[number]) & (begins[number] <= ends[:number]))
        by_place = meets[np.argsort(first[meets], kind="stable")]
        gaps_begin = np.concatenate(([0], np.maximum.accumulate(last[by_place])))
        gaps = first[by_place] - gaps_begin[:-1]
        fitting = np.flatnonzero(gaps >= rooms[number])
        place = fitting[np.argmin(gaps[fitting])] if len(fitting) else len(by_place)
        first[number] = gaps_begin[place]
        last[number] = first[number] + rooms[number]
    found = np.empty(count, np.int64)
    found[order] = first
    return [int(start) for start in found]
