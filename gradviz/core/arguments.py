"""The arguments of many nodes, in columns of ids: no object is made for a node."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

ABSENT = -1
"""Stands in a column for an argument that a node does not have."""

MANY = 800
"""From so many nodes on, arrays of ids are worth making."""


class Arguments:
    """The ids of the arguments of nodes; looking one up gives a tuple.

    Nearly every operation has one or two arguments, so two columns of ids hold them. A tuple for each
    node would cost more than the node, and the garbage collector would have to look at every one.

    Attributes:
        first, second: an id a node, `ABSENT` where it has no such argument.
        more: all ids of a node that has three or more.

    Example:
        >>> arguments = Arguments([(), (), (0, 1), (2,), (0, 1, 3)])
        >>> list(arguments)
        [(), (), (0, 1), (2,), (0, 1, 3)]
        >>> arguments.first, arguments.second, arguments.more
        ([-1, -1, 0, 2, 0], [-1, -1, 1, -1, 1], {4: (0, 1, 3)})
    """

    __slots__ = ("_arrays", "first", "more", "second")

    def __init__(self, nodes: Iterable[tuple[int, ...]] = ()) -> None:
        self.first: list[int] = []
        self.second: list[int] = []
        self.more: dict[int, tuple[int, ...]] = {}
        self._arrays: tuple[NDArray[Any], NDArray[Any]] | None = None
        for ids in nodes:
            self.append(ids)

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, index: int) -> tuple[int, ...]:
        return self.more.get(index) or _present(self.first[index], self.second[index])

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        if self.more:
            return map(self.__getitem__, range(len(self)))
        return map(_present, self.first, self.second)

    def append(self, ids: tuple[int, ...]) -> None:
        """Add the arguments of one more node."""
        count = len(ids)
        if count > 2:
            self.more[len(self.first)] = ids
        self.first.append(ids[0] if count else ABSENT)
        self.second.append(ids[1] if count > 1 else ABSENT)

    def before(self, end: int) -> Arguments:
        """Return a copy for the nodes before this one."""
        copy = Arguments()
        copy.first, copy.second = self.first[:end], self.second[:end]
        copy.more = {index: ids for index, ids in self.more.items() if index < end}
        return copy

    def taken(self, kept: Sequence[int], place: Mapping[int, int]) -> Arguments:
        """Return the arguments of some nodes, which stand at new places."""
        place = {ABSENT: ABSENT, **place}
        copy = Arguments()
        copy.first = [place[self.first[index]] for index in kept]
        copy.second = [place[self.second[index]] for index in kept]
        for index, ids in self.more.items():
            if index in place:
                copy.more[place[index]] = tuple([place[arg] for arg in ids])
        return copy

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the columns as arrays, made once: for arguments to which nothing is added any more."""
        if self._arrays is None:
            self._arrays = _as_array(self.first), _as_array(self.second)
        return self._arrays

    def all_used(self) -> bool:
        """Tell whether every node but the last is an argument of another (and so, in the end, of the last)."""
        end = len(self) - 1
        if end < MANY:
            found = set(self.first)
            found.update(self.second, chain.from_iterable(self.more.values()))
            found.discard(ABSENT)
            return len(found) == end
        flags = np.zeros(end + 2, dtype=bool)  # the last is the flag of an argument that a node does not have
        for ids in self.arrays():
            flags[ids] = True
        if self.more:
            flags[list(chain.from_iterable(self.more.values()))] = True
        return int(np.count_nonzero(flags[:end])) == end


def _as_array(ids: list[int]) -> NDArray[Any]:
    return np.frombuffer(packer("q", len(ids)).pack(*ids), dtype=np.int64)  # thrice as fast as np.array


@lru_cache(maxsize=8)
def packer(kind: str, count: int) -> struct.Struct:
    """Return what makes bytes of so many numbers of a kind ("q" for integers, "d" for floats), as NumPy has them."""
    return struct.Struct(f"{count}{kind}")


def _present(first: int, second: int) -> tuple[int, ...]:
    if second != ABSENT:
        return (first, second)
    return () if first == ABSENT else (first,)
