"""Long-term dependencies (D21): ‖∂s_T/∂s_t‖ against T - t, in plain recurrent networks and in an LSTM.

From s_T back to s_t the green labels multiply: w (1 - s²) a step in a plain network, f_t a step along the cell
state of an LSTM. Over 39 steps the product falls below 10⁻¹⁰ with small weights and grows beyond 100 with large
ones; in an LSTM that has learned to remember a letter for so long, it stays above 1/10.
"""

from typing import Any

import numpy as np

import gradviz as gv

LENGTH, LETTERS, UNITS = 40, 4, 12


def plain_state() -> gv.Expr:
    """Return s_T of a plain network of one unit, three steps after s_{T-3}."""
    w, u = gv.param("w", 0.9), gv.constant(0.5).named("u")
    s = gv.param("s", 0.1, tex="s_{T-3}")
    for back, x in ((2, 1.0), (1, -0.5), (0, 0.8)):
        s = gv.tanh(w * s + u * gv.data(f"x{back}", x, tex=before("x", back)))
        s.named(f"s{back}", before("s", back))
    return s


def cell_state() -> gv.Expr:
    """Return C_T of an LSTM of one unit whose gates are given, three steps after C_{T-3}."""
    C = gv.param("C", 0.1, tex="C_{T-3}")
    for back, gates in ((2, (0.9, 0.5, 1.0)), (1, (0.95, 0.1, -0.5)), (0, (0.99, 0.2, 0.8))):
        letters = ("f", "i", r"\tilde{C}")
        f, i, candidate = (
            gv.data(f"{letter}{back}", value, tex=before(letter, back))
            for letter, value in zip(letters, gates, strict=True)
        )
        C = (f * C + i * candidate).named(f"C{back}", before("C", back))
    return C


def before(letter: str, steps: int) -> str:
    """Return the LaTeX of what a letter stands for so many steps before the last."""
    return f"{letter}_{{T-{steps}}}" if steps else f"{letter}_T"


rnn = plain_state()
lstm = cell_state()


def states(cell: str) -> tuple[gv.Expr, gv.Expr]:
    """Return the output and the state that a network ends with; the state of an LSTM is C_T."""
    x = gv.data("x", shape=(LENGTH, LETTERS + 1))
    _, last = gv.nn.recurrent(x, cell, hidden=UNITS, name=cell)
    return last if isinstance(last, tuple) else (last, last)


def reach(cell: str, parameters: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return ‖∂s_T/∂s_t‖ of a sequence for T - t = 0, 1, 2, …, relative to the first."""
    graph = gv.unroll(gv.graph(states(cell)[1]))  # every state is a node of its own
    letter = "C_t" if cell == "lstm" else "h_t"
    at = {"x": x} | {name: value for name, value in parameters.items() if name in graph.paths}
    rows = [gv.backprop(graph, at=at, seed=unit).backward for unit in np.eye(UNITS)]
    jacobians = [[row[f"{cell}/t{t}/cell/{letter}"] for row in rows] for t in range(LENGTH, 0, -1)]
    norms = np.linalg.norm(jacobians, axis=(1, 2))
    return norms / norms[0]


def letters(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return sequences of random letters, the first of which is marked, and is to be remembered."""
    drawn = np.random.default_rng(seed).integers(0, LETTERS, (count, LENGTH))
    x = np.eye(LETTERS + 1)[drawn]
    x[:, 0, LETTERS] = 1
    return {"x": x, "letter": drawn[:, 0]}


def train() -> dict[str, Any]:
    """Teach an LSTM to remember; measure how far gradients reach in it and in plain networks."""
    scores = gv.nn.dense(states("lstm")[0], LETTERS, name="dense")
    label = gv.data("letter", shape=(), dtype=int)
    layer = gv.compile(gv.graph(loss=gv.nn.cross_entropy(scores, label), scores=scores), batch=32)
    start = {name: weights.copy() for name, weights in layer.parameters.items()}
    history = layer.fit(letters(1000, seed=0), optimizer="adam", learning_rate=0.01, epochs=20)

    test = letters(200, seed=1)
    x = test["x"][0]
    plain = gv.compile(states("rnn")[1], batch=1).parameters
    turn = plain["rnn/cell/W"].copy()  # orthogonal: it changes no length
    norms = {f"RNN, $W = {size:g}\\,Q$": reach("rnn", {**plain, "rnn/cell/W": size * turn}, x) for size in (0.5, 1, 3)}
    norms["LSTM, untrained"] = reach("lstm", start, x)
    norms["LSTM, trained"] = reach("lstm", layer.parameters, x)
    right = layer(**test)["scores"].argmax(axis=1) == test["letter"]
    return {"history": history, "accuracy": float(right.mean()), "norms": norms}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw how the norms fall and grow."""
    with gv.Plot(width=6.4, height=4) as shown:
        for name, norms in result["norms"].items():
            shown.axes.semilogy(norms, label=name)
        shown.axes.set_ylim(1e-14, 1e4)
        shown.axes.set_xlabel("$T - t$")
        shown.axes.set_ylabel(r"$\|\partial s_T / \partial s_t\|$")
        shown.axes.legend(loc="lower left")
    return shown
