"""From a plan's instructions to statements over loop nests: what is computed, reduced or moved position by position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradviz.compiler.instructions import ELEMENTWISE, Instruction, Place, Repeat
from gradviz.compiler.numba_access import Access, Addresses, broadcast, sample_of
from gradviz.compiler.numba_careful import CAREFUL
from gradviz.compiler.numba_forms import STARTS
from gradviz.compiler.numba_ops import Check, Gather, Number, Op, Operand, Statement, Steps, nested, summed
from gradviz.compiler.numba_products import Products
from gradviz.core.arrays import stretched, uniform_value
from gradviz.core.graph import Array
from gradviz.core.primitive import Shape
from gradviz.errors import RuleError
from gradviz.namespaces import numpy as numbers

POINTWISE = ELEMENTWISE | {"copy", "where", "guard", "indicator", "erf", "normal_cdf", "sigmoid", "softplus", "sinc"}
"""What is computed position by position."""

VIEWED = frozenset("getitem transpose flip broadcast_to windows reshape expand_dims squeeze swapaxes".split())
"""What moves elements, or shows them."""


class Statements:
    """Lowers what is computed position by position, reduced or moved; the other forms are those of `Lowering`.

    Attributes:
        tables: arrays of integers that gathers need.
    """

    def __init__(self) -> None:
        self.tables: list[Place] = []
        self.checks: list[Check] = []
        self._variables: dict[Place, tuple[str, int]] = {}
        self._addresses = Addresses(self._variables)
        self._ops: list[Op] = []
        self._loops = 0
        self._made = 0
        self._products = Products(self.temporary, self._emit)
        self._forms: dict[str, Callable[[Instruction], None]] = {}

    def body(self, body: Sequence[Instruction | Repeat]) -> tuple[Op, ...]:
        """Return the operations of some instructions."""
        outer, self._ops = self._ops, []
        for one in body:
            if isinstance(one, Repeat):
                self._repeat(one)
            else:
                self._instruction(one)
        found, self._ops = tuple(self._ops), outer
        return found

    def temporary(self, like: str, shape: Shape, dtype: Any) -> Place:
        """Return a new buffer."""
        self._made += 1
        return Place(f"{like}_{self._made}_", shape, np.dtype(dtype), "buffer", sample=np.empty(shape, dtype))

    def _emit(self, op: Op) -> None:
        """Take an operation; a sum that is not made in one go starts from an array of zeros."""
        if isinstance(op, Statement):
            if 0 in op.space and not op.reduce:
                return
            if op.reduce and isinstance(op.out, Access):
                op = nested(op.space, op) if 0 not in op.space else op
                gone = summed(op)
                kept = tuple(axis for axis in range(len(op.space)) if axis not in gone)
                if 0 in op.space or gone != tuple(range(len(kept), len(op.space))):
                    start = Statement("copy", (STARTS[op.reduce],), op.writes, op.space).along(kept)
                    self._emit(start)
                if 0 in op.space:
                    return
                op = op if gone else replace(op, reduce="")
            op = nested(op.space, op)
        self._ops.append(op)

    def _repeat(self, loop: Repeat) -> None:
        if not loop.length:
            return
        variable = f"t_{self._loops}" if self._loops else "t"
        self._loops += 1
        for item in loop.items:
            if item.kind == "item":
                self._variables[item] = variable, loop.length
        self._ops.append(Steps(variable, loop.length, loop.reverse, self.body(loop.body), loop.says))

    def _instruction(self, one: Instruction) -> None:
        if one.fn in CAREFUL:
            for simple in CAREFUL[one.fn](one, self.temporary):
                self._instruction(simple)
        elif one.fn in POINTWISE:
            args = tuple(self._operand(arg, one.out.shape) for arg in one.args)
            self._emit(Statement(one.fn, args, self._at(one.out), one.out.shape, says=one.says))
        elif one.fn in STARTS:
            self._reduce(one)
        elif one.fn in VIEWED:
            self._move(one)
        elif one.fn in self._forms:
            self._forms[one.fn](one)
        else:
            raise RuleError(f"{one.fn} has no form as a loop", hint='backend="numpy" has one')

    def _at(self, place: Place, shown: Array | None = None) -> Access:
        return self._addresses.of(place, shown)

    def _operand(self, arg: Place | Number, shape: Shape) -> Operand:
        """Return an argument over the axes of a shape; arrays of equal elements are numbers."""
        if not isinstance(arg, Place):
            return arg
        number = uniform(arg)
        return broadcast(self._at(arg), arg.shape, shape) if number is None else number

    def _fill(self, out: Access, shape: Shape, value: Number) -> None:
        self._emit(Statement("copy", (value,), out, shape))

    def _reduce(self, one: Instruction) -> None:
        (source,) = one.args
        axes, _ = one.attrs
        assert isinstance(source, Place)
        self.reduce(one.fn, "copy", (self._operand(source, source.shape),), source.shape, one.out, axes, one.says)

    def reduce(
        self, kind: str, fn: str, args: tuple[Operand, ...], space: Shape, out: Place, axes: Any, says: str
    ) -> None:
        """Emit a reduction."""
        axes = tuple(axis % len(space) for axis in axes)
        whole = self._at(out)
        kept = [axis for axis in range(len(space)) if axis not in axes]
        own = [stride for stride, length in zip(whole.strides, out.shape, strict=True) if length != 1]
        lengths = [axis for axis in kept if space[axis] != 1]
        strides = [0] * len(space)
        for axis, stride in zip(lengths, own, strict=True):
            strides[axis] = stride
        self._emit(Statement(fn, args, replace(whole, strides=tuple(strides)), space, kind, says))

    def _sum_to(self, one: Instruction) -> None:
        (source,), (shape,) = one.args, one.attrs
        assert isinstance(source, Place)
        space = np.broadcast_shapes(source.shape, shape)
        axes = stretched(space, shape)
        self.reduce("sum", "copy", (self._operand(source, space),), space, one.out, axes, one.says)

    def _move(self, one: Instruction) -> None:
        (source,) = one.args
        if not isinstance(source, Place):
            self._fill(self._at(one.out), one.out.shape, source)
            return
        if one.fn == "reshape":
            self._reshape(one, source)
            return
        function = getattr(numbers, one.fn)
        shown = np.asarray(function(sample_of(source), *one.attrs))
        if shown.size == 0 or np.may_share_memory(shown, sample_of(source)):
            given: Operand = broadcast(self._at(source, shown), shown.shape, one.out.shape)
        else:  # chosen by lists of integers or truth values
            places_of = self._places_of(source)
            index = self.table(function(places_of, *one.attrs))
            start = self._at(source)
            base = replace(start, strides=(0,) * len(one.out.shape))
            given = Gather(base, broadcast(self._at(index), index.shape, one.out.shape), 1)
        self._emit(Statement("copy", (given,), self._at(one.out), one.out.shape, says=one.says))

    def _reshape(self, one: Instruction, source: Place) -> None:
        """Copy where one of the two lies in memory in its own order, so that the other's axes serve for both."""
        for place, shape in ((one.out, source.shape), (source, one.out.shape)):
            shown = sample_of(place).reshape(shape)
            if shown.size == 0 or np.may_share_memory(shown, sample_of(place)):
                seen = self._at(place, shown)
                given, out = (self._at(source), seen) if place is one.out else (seen, self._at(one.out))
                self._emit(Statement("copy", (given,), out, shape, says=one.says))
                return
        middle = self.temporary("rows", source.shape, source.dtype)
        self._instruction(Instruction("copy", (source,), (), middle))
        self._instruction(replace(one, args=(middle,)))

    def _places_of(self, place: Place) -> Array:
        """Return, for each element of a place, where it stands relative to the first."""
        sample = sample_of(place)
        found = np.zeros(place.shape, np.int64)
        for axis, (length, stride) in enumerate(zip(place.shape, sample.strides, strict=True)):
            steps = np.arange(length) * (stride // sample.itemsize)
            found += steps.reshape(*(-1 if other == axis else 1 for other in range(len(place.shape))))
        return found

    def table(self, value: Any) -> Place:
        """Return a constant of integers."""
        array = np.ascontiguousarray(value, np.int64)
        for known in self.tables:
            if known.value is not None and np.array_equal(known.value, array):
                return known
        made = Place(f"places_{len(self.tables)}", array.shape, array.dtype, "constant", value=array, sample=array)
        self.tables.append(made)
        return made


def uniform(place: Place) -> Number | None:
    """Return the number that all elements of a constant are."""
    floats = place.value is not None and place.value.dtype.kind == "f"
    number = uniform_value(place.value) if floats else None
    return None if number is None else float(number)
