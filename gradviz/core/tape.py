"""The tape that a graph is written on, and the scopes open while it is written.

All nodes that a thread builds while any handle is alive stand on one tape, so that any two of them
can be combined; when the last handle goes, the tape goes. A node costs one entry in three lists: what
it shares with its like is a `Row`, and its arguments are two ids.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradviz.core.arguments import Arguments
from gradviz.core.arrays import FLOAT64
from gradviz.core.graph import Array, Name, Row
from gradviz.core.names import check_name
from gradviz.core.primitive import Primitive, Shape
from gradviz.errors import GraphError, user_location


class Tape:
    """The columns of the nodes built so far.

    Attributes:
        rows, args: one entry a node.
        distinct_rows: the rows, each once.
        leaves: the ids of the leaves.
        names, tex, values: the name, the LaTeX given for it and the value, of the nodes that have one.
        scoped: whether a scope was ever open while a node was built.
        extracted: how many of the nodes graphs were made of so far.
        looped: whether a scan was built.
        scopes: the paths of the scopes that were opened, each with the number to look from for another like it.
        lifted: by a loop that was given an axis and its arguments, the ids of what it got: its results share them.
    """

    __slots__ = (
        "__weakref__",
        "_lanes",
        "args",
        "distinct_rows",
        "extracted",
        "leaves",
        "lifted",
        "looped",
        "names",
        "rows",
        "scoped",
        "scopes",
        "tex",
        "values",
    )

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.distinct_rows: list[Row] = []
        self.args = Arguments()
        self.leaves: list[int] = []
        self.names: dict[int, str] = {}
        self.tex: dict[int, str] = {}
        self.values: dict[int, Array | float] = {}
        self.scoped = False
        self.extracted = 0
        self.looped = False
        self.scopes: dict[str, int] = {}
        self.lifted: dict[Any, list[tuple[int, int | None]]] = {}
        # weak, since a lane holds its tape: with the last handle, both go at once
        self._lanes: dict[tuple[Shape, np.dtype[Any]], weakref.ref[Lane]] = {}

    def lane(self, shape: Shape, dtype: np.dtype[Any]) -> Lane:
        """Return the one lane of this tape for values of this shape and dtype."""
        known = self._lanes.get((shape, dtype))
        lane = known() if known is not None else None
        if lane is None:
            lane = Lane(self, shape, dtype)
            self._lanes[shape, dtype] = weakref.ref(lane)
        return lane

    def name(self, index: int) -> Name | None:
        """Return a node's name with its LaTeX, if it has one."""
        return Name(self.names[index], self.tex.get(index)) if index in self.names else None

    def give_name(self, index: int, name: str, tex: str | None) -> None:
        """Set a node's name and its LaTeX, in place of any it had."""
        self.names[index] = name
        self.tex.pop(index, None)
        if tex is not None:
            self.tex[index] = tex

    def offer_name(self, index: int, name: Name | None) -> None:
        """Give a node a name and its LaTeX, if it has none."""
        if name is not None and index not in self.names:
            self.give_name(index, name.name, name.given_tex)

    def forget_rows(self) -> None:
        """Forget the rows that may be used again: the scope changes."""
        self.scoped = True
        for known in self._lanes.values():
            lane = known()
            if lane is not None:
                lane.quick = Quick()


class Quick:
    """Rows by the name of their operation: attributes, which the operators find sooner than entries of a dict."""


class Lane:
    """All nodes of one tape with one shape and dtype: two handles fit together if they share a lane.

    Attributes:
        shape, dtype: of the values.
        quick: by its name, the row of an elementwise operation whose arguments are all in this lane (then
            its value is, too), and the rows of leaves; valid in the scope that is open.
        rows, first, second: the tape's columns, at hand for the operators.
    """

    __slots__ = ("__weakref__", "dtype", "first", "quick", "rows", "second", "shape", "tape")

    def __init__(self, tape: Tape, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.tape = tape
        self.shape = shape
        self.dtype = dtype
        self.quick = Quick()
        self.rows = tape.rows
        self.first = tape.args.first
        self.second = tape.args.second

    def row(self, op: Primitive, attrs: Mapping[str, Any], share: bool) -> Row:
        """Return the row of a node that is built now; a shared one is made once a scope."""
        found = getattr(self.quick, op.name, None) if share else None
        if found is None:
            found = Row(op, attrs, self.shape, self.dtype, opened.scope)
            self.tape.distinct_rows.append(found)
            if share:
                setattr(self.quick, op.name, found)
        return found


def _nothing() -> None:
    return None


class _Open(threading.local):
    tape: Callable[[], Tape | None] = staticmethod(_nothing)
    numbers: Callable[[], Lane | None] = staticmethod(_nothing)
    scope: str = ""


opened = _Open()
"""What this thread has open: its tape, the lane of its numbers, and the scope."""


def current_tape() -> Tape:
    """Return this thread's tape, a new one when no handle of the last is alive."""
    tape = opened.tape()
    if tape is None:
        tape = Tape()
        tape.scoped = bool(opened.scope)
        opened.tape = weakref.ref(tape)
    return tape


def leave_tape() -> None:
    """Begin a new tape with the next leaf, as if no handle were alive: another script begins."""
    opened.tape = opened.numbers = _nothing


@contextmanager
def private_tape() -> Iterator[None]:
    """Write on a tape that goes with its last handle: what a pass builds stays off the user's.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", 2.0)
        >>> with private_tape():
        ...     y = gv.param("y", 3.0)
        >>> x.tape is current_tape(), y.tape is current_tape()
        (True, False)
    """
    before = opened.tape, opened.numbers
    leave_tape()
    try:
        yield
    finally:
        opened.tape, opened.numbers = before


def number_lane() -> Lane:
    """Return the lane of float64 numbers on this thread's tape."""
    lane = opened.numbers()  # if it lives, so does its tape, which is then the current one
    if lane is None:
        lane = current_tape().lane((), FLOAT64)
        opened.numbers = weakref.ref(lane)
    return lane


@contextmanager
def scope(name: str) -> Iterator[str]:
    """Open a scope: the nodes built inside belong to one group of the picture.

    Scopes nest; the path is yielded ("lstm/forget_gate").

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", 2.0)
        >>> with gv.scope("gate") as path:
        ...     h = gv.sigmoid(x)
        >>> path, gv.graph(h).nodes[-1].scope
        ('gate', 'gate')
    """
    if "/" in check_name(name):
        raise GraphError(f"the scope name {name!r} holds a '/'", where=user_location(), hint="nest scopes instead")
    before = opened.scope
    path = f"{before}/{name}" if before else name
    with inside(path):
        yield path
    tape = opened.tape()
    if tape is not None:
        tape.scopes.setdefault(path, 2)  # not after an error: what was begun is written again


def numbered(name: str) -> str:
    """Return this name if no scope beside it has it on this tape, else with the first number that makes it new.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", 2.0)
        >>> with gv.scope("road"):
        ...     h = gv.sigmoid(x)
        >>> numbered("road"), numbered("river")
        ('road_2', 'river')
    """
    scopes = current_tape().scopes
    path = f"{opened.scope}/{name}" if opened.scope else name
    if path not in scopes:
        return name
    while f"{path}_{scopes[path]}" in scopes:
        scopes[path] += 1
    return f"{name}_{scopes[path]}"


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Open a scope by its whole path, whatever is open; "" for none."""
    before = opened.scope
    if path == before:
        yield
        return
    _switch(path)
    try:
        yield
    finally:
        _switch(before)


def _switch(path: str) -> None:
    opened.scope = path
    tape = opened.tape()
    if tape is not None:
        tape.forget_rows()
