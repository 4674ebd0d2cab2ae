"""From a plan's instructions to statements over loop nests and products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradviz.compiler.instructions import Instruction, Place
from gradviz.compiler.numba_access import Access, broadcast, sample_of
from gradviz.compiler.numba_moves import MADE
from gradviz.compiler.numba_ops import Check, Gather, Op, Operand, Statement, touched
from gradviz.compiler.numba_statements import Statements, uniform
from gradviz.core.primitive import Shape
from gradviz.errors import RuleError
from gradviz.namespaces import places


class Lowering(Statements):
    """Lowers the body of a plan: all that `Statements` does, and products, joins and what indices choose."""

    def __init__(self) -> None:
        super().__init__()
        self._forms = {
            "matmul": self._matmul,
            "einsum": self._einsum,
            "take": self._take,
            "segment_sum": self._segment_sum,
            "one_hot": self._one_hot,
            "scatter": self._scatter,
            "pad": self._pad,
            "fold": self._fold,
            "cumsum": self._cumsum,
            "sum_to": self._sum_to,
            "concatenate": self._join,
            "stack": self._join,
            "eye": self._constant,
            "ones": self._constant,
            "pi": self._constant,
        }

    def _matmul(self, one: Instruction) -> None:
        a, b = one.args
        assert isinstance(a, Place)
        assert isinstance(b, Place)
        ones = [uniform(place) == 1 and place.kind == "constant" for place in (a, b)]
        if ones[0] and len(a.shape) == 1 and len(b.shape) == 2:
            self.reduce("sum", "copy", (self._operand(b, b.shape),), b.shape, one.out, (0,), one.says)
        elif ones[1] and len(b.shape) == 1 and len(a.shape) == 2:
            self.reduce("sum", "copy", (self._operand(a, a.shape),), a.shape, one.out, (1,), one.says)
        else:
            self._products.matmul(self._at(a), self._at(b), self._at(one.out), one.says)

    def _einsum(self, one: Instruction) -> None:
        inputs, result = one.attrs[0].replace(" ", "").split("->")
        terms = inputs.split(",")
        lengths: dict[str, int] = {}
        for letters, arg in zip(terms, one.args, strict=True):
            assert isinstance(arg, Place)
            for letter, length in zip(letters, arg.shape, strict=True):
                lengths[letter] = max(lengths.get(letter, 1), length) if length else 0
        order = result + "".join(letter for letter in lengths if letter not in result)
        space = tuple(lengths[letter] for letter in order)
        args: list[Operand] = []
        for letters, arg in zip(terms, one.args, strict=True):
            assert isinstance(arg, Place)
            access = self._at(arg)
            strides = dict.fromkeys(order, 0)
            for letter, stride, length in zip(letters, access.strides, arg.shape, strict=True):
                strides[letter] += 0 if length == 1 else stride
            args.append(replace(access, strides=tuple(strides[letter] for letter in order)))
        while len(args) > 2:  # one function has two arguments
            whole = self.temporary("product", space, one.out.dtype)
            self._emit(Statement("multiply", (args[0], args[1]), self._at(whole), space))
            args[:2] = [self._at(whole)]
        fn = "multiply" if len(args) == 2 else "copy"
        self.reduce("sum", fn, tuple(args), space, one.out, range(len(result), len(order)), one.says)

    def _take(self, one: Instruction) -> None:
        source, index = one.args
        assert isinstance(source, Place)
        assert isinstance(index, Place)
        count = source.shape[0]
        self._check(index, count)
        if source.value is not None and np.array_equal(source.value, np.eye(count)):
            self._one_hot(Instruction("one_hot", (index,), (count,), one.out, one.says))
            return
        whole = self._at(source)
        lead = len(index.shape)
        rows = replace(whole, strides=(*(0,) * lead, *whole.strides[1:]))
        chosen = self._index(index, one.out.shape)
        given = Gather(rows, chosen, whole.strides[0])
        self._emit(Statement("copy", (given,), self._at(one.out), one.out.shape, says=one.says))

    def _segment_sum(self, one: Instruction) -> None:
        source, index = one.args
        assert isinstance(source, Place)
        assert isinstance(index, Place)
        self._check(index, one.attrs[0])
        whole = self._at(one.out)
        self._fill(whole, one.out.shape, 0.0)
        rows = replace(whole, strides=(*(0,) * len(index.shape), *whole.strides[1:]))
        out = Gather(rows, self._index(index, source.shape), whole.strides[0])
        self._emit(Statement("copy", (self._operand(source, source.shape),), out, source.shape, "sum", one.says))

    def _one_hot(self, one: Instruction) -> None:
        (index,) = one.args
        count = one.attrs[0]
        assert isinstance(index, Place)
        self._check(index, count)
        table = self.table(np.arange(count))
        args = self._index(index, one.out.shape), broadcast(self._at(table), (count,), one.out.shape)
        self._emit(Statement("equal", args, self._at(one.out), one.out.shape, says=one.says))

    def _index(self, index: Place, shape: Shape) -> Access:
        access = self._at(index)
        return replace(access, strides=(*access.strides, *(0,) * (len(shape) - len(index.shape))))

    def _check(self, index: Place, count: int) -> None:
        """Have all integers looked at before anything is computed, those of all steps at once."""
        access = self._at(index)
        space, strides, offset = index.shape, access.strides, access.offset
        for term in access.terms:
            space, strides = (term.length, *space), (term.coefficient, *strides)
        whole = replace(access, offset=offset, strides=strides, terms=())
        if all((one.index.key, one.space, one.count) != (whole.key, space, count) for one in self.checks):
            self.checks.append(Check(whole, space, count))

    def _scatter(self, one: Instruction) -> None:
        (source,), (key, shape) = one.args, one.attrs
        self._fill(self._at(one.out), shape, 0.0)
        sample = sample_of(one.out)
        shown = np.asarray(sample[(*key, ...)])
        given = self._operand(source, shown.shape)
        if shown.size == 0 or np.may_share_memory(shown, sample):
            self._emit(Statement("copy", (given,), self._at(one.out, shown), shown.shape, says=one.says))
            return
        index = self.table(self._places_of(one.out)[key])
        base = replace(self._at(one.out), strides=(0,) * len(index.shape))
        out = Gather(base, self._at(index), 1)
        self._emit(Statement("copy", (given,), out, index.shape, "sum", one.says))

    def _pad(self, one: Instruction) -> None:
        (source,), (width, value) = one.args, one.attrs
        assert isinstance(source, Place)
        self._fill(self._at(one.out), one.out.shape, value)
        inside = tuple(slice(before, before + n) for (before, _), n in zip(width, source.shape, strict=True))
        out = self._at(one.out, sample_of(one.out)[inside])
        self._emit(Statement("copy", (self._operand(source, source.shape),), out, source.shape, says=one.says))

    def _fold(self, one: Instruction) -> None:
        """Add every element of a window to where it was taken from: the sum over what shares a place."""
        (source,), (_, stride, dilation) = one.args, one.attrs
        assert isinstance(source, Place)
        axes = len(stride)
        shown = places.windows(sample_of(one.out), source.shape[-axes:], stride, dilation)
        self._fill(self._at(one.out), one.out.shape, 0.0)
        out = self._at(one.out, shown)
        lead = len(source.shape) - 2 * axes
        outer = sorted(range(lead + axes), key=lambda axis: -abs(out.strides[axis]))
        first = min((outer.index(axis) for axis in range(lead, lead + axes)), default=0)
        order = (*outer[:first], *range(lead + axes, len(source.shape)), *outer[first:])
        given = self._operand(source, source.shape)
        whole = Statement("copy", (given,), out, source.shape, "sum", one.says)
        moved = whole.along(tuple(axis for axis in order if source.shape[axis] != 1))
        if 0 not in moved.space:
            self._ops.append(moved)

    def _cumsum(self, one: Instruction) -> None:
        (source,), (axis, *_) = one.args, one.attrs
        assert isinstance(source, Place)
        axis %= len(source.shape)
        length = source.shape[axis]
        key = (slice(None),) * axis
        first, later, before = (
            (*key, part, ...) for part in (slice(0, 1), slice(1, None), slice(0, max(length - 1, 0)))
        )
        for part, others in ((first, ()), (later, (self._at(one.out, sample_of(one.out)[before]),))):
            shown = sample_of(source)[part]
            args = (self._at(source, shown), *others)
            out = self._at(one.out, sample_of(one.out)[part])
            self._emit(Statement("add" if others else "copy", args, out, shown.shape, says=one.says))

    def _join(self, one: Instruction) -> None:
        (axis,) = one.attrs
        start = 0
        for arg in one.args:
            assert isinstance(arg, Place)
            stop = start + (arg.shape[axis] if one.fn == "concatenate" else 1)
            key = (
                *(slice(None),) * (axis % len(one.out.shape)),
                slice(start, stop) if one.fn == "concatenate" else start,
            )
            out = self._at(one.out, sample_of(one.out)[(*key, ...)])
            self._emit(Statement("copy", (self._operand(arg, arg.shape),), out, arg.shape, says=one.says))
            start = stop

    def _constant(self, one: Instruction) -> None:
        if one.fn == "eye":
            self._fill(self._at(one.out), one.out.shape, 0.0)
            diagonal = np.einsum("ii->i", sample_of(one.out))
            self._fill(self._at(one.out, diagonal), diagonal.shape, 1.0)
        else:
            self._fill(self._at(one.out), one.out.shape, 1.0 if one.fn == "ones" else float(np.pi))


def indices_first(ops: Sequence[Op], checks: Sequence[Check]) -> tuple[list[Op], list[Op]]:
    """Return the operations that computed indices are made of, and all others.

    Indices are looked at between the two, so that nothing is changed where one is out of range.

    Raises:
        RuleError: for an index that is computed step by step.
    """
    computed = {check.index.root for check in checks if check.index.root.kind in MADE}
    if not computed:
        return [], list(ops)
    first = [op for op in ops if isinstance(op, Statement) and op.writes.root.dtype.kind == "i"]
    made = {op.writes.root for op in first}
    rest = [op for op in ops if op not in first]
    later = {root for op in rest for root, written in touched(op) if written}
    if not computed <= made or any(access.root in later for op in first for access in (*op.reads, op.writes)):
        raise RuleError("an index that is computed at each step has no form as a loop", hint='backend="numpy" has one')
    return [*first], rest
