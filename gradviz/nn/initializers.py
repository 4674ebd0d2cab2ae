"""Initial values of parameters: the standard distributions, each with a seed.

A layer takes one by its name or as a function of a shape and a seed, so that any other function of
these two is an initializer as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradviz.core.primitive import Shape
from gradviz.errors import GraphError, did_you_mean, user_location

Values: TypeAlias = NDArray[np.float64]
Seed: TypeAlias = int | Sequence[int] | np.random.Generator
Initializer: TypeAlias = Callable[[Shape, Seed], Values]


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs a unit has and how many units an input feeds.

    A matrix is (units, inputs); kernels are (filters, channels, height, width), and each of their
    places counts as an input. A vector's one axis is its inputs.

    Example:
        >>> fans((3, 5)), fans((8, 2, 3, 3))
        ((5, 3), (18, 72))
    """
    if len(shape) < 2:
        return math.prod(shape), 1
    places = math.prod(shape[2:])
    return shape[1] * places, shape[0] * places


def glorot_uniform(shape: Shape, seed: Seed = 0) -> Values:
    """Uniform within ±√(6 / (inputs + units)) (Glorot and Bengio, 2010), for tanh and the logistic function."""
    limit = math.sqrt(6 / max(sum(fans(shape)), 1))
    return np.random.default_rng(seed).uniform(-limit, limit, shape)


def glorot_normal(shape: Shape, seed: Seed = 0) -> Values:
    """Normal with the variance 2 / (inputs + units) (Glorot and Bengio, 2010)."""
    return np.random.default_rng(seed).normal(0.0, math.sqrt(2 / max(sum(fans(shape)), 1)), shape)


def he_uniform(shape: Shape, seed: Seed = 0) -> Values:
    """Uniform within ±√(6 / inputs) (He et al., 2015), for ReLU."""
    limit = math.sqrt(6 / max(fans(shape)[0], 1))
    return np.random.default_rng(seed).uniform(-limit, limit, shape)


def he_normal(shape: Shape, seed: Seed = 0) -> Values:
    """Normal with the variance 2 / inputs (He et al., 2015), for ReLU."""
    return np.random.default_rng(seed).normal(0.0, math.sqrt(2 / max(fans(shape)[0], 1)), shape)


def orthogonal(shape: Shape, seed: Seed = 0) -> Values:
    """Orthonormal rows, or columns where there are more rows than columns (Saxe et al., 2014).

    Axes behind the second are taken together with it. The distribution is Haar's: the signs that the
    QR decomposition leaves open are taken out.

    Raises:
        GraphError: for a shape of fewer than two axes.

    Example:
        >>> W = orthogonal((2, 3), seed=1)
        >>> bool(np.allclose(W @ W.T, np.eye(2)))
        True
    """
    if len(shape) < 2:
        raise GraphError(f"orthogonal needs a matrix, not the shape {shape}", where=user_location())
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = np.random.default_rng(seed).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return np.ascontiguousarray(q if rows >= columns else q.T).reshape(shape)


def normal(shape: Shape, seed: Seed = 0, *, scale: float = 0.01) -> Values:
    """Normal around 0 with this standard deviation."""
    return np.random.default_rng(seed).normal(0.0, scale, shape)


def uniform(shape: Shape, seed: Seed = 0, *, scale: float = 0.05) -> Values:
    """Uniform within ±scale."""
    return np.random.default_rng(seed).uniform(-scale, scale, shape)


def zeros(shape: Shape, seed: Seed = 0) -> Values:
    """Zeros, whatever the seed."""
    return np.zeros(shape)


def ones(shape: Shape, seed: Seed = 0) -> Values:
    """Ones, whatever the seed."""
    return np.ones(shape)


INITIALIZERS: dict[str, Initializer] = {
    made.__name__: made
    for made in (glorot_uniform, glorot_normal, he_uniform, he_normal, orthogonal, normal, uniform, zeros, ones)
}


def find(init: str | Initializer) -> Initializer:
    """Return an initializer by its name; a function is returned as it is.

    Raises:
        GraphError: for a name that none has.
    """
    if callable(init):
        return init
    if init not in INITIALIZERS:
        hint = did_you_mean(init, INITIALIZERS, f"use {', '.join(INITIALIZERS)}, or a function of a shape and a seed")
        raise GraphError(f"there is no initializer {init!r}", where=user_location(), hint=hint)
    return INITIALIZERS[init]
