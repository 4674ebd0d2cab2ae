"""The hand-written references in NumPy, and the products of a step alone: less no training step can cost in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from peers.numpy_attention import attention
from peers.numpy_cnn import cnn
from peers.numpy_dense import hinge, mlp, two_cars
from peers.numpy_recurrent import gru, lstm
from peers.problems import Builder, LeftOut, Problem, Stepper

FAMILIES: dict[str, Builder] = {
    "mlp": mlp,
    "lstm": lstm,
    "gru": gru,
    "cnn": cnn,
    "attention": attention,
    "two_cars": two_cars,
    "hinge": hinge,
}


def written(family: str, problem: Problem) -> Stepper:
    """Return the hand-written step."""
    return FAMILIES[family](problem)


def mlp_products(problem: Problem) -> list[tuple[int, ...]]:
    """Forward, weight gradients, and the adjoint of the hidden layer."""
    batch, hidden, inputs, classes = len(problem.x), *problem.parameters["W1"].shape, len(problem.parameters["b2"])
    return [
        (1, 1, batch, inputs, hidden),
        (1, 1, batch, hidden, classes),
        (1, 1, batch, classes, hidden),
        (1, 1, hidden, batch, classes),
        (1, 1, inputs, batch, hidden),
    ]


def recurrent_products(problem: Problem) -> list[tuple[int, ...]]:
    """All inputs at once, a product a step in both directions (none for the first state, which is 0), two gradients."""
    batch, steps, inputs = problem.x.shape
    rows, hidden = problem.parameters["U"].shape
    return [
        (1, 1, rows, inputs, steps * batch),
        (steps - 1, 1, rows, hidden, batch),
        (steps - 1, 1, hidden, rows, batch),
        (1, 1, rows, (steps - 1) * batch, hidden),
        (1, 1, rows, steps * batch, inputs),
    ]


def cnn_products(problem: Problem) -> list[tuple[int, ...]]:
    """Kernels times patches for each place of the pooling window, and the dense layer."""
    batch = len(problem.x)
    first, second = 13 * 13 * batch, 5 * 5 * batch
    convolutions = [(1, 4, 8, 9, first), (1, 4, 8, first, 9), (1, 4, 16, 72, second), (1, 4, 16, second, 72)]
    dense = [(1, 1, 10, 400, batch), (1, 1, 400, 10, batch), (1, 1, 10, batch, 400)]
    return [*convolutions, (1, 4, 72, 16, second), *dense]


def attention_products(problem: Problem) -> list[tuple[int, ...]]:
    """Projections, and six batched products a head."""
    batch, steps, width = problem.x.shape
    rows, depth, count = batch * steps, width // problem.heads, batch * problem.heads
    scores, outputs = (1, count, steps, depth, steps), (1, count, steps, steps, depth)
    back = [(1, 1, rows, width, width), (1, 1, width, rows, width), (1, 1, width, rows, 3 * width)]
    return [(1, 1, rows, width, 3 * width), (1, 1, rows, width, width), *back, *[scores] * 2, *[outputs] * 4]


PRODUCTS: dict[str, Callable[[Problem], list[tuple[int, ...]]]] = {
    "mlp": mlp_products,
    "lstm": recurrent_products,
    "gru": recurrent_products,
    "cnn": cnn_products,
    "attention": attention_products,
}


def products(family: str, problem: Problem) -> Stepper:
    """Run the products of a step, (times, batch, m, k, n) each, on contiguous arrays. It trains nothing."""
    if family not in PRODUCTS:
        raise LeftOut("there are none worth timing in two cars and hinge loss")
    rng = np.random.default_rng(0)
    calls: list[tuple[Any, Any, Any, Any]] = []
    for times, batch, m, k, n in PRODUCTS[family](problem):
        lead = () if batch == 1 else (batch,)
        a, b = (rng.normal(size=(*lead, *shape)).astype(np.float32) for shape in ((m, k), (k, n)))
        out = np.empty((*lead, m, n), np.float32)
        dot: Any = np.matmul if lead else np.dot
        calls += [(dot, a, b, out)] * times

    def step(_x: np.ndarray, _y: np.ndarray) -> float:
        for dot, a, b, out in calls:
            dot(a, b, out)
        return 0.0

    return Stepper(step, problem.x, problem.y, dict)
