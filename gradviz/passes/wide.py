"""The wide beginning of a graph of numbers: runs of one operation that do not need each other, as arrays.

Graphs of many numbers are written in comprehensions (all products, then their sums), so their first nodes are
often many of a kind in a row. From a hundred or so on, the primitive's own rules on arrays are quicker than a
loop, if the graph has more nodes than finding the runs costs. What follows the first short run is the loop's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradviz.core.arguments import MANY, Arguments, packer
from gradviz.core.graph import Row
from gradviz.namespaces import numpy as xp
from gradviz.passes.values import Column

_WIDE = 100
"""A run of so many nodes pays for the calls of NumPy."""


class _Run(NamedTuple):
    """Nodes of one operation: where they stand, and the ids of their arguments, an array a slot."""

    place: slice
    row: Row
    arguments: tuple[NDArray[Any], ...]


class Beginning:
    """The first nodes of a graph of float64 numbers: leaves, and wide runs of operations.

    Attributes:
        end: the first node that does not belong to it.
        leaves: how many leaves do.
        runs: the runs, in order.
    """

    def __init__(self, rows: Sequence[Row], arguments: Arguments, leaf_ids: Sequence[int]) -> None:
        self._rows = rows
        self._arguments = arguments
        self._leaf_ids = leaf_ids
        self._leaf_places: list[slice] = []
        self._inputs: list[list[NDArray[Any]]] = []
        self.leaves = 0
        self.end = self._after_leaves(0)
        self.runs = list(self._find_runs()) if self._looks_wide() else []

    def _after_leaves(self, start: int) -> int:
        """Return the first place from start on that is no leaf, and count the leaves on the way."""
        ids = self._leaf_ids
        if self.leaves == len(ids) or ids[self.leaves] != start:
            return start
        others = start - self.leaves  # so many stand before the leaves that stand here
        self.leaves = bisect_right(range(len(ids)), others, lo=self.leaves, key=lambda count: ids[count] - count)
        end = others + self.leaves
        self._leaf_places.append(slice(start, end))
        return end

    def _looks_wide(self) -> bool:
        """Glance at the node that would be the last of the first run: most graphs need no longer look."""
        start, last = self.end, self.end + _WIDE - 1
        if last >= len(self._rows) or self._rows[last] is not self._rows[start]:
            return False
        return max(self._arguments.first[last], self._arguments.second[last]) < start

    def _find_runs(self) -> Iterator[_Run]:
        columns = self._arguments.arrays()
        needed = np.maximum.accumulate(np.maximum(*columns))  # the last argument of all nodes so far
        while self.end < len(self._rows):
            row, start = self._rows[self.end], self.end
            place = slice(start, self._same_until(int(needed.searchsorted(start))))
            arity = len(row.op.partials or ())
            if place.stop - start < _WIDE or arity > len(columns):
                return
            yield _Run(place, row, tuple([ids[place] for ids in columns[:arity]]))
            self.end = self._after_leaves(place.stop)

    def _same_until(self, end: int) -> int:
        """Return where the run of one operation ends that begins here."""
        rows, start = self._rows, self.end
        row, seen = rows[start], start
        while seen < end:  # in steps that grow, so that what is looked at in vain is no longer than the run
            step = rows[seen : min(end, 2 * seen - start + _WIDE)]
            if step.count(row) < len(step):
                return next(place for place in range(seen, end) if rows[place] is not row)
            seen += len(step)
        return end

    def _read_above(self) -> int:
        """Return the first node here that a later one needs."""
        end, more = self.end, self._arguments.more.items()
        columns = [ids[end:].view(np.uint64) for ids in self._arguments.arrays()]  # unsigned, ABSENT is the last
        third = [arg for index, args in more if index >= end for arg in args]
        return min([*[int(np.minimum.reduce(ids, initial=end)) for ids in columns], *third])

    def forward(self, leaves: Iterator[float]) -> list[float]:
        """Compute these nodes; return their values for the loop, 0 where no later node needs one."""
        self._values = values = np.empty(len(self._rows))
        for place in self._leaf_places:
            values[place] = list(islice(leaves, place.stop - place.start))
        with np.errstate(all="ignore"):
            for place, row, arguments in self.runs:
                inputs = [values[ids] for ids in arguments]
                values[place] = row.op.forward(xp, *inputs, **row.attrs)
                self._inputs.append(inputs)
        self._read = self._read_above()
        read: list[float] = values[self._read : self.end].tolist()
        return [0.0] * self._read + read

    def values(self, found: list[float]) -> Column:
        """Return the value of every node, when the loop has added its own."""
        _pack(found, self._values, self.end)
        return self._values

    def adjoints(self, found: list[float]) -> Column:
        """Return the adjoint of every node, when the loop has found what the later nodes add to them."""
        values, adjoints = self._values, np.zeros(len(found))
        _pack(found, adjoints, self._read)
        with np.errstate(all="ignore"):
            for (place, row, arguments), inputs in zip(reversed(self.runs), reversed(self._inputs), strict=True):
                for ids, rule in zip(arguments, row.op.partials or (), strict=True):
                    partial = rule(xp, values[place], *inputs, **row.attrs)
                    if is_nothing(partial):
                        continue
                    added = adjoints[place] if type(partial) is int and partial == 1 else adjoints[place] * partial
                    np.add.at(adjoints, ids, added)
        return adjoints


def is_nothing(partial: Any) -> bool:
    """Whether a rule says that nothing is passed on, ever: not even an infinite adjoint."""
    return type(partial) is int and partial == 0


def find_beginning(rows: Sequence[Row], arguments: Arguments, leaf_ids: Sequence[int]) -> Beginning | None:
    """Return the wide beginning of a graph of float64 numbers, if it has one."""
    found = Beginning(rows, arguments, leaf_ids) if len(rows) > MANY else None
    return found if found and found.runs else None


def _pack(numbers: list[float], into: NDArray[Any], start: int) -> None:
    """Copy numbers from start on: thrice as fast as assignment."""
    packer("d", len(numbers) - start).pack_into(into.data, start * into.itemsize, *numbers[start:])
