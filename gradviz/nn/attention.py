"""Scaled dot-product attention, and several heads of it side by side (Vaswani et al., 2017)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Parameters, as_floats, layer, positive, wrong_shape
from gradviz.ops.elementwise import where
from gradviz.ops.reduce import softmax
from gradviz.ops.shape import reshape, swapaxes, transpose


def attention(
    Q: Any,
    K: Any,
    V: Any,
    *,
    mask: Any = None,
    name: str | None = None,
) -> Expr:
    """Return ``softmax(Q Kᵀ / √d + mask) V``.

    Args:
        Q: queries (…, T, d).
        K: keys (…, S, d).
        V: values (…, S, n).
        mask: what may be attended to, broadcast to (…, T, S): None for everything; "causal" for
            nothing later; booleans, True where it may; or numbers that are added, -∞ where it may not.
            It may be a node, too: of floats, they are added; of truth values, it is 0 where it may not.
        name: of the scope; by default "attention", then "attention_2", …

    Returns:
        (…, T, n): for each query, the mean of the values, weighted by how well their keys fit.

    Raises:
        ShapeError: for shapes that do not fit.
        GraphError: for a mask that leaves a query nothing to attend to, or is none of the above.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> gv.evaluate(gv.nn.attention(x, x, x, mask="causal")).output[0].tolist()
        [1.0, 0.0]
    """
    Q, K, V = as_floats(Q), as_floats(K), as_floats(V)
    with layer(name, "attention") as path:
        for what, x in (("Q", Q), ("K", K), ("V", V)):
            if x.ndim < 2:
                raise wrong_shape(path, f"{what} must have the axes (time, features)", x)
        if Q.shape[-1] != K.shape[-1] or Q.shape[-1] == 0:
            raise ShapeError(f"{path}: Q {Q.shape} and K {K.shape} need features in common", where=user_location())
        if K.shape[-2] != V.shape[-2]:
            raise ShapeError(f"{path}: K {K.shape} and V {V.shape} differ in length", where=user_location())
        root = constant(math.sqrt(Q.shape[-1]), Q.dtype).named("root", r"\sqrt{d}")
        scores = Q @ swapaxes(K, -1, -2) / root
        weights = softmax(_masked(path, scores, mask), axis=-1).named("weights", "A")
        return weights @ V  # type: ignore[no-any-return]


def multi_head_attention(
    x: Any,
    heads: int,
    *,
    context: Any = None,
    mask: Any = None,
    dim: int | None = None,
    bias: bool = False,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return ``[head_1, …, head_h] W_o`` with ``head_i = attention(x W_q, context W_k, context W_v)``.

    Each head has its own part of the columns of W_q, W_k and W_v.

    Args:
        x: a sequence (T, features).
        heads: how many.
        context: the sequence (S, …) that is attended to; by default x itself (self-attention).
        mask: as for `attention`; (T, S) for all heads, or (heads, T, S).
        dim: the features of one head; by default those of x divided among the heads.
        bias: whether there are b_q, b_k, b_v and b_o.
        init: draws the matrices; biases start at 0.
        seed: of the initial values.
        name: of the scope; by default "multi_head", then "multi_head_2", …

    Returns:
        (T, features).

    Raises:
        ShapeError: for an x or context that is no sequence of vectors, or a mask that does not fit.
        GraphError: for features that do not divide among the heads.

    Example:
        >>> import gradviz as gv
        >>> y = gv.nn.multi_head_attention(gv.data("x", shape=(5, 8)), 2, mask="causal")
        >>> y.shape, [leaf.name for leaf in gv.graph(y).leaves if leaf.op.name == "parameter"]
        ((5, 8), ['W_q', 'W_k', 'W_v', 'W_o'])
    """
    x = as_floats(x)
    with layer(name, "multi_head") as path:
        source = x if context is None else as_floats(context)
        for what, one in (("x", x), ("the context", source)):
            if one.ndim != 2:
                raise wrong_shape(path, f"{what} must be a sequence of vectors (time, features)", one)
        heads, features = positive(heads, f"{path}: the number of heads"), x.shape[1]
        if dim is None and features % heads:
            raise GraphError(
                f"{path}: {features} features do not divide among {heads} heads",
                where=user_location(),
                hint="say dim=…, the features of one head",
            )
        width = heads * (features // heads if dim is None else positive(dim, f"{path}: dim"))
        parameter = Parameters(path, x.dtype, seed)

        def affine(v: Expr, letter: str, columns: int) -> Expr:
            found = v @ parameter(f"W_{letter}", (v.shape[1], columns), init)
            return found + parameter(f"b_{letter}", (columns,), "zeros") if bias else found

        def split(v: Expr) -> Expr:
            """From (time, all features) to (head, time, its features)."""
            return transpose(reshape(v, (v.shape[0], heads, width // heads)), (1, 0, 2))

        Q, K, V = (split(affine(v, letter, width)) for v, letter in ((x, "q"), (source, "k"), (source, "v")))
        each = attention(Q, K, V, mask=mask)
        joined = reshape(transpose(each, (1, 0, 2)), (x.shape[0], width))
        return affine(joined, "o", features)


def _masked(path: str, scores: Expr, mask: Any) -> Expr:
    """Return the scores with -∞ where a mask forbids attention."""
    if mask is None:
        return scores
    if isinstance(mask, Expr) and mask.dtype.kind != "f":
        return where(mask, scores, constant(-np.inf, scores.dtype))
    added = mask if isinstance(mask, Expr) else _constant_mask(path, scores, mask)
    try:
        fits = np.broadcast_shapes(added.shape, scores.shape) == scores.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{path}: a mask of shape {added.shape} does not fit the scores {scores.shape}", where=user_location()
        )
    return scores + added


def _constant_mask(path: str, scores: Expr, mask: Any) -> Expr:
    if isinstance(mask, str):
        if mask != "causal":
            raise GraphError(f"{path}: there is no mask {mask!r}", where=user_location(), hint='use "causal"')
        mask = np.tri(*scores.shape[-2:], dtype=bool)
    array = np.asarray(mask)
    if array.dtype.kind == "b":
        array = np.where(array, 0.0, -np.inf)
    elif array.dtype.kind not in "fiu":
        raise GraphError(f"{path}: a mask is of booleans or numbers", where=user_location())
    if array.ndim and np.any(np.all(np.isneginf(array), axis=-1)):
        raise GraphError(f"{path}: the mask leaves a query nothing to attend to", where=user_location())
    return constant(array.astype(scores.dtype), scores.dtype).named("mask", "M")
