"""An LSTM with peepholes (D25): f_t and i_t also see C_{t-1}, o_t also sees C_t, each unit its own.

Gates that see the cell state can count in it (Gers and Schmidhuber, 2000). Two units read a …a b b …b and say
"now" at the b with which there are as many b as a. Trained on up to 12 of each, they count to 40.
"""

from functools import partial
from typing import Any

import numpy as np

import gradviz as gv

UNITS, TRAINED, COUNTED, SHOWN = 2, 12, 40, 20

h_t, C_t = gv.nn.lstm_cell(
    gv.data("x", [0.5], tex="x_t"),
    gv.data("h", [0.1], tex="h_{t-1}"),
    gv.data("C", [0.3], tex="C_{t-1}"),
    peephole=True,
)
loss = gv.nn.squared_error(h_t, gv.data("y", [1.0])).named("loss")


def network(length: int) -> gv.Layer:
    """Return a layer that reads a string; its score is above 0 where it says "now"."""
    x = gv.data("x", shape=(length, 2))
    zeros = gv.constant(np.zeros(UNITS))
    h, C = gv.scan(partial(gv.nn.lstm_cell, peephole=True, name="lstm"), x, (zeros, zeros))
    scores = gv.nn.dense(h, 1, name="dense")
    loss = gv.nn.binary_cross_entropy(scores, gv.data("now", shape=(length, 1)))
    return gv.compile(gv.graph(loss=loss, scores=scores, C=C), batch=TRAINED)


def strings(counts: range, length: int) -> dict[str, np.ndarray]:
    """Return for each n: a at n steps, then b to the end; "now" is the n-th b."""
    n = np.array(counts)[:, np.newaxis]
    step = np.arange(1, length + 1)
    return {"x": np.stack([step <= n, step > n], axis=2) * 1.0, "now": (step == 2 * n)[..., np.newaxis] * 1.0}


def train() -> dict[str, Any]:
    """Learn from short strings; count in long ones."""
    layer, longer = network(2 * TRAINED + 6), network(2 * COUNTED + 10)
    short = strings(range(1, TRAINED + 1), 2 * TRAINED + 6)
    history = layer.fit(short, optimizer="adam", learning_rate=0.03, epochs=1500)
    for name, weights in layer.parameters.items():
        longer.parameters[name][...] = weights
    test = strings(range(1, COUNTED + 1), 2 * COUNTED + 10)
    found = longer(**test)
    right = ((found["scores"] > 0) == test["now"]).all(axis=(1, 2))
    return {
        "history": history,
        "strings right": float(right.mean()),
        "C": found["C"][SHOWN - 1, : 2 * SHOWN + 10],
        "scores": found["scores"][SHOWN - 1, : 2 * SHOWN + 10, 0],
    }


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the cell state while a string is read: it counts up with every a and down with every b."""
    steps = range(1, len(result["C"]) + 1)
    with gv.Plot(2, width=6.4, height=4, heights=(2, 1)) as shown:
        above, below = shown.all_axes
        for unit, states in enumerate(result["C"].T, start=1):
            above.plot(steps, states, label=f"unit {unit}")
        above.set_ylabel("cell state $C_t$")
        above.legend()
        below.bar(steps, 1 / (1 + np.exp(-result["scores"])), color=shown.theme.derivative)
        below.set_ylabel("says “now”")
        below.set_ylim(0, 1)
        below.set_xlabel(f"step: {SHOWN} times a, then b")
        for axes in shown.all_axes:
            axes.axvline(SHOWN + 0.5, color=shown.theme.faint_line, linestyle="-", linewidth=0.8)
    return shown
