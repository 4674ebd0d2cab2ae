"""The tape that a graph is written on, and the scopes open while it is written.

All nodes that a thread builds while any handle is alive stand on one tape, so that any two of them
can be combined; when the last handle goes, the tape goes. A node costs one entry in two lists: what
it shares with its like is a `Row`.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradviz.core.graph import Array, Name, Row
from gradviz.core.names import check_name
from gradviz.core.primitive import Primitive, Shape
from gradviz.errors import GraphError, user_location


class Tape:
    """The columns of the nodes built so far.

    Attributes:
        rows, args: one entry a node.
        leaves: the ids of the leaves.
        names, values: of the nodes that have one.
        scoped: whether a scope was ever open while a node was built.
        extracted: how many of the nodes graphs were made of so far.
    """

    __slots__ = (
        "__weakref__",
        "_lanes",
        "_scalars",
        "args",
        "extracted",
        "leaves",
        "names",
        "rows",
        "scoped",
        "values",
    )

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.args: list[tuple[int, ...]] = []
        self.leaves: list[int] = []
        self.names: dict[int, Name] = {}
        self.values: dict[int, Array] = {}
        self.scoped = False
        self.extracted = 0
        # weak, since a lane holds its tape: with the last handle, both go at once
        self._lanes: weakref.WeakValueDictionary[tuple[Shape, np.dtype[Any]], Lane] = weakref.WeakValueDictionary()
        self._scalars: weakref.ref[Lane] | None = None

    def lane(self, shape: Shape, dtype: np.dtype[Any]) -> Lane:
        """Return the one lane of this tape for values of this shape and dtype."""
        found = self._lanes.get((shape, dtype))
        if found is None:
            found = self._lanes[shape, dtype] = Lane(self, shape, dtype)
        return found

    def scalars(self) -> Lane:
        """Return the lane of float64 numbers."""
        found = self._scalars() if self._scalars is not None else None
        if found is None:
            found = self.lane((), np.dtype(np.float64))
            self._scalars = weakref.ref(found)
        return found

    def forget_rows(self) -> None:
        """Forget the rows that may be used again: the scope changes."""
        self.scoped = True
        for lane in self._lanes.values():
            lane.quick.clear()


class Lane:
    """All nodes of one tape with one shape and dtype: two handles fit together if they share a lane.

    Attributes:
        shape, dtype: of the values.
        quick: by name, the row of an elementwise operation whose arguments are all in this lane (then
            its value is, too), and the rows of leaves; valid in the scope that is open.
        rows, args: the tape's columns, at hand for the operators.
    """

    __slots__ = ("__weakref__", "args", "dtype", "quick", "rows", "shape", "tape")

    def __init__(self, tape: Tape, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.tape = tape
        self.shape = shape
        self.dtype = dtype
        self.quick: dict[str, Row] = {}
        self.rows = tape.rows
        self.args = tape.args

    def row(self, op: Primitive, attrs: Mapping[str, Any], share: bool) -> Row:
        """Return the row of a node that is built now; a shared one is made once a scope."""
        found = self.quick.get(op.name) if share else None
        if found is None:
            found = Row(op, attrs, self.shape, self.dtype, _open.scope)
            if share:
                self.quick[op.name] = found
        return found

    def append(self, row: Row, args: tuple[int, ...]) -> int:
        """Put a node on the tape and return its id."""
        index = len(self.rows)
        self.rows.append(row)
        self.args.append(args)
        return index


class _Open(threading.local):
    tape: weakref.ref[Tape] | None = None
    scope: str = ""


_open = _Open()


def current_tape() -> Tape:
    """Return this thread's tape, a new one when no handle of the last is alive."""
    tape = _open.tape() if _open.tape is not None else None
    if tape is None:
        tape = Tape()
        tape.scoped = bool(_open.scope)
        _open.tape = weakref.ref(tape)
    return tape


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
    before = _open.scope
    _switch(f"{before}/{name}" if before else name)
    try:
        yield _open.scope
    finally:
        _switch(before)


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Open a scope by its whole path, whatever is open; "" for none."""
    before = _open.scope
    if path == before:
        yield
        return
    _switch(path)
    try:
        yield
    finally:
        _switch(before)


def _switch(path: str) -> None:
    _open.scope = path
    tape = _open.tape() if _open.tape is not None else None
    if tape is not None:
        tape.forget_rows()
