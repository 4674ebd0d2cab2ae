"""Which buffers share memory: what nobody reads any longer is written over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.compiler.addresses import memory_of
from gradviz.compiler.arena import Life, arranged
from gradviz.compiler.instructions import ELEMENTWISE, Block, Instruction, Place, Repeat, size
from gradviz.core.graph import Graph
from gradviz.core.primitive import PARAMETER

FEWEST_TRANSPOSED = 1024
"""The elements of a smaller matrix may lie as they like."""


def inputs_first(graph: Graph) -> frozenset[str]:
    """Return the paths of the matrices whose columns should lie one after another.

    A layer's ``W @ x`` becomes ``X @ W.T`` for a batch of rows, and products are quickest where both
    arguments lie in memory as they are written.
    """
    found = set()
    for row, args in zip(graph.rows, graph.args, strict=True):
        if row.op.name == "matmul" and graph.rows[args[0]].op is PARAMETER and len(graph.rows[args[1]].shape) == 1:
            shape = graph.rows[args[0]].shape
            if len(shape) == 2 and size(shape) >= FEWEST_TRANSPOSED:
                found.add(graph.node(args[0]).path)
    return frozenset(found)


@dataclass
class _Life:
    """From which instruction to which one a buffer is in use, counted through all loops."""

    place: Place
    start: int
    end: int
    maker: Instruction | None = None


class Memory:
    """Assigns buffers to blocks.

    Attributes:
        blocks: the memory that was needed.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._lives: dict[Place, _Life] = {}
        self._clock = 0

    def assign(self, body: Sequence[Instruction | Repeat], kept: Iterable[Place]) -> None:
        """Give every buffer of these instructions its place in a block; those that are kept share theirs with none."""
        self._follow(body)
        for place in kept:
            if place.root in self._lives:
                self._lives[place.root].end = self._clock + 1
        series: dict[np.dtype[Any], list[list[_Life]]] = {}
        for one in self._series():
            series.setdefault(one[0].place.dtype, []).append(one)
        for dtype, found in series.items():
            self._put_down(dtype, found)
        for number, block in enumerate(self.blocks):
            block.name = f"memory_{number}"

    def _series(self) -> list[list[_Life]]:
        """Return the buffers, those together that are computed one in the place of another."""
        found: list[list[_Life]] = []
        ending: dict[int, list[list[_Life]]] = {}
        for life in sorted(self._lives.values(), key=lambda life: life.start):
            before = ending.get(life.start, [])
            one = next((one for one in before if _in_place(one[-1], life)), None)
            if one is None:
                found.append(one := [])
            else:
                before.remove(one)
            one.append(life)
            ending.setdefault(life.end, []).append(one)
        return found

    def _put_down(self, dtype: np.dtype[Any], series: list[list[_Life]]) -> None:
        """Find places in one memory; the parts of it that no array reaches over are blocks of their own."""
        lives = [Life(size(one[0].place.shape), dtype.itemsize, one[0].start, one[-1].end) for one in series]
        starts = arranged(lives)
        end = 0
        for number in sorted(range(len(series)), key=starts.__getitem__):
            if starts[number] >= end:
                self.blocks.append(Block("", dtype))
                begin = starts[number]
            block, start = self.blocks[-1], starts[number] - begin
            for life in series[number]:
                life.place.block, life.place.start = block, start
            block.length = max(block.length, start + lives[number].length)
            end = max(end, starts[number] + lives[number].room)

    def _follow(self, body: Sequence[Instruction | Repeat]) -> None:
        for one in body:
            if isinstance(one, Repeat):
                self._follow_loop(one)
                continue
            self._clock += 1
            for place in (*one.args, one.out):
                if isinstance(place, Place):
                    self._touch(place, one if place is one.out else None)

    def _follow_loop(self, loop: Repeat) -> None:
        start = self._clock + 1
        known = set(self._lives)
        self._follow(loop.body)
        outside = known | {item.root for item in loop.items}
        for place in outside & set(self._lives):
            life = self._lives[place]
            if life.end >= start or place not in known:  # used in the loop: then at every step of it
                life.start, life.end = min(life.start, start), max(life.end, self._clock)

    def _touch(self, place: Place, maker: Instruction | None) -> None:
        root = place.root
        if root.kind == "buffer":
            life = self._lives.setdefault(root, _Life(root, self._clock, self._clock, maker))
            life.end = self._clock


def _in_place(old: _Life, new: _Life) -> bool:
    """Whether a new value may stand where an argument of its instruction stood, which nobody else reads."""
    maker = new.maker
    if maker is None or old.end != new.start or maker.fn not in ELEMENTWISE:
        return False
    readers = [arg for arg in maker.args if isinstance(arg, Place) and arg.root is old.place]
    same = all(_lies(arg) == _lies(maker.out) for arg in readers)
    return bool(readers) and same and (old.place.shape, old.place.dtype) == (new.place.shape, new.place.dtype)


def _lies(place: Place) -> Any:
    """Return where in its root's memory a place is; the root itself is all of it."""
    if place.base is None:
        return None
    assert place.sample is not None
    assert place.root.sample is not None
    return memory_of(place.sample, place.root.sample)
