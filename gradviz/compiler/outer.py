"""Gradients of matrices by a single sample, which are a column times a row: a step need not have all of one at once."""

from __future__ import annotations

import numpy as np

from gradviz.compiler.instructions import Piece, Place, Plan, size
from gradviz.core.graph import Array, Graph
from gradviz.core.primitive import Shape

AT_ONCE = 65536
"""So many elements are subtracted at once: they stay in the cache."""


def in_parts(x: Array, memory: Array) -> list[tuple[slice, Array, Array]]:
    """Return a matrix some rows at a time: which ones, these, and room for as many that is used again and again."""
    count = len(memory) // x.shape[1]
    parts = [(slice(start, start + count), x[start : start + count]) for start in range(0, len(x), count)]
    return [(rows, part, memory[: part.size].reshape(part.shape)) for rows, part in parts]


def subtract_outer(parts: list[tuple[slice, Array, Array]], column: Array, row: Array) -> None:
    """Subtract column @ row from a matrix part by part: the whole product would take as much memory."""
    for rows, part, product in parts:
        np.subtract(part, column[rows].dot(row, product), part)


def factors_of(graph: Graph, index: int) -> tuple[int, int, bool] | None:
    """Return of which column and row a large matrix is the product, and whether transposed; None for any other."""
    made, turned = index, graph.rows[index].op.name == "transpose"
    if turned:
        (made,) = graph.args[index]
    row, args = graph.rows[made], graph.args[made]
    if row.op.name not in ("matmul", "multiply") or not _is_worth_it(row.shape) or len(graph.parents[made]) > turned:
        return None
    rows, columns = row.shape
    left, right = args
    are = (graph.rows[left].shape, graph.rows[right].shape) == ((rows, 1), (1, columns))
    return (left, right, turned) if are else None


def _is_worth_it(shape: Shape) -> bool:
    return len(shape) == 2 and size(shape) > 2 * AT_ONCE and max(shape) <= AT_ONCE


def is_turned(target: Place) -> bool:
    """Whether the columns of a matrix stand one after another, so that it is the transpose that is quick to read."""
    assert target.sample is not None
    rows, columns = target.sample.strides
    return rows < columns


def outer_memory(plan: Plan, updating: bool) -> int:
    """Return the bytes that are needed for what is given as a column and a row."""
    found = [piece for piece in plan.pieces if piece.column is not None]
    lengths = [AT_ONCE] if updating and found else [_length(piece) for piece in found]
    return sum(lengths) * (found[0].place.dtype.itemsize if found else 0)


def _length(piece: Piece) -> int:
    assert piece.column is not None
    return size(piece.column.shape) * size(piece.place.shape)
