"""Products of a cell, in the form that costs least: W_h @ h + W_x @ x for few samples, [W, b] @ [h, x, 1] for many.

A part of a product that needs no state is computed for all steps at once, which is what counts where a product is bound
by reading its matrix. From some samples on it is bound by arithmetic, wherever it is done; then one product has the
fewest calls, no sum to be added, and one gradient for everything that is learned.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.compiler.expand import recell
from gradviz.compiler.kinds import FIXED, TIMED, CellRewriter
from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.loop import Loop
from gradviz.core.primitive import FUNCTIONS
from gradviz.passes.rewrite import attrs_of, made_by

MANY = 8
"""So many samples make a product bound by arithmetic."""


def with_parts(loop: Loop) -> Loop:
    """Return the loop with W @ [h, x] as W_h @ h + W_x @ x, for few samples or where h is multiplied elsewhere, too."""
    alone = _multiplied(loop.cell)

    def split(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
        matrix, joined = args
        parts = made_by(joined, "concatenate")
        if parts is None or matrix.ndim != 2 or joined.ndim > 2 or attrs_of(joined)["axis"] != 0:
            return None
        if joined.ndim == 2 and joined.shape[1] >= MANY and alone.isdisjoint(loop.cell.args[node.args[1]]):
            return None
        total, start = None, 0
        for part in parts:
            stop = start + part.shape[0]
            product = FUNCTIONS["matmul"](matrix[:, start:stop], part)
            total = product if total is None else total + product
            start = stop
        return total

    return recell(loop, CellRewriter(loop, {"matmul": split}).build, rename=False)


def _multiplied(cell: Graph) -> set[int]:
    """Return what matrices are multiplied with."""
    return {args[1] for row, args in zip(cell.rows, cell.args, strict=True) if row.op.name == "matmul"}


def with_ones(loop: Loop) -> Loop:
    """Return the loop with W @ x + b as [W, b] @ [x, 1], for many samples and where x is put together anyway."""
    longer: dict[int, Expr] = {}

    def affine(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
        for product, bias in (args, args[::-1]):
            factors = made_by(product, "matmul")
            if factors is None or not _is_wide(product, bias) or rewriter.kind(bias) != FIXED:
                continue
            matrix, x = factors
            parts = [x] if rewriter.kind(x) == TIMED else made_by(x, "concatenate")
            if parts is None or (len(parts) > 1 and attrs_of(x)["axis"] != 0) or rewriter.kind(matrix) != FIXED:
                continue
            if x.id not in longer:
                ones = constant(np.ones((1, x.shape[1])), x.dtype)
                longer[x.id] = FUNCTIONS["concatenate"]([*parts, ones])
            return FUNCTIONS["matmul"](FUNCTIONS["concatenate"]([matrix, bias], axis=1), longer[x.id])
        return None

    rewriter = CellRewriter(loop, {"add": affine})
    return recell(loop, rewriter.build, rename=False)


def _is_wide(product: Expr, bias: Expr) -> bool:
    """Whether these are a matrix with a column for each of many samples, and one column."""
    return product.ndim == 2 and product.shape[1] >= MANY and bias.shape == (product.shape[0], 1)
