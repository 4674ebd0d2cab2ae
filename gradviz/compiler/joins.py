"""Parts and wholes: the parts of one array put together again are that array; sums of parts are joins."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import FUNCTIONS
from gradviz.passes.rewrite import attrs_of, made_by

MOST_TERMS = 32

JOINS = frozenset(("concatenate", "stack"))
"""What puts arrays side by side."""

Key = tuple[Any, ...]
"""An index."""


class Span(NamedTuple):
    """A part of an array: from start to stop along one axis."""

    axis: int
    start: int
    stop: int
    single: bool
    """Whether the part has no such axis."""


def span_of(key: tuple[Any, ...], shape: tuple[int, ...]) -> Span | None:
    """Return the part that an index takes of an array; None if it is more complicated than that."""
    if not all(isinstance(part, (int, slice)) for part in key):
        return None
    key = (*key, *(slice(None),) * (len(shape) - len(key)))
    found = None
    for axis, (part, length) in enumerate(zip(key, shape, strict=True)):
        if isinstance(part, int):
            start = part % length
            one = Span(axis, start, start + 1, True)
        else:
            start, stop, step = part.indices(length)
            if step != 1:
                return None
            one = Span(axis, start, max(start, stop), False)
        if one.single or (one.start, one.stop) != (0, length):
            if found is not None:
                return None
            found = one
    return found


def keys_of_parts(graph: Graph, index: int) -> list[Key]:
    """Return which part of a join each of its arguments is; nothing for what is no join."""
    row = graph.rows[index]
    if row.op.name not in JOINS:
        return []
    front, args = (slice(None),) * row.attrs["axis"], graph.args[index]
    if row.op.name == "stack":
        return [(*front, place) for place in range(len(args))]
    ends = accumulate((graph.rows[arg].shape[len(front)] for arg in args), initial=0)
    return [(*front, slice(*pair)) for pair in pairwise(ends)]


def stack(parts: list[Expr]) -> Expr:
    """Stack arrays; consecutive parts of one array are a slice of it."""
    found = [_item(part) for part in parts]
    first = found[0]
    if first is not None and all(
        one is not None and one[0].id == first[0].id and one[1] == first[1] + place for place, one in enumerate(found)
    ):
        base, start = first
        whole = start == 0 and len(parts) == base.shape[0]
        return base if whole else base[start : start + len(parts)]
    return FUNCTIONS["stack"](parts)


def taken(handle: Expr) -> tuple[Expr, Span] | None:
    """Return of which array, and which, a part along one axis is; None for anything else."""
    inner = made_by(handle, "getitem")
    if inner is None:
        return None
    span = span_of(attrs_of(handle)["key"], inner[0].shape)
    return None if span is None else (inner[0], span)


def _item(handle: Expr) -> tuple[Expr, int] | None:
    """Return of which array, and which, an item along the first axis is."""
    base, span = taken(handle) or (handle, None)
    return (base, span.start) if span is not None and span.axis == 0 and span.single else None


def stacked(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """The rule of stack."""
    if node.attrs["axis"] != 0:
        return None
    made = stack(args)
    return None if made_by(made, "stack") else made


def joined(handle: Expr, others: list[Expr]) -> Expr | None:
    """Return the sum of arrays that are each zero outside of a part of their own, as a join; None if it is none."""
    pieces: list[tuple[Span, Expr]] = []
    for one in (handle, *others):
        inner = made_by(one, "scatter")
        if inner is None or one.shape != handle.shape:
            return None
        span = span_of(attrs_of(one)["key"], one.shape)
        if span is None:
            return None
        pieces += _single(span, inner[0])
    pieces.sort(key=lambda piece: piece[0].start)
    axis = pieces[0][0].axis
    ends = [0, *(span.stop for span, _ in pieces)]
    if ends[-1] != handle.shape[axis] or any(
        span.axis != axis or span.start != end for (span, _), end in zip(pieces, ends, strict=False)
    ):
        return None
    if all(span.single for span, _ in pieces):
        return FUNCTIONS["stack"]([part for _, part in pieces], axis)
    parts = [FUNCTIONS["expand_dims"](part, axis) if span.single else part for span, part in pieces]
    return FUNCTIONS["concatenate"](parts, axis)


def _single(span: Span, part: Expr) -> list[tuple[Span, Expr]]:
    """Return what was stacked for a slice one by one."""
    inner = made_by(part, "stack")
    if inner is None or span.single or attrs_of(part)["axis"] != span.axis:
        return [(span, part)]
    starts = range(span.start, span.stop)
    return [(Span(span.axis, start, start + 1, True), one) for start, one in zip(starts, inner, strict=True)]


def sum_of_parts(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """The rule of add: terms that are zero but for a part become one join, if they cover the whole."""
    terms = [term for arg in args for term in _terms(arg)]
    found = [term for term in terms if made_by(term, "scatter") is not None]
    if len(found) < 2:
        return None
    made = joined(found[0], found[1:])
    if made is None or made.shape != node.shape:
        return None
    for term in terms:
        if made_by(term, "scatter") is None:
            made = made + term
    return made


def _terms(handle: Expr) -> list[Expr]:
    found: list[Expr] = []
    waiting = [handle]
    while waiting:
        one = waiting.pop()
        inner = made_by(one, "add") if len(found) + len(waiting) < MOST_TERMS else None
        if inner is None:
            found.append(one)
        else:
            waiting += [arg for arg in inner if arg.shape == handle.shape]
            found += [arg for arg in inner if arg.shape != handle.shape]
    return found


def scaled(matrix: Expr, value: Any) -> Expr | None:
    """Return stacked joins times a column of numbers, one for each, as their parts times this number.

    What is joined is moved in any case; matrices that are only stacked may be needed as they are, too.
    """
    shaped = made_by(matrix, "reshape")
    layers = None if shaped is None else made_by(shaped[0], "stack")
    if shaped is None or layers is None or value is None or np.shape(value) != (matrix.shape[0], 1):
        return None
    groups = np.reshape(value, (len(layers), -1))
    if (
        made_by(layers[0], "concatenate") is None
        or shaped[0].shape[1:] != layers[0].shape
        or not np.all(groups == groups[:, :1])
    ):
        return None
    parts = [_times(layer, group[0]) for layer, group in zip(layers, groups, strict=True)]
    return FUNCTIONS["reshape"](FUNCTIONS["stack"](parts), matrix.shape)


def _times(handle: Expr, factor: float) -> Expr:
    """Return an array times a number; what was joined is multiplied where it is put together."""
    if factor == 1:
        return handle
    parts = made_by(handle, "concatenate")
    if parts is None:
        return handle * constant(factor, handle.dtype)
    axis = attrs_of(handle)["axis"]
    return FUNCTIONS["concatenate"]([_times(part, factor) for part in parts], axis)
