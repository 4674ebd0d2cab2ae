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


class Spec:
    """Shape and dtype of a value. Interned by `spec_of`, so that two are compared by identity."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype


_specs: dict[tuple[Shape, np.dtype[Any]], Spec] = {}


def spec_of(shape: Shape, dtype: np.dtype[Any]) -> Spec:
    """Return the one Spec for this shape and dtype."""
    key = (shape, dtype)
    found = _specs.get(key)
    return found if found is not None else _specs.setdefault(key, Spec(shape, dtype))


class Tape:
    """The columns of the nodes built so far.

    Attributes:
        rows, args: one entry a node.
        names, values: of the nodes that have one.
        quick: the row for an elementwise operation whose arguments all have one Spec, which is then
            the result's too; forgotten when the scope changes.
    """

    __slots__ = ("__weakref__", "args", "names", "quick", "rows", "values")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.args: list[tuple[int, ...]] = []
        self.names: dict[int, Name] = {}
        self.values: dict[int, Array] = {}
        self.quick: dict[tuple[str, Spec], Row] = {}

    def append(self, row: Row, args: tuple[int, ...]) -> int:
        """Add a node and return its id."""
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
        _open.tape = weakref.ref(tape)
    return tape


def current_scope() -> str:
    """Return the path of the scope that is open in this thread, "" for none."""
    return _open.scope


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


def _switch(path: str) -> None:
    _open.scope = path
    tape = _open.tape() if _open.tape is not None else None
    if tape is not None:
        tape.quick.clear()


def make_row(op: Primitive, attrs: Mapping[str, Any], spec: Spec) -> Row:
    """Make the row of a node that is built now."""
    return Row(op, attrs, spec.shape, spec.dtype, _open.scope)
