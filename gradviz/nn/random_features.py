"""Features that are drawn at random and stay: only the layer on top of them is learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.core.expr import Expr
from gradviz.errors import GraphError, did_you_mean, user_location
from gradviz.nn.parts import Parameters, as_floats, layer, positive, wrong_shape
from gradviz.ops.activation import relu
from gradviz.ops.elementwise import cos

KINDS = ("relu", "cos")


def random_features(
    x: Any,
    count: int,
    *,
    scale: float = 1.0,
    kind: str = "relu",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return random features φ(x) of a vector; W and b are constants.

    With "cos", ``φ(x) = √(2/count) cos(W x + b)``, where W is normal with the standard deviation 1/scale
    and b uniform between 0 and 2π: products of features approximate the Gaussian kernel
    ``exp(-‖x - x'‖² / (2 scale²))`` (Rahimi and Recht, 2007). With "relu", ``φ(x) = √(2/count) ReLU(W x + b)``,
    where W is normal with the standard deviation scale and b likewise: a hidden layer that is not learned.

    Args:
        x: a vector (n,), or rows of vectors.
        count: how many features.
        scale: the width of the kernel for "cos", the size of the weights for "relu".
        kind: "relu" or "cos".
        seed: of the random numbers.
        name: of the scope; by default "random_features", then "random_features_2", …

    Returns:
        (count,), or rows of them.

    Raises:
        ShapeError: for a scalar x.
        GraphError: for another kind, a scale that is not above 0, or a count that is no positive integer.

    Example:
        >>> import gradviz as gv
        >>> phi = gv.nn.random_features(gv.data("x", [0.5, -1.0]), 100, kind="cos")
        >>> phi.shape, [leaf.op.name for leaf in gv.graph(phi).leaves if leaf.name in ("W", "b")]
        ((100,), ['constant', 'constant'])
    """
    x = as_floats(x)
    with layer(name, "random_features") as path:
        if x.ndim == 0:
            raise wrong_shape(path, "random features are of a vector, or of rows of vectors", x)
        count = positive(count, f"{path}: count")
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            raise GraphError(f"{path}: there is no kind {kind!r}", where=user_location(), hint=hint)
        if not scale > 0:
            raise GraphError(f"{path}: scale must be above 0, not {scale!r}", where=user_location())
        fixed = Parameters(path, x.dtype, seed)
        spread = 1 / scale if kind == "cos" else scale
        W = fixed.fixed("W", fixed.random("W").normal(0.0, spread, (count, x.shape[-1])))
        source = fixed.random("b")
        b = fixed.fixed("b", source.uniform(0, 2 * np.pi, count) if kind == "cos" else source.normal(0, spread, count))
        score = (W @ x if x.ndim == 1 else x @ W.T) + b
        size = fixed.fixed("size", np.asarray(math.sqrt(2 / count)), r"\sqrt{\frac{2}{n}}")
        return size * (cos(score) if kind == "cos" else relu(score))
