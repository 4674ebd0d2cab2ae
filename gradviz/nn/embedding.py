"""Embedding: a vector to learn for each word, or whatever is counted."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.expr import Expr
from gradviz.errors import GraphError, user_location
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Parameters, layer, positive
from gradviz.ops.rows import take


def embedding(
    indices: Any,
    count: int,
    dim: int,
    *,
    W: Any = None,
    dtype: Any = np.float64,
    init: str | Initializer = "uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return the rows of a matrix W at some indices: the vectors of some words.

    Args:
        indices: an integer data leaf (made with ``dtype=int``) of any shape, or integers.
        count: how many words there are.
        dim: the length of a word's vector.
        W: a node or an array of shape (count, dim) to use instead of a new parameter.
        dtype: of W, as indices have none to follow.
        init: draws W.
        seed: of the initial values.
        name: of the scope, in which the parameter is called W; by default "embedding", then "embedding_2", …

    Returns:
        (…, dim), with the axes of the indices first.

    Raises:
        GraphError: for indices that are no integers; at evaluation, for one out of range.

    Example:
        >>> import gradviz as gv
        >>> words = gv.data("words", [3, 1, 3], dtype=int)
        >>> gv.nn.embedding(words, 10, 4).shape
        (3, 4)
    """
    with layer(name, "embedding") as path:
        shape = positive(count, f"{path}: count"), positive(dim, f"{path}: dim")
        fixed = None if isinstance(indices, Expr) else np.asarray(indices)
        if fixed is not None and (fixed.dtype.kind not in "iu" or np.any(fixed < 0) or np.any(fixed >= count)):
            raise GraphError(f"{path}: the indices must be integers from 0 to {count - 1}", where=user_location())
        rows = Parameters(path, np.dtype(dtype), seed)("W", shape, init, given=W)
        return take(rows, indices, axis=0)
