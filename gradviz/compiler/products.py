"""Products of matrices: many become one, and each has the form in which BLAS is quickest."""

from __future__ import annotations

import math
from typing import Any

from gradviz.compiler.joins import Span, span_of, taken
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph, Node
from gradviz.core.primitive import CONSTANT, FUNCTIONS
from gradviz.passes.rewrite import attrs_of, made_by

SMALL_RESULT, SHORT_PRODUCT = 4096, 1_000_000
"""OpenBLAS multiplies without packing up to so many multiplications, which is ten times as fast for small results."""


def one_product(a: Expr, b: Expr) -> Expr:
    """The sum over t of a_t b_t is one product, whose inner axis is that of time and theirs."""
    (times, rows, inner), columns = a.shape, b.shape[2]
    left = FUNCTIONS["reshape"](FUNCTIONS["transpose"](a, (1, 0, 2)), (rows, times * inner))
    turned = made_by(b, "transpose")
    if inner == 1 or turned is None or attrs_of(b)["axes"] != (0, 2, 1):
        return FUNCTIONS["matmul"](left, FUNCTIONS["reshape"](b, (times * inner, columns)))
    # Rows are moved whole; BLAS reads a transpose as it stands.
    right = FUNCTIONS["reshape"](FUNCTIONS["transpose"](turned[0], (1, 0, 2)), (columns, times * inner))
    return FUNCTIONS["matmul"](left, FUNCTIONS["transpose"](right))


def matmul(node: Node, args: list[Expr], values: list[Any]) -> Expr | None:
    """Many matrices times one matrix are one taller matrix times it; long sums are cut into shorter ones."""
    a, b = args
    if a.ndim == 2 and b.ndim == 2:
        return _cut(a, b)
    if a.ndim == 2 and b.ndim > 2 and b.shape[-1] == 1:  # one matrix times many columns: read it once
        rows = FUNCTIONS["reshape"](b, (math.prod(b.shape[:-2]), b.shape[-2]))
        return FUNCTIONS["reshape"](FUNCTIONS["matmul"](rows, FUNCTIONS["transpose"](a)), node.shape)
    if a.ndim < 3 or b.ndim > 2 or is_view(a):
        return None
    tall = FUNCTIONS["reshape"](a, (math.prod(a.shape[:-1]), a.shape[-1]))
    return FUNCTIONS["reshape"](FUNCTIONS["matmul"](tall, b), node.shape)


def _cut(a: Expr, b: Expr) -> Expr | None:
    """Cut the sum of a product with a small result into several: short products do without being packed first."""
    (rows, depth), columns = a.shape, b.shape[1]
    if not 0 < rows * columns <= SMALL_RESULT or rows * depth * columns <= SHORT_PRODUCT:
        return None
    least = math.ceil(rows * depth * columns / SHORT_PRODUCT)
    pieces = next((count for count in range(least, 2 * least + 1) if depth % count == 0), None)
    if pieces is None:
        return None
    left = FUNCTIONS["reshape"](a, (rows, pieces, depth // pieces))
    right = FUNCTIONS["reshape"](b, (pieces, depth // pieces, columns))
    products = FUNCTIONS["matmul"](FUNCTIONS["transpose"](left, (1, 0, 2)), right)
    return FUNCTIONS["sum"](products, 0)


def rows_of_product(graph: Graph, node: Node, args: list[Expr]) -> Expr | None:
    """Rows of a product are a product of these rows, where not all are asked for.

    Args:
        graph: where the node is.
        node: what may be rows of a product.
        args: its argument, built anew.
    """
    if node.op.name != "getitem":
        return None
    whole = node.args[0]
    factors = made_by(args[0], "matmul")
    if factors is None or factors[0].ndim != 2 or whole in graph.outputs.values():
        return None
    shape = graph.rows[whole].shape
    spans = [_rows(graph.rows[user].attrs.get("key"), shape) for user, _ in graph.parents[whole]]
    own = _rows(node.attrs["key"], shape)
    if own is None or own.single or None in spans or sum(one.stop - one.start for one in spans if one) >= shape[0]:
        return None
    turned = made_by(factors[0], "transpose")
    rows = slice(own.start, own.stop)
    part = factors[0][rows] if turned is None else FUNCTIONS["transpose"](turned[0][:, rows])
    return FUNCTIONS["matmul"](part, factors[1])


def scaled_factor(graph: Graph, node: Node, args: list[Expr]) -> Expr | None:
    """A number times a large product of matrices is the number times a small factor."""
    if node.op.name not in ("multiply", "divide"):
        return None
    for place in (0, 1) if node.op.name == "multiply" else (0,):
        number, factors = args[1 - place], made_by(args[place], "matmul")
        if factors is None or number.tape.rows[number.id].op is not CONSTANT or number.ndim:
            continue
        if len(graph.parents[node.args[place]]) > 1 or node.args[place] in graph.outputs.values():
            continue
        small = min(factors, key=lambda factor: factor.size)
        if 2 * small.size <= args[place].size:
            return FUNCTIONS["matmul"](*[node.op(one, number) if one is small else one for one in factors])
    return None


def standing(matrix: Expr) -> Expr:
    """Return a matrix that a loop multiplies with; columns of one that is put together are put together by themselves.

    A product is up to three times as fast where the rows of a matrix stand one after another.
    """
    turned = made_by(matrix, "transpose")
    if turned is not None and matrix.ndim == 2:
        return FUNCTIONS["transpose"](standing(turned[0]))
    base, span = taken(matrix) or (matrix, None)
    if span is None or span.single or span.axis != 1 or matrix.ndim != 2:
        return matrix
    shaped = made_by(base, "reshape")
    layers = None if shaped is None else made_by(shaped[0], "stack")
    if shaped is None or layers is None or layers[0].ndim != 2 or attrs_of(shaped[0])["axis"] != 0:
        return matrix
    columns = [_columns(layer, span.start, span.stop) for layer in layers]
    return FUNCTIONS["reshape"](FUNCTIONS["stack"](columns), matrix.shape)


def _columns(matrix: Expr, start: int, stop: int) -> Expr:
    """Return columns of a matrix, or of the one of its pieces that holds them."""
    joined = made_by(matrix, "concatenate")
    if joined is not None and attrs_of(matrix)["axis"] == 1:
        before = 0
        for piece in joined:
            if before <= start and stop <= before + piece.shape[1]:
                return _columns(piece, start - before, stop - before)
            before += piece.shape[1]
    return matrix[:, start:stop]


def _rows(key: Any, shape: tuple[int, ...]) -> Span | None:
    span = None if key is None else span_of(key, shape)
    return span if span is not None and span.axis == 0 else None


def is_view(x: Expr) -> bool:
    """Whether an array may show another one, with its elements not one after another."""
    return x.tape.rows[x.id].op.name in ("transpose", "getitem", "broadcast_to", "flip", "windows")
