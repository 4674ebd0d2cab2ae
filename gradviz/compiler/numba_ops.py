"""What a plan's instructions become before they are loops: statements over a nest, products of matrices, steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from operator import mul

from gradviz.compiler.instructions import Place
from gradviz.compiler.numba_access import Access
from gradviz.core.primitive import Shape


@dataclass(frozen=True)
class Gather:
    """Elements that integers choose: that of the access, moved on by stride · index."""

    access: Access
    index: Access
    stride: int


Number = float | int
Operand = Access | Gather | Number


@dataclass(frozen=True, eq=False)
class Statement:
    """out = fn(args) at every index of a nest, or what that sums to.

    Attributes:
        fn: the name of an elementwise function; "copy" for none.
        args: what it is applied to.
        out: where the result goes.
        space: the lengths of the nest's axes, the outermost first.
        reduce: "sum", "max" or "prod" over the axes along which the result does not move; "" for none.
        says: what is computed here, in the user's words.
    """

    fn: str
    args: tuple[Operand, ...]
    out: Access | Gather
    space: Shape
    reduce: str = ""
    says: str = ""

    @property
    def reads(self) -> tuple[Access, ...]:
        """What is read."""
        found = [one for arg in self.args for one in accesses(arg)]
        if isinstance(self.out, Gather):
            found += accesses(self.out)
        return tuple(found)

    @property
    def writes(self) -> Access:
        """What is written, as far as it is known."""
        return self.out.access if isinstance(self.out, Gather) else self.out

    @property
    def scattered(self) -> bool:
        """Whether the result is not at one place for each index: what is summed, or chosen by integers."""
        return bool(self.reduce) or isinstance(self.out, Gather)

    def along(self, axes: tuple[int, ...], at: tuple[tuple[int, int], ...] = ()) -> Statement:
        """Return the statement with some of its axes, in this order, and others held at an index."""
        space = tuple(self.space[axis] for axis in axes)
        return replace(self.mapped(lambda access: access.take(axes, at)), space=space)

    def mapped(self, change: Callable[[Access], Access]) -> Statement:
        """Return the statement with all its accesses changed."""

        def changed(operand: Operand) -> Operand:
            if isinstance(operand, Access):
                return change(operand)
            if isinstance(operand, Gather):
                return replace(operand, access=change(operand.access), index=change(operand.index))
            return operand

        out = changed(self.out)
        assert isinstance(out, (Access, Gather))
        return replace(self, args=tuple(map(changed, self.args)), out=out)


@dataclass(frozen=True, eq=False)
class Product:
    """out ← alpha · a b + beta · out, for matrices stacked along the axes of a nest.

    Attributes:
        a, b, out: their last two axes are rows and columns.
        space: the lengths of the axes before these.
        sizes: the rows of a, the columns of b, and the axis between.
        alpha, beta: factors.
        says: what is computed here.
    """

    a: Access
    b: Access
    out: Access
    space: Shape
    sizes: tuple[int, int, int]
    alpha: int = 1
    beta: int = 0
    says: str = ""

    @property
    def reads(self) -> tuple[Access, ...]:
        """What is read."""
        return (self.a, self.b, self.out) if self.beta else (self.a, self.b)

    @property
    def writes(self) -> Access:
        """What is written."""
        return self.out

    def shape_of(self, access: Access) -> Shape:
        """Return the lengths of the axes of one of the operands."""
        rows, columns, inner = self.sizes
        last = (rows, columns) if access is self.out else (rows, inner) if access is self.a else (inner, columns)
        return (*self.space, *last)


@dataclass(frozen=True, eq=False)
class Steps:
    """A loop over the steps of a sequence."""

    variable: str
    length: int
    reverse: bool
    body: tuple[Op, ...]
    says: str = ""


@dataclass(frozen=True, eq=False)
class Check:
    """Integers that have to be less than a number, and not negative."""

    index: Access
    space: Shape
    count: int

    @property
    def reads(self) -> tuple[Access, ...]:
        """What is read."""
        return (self.index,)


Op = Statement | Product | Steps | Check


def accesses(operand: Operand) -> list[Access]:
    """Return the accesses of an operand."""
    if isinstance(operand, Access):
        return [operand]
    return [operand.access, operand.index] if isinstance(operand, Gather) else []


def touched(op: Op) -> Iterator[tuple[Place, bool]]:
    """Yield the roots that an operation reads (False) and writes (True)."""
    if isinstance(op, Steps):
        for one in op.body:
            yield from touched(one)
        return
    for access in op.reads:
        yield access.root, False
    if not isinstance(op, Check):
        yield op.writes.root, True


def collapse(statements: Sequence[Statement]) -> list[Statement]:
    """Return statements over one nest with neighboring axes as one, where all arrays allow it."""
    found = list(statements)
    for axis in reversed(range(len(found[0].space) - 1)):
        space = found[0].space
        strides = [access.strides for one in found for access in (*one.reads, one.writes)]
        if all(one[axis] == one[axis + 1] * space[axis + 1] for one in strides):
            axes = tuple(other for other in range(len(space)) if other != axis)
            whole = (*space[:axis], space[axis] * space[axis + 1], *space[axis + 2 :])
            found = [replace(one.along(axes), space=whole) for one in found]
    return found


def common(one: Shape, other: Shape) -> Shape | None:
    """Return the coarsest nest of which both are, with some neighboring axes as one; None if there is none."""
    if math.prod(one) != math.prod(other):
        return None
    inner = sorted({*accumulate(reversed(one), mul, initial=1), *accumulate(reversed(other), mul, initial=1)})
    if any(large % small for small, large in pairwise(inner)):
        return None
    return tuple(large // small for small, large in pairwise(inner))[::-1]


def expand(statement: Statement, space: Shape) -> Statement:
    """Return a statement over a finer nest."""
    if statement.space == space:
        return statement
    parts: list[tuple[int, int]] = []
    rest = list(space)
    for axis in reversed(range(len(statement.space))):
        length = 1
        while length < statement.space[axis]:
            parts.append((axis, length))
            length *= rest.pop()
    parts.reverse()

    def over(access: Access) -> Access:
        return replace(access, strides=tuple(access.strides[axis] * factor for axis, factor in parts))

    return replace(statement.mapped(over), space=space)


def nested(space: Shape, statement: Statement) -> Statement:
    """Return a statement over a nest without axes of length 1, ordered as its result lies in memory."""
    axes = [axis for axis, length in enumerate(space) if length != 1]
    lead = statement.writes if not statement.scattered else next(iter(statement.reads), statement.writes)
    if isinstance(statement.out, Gather):
        lead = statement.out.access
    axes.sort(key=lambda axis: -abs(lead.strides[axis]) if lead.strides[axis] else -_largest(statement, axis))
    return statement.along(tuple(axes))


def summed(statement: Statement) -> tuple[int, ...]:
    """Return the axes along which the result of a reduction does not move."""
    strides, space = statement.writes.strides, statement.space
    return tuple(axis for axis, stride in enumerate(strides) if stride == 0 and space[axis] != 1)


def _largest(statement: Statement, axis: int) -> int:
    return max((abs(one.strides[axis]) for one in statement.reads), default=0)
