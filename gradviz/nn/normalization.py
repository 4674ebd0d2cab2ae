"""Normalization of a layer's values."""

from __future__ import annotations

from typing import Any

from gradviz.core.expr import Expr
from gradviz.errors import GraphError, user_location
from gradviz.nn.parts import Parameters, as_floats, layer, wrong_shape
from gradviz.ops.elementwise import sqrt
from gradviz.ops.reduce import var


def layer_norm(x: Any, *, eps: float = 1e-5, name: str | None = None) -> Expr:
    """Return ``γ ⊙ (x - mean) / √(variance + eps) + β`` over the last axis (Ba et al., 2016).

    Args:
        x: a vector, or rows of vectors (…, features).
        eps: keeps the root away from 0.
        name: of the scope, in which the parameters are called gamma and beta; by default "layer_norm", then
            "layer_norm_2", …

    Returns:
        The shape of x.

    Raises:
        ShapeError: for a scalar, or vectors without elements.
        GraphError: for a negative eps.

    Example:
        >>> import gradviz as gv
        >>> gv.evaluate(gv.nn.layer_norm(gv.data("x", [1.0, 3.0]), eps=0)).output.tolist()
        [-1.0, 1.0]
    """
    x = as_floats(x)
    with layer(name, "layer_norm") as path:
        if x.ndim == 0 or x.shape[-1] == 0:
            raise wrong_shape(path, "a layer norm takes vectors", x)
        if not eps >= 0:
            raise GraphError(f"{path}: eps must not be negative, it is {eps!r}", where=user_location())
        parameter = Parameters(path, x.dtype, 0)
        centered = x - x.mean(-1, keepdims=True)
        normal = centered / sqrt(var(x, -1, keepdims=True) + eps)
        size = x.shape[-1:]
        gamma, beta = parameter("gamma", size, "ones", tex=r"\gamma"), parameter("beta", size, "zeros", tex=r"\beta")
        return gamma * normal + beta  # type: ignore[no-any-return]
