"""Copies that need not be made: those made before, and those that a product of matrices can do without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gradviz.compiler.instructions import Place, size
from gradviz.compiler.numba_access import Access
from gradviz.compiler.numba_ops import Check, Op, Product, Statement, Steps, collapse, common, expand, touched
from gradviz.compiler.numba_products import leading
from gradviz.core.primitive import Shape

MADE = ("buffer", "scalar", "fresh")
"""The kinds of places that hold what a layer computes."""


def with_fewer_copies(ops: Sequence[Op], kept: Iterable[Place]) -> tuple[Op, ...]:
    """Return operations that leave the same in the places that are kept.

    Args:
        ops: the operations.
        kept: the places whose values are looked at afterwards.
    """
    outputs = {place.root for place in kept}
    return _updating(_directed(_read_through(_once(tuple(ops), outputs), outputs), outputs), outputs)


@dataclass
class _Uses:
    """Which of some operations write a root, and which read it."""

    writes: list[int] = field(default_factory=list)
    reads: list[int] = field(default_factory=list)


def _uses(ops: Sequence[Op]) -> dict[Place, _Uses]:
    found: dict[Place, _Uses] = {}
    for number, op in enumerate(ops):
        for root, written in touched(op):
            one = found.setdefault(root, _Uses())
            (one.writes if written else one.reads).append(number)
    return found


def _once(ops: tuple[Op, ...], outputs: set[Place]) -> tuple[Op, ...]:
    """Let copies of the same elements in the same order be one."""
    uses = _uses(ops)
    made: dict[object, tuple[int, Place]] = {}
    instead: dict[Place, Place] = {}
    found: list[Op] = []
    for number, op in enumerate(ops):
        if isinstance(op, Statement) and _is_copy(op) and uses[op.writes.root].writes == [number]:
            whole = collapse([op])[0]
            (source,), target = whole.args, whole.writes
            assert isinstance(source, Access)
            root = target.root
            key = (source.key, whole.space, target.offset, target.strides, size(root.shape), root.dtype)
            before = made.get(key)
            fresh = before is None or any(before[0] < write <= number for write in uses[source.root].writes)
            if fresh:
                made[key] = number, root
            elif before is not None and root not in outputs:
                instead[root] = before[1]
                continue
        found.append(op)
    return tuple(_renamed(op, instead) for op in found) if instead else ops


def _is_copy(op: Statement) -> bool:
    """Whether a statement moves all elements of a place of its own."""
    plain = op.fn == "copy" and not op.scattered and isinstance(op.args[0], Access)
    return plain and op.writes.root.kind in MADE and not op.writes.terms


def _renamed(op: Op, instead: Mapping[Place, Place]) -> Op:
    """Return an operation on other roots."""

    def change(access: Access) -> Access:
        root = instead.get(access.root)
        return access if root is None else replace(access, root=root, place=root)

    if isinstance(op, Steps):
        return replace(op, body=tuple(_renamed(one, instead) for one in op.body))
    if isinstance(op, Check):
        return replace(op, index=change(op.index))
    if isinstance(op, Product):
        return replace(op, a=change(op.a), b=change(op.b), out=change(op.out))
    return op.mapped(change)


def _read_through(ops: tuple[Op, ...], outputs: set[Place]) -> tuple[Op, ...]:
    """Let products read what a copy was made of for them, where BLAS can."""
    uses = _uses(ops)
    found: list[Op | None] = list(ops)
    for number, op in enumerate(ops):
        if not (isinstance(op, Statement) and _is_copy(op)) or op.writes.root in outputs:
            continue
        (source,), own = op.args, uses[op.writes.root]
        assert isinstance(source, Access)
        last = max(own.reads, default=number)
        if own.writes != [number] or any(number < one <= last for one in uses[source.root].writes):
            continue
        instead = [_reading(found[reader], op) for reader in own.reads]
        if all(one is not None for one in instead):
            found[number] = None
            for reader, one in zip(own.reads, instead, strict=True):
                found[reader] = one
    return tuple(op for op in found if op is not None)


def _reading(reader: Op | None, copy: Statement) -> Product | None:
    """Return a product that reads the source of a copy; None if it cannot, or is none."""
    if not isinstance(reader, Product):
        return None
    (source,), target = copy.args, copy.writes
    assert isinstance(source, Access)
    if source.root.dtype != target.root.dtype:
        return None
    operands = []
    for access in (reader.a, reader.b):
        shape = reader.shape_of(access)
        seen: Access | None = access
        if access.root is target.root:
            seen = through(access, shape, target, source, copy.space)
            if seen is None or leading(seen, shape) is None:
                return None
        operands.append(seen)
    a, b = operands
    assert a is not None
    assert b is not None
    return replace(reader, a=a, b=b)


def _directed(ops: tuple[Op, ...], outputs: set[Place]) -> tuple[Op, ...]:
    """Let products whose result is only moved be written to where it is moved."""
    uses = _uses(ops)
    found: list[Op | None] = list(ops)
    for number, op in enumerate(ops):
        if isinstance(op, Steps):
            found[number] = replace(op, body=_directed(op.body, outputs | _outside(ops, number)))
        elif isinstance(op, Product) and not op.beta and not op.out.terms and op.out.root.kind in MADE:
            root, own = op.out.root, uses[op.out.root]
            if root in outputs or own.writes != [number] or len(own.reads) != 1 or own.reads[0] < number:
                continue
            move = ops[own.reads[0]]
            if not isinstance(move, Statement) or move.fn != "copy" or move.scattered:
                continue
            there = uses[move.writes.root]
            busy = any(number <= one < own.reads[0] for one in (*there.writes, *there.reads))
            moved = None if busy else _moved(op, move)
            if moved is not None:
                found[number], found[own.reads[0]] = moved, None
    return tuple(op for op in found if op is not None)


def _outside(ops: Sequence[Op], number: int) -> set[Place]:
    """Return the roots that other operations have to do with."""
    return {root for place, op in enumerate(ops) if place != number for root, _ in touched(op)}


def _moved(one: Product, move: Statement) -> Product | None:
    """Return a product that is written to where a copy moves its result; None if BLAS cannot write there."""
    (source,), target = move.args, move.writes
    shape = one.shape_of(one.out)
    if not isinstance(source, Access) or source.root.dtype != target.root.dtype:
        return None
    out = through(one.out, shape, source, target, move.space)
    if out is None or leading(out, shape) is None:
        return None
    return replace(one, out=out, says=one.says or move.says)


def _updating(ops: tuple[Op, ...], outputs: set[Place]) -> tuple[Op, ...]:
    """Let products that are only subtracted from an array, as gradients from weights, be so by BLAS."""
    uses = _uses(ops)
    found: list[Op | None] = list(ops)
    for number, op in enumerate(ops):
        if not isinstance(op, Statement) or op.fn != "subtract" or op.scattered:
            continue
        whole, less = op.args
        if not isinstance(whole, Access) or not isinstance(less, Access) or whole.key != op.writes.key:
            continue
        made = uses[less.root].writes
        one = ops[made[0]] if len(made) == 1 and uses[less.root].reads == [number] else None
        if not isinstance(one, Product) or one.beta or less.root in outputs or less.root.dtype != whole.root.dtype:
            continue
        sources = {one.a.root, one.b.root}
        if whole.root in sources or any(made[0] < write < number for root in sources for write in uses[root].writes):
            continue
        shape = one.shape_of(one.out)
        out = through(one.out, shape, less, whole, op.space)
        if out is not None and leading(out, shape) is not None:
            found[made[0]], found[number] = None, replace(one, out=out, alpha=-1, beta=1, says=op.says)
    return tuple(op for op in found if op is not None)


def through(access: Access, shape: Shape, near: Access, far: Access, space: Shape) -> Access | None:
    """Return the access of the same elements in another place, to or from which a copy moves them.

    Args:
        access: of all elements of the near place.
        shape: the lengths of its axes.
        near, far: what the copy reads and writes, or the other way round.
        space: the lengths of their axes.

    Returns:
        None if an axis would not go on in equal strides.
    """
    if access.terms or near.terms or near.offset != access.offset:
        return None
    own = sorted((axis for axis, n in enumerate(shape) if n != 1), key=lambda axis: -access.strides[axis])
    theirs = sorted((axis for axis, n in enumerate(space) if n != 1), key=lambda axis: -near.strides[axis])
    lengths, others = tuple(shape[axis] for axis in own), tuple(space[axis] for axis in theirs)
    fine = common(lengths, others)
    if fine is None or not _dense([access.strides[axis] for axis in own], lengths):
        return None
    if not _dense([near.strides[axis] for axis in theirs], others):
        return None
    moved = expand(Statement("copy", (), far.take(tuple(theirs)), others), fine).writes
    strides, rest = [0] * len(shape), list(zip(moved.strides, fine, strict=True))
    for axis in reversed(own):
        strides[axis], length = rest.pop()
        while length < shape[axis]:
            further, more = rest.pop()
            if further != strides[axis] * length:
                return None
            length *= more
    return replace(moved, strides=tuple(strides))


def _dense(strides: Sequence[int], shape: Shape) -> bool:
    """Whether axes, the outermost first, are those of an array that fills its memory."""
    length = 1
    for stride, own in zip(reversed(strides), reversed(shape), strict=True):
        if stride != length:
            return False
        length *= own
    return True
