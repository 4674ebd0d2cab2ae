"""What a plan is made of: places where values live, and instructions that fill them.

Nothing here is text of a programming language; a printer makes that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gradviz.core.graph import Array
from gradviz.core.primitive import Shape

ELEMENTWISE = frozenset(
    "add subtract multiply divide negative power gt ge lt le equal differ abs arccos arccosh arcsin arcsinh arctan "
    "arctan2 arctanh cos cosh exp exp2 expm1 hypot log log1p log2 log10 logaddexp maximum minimum sign sin sinh sqrt "
    "tan tanh square".split()
)
"""What NumPy computes position by position, so that the result may take the place of an argument."""

REDUCTIONS = {"sum": "add", "prod": "multiply", "max": "maximum"}
"""What reduces along axes, and the function that takes one more element in."""

COMPARISONS = frozenset(("gt", "ge", "lt", "le", "equal", "differ"))
"""What is true or false: 1 or 0."""

VIEWS = frozenset({"getitem", "reshape", "transpose", "broadcast_to", "flip", "windows"})
"""What may show a part of its argument instead of computing anything."""

Kind = Literal["parameter", "input", "constant", "buffer", "view", "scalar", "fresh", "item"]


@dataclass(eq=False)
class Place:
    """Where a value lives.

    Attributes:
        name: how source calls it; every place of a plan has another name.
        label: what the user calls it, "" if nothing.
        kind: a "parameter" is bound once, an "input" at every call, a "constant" never changes; a "buffer"
            is allocated once; a "view" shows a part of another place; a "scalar" is a number that an
            instruction returns; "fresh" is an array that an instruction allocates; an "item" is what a
            loop has at one of its steps.
        base, fn, attrs: of a view, what it shows and how; of an item, the place that holds all steps.
        value: of a constant.
        sample: an array of the same shape, dtype and strides, to ask NumPy about.
        shift, period: an item at time t is entry (t + shift), modulo the period if there is one.
        block, start: the block of memory that a buffer is a part of, and at which of its elements it begins.
        static: whether it is at the same address at every call.
    """

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    kind: Kind
    base: Place | None = None
    fn: str = ""
    attrs: tuple[Any, ...] = ()
    value: Array | None = None
    sample: Array | None = None
    shift: int = 0
    period: int = 0
    block: Block | None = None
    start: int = 0
    label: str = ""

    @property
    def static(self) -> bool:
        """Whether it is at the same address at every call."""
        if self.kind in ("view", "item"):
            assert self.base is not None
            return self.base.static
        return self.kind in ("parameter", "constant", "buffer")

    @property
    def root(self) -> Place:
        """The place whose memory this one shows."""
        return self.base.root if self.base is not None else self

    @property
    def home(self) -> Any:
        """What the buffers share that begin at the same place in memory; anything else is alone in its."""
        return self if self.block is None else (self.block, self.start)

    @property
    def looped(self) -> bool:
        """Whether it is another memory at every step of a loop."""
        return self.kind == "item" or (self.kind == "view" and self.base is not None and self.base.looped)

    @property
    def contiguous(self) -> bool:
        """Whether its elements stand in memory one after another, in the order of its axes."""
        return self.sample is None or bool(self.sample.flags.c_contiguous)


@dataclass(eq=False)
class Block:
    """Memory that several buffers use, one after another or side by side."""

    name: str
    dtype: np.dtype[Any]
    length: int = 0


@dataclass(frozen=True, eq=False)
class Instruction:
    """One function of the rules' vocabulary, applied.

    Attributes:
        fn: its name.
        args: places, or Python's numbers.
        attrs: further arguments (axes, shapes, …).
        out: where the result goes.
        says: what is computed here, in the user's words, "" where nothing needs saying.
    """

    fn: str
    args: tuple[Place | float | int, ...]
    attrs: tuple[Any, ...]
    out: Place
    says: str = ""


@dataclass(frozen=True, eq=False)
class Repeat:
    """Steps of a loop: at each, the items change their place and the body runs.

    Attributes:
        length, reverse: how many steps, and whether from the end to the beginning.
        items: the items and those views of items that the body uses, bases first.
        body: the instructions of a step.
        says: which loop of the user's it is.
    """

    length: int
    reverse: bool
    items: tuple[Place, ...]
    body: tuple[Instruction | Repeat, ...]
    says: str = ""


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of the gradient by a leaf.

    Attributes:
        path: of the leaf.
        key: which part of the leaf, () for all of it.
        place: where it is computed.
        column: if there is one, the place holds a row, and the part is this column times that row.
    """

    path: str
    key: tuple[Any, ...]
    place: Place
    column: Place | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """All that it is made of."""
        return (self.place,) if self.column is None else (self.column, self.place)


@dataclass(frozen=True, eq=False)
class Plan:
    """A function, ready to be printed.

    Attributes:
        parameters, inputs: the places by the path of their leaf.
        constants: the arrays that never change.
        blocks: the memory.
        places: every buffer and view that is made outside of loops, bases first.
        body: the instructions.
        outputs: by name, where the results are.
        pieces: the parts of gradients that are computed besides, leaf by leaf.
        tuned: whether it is as it is because of the library that multiplies matrices here.
    """

    parameters: Mapping[str, Place]
    inputs: Mapping[str, Place]
    constants: tuple[Place, ...]
    blocks: tuple[Block, ...]
    places: tuple[Place, ...]
    body: tuple[Instruction | Repeat, ...]
    outputs: Mapping[str, Place]
    pieces: tuple[Piece, ...] = ()
    tuned: bool = False

    def then(self, more: tuple[Instruction, ...], outputs: Mapping[str, Place]) -> Plan:
        """Return the plan with more instructions at its end, and other outputs."""
        return replace(self, body=(*self.body, *more), outputs=outputs)

    @property
    def memory(self) -> int:
        """The bytes of all buffers."""
        return sum(block.length * block.dtype.itemsize for block in self.blocks)


def part(base: Place, key: tuple[Any, ...], name: str) -> Place:
    """Return a view of a part of an array."""
    assert base.sample is not None
    sample = base.sample[key]
    return Place(name, sample.shape, base.dtype, "view", base=base, fn="getitem", attrs=(key,), sample=sample)


def walk(body: tuple[Instruction | Repeat, ...]) -> Iterator[Instruction]:
    """Yield every instruction, those of loops once."""
    for one in body:
        if isinstance(one, Repeat):
            yield from walk(one.body)
        else:
            yield one


def loops(body: tuple[Instruction | Repeat, ...]) -> Iterator[Repeat]:
    """Yield every loop, outer ones before those inside them."""
    for one in body:
        if isinstance(one, Repeat):
            yield one
            yield from loops(one.body)


def size(shape: Shape) -> int:
    """Return the number of elements."""
    return math.prod(shape)
