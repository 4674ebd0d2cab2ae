"""The gated recurrent unit (D27): update gate z_t, reset gate r_t, h_t = (1 - z_t) * h_{t-1} + z_t * h̃_t.

A task that needs memory (Hochreiter and Schmidhuber, 1997): of 30 numbers from 0 to 1 two are marked; what is
their sum? Whoever always says 1 has a squared error of 1/6, and a plain recurrent network, trained as long,
hardly finds anything better; the GRU comes below 0.002.
"""

from typing import Any

import numpy as np

import gradviz as gv

LENGTH, UNITS = 30, 16

h_t = gv.nn.gru_cell(
    gv.data("x", [0.5], tex="x_t"),
    gv.data("h", [0.1, 0.2], tex="h_{t-1}"),
    bias=False,
)
loss = gv.nn.squared_error(h_t, gv.data("y", [1.0, -1.0])).named("loss")


def network(cell: str) -> gv.Layer:
    """Return a layer that reads numbers and marks, and says a number at the end."""
    _, last = gv.nn.recurrent(gv.data("x", shape=(LENGTH, 2)), cell, hidden=UNITS, name=cell)
    answer = gv.nn.dense(last, 1, name="dense")
    return gv.compile(gv.nn.squared_error(answer, gv.data("y", shape=1)), batch=32)


def sums(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return sequences of numbers with a mark in each half, and the sum of the two marked ones."""
    random = np.random.default_rng(seed)
    numbers, marks = random.random((count, LENGTH)), np.zeros((count, LENGTH))
    for half in (0, LENGTH // 2):
        marks[np.arange(count), half + random.integers(0, LENGTH // 2, count)] = 1
    return {"x": np.stack([numbers, marks], axis=2), "y": (numbers * marks).sum(axis=1, keepdims=True)}


def train() -> dict[str, Any]:
    """Let a GRU and a plain network learn the same."""
    numbers, test = sums(2000, seed=0), sums(500, seed=1)
    result: dict[str, Any] = {}
    for cell in ("gru", "rnn"):
        layer = network(cell)
        history = layer.fit(numbers, optimizer="adam", learning_rate=0.01, epochs=10, validation=test)
        result |= {f"{cell} error": layer.loss(**test), f"{cell} history": history}
    return result


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the error on numbers that were not trained with."""
    with gv.Plot(width=5.6, height=3.4) as shown:
        for cell in ("gru", "rnn"):
            errors = result[f"{cell} history"].validation
            shown.axes.semilogy(range(1, len(errors) + 1), errors, label=cell.upper())
        shown.axes.axhline(1 / 6, color=shown.theme.quiet, linestyle=":", label="saying 1")
        shown.axes.set_xlabel("epoch")
        shown.axes.set_ylabel("squared error")
        shown.axes.legend()
    return shown
