"""What a plan computes for all steps of a loop at once, computed step by step: what a step needs is still in the cache.

Calls of NumPy are few where all steps are one call. Compiled loops have no calls to save, and every array that is
not left for later is memory that is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradviz.compiler.instructions import Place
from gradviz.compiler.numba_access import Access, Term, apart
from gradviz.compiler.numba_moves import MADE
from gradviz.compiler.numba_ops import Op, Product, Statement, Steps, touched
from gradviz.core.primitive import Shape


def step_by_step(ops: Sequence[Op]) -> tuple[Op, ...]:
    """Return operations of the same results, with what stands before and behind loops inside of them."""
    found = list(ops)
    loops = [place for place, op in enumerate(ops) if isinstance(op, Steps)]
    for place in reversed(loops):
        found = _Inside(found, found.index(ops[place])).with_what_leads_here()
    for number in range(len(loops)):
        place = [place for place, op in enumerate(found) if isinstance(op, Steps)][number]
        found = _Inside(found, place).with_what_follows()
    return tuple(found)


class _Inside:
    """Moves statements into a loop.

    Args:
        ops: all operations.
        place: which of them is the loop.
    """

    def __init__(self, ops: list[Op], place: int) -> None:
        loop = ops[place]
        assert isinstance(loop, Steps)
        self._loop = loop
        self._body = list(loop.body)
        self._nested = {root for op in loop.body if isinstance(op, Steps) for root, _ in touched(op)}
        self._before, self._after = ops[:place], ops[place + 1 :]
        self._written = {root for op in self._body for root, written in touched(op) if written}
        self._lifted: set[Place] = set()
        """The roots of statements that stood behind the loop."""

    @property
    def _ops(self) -> list[Op]:
        return [*self._before, replace(self._loop, body=tuple(self._body)), *self._after]

    def with_what_leads_here(self) -> list[Op]:
        """Take statements in from before the loop, the last first, each to where it is needed."""
        for number in reversed(range(len(self._before))):
            op = self._before[number]
            if isinstance(op, Statement) and self._is_for_steps(op, number):
                first = next(place for place, one in enumerate(self._body) if _reads(one, op.writes.root))
                self._body.insert(first, self._of_step(op))
                del self._before[number]
        return self._ops

    def with_what_follows(self) -> list[Op]:
        """Take statements in from behind the loop, the first first, each to where what it needs was made."""
        number = 0
        while number < len(self._after):
            op = self._after[number]
            if isinstance(op, Statement) and self._is_of_steps(op, number):
                needed = {read.root for read in op.reads}
                last = max(place for place, one in enumerate(self._body) if any(_writes(one, root) for root in needed))
                self._body.insert(last + 1, self._of_step(op))
                del self._after[number]
            else:
                number += 1
        return self._ops

    def _is_for_steps(self, op: Statement, number: int) -> bool:
        """Whether what a statement makes for a step is only wanted at this step, or after the loop."""
        out, root = op.writes, op.writes.root
        if op.scattered or root.kind not in MADE or not self._has_steps(op):
            return False
        everything = (*self._before, *self._body, *self._after)
        if [one for one in everything if _writes(one, root)] != [op] or root in self._nested:
            return False
        between = self._before[number + 1 :]
        if any(_reads(one, root) for one in between) or not any(_reads(one, root) for one in self._body):
            return False
        sources = {read.root for read in op.reads}
        if any(_writes(one, source) for one in (*between, *self._body) for source in sources):
            return False
        window = _window(out.take(tuple(range(1, len(op.space)))), op.space[1:], out.strides[0])
        return window is not None and all(
            self._step(access, shape, out.strides[0]) == window for access, shape in self._accesses(root)
        )

    def _is_of_steps(self, op: Statement, number: int) -> bool:
        """Whether a statement needs of each step what this step made, and nobody minds that it comes earlier."""
        if op.scattered or op.writes.root.kind not in MADE or not self._has_steps(op):
            return False
        root = op.writes.root
        made = [read for read in op.reads if read.root in self._written | self._lifted]
        if not made or root in self._written | self._nested or any(_reads(one, root) for one in self._body):
            return False
        for one in self._after[:number]:
            if any(_writes(one, read.root) for read in op.reads) or not _is_apart(op, one):
                return False
        for read in made:
            window = _window(read.take(tuple(range(1, len(op.space)))), op.space[1:], read.strides[0])
            written = self._accesses(read.root, reading=False)
            if window is None or read.root in self._nested:
                return False
            if any(self._step(access, shape, read.strides[0]) != window for access, shape in written):
                return False
        self._lifted.add(root)
        return True

    def _has_steps(self, op: Statement) -> bool:
        """Whether the first axis of a statement is that of the loop's steps, and it has nothing to do with others."""
        plain = all(isinstance(arg, (Access, int, float)) for arg in op.args)
        whole = plain and not any(access.terms for access in (*op.reads, op.writes))
        return whole and op.space[:1] == (self._loop.length,) and op.writes.strides[0] != 0

    def _of_step(self, op: Statement) -> Statement:
        """Return what a statement does at one step."""

        def held(access: Access) -> Access:
            stride, kept = access.strides[0], tuple(range(1, len(access.strides)))
            terms = (Term(self._loop.variable, stride, length=self._loop.length),) if stride else ()
            return replace(access.take(kept), terms=terms)

        return replace(op.mapped(held), space=op.space[1:])

    def _accesses(self, root: Place, reading: bool = True) -> Iterator[tuple[Access, Shape]]:
        """Yield how the body reads or writes a root, and the lengths of the accesses' axes."""
        for op in self._body:
            if isinstance(op, Statement):
                found = op.reads if reading else (op.writes,)
                yield from ((access, op.space) for access in found if access.root is root)
            elif isinstance(op, Product):
                found = op.reads if reading else (op.out,)
                yield from ((access, op.shape_of(access)) for access in found if access.root is root)

    def _step(self, access: Access, shape: Shape, length: int) -> int | None:
        """Return by how many steps an access in the body is off its own; None if it is not of one step."""
        if access.terms != (Term(self._loop.variable, length, length=self._loop.length),):
            return None
        return _window(access, shape, length)


def _window(access: Access, shape: Shape, length: int) -> int | None:
    """Return in which of the pieces of a length all elements of an access lie; None if in several."""
    low, high = access.bounds(shape)
    return low // length if length > 0 and low // length == high // length else None


def _reads(op: Op, root: Place) -> bool:
    return any(one is root and not written for one, written in touched(op))


def _writes(op: Op, root: Place) -> bool:
    return any(one is root and written for one, written in touched(op))


def _is_apart(statement: Statement, other: Op) -> bool:
    """Whether another operation has nothing to do with what a statement writes."""
    root = statement.writes.root
    if not any(one is root for one, _ in touched(other)):
        return True
    if not isinstance(other, Statement) or other.scattered or _reads(other, root):
        return False
    return apart(statement.writes, other.writes, statement.space, other.space)
