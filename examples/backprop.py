"""Backpropagation (D13): random start values, forward f, backward g, then w ← w - η ∂loss/∂w; again and again.

A network of two inputs, two hidden units and one output, neuron by neuron, on one sample. With η = 0.1 twenty
rounds bring the squared loss from 0.595 below 0.0001. `gradviz step backprop.py --rounds 20` walks through them.
"""

from typing import Any

import numpy as np

import gradviz as gv

random = np.random.default_rng(9)


def start_value() -> float:
    """Draw where a weight starts: a normal number, with one decimal, so that it can be read."""
    return round(random.normal(), 1)


x1, x2 = gv.data("x1", 1.0), gv.data("x2", 2.0)
y = gv.data("y", 1.0)

v11, v12 = gv.param("v11", start_value()), gv.param("v12", start_value())
v21, v22 = gv.param("v21", start_value()), gv.param("v22", start_value())
w1, w2 = gv.param("w1", start_value()), gv.param("w2", start_value())

h1 = gv.sigmoid(v11 * x1 + v12 * x2).named("h1")
h2 = gv.sigmoid(v21 * x1 + v22 * x2).named("h2")
score = (w1 * h1 + w2 * h2).named("score")
loss = gv.square(score - y).named("loss")


def train(rounds: int = 20, rate: float = 0.1) -> dict[str, Any]:
    """Make rounds of backpropagation, as the slide has it."""
    graph = gv.graph(loss)
    course = []
    weights: dict[str, Any] = {}  # at first those of the leaves
    for _ in range(rounds):
        values = gv.backprop(graph, at=weights)  # f from the leaves to the root, then g from the root to the leaves
        weights = {name: values.forward[name] - rate * g for name, g in values.grad.items()}
        course.append(values)
    return {"course": course, "weights": weights, "loss": float(gv.evaluate(graph, at=weights).output)}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the loss and the weights round by round."""
    course = result["course"]
    with gv.Plot(columns=2, width=8) as plot:
        left, right = plot.all_axes
        left.semilogy([values.output for values in course])
        left.set(title="loss", xlabel="round")
        for name, last in result["weights"].items():
            path = [*(values.forward[name] for values in course), last]
            right.plot(path, color=plot.theme.parameter, linestyle="-")
            right.text(-0.4, path[0], f"${name[0]}_{{{name[1:]}}}$", ha="right", va="center")
        right.set(title="weights", xlabel="round", xlim=(-3, len(course)))
    return plot
