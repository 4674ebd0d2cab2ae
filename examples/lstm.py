"""The long short-term memory (D22), one step of it: forget gate, input gate, candidate, update, output gate.

How to read it (D23): a line carries a vector; ⊙ and + act on each unit by itself; a red W with the b and the σ or
tanh above it is a learned layer; [·, ·] joins vectors. Along C_{t-1} → C_t only f_t and 1 stand on the edges.
Trained to keep the first of 30 letters in mind, it still knows it after 200.
"""

from functools import partial
from typing import Any

import numpy as np

import gradviz as gv

LETTERS, UNITS, SHOWN = 4, 8, 60

h_t, C_t = gv.nn.lstm_cell(
    gv.data("x", [0.5], tex="x_t"),
    gv.data("h", [0.1, 0.2], tex="h_{t-1}"),
    gv.data("C", [0.3, 0.4], tex="C_{t-1}"),
)
loss = gv.nn.squared_error(h_t, gv.data("y", [1.0, -1.0])).named("loss")


def network(length: int) -> gv.Layer:
    """Return a layer that reads letters and says, after each of them, which one was the first."""
    x = gv.data("x", shape=(length, LETTERS + 1))
    zeros = gv.constant(np.zeros(UNITS))
    h, C = gv.scan(partial(gv.nn.lstm_cell, name="lstm"), x, (zeros, zeros))
    scores = gv.nn.dense(h, LETTERS, name="dense")
    first = gv.data("first", shape=length, dtype=int)
    return gv.compile(gv.graph(loss=gv.nn.cross_entropy(scores, first), scores=scores, C=C), batch=32)


def sequences(count: int, length: int, seed: int) -> dict[str, np.ndarray]:
    """Return random letters; the first is marked, the others are to be forgotten."""
    letters = np.random.default_rng(seed).integers(0, LETTERS, (count, length))
    x = np.eye(LETTERS + 1)[letters]
    x[:, 0, LETTERS] = 1
    return {"x": x, "first": np.repeat(letters[:, :1], length, axis=1)}


def train() -> dict[str, Any]:
    """Learn to remember for 30 steps; remember for 200, and look at the cell state meanwhile."""
    layer, longer = network(30), network(200)
    history = layer.fit(sequences(1000, 30, seed=0), optimizer="adam", learning_rate=0.01, epochs=15)
    for name, weights in layer.parameters.items():
        longer.parameters[name][...] = weights
    test = sequences(500, 200, seed=1)
    found = longer(**test)
    right = found["scores"].argmax(axis=2) == test["first"]
    return {
        "history": history,
        "accuracy at the end": float(right[:, -1].mean()),
        "C": found["C"][:, :SHOWN],
        "first": test["first"][:, 0],
    }


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw C_t of the two units that tell the letters apart best; a line is a sequence."""
    C, first = result["C"], result["first"]
    means = np.array([C[first == letter, -1].mean(axis=0) for letter in range(LETTERS)])
    chosen = np.argsort(means.var(axis=0))[-2:]
    with gv.Plot(1, 2, width=7.6, height=3.2) as shown:
        theme = shown.theme
        looks = zip(
            (theme.forward, theme.parameter, theme.derivative, theme.quiet), ("-", "--", "-.", ":"), strict=True
        )
        for letter, (color, dashes) in enumerate(looks):
            for axes, unit in zip(shown.all_axes, chosen, strict=True):
                lines = axes.plot(range(1, SHOWN + 1), C[first == letter][:3, :, unit].T, color=color, ls=dashes, lw=1)
            lines[0].set_label(f"{'ABCD'[letter]} first")
        for axes, unit in zip(shown.all_axes, chosen, strict=True):
            axes.set_title(f"unit {unit + 1}")
            axes.set_xlabel("step $t$")
        shown.axes.set_ylabel("cell state $C_t$")
        shown.all_axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return shown
