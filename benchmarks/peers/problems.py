"""The rows of the table: which network, which sizes, and the numbers that every peer starts from.

A row is one declaration: a family (each peer has one builder a family), its sizes, and the learning rate.
Parameters are laid out as on the slide (``W x``: outputs first), inputs with the batch first; a peer that wants
another layout makes it itself, the parameters' once, the inputs' inside the step that is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Step = Callable[[Any, Any], float]
"""One training step on inputs and targets, which gives the loss before the update."""


@dataclass(frozen=True)
class Problem:
    """What a builder gets: parameters and data in float32, labels as integers."""

    parameters: Arrays
    x: np.ndarray
    y: np.ndarray
    learning_rate: float
    heads: int = 1


@dataclass(frozen=True)
class Stepper:
    """A peer that is ready to train: its step, the data as it wants them, and a way to read its parameters.

    ``plan_memory`` gives the bytes of the buffers that were planned, once a step was run, where that is known.
    """

    step: Step
    x: Any
    y: Any
    parameters: Callable[[], Arrays]
    plan_memory: Callable[[], int] | None = None

    def __call__(self) -> float:
        """Train one step."""
        return self.step(self.x, self.y)


Builder = Callable[[Problem], Stepper]


class LeftOut(Exception):
    """A peer cannot take part here, or not in this row; says why."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    family: str
    make: Callable[..., Problem]
    sizes: dict[str, int]

    def problem(self) -> Problem:
        """Return the same random numbers at every call."""
        return self.make(np.random.default_rng(0), **self.sizes)


def weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return an array of Glorot's size; the last axes are the inputs."""
    scale = 1 / np.sqrt(np.prod(shape[1:]))
    found: np.ndarray = (rng.normal(size=shape) * scale).astype(np.float32)
    return found


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Return normal numbers in float32."""
    return (rng.normal(size=shape) * scale).astype(np.float32)


def mlp(rng: np.random.Generator, batch: int) -> Problem:
    """Digits by one hidden layer of ReLU: mean cross-entropy."""
    parameters = {
        "W1": weights(rng, 256, 784),
        "b1": normal(rng, 256, scale=0.1),
        "W2": weights(rng, 10, 256),
        "b2": normal(rng, 10, scale=0.1),
    }
    return Problem(parameters, normal(rng, batch, 784), rng.integers(10, size=batch), 0.01)


def recurrent(rng: np.random.Generator, gates: int, hidden: int, batch: int, steps: int = 32) -> Problem:
    """A sequence, read by a cell; the last state is read out by a dense layer: mean over the batch of (score − y)²."""
    parameters = {
        "W": weights(rng, gates * hidden, hidden),
        "U": weights(rng, gates * hidden, hidden),
        "b": normal(rng, gates * hidden, scale=0.1),
        "V": weights(rng, 1, hidden),
        "a": normal(rng, 1, scale=0.1),
    }
    return Problem(parameters, normal(rng, batch, steps, hidden), normal(rng, batch, 1), 0.01)


def cnn(rng: np.random.Generator, batch: int) -> Problem:
    """Digits by two convolutions, each pooled and then cut by ReLU, and a dense layer: mean cross-entropy."""
    parameters = {
        "K1": weights(rng, 8, 1, 3, 3),
        "b1": normal(rng, 8, scale=0.1),
        "K2": weights(rng, 16, 8, 3, 3),
        "b2": normal(rng, 16, scale=0.1),
        "W": weights(rng, 10, 16 * 5 * 5),
        "b": normal(rng, 10, scale=0.1),
    }
    return Problem(parameters, normal(rng, batch, 1, 28, 28), rng.integers(10, size=batch), 0.01)


def attention(rng: np.random.Generator, batch: int, steps: int, width: int, heads: int) -> Problem:
    """Causal self-attention in several heads: mean over the batch of ‖output − y‖²."""
    parameters = {name: weights(rng, width, width) for name in ("Wq", "Wk", "Wv", "Wo")}
    shape = (batch, steps, width)
    return Problem(parameters, normal(rng, *shape), normal(rng, *shape), 1e-5, heads)


def two_cars(rng: np.random.Generator) -> Problem:
    """The lecture's network of two logistic units and one: (score − y)², one example at a time."""
    parameters = {
        "W1": weights(rng, 2, 2),
        "b1": normal(rng, 2, scale=0.1),
        "W2": weights(rng, 1, 2),
        "b2": normal(rng, 1, scale=0.1),
    }
    return Problem(parameters, np.array([[3.0, 1.0]], "f4"), np.array([[1.0]], "f4"), 1e-3)


def hinge(rng: np.random.Generator, features: int) -> Problem:
    """The hinge loss of a few features: max(1 − (w·x) y, 0), at rates at which the margin is never reached."""
    x = (0.03 + 0.01 * np.arange(features, dtype=np.float32))[None]
    return Problem({"w": np.zeros(features, np.float32)}, x, np.array([-1.0], np.float32), 1e-4)


ROWS = (
    *(Row(f"MLP batch {batch}", "mlp", mlp, {"batch": batch}) for batch in (1, 32, 256)),
    *(
        Row(f"{cell.upper()} h={hidden} batch {batch}", cell, recurrent, sizes | {"hidden": hidden, "batch": batch})
        for cell, sizes in (("lstm", {"gates": 4}), ("gru", {"gates": 3}))
        for hidden in (64, 256)
        for batch in (1, 32)
    ),
    Row("CNN batch 32", "cnn", cnn, {"batch": 32}),
    Row("attention", "attention", attention, {"batch": 8, "steps": 64, "width": 64, "heads": 4}),
    Row("two cars 2-2-1", "two_cars", two_cars, {}),
    Row("hinge loss", "hinge", hinge, {"features": 2}),
)
