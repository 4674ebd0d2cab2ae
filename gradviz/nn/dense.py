"""The fully connected layer: ``activation(W x + b)``."""

from __future__ import annotations

from typing import Any

from gradviz.core.expr import Expr
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Activation, Parameters, activated, as_floats, layer, positive, wrong_shape


def dense(
    x: Any,
    units: int,
    *,
    activation: Activation = None,
    bias: bool = True,
    W: Any = None,
    b: Any = None,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return ``activation(W x + b)``, the layer of the slides' neural network.

    Args:
        x: a vector (n,); or rows of vectors (…, n), each of which goes through the same layer.
        units: how many neurons.
        activation: a function of gradviz or its name; None for a linear layer.
        bias: whether there is a b.
        W, b: a node of shape (units, n), or (units,), to use instead of a new parameter (shared
            weights); an array becomes a fixed constant.
        init: draws W; b starts at 0.
        seed: of the initial values.
        name: of the scope, in which the parameters are called W and b; by default "dense", then "dense_2", …

    Returns:
        A vector (units,), or rows of them (…, units).

    Raises:
        GraphError: for a number of units below 1, or an unknown activation or initializer.
        ShapeError: for a scalar x, or a W or b that does not fit.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", [1.0, -1.0, 0.5])
        >>> h = gv.nn.dense(x, 4, activation="relu", name="hidden")
        >>> h.shape, sorted(gv.graph(h).paths)
        ((4,), ['hidden/W', 'hidden/b', 'x'])
    """
    x = as_floats(x)
    with layer(name, "dense") as path:
        units = positive(units, f"{path}: the number of units")
        if x.ndim == 0:
            raise wrong_shape(path, "a dense layer takes a vector, or rows of vectors", x)
        parameter = Parameters(path, x.dtype, seed)
        W = parameter("W", (units, x.shape[-1]), init, given=W)
        score = W @ x if x.ndim == 1 else x @ W.T
        if bias or b is not None:
            score = score + parameter("b", (units,), "zeros", given=b)
        return activated(score, activation)
