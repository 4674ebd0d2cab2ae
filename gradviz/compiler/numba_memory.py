"""Where the arrays stand that loops leave for other loops: all in one piece of memory, used again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gradviz.compiler.arena import Life, arranged
from gradviz.compiler.instructions import Place, size
from gradviz.compiler.numba_access import Access
from gradviz.compiler.numba_fuse import Fused, FusedSteps, Nest
from gradviz.compiler.numba_ops import Product, Statement


def silent(ops: Sequence[Fused], kept: Iterable[Place]) -> frozenset[Place]:
    """Return the roots that are never stored: one nest alone makes and reads them, index by index."""
    owner: dict[Place, Nest | None] = {}
    written: set[tuple[object, ...]] = set()
    for nest, op in _walk(ops):
        reads, writes = (op.reads, op.writes)
        for access in reads:
            if nest is None or owner.setdefault(access.root, nest) is not nest or access.key not in written:
                owner[access.root] = None
        whole = isinstance(op, Statement) and not op.scattered
        if nest is None or owner.setdefault(writes.root, nest) is not nest or not whole:
            owner[writes.root] = None
        written.add(writes.key)
    outputs = {place.root for place in kept}
    return frozenset(
        root
        for root, nest in owner.items()
        if nest is not None and root not in outputs and root.kind in ("buffer", "scalar", "fresh")
    )


def _walk(ops: Sequence[Fused]) -> Iterator[tuple[Nest | None, Statement | Product]]:
    for op in ops:
        if isinstance(op, FusedSteps):
            yield from _walk(op.body)
        elif isinstance(op, Nest):
            for statement in op.statements:
                yield op, statement
        else:
            yield None, op


class Arena:
    """Assigns every root a place in the memory of its dtype.

    Attributes:
        lengths: how much memory of each dtype there is.
    """

    def __init__(self, ops: Sequence[Fused], kept: Iterable[Place], silent_roots: frozenset[Place]) -> None:
        self.lengths: dict[np.dtype[np.generic], int] = {}
        self._silent = silent_roots
        self._lives: dict[Place, Life] = {}
        self._starts: dict[Place, int] = {}
        self._clock = 0
        self._follow(ops)
        for place in kept:
            if place.root in self._lives:
                life = self._lives[place.root]
                life.start, life.end = 0, self._clock + 1
        self._assign()

    def start(self, root: Place) -> int:
        """Return where a root begins."""
        return self._starts[root]

    def __contains__(self, root: Place) -> bool:
        return root in self._starts

    def _touch(self, access: Access) -> None:
        root = access.root
        if root.kind in ("buffer", "scalar", "fresh") and root not in self._silent:
            life = self._lives.setdefault(root, _life(root, self._clock))
            life.end = self._clock

    def _follow(self, ops: Sequence[Fused]) -> None:
        for op in ops:
            if isinstance(op, FusedSteps):
                self._follow_steps(op)
                continue
            self._clock += 1
            for one in op.statements if isinstance(op, Nest) else [op]:
                for access in (*one.reads, one.writes):
                    self._touch(access)

    def _follow_steps(self, steps: FusedSteps) -> None:
        start, known = self._clock + 1, set(self._lives)
        self._follow(steps.body)
        carried: set[Place] = set()
        made: set[Place] = set()
        for _, one in _walk(steps.body):
            carried.update(access.root for access in one.reads if access.terms or access.root not in made)
            if one.writes.terms:
                carried.add(one.writes.root)
            made.add(one.writes.root)
        for root, life in self._lives.items():
            if life.end >= start and (root in known or root in carried):
                life.start, life.end = min(life.start, start), self._clock

    def _assign(self) -> None:
        found: dict[np.dtype[np.generic], list[Place]] = {}
        for root in self._lives:
            found.setdefault(root.dtype, []).append(root)
        for dtype, roots in found.items():
            lives = [self._lives[root] for root in roots]
            starts = arranged(lives)
            self._starts |= zip(roots, starts, strict=True)
            self.lengths[dtype] = max(start + life.room for start, life in zip(starts, lives, strict=True))


def _life(root: Place, clock: int) -> Life:
    return Life(size(root.shape), root.dtype.itemsize, clock, clock)
