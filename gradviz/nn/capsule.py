"""Capsules: vectors instead of numbers, and routing by agreement (Sabour, Frosst and Hinton, 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.nn.initializers import Initializer
from gradviz.nn.parts import Parameters, as_floats, layer, positive, wrong_shape
from gradviz.ops.axes import normalize_axis
from gradviz.ops.elementwise import square
from gradviz.ops.linear import einsum
from gradviz.ops.reduce import norm, softmax


def squash(s: Any, axis: int = -1) -> Expr:
    """Return ``‖s‖²/(1 + ‖s‖²) · s/‖s‖``: the direction of s, with a length below 1.

    It is written as ``‖s‖/(1 + ‖s‖²) · s``, which is 0 at s = 0 and not 0/0.

    Args:
        s: vectors.
        axis: along which their elements stand.

    Raises:
        ShapeError: for a scalar, or an axis out of range.

    Example:
        >>> import gradviz as gv
        >>> gv.evaluate(gv.nn.squash(gv.data("s", [3.0, 4.0]))).output.round(4).tolist()
        [0.5769, 0.7692]
    """
    handle = as_floats(s)
    if handle.ndim == 0:
        raise wrong_shape("squash", "s must be a vector", handle)
    length = norm(handle, axis=normalize_axis(axis, handle.ndim, "squash"), keepdims=True)
    return length / (1 + square(length)) * handle


def capsule(
    u: Any,
    capsules: int,
    dim: int,
    *,
    routing: int = 3,
    W: Any = None,
    init: str | Initializer = "glorot_uniform",
    seed: int = 0,
    name: str | None = None,
) -> Expr:
    """Return the vectors of a layer of capsules, routed by agreement.

    As on the slide, ``s_j = Σ_i c_ij W_ij u_i`` and ``v_j = squash(s_j)``. The couplings c_ij are
    softmax(b_ij) over the capsules j, for each i; b starts at 0, and in each round of routing but the
    last it grows by the agreement ``(W_ij u_i)·v_j`` (procedure 1 of the paper). All rounds are
    differentiated.

    Args:
        u: the vectors of the capsules below (count, length).
        capsules: how many capsules there are in this layer.
        dim: the length of their vectors.
        routing: how many rounds.
        W: a node or an array of shape (count, capsules, dim, length) to use instead of a new parameter.
        init: draws each matrix W_ij.
        seed: of the initial values.
        name: of the scope, in which the parameter is called W; by default "capsule", then "capsule_2", …

    Returns:
        (capsules, dim), each vector shorter than 1.

    Raises:
        ShapeError: for a u that is no list of vectors.
        GraphError: for numbers that are no positive integers.

    Example:
        >>> import gradviz as gv
        >>> gv.nn.capsule(gv.data("u", shape=(6, 8)), 3, 4).shape
        (3, 4)
    """
    u = as_floats(u)
    with layer(name, "capsule") as path:
        if u.ndim != 2:
            raise wrong_shape(path, "u must be a list of vectors (capsules, length)", u)
        capsules, dim = positive(capsules, f"{path}: capsules"), positive(dim, f"{path}: dim")
        rounds = positive(routing, f"{path}: routing")
        count, length = u.shape
        parameter = Parameters(path, u.dtype, seed)
        W = parameter("W", (count, capsules, dim, length), init, given=W)
        votes = einsum("ijkl,il->ijk", W, u).named("votes", r"\hat{u}")
        agreed = constant(np.zeros((count, capsules)), u.dtype)
        for turn in range(1, rounds + 1):
            couplings = softmax(agreed, axis=1).named(f"c{turn}")
            s = einsum("ij,ijk->jk", couplings, votes).named(f"s{turn}")
            v = squash(s).named(f"v{turn}")
            if turn < rounds:
                agreed = agreed + einsum("ijk,jk->ij", votes, v)
        return v
