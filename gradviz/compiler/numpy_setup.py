"""The lines that make the variables of a printed function: constants, memory, and views of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradviz.compiler.addresses import memory_of
from gradviz.compiler.arena import room_for
from gradviz.compiler.instructions import Block, Place, size
from gradviz.compiler.numpy_constants import constant_text, dtype_name, number_text, numbers_of
from gradviz.compiler.numpy_places import Places, ancestors
from gradviz.compiler.numpy_text import assigned, tuple_text
from gradviz.compiler.numpy_views import entries
from gradviz.core.primitive import Shape

ROOM = '''
def room(memory, start, *shape):
    """Return a part of some memory as an array; what is not needed at the same time may share it."""
    return memory[start : start + math.prod(shape)].reshape(shape)
'''
"""Arrays that share memory are made by it."""

MANY_ALIKE = 3
"""Arrays of one shape that get a line together."""


class Setup:
    """Prints what has to be there before a function is called.

    Args:
        places: the variables that its lines have asked for.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._whole: set[Any] = set()
        """Views that are made as buffers, since nobody needs what they show all of."""

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        self._find_whole()
        views = self._views()
        yield from self._constants()
        memory = list(self._memory())
        yield from ["# Memory", *memory] if memory else []
        yield from ["# Views", *views] if views else []

    def _find_whole(self) -> None:
        """Make those views buffers that show all of one which nobody needs itself."""
        for key, place in self._places.needed.items():
            alone = place.root.kind == "buffer" and self._places.roots[key].isdisjoint(self._done())
            if place.kind == "view" and not place.looped and alone and _is_whole(place):
                self._whole.add(key)

    def _done(self) -> set[Place]:
        """Return the buffers that there is a variable of."""
        return {
            root for key, place in self._places.needed.items() if place.kind == "buffer" or key in self._whole
            for root in self._places.roots[key]
        }  # fmt: skip

    def _asked(self, kind: str) -> list[Place]:
        found = [(key, place) for key, place in self._places.needed.items() if place.static and not place.looped]
        return [place for key, place in found if ("buffer" if key in self._whole else place.kind) == kind]

    def _constants(self) -> Iterator[str]:
        """Yield the lines of constants: numbers of one kind together."""
        numbers: dict[np.dtype[Any], list[Place]] = {}
        texts: dict[str, str] = {}
        for place in self._asked("constant"):
            if place.shape == ():
                numbers.setdefault(place.dtype, []).append(place)
            else:
                texts[self._places.name(place)] = constant_text(place.value, place.dtype)
        for dtype, places in numbers.items():
            if len(places) == 1:
                texts[self._places.name(places[0])] = constant_text(places[0].value, dtype)
            else:
                values = tuple_text(
                    [number_text(numbers_of(place.value)) for place in places if place.value is not None]
                )
                names = ", ".join(map(self._places.name, places))
                yield f"{names} = (np.array(n, {dtype_name(dtype)}) for n in {values})"
        yield from assigned(list(texts), list(texts.values()))

    def _memory(self) -> Iterator[str]:
        """Yield the lines of buffers."""
        users: dict[Block, list[Place]] = {}
        for place in self._asked("buffer"):
            assert place.root.block is not None
            users.setdefault(place.root.block, []).append(place)
        pools: dict[np.dtype[Any], list[Block]] = {}
        texts: dict[str, str] = {}
        for block, places in users.items():
            first = places[0]
            if len(places) == 1 and size(first.shape) == block.length:
                shape = first.shape[0] if len(first.shape) == 1 else first.shape
                texts[self._places.name(first)] = f"aligned({shape}, {dtype_name(block.dtype)})"
            else:
                pools.setdefault(block.dtype, []).append(block)
        for dtype, blocks in pools.items():
            memory = self._places.new("memory")
            alike: dict[Shape, dict[str, int]] = {}
            length = 0
            for block in blocks:
                start = room_for(length, dtype.itemsize)
                for place in users[block]:
                    alike.setdefault(place.shape, {})[self._places.name(place)] = start + place.root.start
                length = start + block.length
            yield f"{memory} = aligned({length}, {dtype_name(dtype)})"
            for shape, found in alike.items():
                axes = "".join(f", {length}" for length in shape)
                if len(found) < MANY_ALIKE:
                    texts |= {name: f"room({memory}, {start}{axes})" for name, start in found.items()}
                else:
                    starts = tuple_text(list(map(str, found.values())))
                    yield f"{', '.join(found)} = (room({memory}, n{axes}) for n in {starts})"
        yield from assigned(list(texts), list(texts.values()))

    def _views(self) -> list[str]:
        """Return the lines of static views, those of one array together; bases come first."""
        defined: dict[Any, int] = {}
        groups: dict[tuple[int, str], list[tuple[Place, Place, str]]] = {}
        for place in self._in_order(sorted(self._asked("view"), key=lambda place: len(ancestors(place)))):
            base, text = self._places.shown(place, defined)
            level = 1 + defined.get(self._places.key(base), 0)
            defined[self._places.key(place)] = level
            groups.setdefault((level, self._places.name(base)), []).append((place, base, text))
        lines: list[str] = []
        for level in sorted({level for level, _ in groups}):
            texts: dict[str, str] = {}
            for name, group in ((name, group) for (at, name), group in groups.items() if at == level):
                views = {self._places.name(place): place.sample for place, _, _ in group}
                names, shape = entries(group[0][1].sample, views)
                if names:
                    lines.append(f"{', '.join(names)} = {name}{shape}")
                texts |= {
                    self._places.name(place): text for place, _, text in group if self._places.name(place) not in names
                }
            lines += assigned(list(texts), list(texts.values()))
        return lines

    def _in_order(self, views: list[Place]) -> Iterator[Place]:
        """Yield views, but after the one that is the variable of what they are views of, where another one is."""
        key = self._places.key
        waiting = {key(place) for place in views}
        held = [(place, key(place), key(place.root)) for place in views]
        while held:
            ready: list[tuple[Place, Any, Any]] = []
            later: list[tuple[Place, Any, Any]] = []
            for one in held:
                _, own, root = one
                (later if root in waiting and root != own else ready).append(one)
            held = later if ready else later[1:]
            for place, own, _ in ready or later[:1]:
                waiting.discard(own)
                yield place


def _is_whole(place: Place) -> bool:
    assert place.sample is not None
    assert place.root.sample is not None
    begins = memory_of(place.sample, place.root.sample)[0] == 0
    return begins and place.sample.size == place.root.sample.size and place.contiguous
