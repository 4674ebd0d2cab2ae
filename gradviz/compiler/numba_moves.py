"""Copies that need not be made: those made before, and those of products that can be written where they belong."""

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
    return _directed(_once(tuple(ops), outputs), outputs)


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
    (source,) = move.args
    shape = one.shape_of(one.out)
    if not isinstance(source, Access) or source.terms or source.offset != one.out.offset:
        return None
    if source.root.dtype != move.writes.root.dtype:
        return None
    own = sorted((axis for axis, n in enumerate(shape) if n != 1), key=lambda axis: -one.out.strides[axis])
    theirs = sorted((axis for axis, n in enumerate(move.space) if n != 1), key=lambda axis: -source.strides[axis])
    whole, other = tuple(shape[axis] for axis in own), tuple(move.space[axis] for axis in theirs)
    if not _dense([one.out.strides[axis] for axis in own], whole):
        return None
    moved = move.along(tuple(theirs))
    (seen,) = moved.args
    assert isinstance(seen, Access)
    space = common(whole, other)
    if space is None or not _dense(seen.strides, other):
        return None
    fine = expand(moved, space).writes
    strides, rest = [0] * len(shape), list(zip(fine.strides, space, strict=True))
    for axis in reversed(own):
        stride, length = rest.pop()
        strides[axis] = stride
        while length < shape[axis]:
            further, more = rest.pop()
            if further != stride * length:
                return None
            length *= more
    out = replace(fine, strides=tuple(strides))
    return None if leading(out, shape) is None else replace(one, out=out, says=one.says or move.says)


def _dense(strides: Sequence[int], shape: Shape) -> bool:
    """Whether axes, the outermost first, are those of an array that fills its memory."""
    length = 1
    for stride, own in zip(reversed(strides), reversed(shape), strict=True):
        if stride != length:
            return False
        length *= own
    return True
