"""Statements over the same nest become one loop, so that what only they use never goes through memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradviz.compiler.instructions import REDUCTIONS, Place
from gradviz.compiler.numba_access import Access, apart
from gradviz.compiler.numba_ops import Check, Gather, Op, Product, Statement, Steps, collapse, common, expand, summed
from gradviz.core.primitive import Shape

MOST_LANES = 4
"""A first axis of so few entries is written out where its entries are computed with one by one."""

MOST_STATEMENTS = 64
"""A loop of more statements needs more registers than there are."""


@dataclass(eq=False)
class Nest:
    """Statements that are computed together, index by index."""

    space: Shape
    statements: list[Statement] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class FusedSteps:
    """A loop over the steps of a sequence, its body fused."""

    loop: Steps
    body: tuple[Fused, ...]


Fused = Nest | Product | FusedSteps


def fuse(ops: Sequence[Op]) -> tuple[Fused, ...]:
    """Return the same operations with the statements in nests, each as early as it may be."""
    found: list[Fused] = []
    for op in _lanes(ops):
        if isinstance(op, Steps):
            found.append(FusedSteps(op, fuse(op.body)))
        elif isinstance(op, Product):
            found.append(op)
        elif isinstance(op, Statement):
            _place(op, found)
    return tuple(found)


def _place(statement: Statement, found: list[Fused]) -> None:
    """Put a statement into the last nest that it fits in, if nothing stands in between that it needs."""
    for one in reversed(found):
        if isinstance(one, Nest) and len(one.statements) < MOST_STATEMENTS:
            space = common(one.space, statement.space)
            if space is not None:
                fine = expand(statement, space)
                others = [expand(other, space) for other in one.statements]
                if all(_follows(fine, other) for other in others):
                    one.space, one.statements = space, [*others, fine]
                    return
        if not _independent(statement, one):
            break
    found.append(Nest(statement.space, [statement]))


def _follows(later: Statement, earlier: Statement) -> bool:
    """Whether a statement may follow another in the same nest: what they share, they share index by index."""
    pairs = [(read, earlier.writes, earlier.scattered) for read in later.reads]
    pairs += [(later.writes, read, later.scattered) for read in earlier.reads]
    pairs.append((later.writes, earlier.writes, later.scattered or earlier.scattered))
    for one, other, scattered in pairs:
        if one.root is not other.root:
            continue
        if not scattered and one.key == other.key and not _chosen(later, one) and not _chosen(earlier, other):
            continue
        if not _apart(later, one, other, earlier.space, earlier):
            return False
    return True


def _chosen(statement: Statement, access: Access) -> bool:
    """Whether integers choose among the elements of this access."""
    operands = (*statement.args, statement.out)
    return any(isinstance(one, Gather) and one.access is access for one in operands)


def _independent(statement: Statement, other: Fused) -> bool:
    """Whether a statement may be computed before another operation instead of after it."""
    if isinstance(other, FusedSteps):
        return not _shares_roots(statement, other)
    if isinstance(other, Nest):
        return all(_unrelated(statement, one) for one in other.statements)
    shapes = {id(one): other.shape_of(one) for one in (*other.reads, other.out)}
    for read in statement.reads:
        if not _apart(statement, read, other.out, other.shape_of(other.out)):
            return False
    return all(_apart(statement, statement.writes, one, shapes[id(one)]) for one in (*other.reads, other.out))


def _shares_roots(statement: Statement, steps: FusedSteps) -> bool:
    """Whether a loop has to do with the memory of a statement: there the index moves with the steps."""
    roots = {access.root for access in (*statement.reads, statement.writes)}
    written = {statement.writes.root}
    for one in steps.body:
        if isinstance(one, FusedSteps):
            if _shares_roots(statement, one):
                return True
            continue
        ops = one.statements if isinstance(one, Nest) else [one]
        for op in ops:
            if op.writes.root in roots or any(read.root in written for read in op.reads):
                return True
    return False


def _unrelated(one: Statement, other: Statement) -> bool:
    reads = all(_apart(one, read, other.writes, other.space, other) for read in one.reads)
    writes = all(_apart(one, one.writes, access, other.space, other) for access in (*other.reads, other.writes))
    return reads and writes


def _apart(statement: Statement, access: Access, other: Access, space: Shape, maker: Statement | None = None) -> bool:
    if access.root is not other.root:
        return True
    if _chosen(statement, access) or (maker is not None and _chosen(maker, other)):
        return False
    return apart(access, other, statement.space, space)


def _lanes(ops: Sequence[Op]) -> Sequence[Op]:
    """Write the few entries of first axes out, where what they are made of or become is computed one by one."""
    coarse: list[Statement | Product | Steps] = [
        collapse([op])[0] if isinstance(op, Statement) else op for op in ops if not isinstance(op, Check)
    ]
    known: dict[Place, set[Form]] = {}
    for op in coarse:
        if isinstance(op, Statement):
            for access in (*op.reads, op.writes):
                known.setdefault(access.root, set()).add(_form(access, op.space))
    while True:
        found: list[Statement | Product | Steps] = []
        for op in coarse:
            lanes = _split(op, known) if isinstance(op, Statement) else []
            for one in lanes:
                for access in (*one.reads, one.writes):
                    known[access.root].add(_form(access, one.space))
            found += lanes or [op]
        if len(found) == len(coarse):
            return found
        coarse = found


Form = tuple[object, ...]


def _form(access: Access, space: Shape) -> Form:
    """Return which elements are accessed in which order, whatever the axes."""
    axes: list[tuple[int, int]] = []
    for stride, length in zip(reversed(access.strides), reversed(space), strict=True):
        if axes and stride == axes[-1][0] * axes[-1][1]:
            axes[-1] = (axes[-1][0], axes[-1][1] * length)
        else:
            axes.append((stride, length))
    return access.offset, access.terms, *axes


def _split(op: Statement, known: Mapping[Place, set[Form]]) -> list[Statement]:
    """Return a statement for each entry of the first axes, if one of them meets another statement; else none."""
    if any(isinstance(one, Gather) for one in (*op.args, op.out)):
        return []
    whole = math.prod(op.space)
    for lanes in range(MOST_LANES, 1, -1):
        space = common(op.space, (lanes, whole // lanes)) if whole % lanes == 0 and whole > lanes else None
        if space is None:
            continue
        fine = expand(op, space)
        count = next(axis for axis in range(len(space) + 1) if math.prod(space[:axis]) == lanes)
        if op.reduce and (op.fn != "copy" or not summed(fine) or max(summed(fine)) >= count):
            continue
        found = [_entry(fine, count, entry) for entry in itertools.product(*map(range, space[:count]))]
        if any(_form(access, one.space) in known[access.root] for one in found for access in (*one.reads, one.writes)):
            return found
    return []


def _entry(op: Statement, count: int, entry: tuple[int, ...]) -> Statement:
    """Return the statement of one entry of the first axes."""
    one = op.along(tuple(range(count, len(op.space))), tuple(enumerate(entry)))
    if op.reduce:
        return replace(one, fn=REDUCTIONS[op.reduce], args=(one.writes, *one.args), reduce="")
    return one


def all_places(ops: Sequence[Fused]) -> Iterator[Place]:
    """Yield what operations read and write."""
    for op in ops:
        if isinstance(op, FusedSteps):
            yield from all_places(op.body)
            continue
        for one in op.statements if isinstance(op, Nest) else [op]:
            for access in (*one.reads, one.writes):
                yield access.place
                yield access.root
