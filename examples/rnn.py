"""A recurrent network (D20): s_t = f(U x_t + W s_{t-1}), unrolled; it learns to add binary numbers.

At step t it reads a digit of each number, the lowest first, and says the digit of the sum; the carry is for
its state to keep. Trained on numbers of 8 digits, it adds numbers of 50 digits without a mistake.
"""

from typing import Any

import numpy as np

import gradviz as gv

DIGITS, UNITS = 8, 8


def network(x: gv.Expr, y: gv.Expr, units: int) -> tuple[gv.Expr, gv.Expr, gv.Expr]:
    """Return the loss of a sequence, the scores (above 0 where the network says 1), and the states."""
    random = np.random.default_rng(0)
    U = gv.param("U", random.normal(0, 0.7, (units, 2)).round(2), tex=r"\mathbf{U}")
    W = gv.param("W", random.normal(0, 0.7, (units, units)).round(2), tex=r"\mathbf{W}")
    V = gv.param("V", random.normal(0, 0.7, units).round(2), tex=r"\mathbf{V}")

    def step(x_t: gv.Expr, before: gv.Expr) -> gv.Expr:
        return gv.tanh(U @ x_t + W @ before).named("s_t")

    states = gv.scan(step, x, gv.constant(np.zeros(units))).named("s")
    scores = (states @ V).named("scores")
    return gv.nn.binary_cross_entropy(scores, y).named("loss"), scores, states


loss = network(gv.data("x", [[1.0, 1.0], [0.0, 1.0]]), gv.data("y", [0.0, 0.0]), units=2)[0]


def additions(count: int, digits: int, seed: int) -> dict[str, np.ndarray]:
    """Return pairs of random binary numbers, lowest digit first, and their sums without the last carry."""
    pairs = np.random.default_rng(seed).integers(0, 2, (count, digits, 2))
    sums, carry = np.empty((count, digits)), np.zeros(count)
    for place in range(digits):
        carry, sums[:, place] = np.divmod(pairs[:, place].sum(axis=1) + carry, 2)
    return {"x": pairs.astype(float), "y": sums}


def compiled(digits: int) -> gv.Layer:
    """Return the network for numbers of so many digits."""
    x, y = gv.data("x", shape=(digits, 2)), gv.data("y", shape=digits)
    made, scores, states = network(x, y, UNITS)
    return gv.compile(gv.graph(loss=made, scores=scores, states=states), batch=32)


def train() -> dict[str, Any]:
    """Learn from short numbers; add long ones with the same weights."""
    layer, longer = compiled(DIGITS), compiled(50)
    history = layer.fit(additions(512, DIGITS, seed=0), optimizer="adam", learning_rate=0.02, epochs=150)
    for name, weights in layer.parameters.items():
        longer.parameters[name][...] = weights
    test = additions(500, 50, seed=1)
    found = longer(**test)
    right = (found["scores"] > 0) == test["y"]
    return {
        "history": history,
        "digits right": float(right.mean()),
        "sums right": float(right.all(axis=1).mean()),
        "numbers": test["x"][0, :16],
        "sum": test["y"][0, :16],
        "states": found["states"][0, :16],
    }


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the first digits of a sum, and the states of the units meanwhile."""
    numbers, total = result["numbers"], result["sum"]
    carried = (total - numbers.sum(axis=1)) % 2
    with gv.Plot(2, width=6.4, height=3.6, heights=(4, UNITS)) as shown:
        above, below = shown.all_axes
        shown.image(above, [*numbers.T, carried, total], low=-1, lines=True)
        above.set_yticks(range(4), ["first number", "second number", "carry", "sum"])
        shown.image(below, result["states"].T, low=-1, high=1, lines=True)
        for axes in shown.all_axes:
            axes.set_aspect("auto")
        below.set_yticks([(UNITS - 1) / 2], ["states $s_t$"])
        below.set_xticks(range(3, 16, 4), [4, 8, 12, 16])
        below.set_xlabel("step $t$, the lowest digit first")
    return shown
