"""Careful forms (no overflow, no cancellation) as simple instructions, which are fused like any other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.compiler.instructions import Instruction, Place
from gradviz.compiler.numba_access import sample_of
from gradviz.core.primitive import Shape

Temporary = Callable[[str, Shape, Any], Place]
Argument = Place | float | int


class _Writer:
    """Writes the instructions of a form down."""

    def __init__(self, one: Instruction, temporary: Temporary) -> None:
        self.one = one
        self.found: list[Instruction] = []
        self._temporary = temporary

    def make(self, fn: str, *args: Argument, attrs: tuple[Any, ...] = (), shape: Shape | None = None) -> Place:
        """Write an instruction that fills a new buffer."""
        shapes = [arg.shape for arg in args if isinstance(arg, Place)]
        out = self._temporary(fn, np.broadcast_shapes(*shapes) if shape is None else shape, self.one.out.dtype)
        self.found.append(Instruction(fn, args, attrs, out))
        return out

    def reduce(self, fn: str, x: Place, axis: tuple[int, ...]) -> Place:
        """Write a reduction that keeps its axes."""
        axes = {one % len(x.shape) for one in axis}
        shape = tuple(1 if place in axes else length for place, length in enumerate(x.shape))
        return self.make(fn, x, attrs=(axis, True), shape=shape)

    def end(self, fn: str, *args: Argument, attrs: tuple[Any, ...] = ()) -> list[Instruction]:
        """Write the last instruction, whose result is that of the form."""
        self.found.append(Instruction(fn, args, attrs, self.one.out, self.one.says))
        return self.found


def _norm(one: Instruction, temporary: Temporary) -> list[Instruction]:
    """The Euclidean norm, scaled by the largest element."""
    writer, x, axis = _Writer(one, temporary), _place(one.args[0]), one.attrs[0]
    top = writer.reduce("max", writer.make("abs", x), axis)
    usable = writer.make("multiply", writer.make("gt", top, 0.0), writer.make("lt", top, math.inf))
    scale = writer.make("where", usable, top, 1.0)
    total = writer.reduce("sum", writer.make("square", writer.make("divide", x, scale)), axis)
    return writer.end("reshape", writer.make("multiply", writer.make("sqrt", total), scale), attrs=(one.out.shape,))


def _logsumexp(one: Instruction, temporary: Temporary) -> list[Instruction]:
    writer, x, axis = _Writer(one, temporary), _place(one.args[0]), one.attrs[0]
    top = writer.reduce("max", x, axis)
    top = writer.make("where", writer.make("lt", writer.make("abs", top), math.inf), top, 0.0)
    total = writer.reduce("sum", writer.make("exp", writer.make("subtract", x, top)), axis)
    return writer.end("reshape", writer.make("add", writer.make("log", total), top), attrs=(one.out.shape,))


def _prod_others(one: Instruction, temporary: Temporary) -> list[Instruction]:
    """The product of those before and of those behind: exact with zeros, and without dividing."""
    writer, x, axis = _Writer(one, temporary), _place(one.args[0]), one.attrs[0]
    kept = tuple(place for place in range(len(x.shape)) if place not in axis)
    order = (*kept, *axis)
    rows = math.prod(x.shape[place] for place in kept)
    count = math.prod(x.shape[place] for place in axis)
    factors = writer.make("transpose", x, attrs=(order,), shape=tuple(x.shape[place] for place in order))
    flat = _view(factors, sample_of(factors).reshape(rows, count))
    sides = []
    for step in (1, -1):
        side = writer.make("ones", attrs=((rows, count),), shape=(rows, count))
        whole, source = sample_of(side)[:, ::step], sample_of(flat)[:, ::step]
        before, after, factor = (
            _view(side, whole[:, :-1]), _view(side, whole[:, 1:]), _view(flat, source[:, :-1])
        )  # fmt: skip
        writer.found.append(Instruction("multiply", (before, factor), (), after))
        sides.append(side)
    product = writer.make("multiply", *sides)
    shaped = _view(product, sample_of(product).reshape(factors.shape))
    back = tuple(order.index(place) for place in range(len(order)))
    return writer.end("transpose", shaped, attrs=(back,))


def _view(base: Place, shown: Any) -> Place:
    return Place(f"{base.name}_part", shown.shape, base.dtype, "view", base=base, sample=shown)


def _place(arg: Argument) -> Place:
    assert isinstance(arg, Place)
    return arg


CAREFUL: dict[str, Callable[[Instruction, Temporary], list[Instruction]]] = {
    "norm": _norm,
    "logsumexp": _logsumexp,
    "prod_others": _prod_others,
}
"""The forms by name."""
