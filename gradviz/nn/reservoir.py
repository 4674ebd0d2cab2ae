"""Reservoir computing: a fixed random recurrent network, of which only the read-out is learned.

Echo state networks (Jaeger, 2001); the read-out is found by ridge regression, without a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.graph import Array
from gradviz.core.tape import scope
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.parts import Parameters, as_floats, layer, positive, wrong_shape
from gradviz.ops.elementwise import tanh
from gradviz.ops.loop import scan


def reservoir(
    x: Any,
    units: int,
    *,
    spectral_radius: float = 0.9,
    leak: float = 1.0,
    input_scale: float = 1.0,
    density: float = 0.1,
    initial: Any = None,
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return the states of a fixed random recurrent network, ``h_t = (1 - a) h_{t-1} + a tanh(U x_t + W h_{t-1} + b)``.

    Args:
        x: a sequence of vectors (time, features).
        units: the length of the state.
        spectral_radius: the largest absolute eigenvalue of W; below 1, the network forgets where it began.
        leak: a, how much of a state is new.
        input_scale: U and b are uniform within ± so much.
        density: the share of the entries of W that are not 0.
        initial: the state before the first step; by default zeros.
        seed: of the random numbers.
        name: of the scope; by default "reservoir", then "reservoir_2", …

    Returns:
        The states (time, units), for a linear layer on top of them: see `ridge_readout`.

    Raises:
        ShapeError: for an x that is no sequence of vectors, or an initial state of another length.
        GraphError: for numbers out of their range, or a density at which W has no eigenvalue but 0.

    Example:
        >>> import gradviz as gv
        >>> states = gv.nn.reservoir(gv.data("x", shape=(50, 1)), 20, density=0.5)
        >>> states.shape, [leaf.name for leaf in gv.graph(states).leaves if leaf.op.name == "parameter"]
        ((50, 20), [])
    """
    x = as_floats(x)
    with layer(name, "reservoir") as path:
        if x.ndim != 2:
            raise wrong_shape(path, "x must be a sequence of vectors (time, features)", x)
        units = positive(units, f"{path}: units")
        _within(path, "spectral_radius", spectral_radius, spectral_radius >= 0, "at least 0")
        _within(path, "leak", leak, 0 < leak <= 1, "above 0 and at most 1")
        _within(path, "density", density, 0 < density <= 1, "above 0 and at most 1")
        before = constant(np.zeros(units), x.dtype) if initial is None else as_floats(initial)
        if before.shape != (units,):
            raise wrong_shape(path, f"the initial state must have the shape ({units},)", before)
        weights = Parameters(path, x.dtype, seed)
        U = weights.fixed("U", weights.random("U").uniform(-input_scale, input_scale, (units, x.shape[1])))
        W = weights.fixed("W", _recurrent(path, weights, units, spectral_radius, density))
        b = weights.fixed("b", weights.random("b").uniform(-input_scale, input_scale, units))

        def cell(item: Expr, h: Expr) -> Any:
            with scope("cell"):
                new = tanh(U @ item + W @ h + b)
                return new if leak == 1 else (1 - leak) * h + leak * new

        return scan(cell, x, before)  # type: ignore[no-any-return]


def ridge_readout(states: Any, targets: Any, *, penalty: float = 1e-6) -> tuple[Array, Array]:
    """Return W and b of the linear layer ``W h + b`` that fits targets best, by ridge regression.

    It minimizes ``Σ ‖W h + b - y‖² + penalty ‖W‖²``; b is not penalized.

    Args:
        states: an array (samples, units).
        targets: an array (samples, outputs), or (samples,) for one output.
        penalty: how much large weights cost.

    Returns:
        W (outputs, units) and b (outputs,): arrays for ``nn.dense(h, outputs, W=W, b=b)``.

    Raises:
        ShapeError: for arrays that do not fit together.
        GraphError: for a negative penalty.

    Example:
        >>> import gradviz as gv
        >>> W, b = gv.nn.ridge_readout([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0], penalty=0)
        >>> W.round(9).tolist(), b.round(9).tolist()
        ([[2.0]], [1.0])
    """
    h, y = np.asarray(states, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    if h.ndim != 2 or y.ndim != 2 or len(h) != len(y) or not len(h):
        raise ShapeError(
            f"ridge_readout: states {h.shape} and targets {y.shape} must be as many rows", where=user_location()
        )
    _within("ridge_readout", "penalty", penalty, penalty >= 0, "at least 0")
    mean_h, mean_y = h.mean(axis=0), y.mean(axis=0)
    # the augmented system, solved as least squares, is more exact than the normal equations
    rows = np.concatenate([h - mean_h, np.sqrt(penalty) * np.eye(h.shape[1])])
    wanted = np.concatenate([y - mean_y, np.zeros((h.shape[1], y.shape[1]))])
    W = np.linalg.lstsq(rows, wanted, rcond=None)[0].T
    return W, mean_y - W @ mean_h


def _recurrent(path: str, weights: Parameters, units: int, radius: float, density: float) -> Array:
    """Return a sparse random matrix of a spectral radius."""
    source = weights.random("W")
    entries, kept = source.normal(size=(units, units)), source.random((units, units)) < density
    drawn = np.where(kept, entries, 0.0)
    largest = float(np.max(np.abs(np.linalg.eigvals(drawn))))
    if largest < 1e-9 and radius > 0:
        raise GraphError(
            f"{path}: at the density {density:g} the matrix of {units} units has no eigenvalue but 0",
            where=user_location(),
            hint="make it denser",
        )
    return drawn * (radius / largest) if radius > 0 else np.zeros_like(drawn)


def _within(path: str, what: str, value: float, holds: bool, range_: str) -> None:
    if not holds:
        raise GraphError(f"{path}: {what} must be {range_}, not {value!r}", where=user_location())
