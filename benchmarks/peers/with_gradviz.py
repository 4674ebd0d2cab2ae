"""gradviz's side: each row as a graph of one sample, compiled, and where the problem's parameters are in the layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from peers.problems import Arrays, LeftOut, Problem, Stepper

import gradviz as gv
from gradviz import nn
from gradviz.errors import UsageError

Piece = tuple[str, slice, int, np.ndarray]
"""A problem's parameter, some of its rows, a sign, and where in the layer they are."""


def squared(score: Any, y: Any) -> Any:
    """Return the sum of squares; a layer takes the mean over the batch itself."""
    return gv.sum(gv.square(score - y))


def mlp(_: Problem) -> Any:
    """Two dense layers."""
    x, y = gv.data("x", shape=784), gv.data("y", shape=(), dtype=np.int64)
    hidden = nn.dense(x, 256, activation="relu", name="hidden")
    return nn.cross_entropy(nn.dense(hidden, 10, name="out"), y)


def recurrent(cell: str, **options: Any) -> Callable[[Problem], Any]:
    """Return the graph of a cell that reads a sequence, and a dense layer on its last state."""

    def build(problem: Problem) -> Any:
        x, y = gv.data("x", shape=problem.x.shape[1:]), gv.data("y", shape=1)
        outputs, _ = nn.recurrent(x, cell, hidden=problem.parameters["U"].shape[1], **options)
        return squared(nn.dense(outputs[-1], 1, name="out"), y)

    return build


def cnn(_: Problem) -> Any:
    """Convolution, pooling, ReLU, twice, and a dense layer."""
    x, y = gv.data("x", shape=(1, 28, 28)), gv.data("y", shape=(), dtype=np.int64)
    for filters, name in ((8, "first"), (16, "second")):
        x = gv.relu(nn.max_pool2d(nn.conv2d(x, filters, 3, name=name), 2, name=f"{name}_pool"))
    return nn.cross_entropy(nn.dense(nn.flatten(x), 10, name="out"), y)


def attention(problem: Problem) -> Any:
    """The layer as it is."""
    x, y = (gv.data(name, shape=problem.x.shape[1:]) for name in "xy")
    return squared(nn.multi_head_attention(x, problem.heads, mask="causal", bias=False), y)


def two_cars(_: Problem) -> Any:
    """Two logistic layers."""
    x, y = gv.data("x", shape=2), gv.data("y", shape=1)
    hidden = nn.dense(x, 2, activation="sigmoid", name="hidden")
    return squared(nn.dense(hidden, 1, activation="sigmoid", name="out"), y)


def hinge(problem: Problem) -> Any:
    """The slide's formula."""
    features = len(problem.parameters["w"])
    w, x, y = gv.param("w", np.zeros(features)), gv.data("x", shape=features), gv.data("y", shape=())
    return gv.maximum(1 - (w @ x) * y, 0)


GRAPHS: dict[str, Callable[[Problem], Any]] = {
    "mlp": mlp,
    "lstm": recurrent("lstm"),
    "gru": recurrent("gru", reset_after=True),
    "cnn": cnn,
    "attention": attention,
    "two_cars": two_cars,
    "hinge": hinge,
}


ALL = slice(None)


def same(**paths: str) -> Callable[[Arrays], Iterator[Piece]]:
    """Return the pieces of parameters that are the problem's under another name."""
    return lambda layer: ((name, ALL, 1, layer[path]) for name, path in paths.items())


def transposed(layer: Arrays) -> Iterator[Piece]:
    """Yield the matrices of attention, which multiplies rows of vectors from the right."""
    return ((f"W{letter}", ALL, 1, layer[f"multi_head/W_{letter}"].T) for letter in "qkvo")


def gates(cell: str, *parts: tuple[str, str, int]) -> Callable[[Arrays], Iterator[Piece]]:
    """Return the pieces of a cell's gates (scope, letter, sign) in the problem's order; matrices stand on [h, x]."""

    def pieces(layer: Arrays) -> Iterator[Piece]:
        for place, (scope, letter, sign) in enumerate(parts):
            own = {name.rpartition("/")[2]: array for name, array in layer.items() if f"{cell}/cell/{scope}/" in name}
            hidden = len(next(iter(own.values())))
            rows = slice(place * hidden, (place + 1) * hidden)
            if "W_h" in own:
                u, w, b = own["W_h"], own["W_x"], own["b_x"]
            else:
                joint, b = own[f"W_{letter}"], own[f"b_{letter}"]
                u, w = joint[:, :hidden], joint[:, hidden:]
            yield from (("U", rows, sign, u), ("W", rows, sign, w), ("b", rows, sign, b))
        yield from same(V="out/W", a="out/b")(layer)

    return pieces


PIECES: dict[str, Callable[[Arrays], Iterator[Piece]]] = {
    "mlp": same(W1="hidden/W", b1="hidden/b", W2="out/W", b2="out/b"),
    "lstm": gates(
        "lstm", ("input_gate", "i", 1), ("forget_gate", "f", 1), ("candidate", "C", 1), ("output_gate", "o", 1)
    ),
    # What torch calls z keeps the state, gradviz's z lets the candidate in: σ(−a) = 1 − σ(a).
    "gru": gates("gru", ("reset_gate", "r", 1), ("update_gate", "z", -1), ("candidate", "h", 1)),
    "cnn": same(K1="first/K", b1="first/b", K2="second/K", b2="second/b", W="out/W", b="out/b"),
    "attention": transposed,
    "two_cars": same(W1="hidden/W", b1="hidden/b", W2="out/W", b2="out/b"),
    "hinge": same(w="w"),
}
SECOND_BIAS = "gru/cell/candidate/b_h"
"""A bias that the problem leaves at zero."""


def build(family: str, problem: Problem, backend: str) -> Stepper:
    """Compile the row's graph, and give the layer the problem's parameters."""
    graph = gv.graph(loss=GRAPHS[family](problem))
    learned = [leaf.path for leaf in graph.leaves if leaf.op.name == "parameter" and leaf.path != SECOND_BIAS]
    try:
        layer = gv.compile(graph, batch=len(problem.x), dtype=np.float32, wrt=learned, backend=backend)
    except UsageError as error:
        if "backend" not in str(error):
            raise
        raise LeftOut(error.what) from None
    for name, rows, sign, array in PIECES[family](layer.parameters):
        array[...] = sign * problem.parameters[name][rows]
    train, rate = layer.step, problem.learning_rate

    def step(x: np.ndarray, y: np.ndarray) -> float:
        return train(rate, x=x, y=y)

    # Known once the step was compiled, at its first call.
    def plan_memory() -> int:
        return getattr(layer._programs.step(len(problem.x)), "memory", 0)

    def parameters() -> Arrays:
        found = {name: np.empty_like(value) for name, value in problem.parameters.items()}
        for name, rows, sign, array in PIECES[family](layer.parameters):
            found[name][rows] = sign * array
        return found

    return Stepper(step, problem.x, problem.y, parameters, plan_memory)


def compiled(family: str, problem: Problem) -> Stepper:
    """Compile to NumPy."""
    return build(family, problem, "numpy")


def with_numba(family: str, problem: Problem) -> Stepper:
    """Compile to loops that Numba compiles."""
    return build(family, problem, "numba")
