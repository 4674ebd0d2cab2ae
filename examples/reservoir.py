"""A reservoir (D32): a random recurrent network stays fixed (gray), only its read-out y_t = V h_t + c is learned (red).

h_t = (1 - a) h_{t-1} + a tanh(U x_t + W h_{t-1} + b). Ridge regression finds V and c, without any gradient. It learns
to say the next number of the chaotic Mackey-Glass series from 1,400 steps of it. Fed with what it itself says, it goes
on alone: over 200 steps it is off by less than 5 % of the series' standard deviation.
"""

from typing import Any

import numpy as np

import gradviz as gv

UNITS, TRAINED, SKIPPED, AHEAD = 200, 1500, 100, 300


def states(x: gv.Expr, units: int, density: float, before: gv.Expr | None = None) -> gv.Expr:
    """Return the states of the reservoir along a sequence."""
    return gv.nn.reservoir(
        x, units, spectral_radius=1.25, leak=0.5, input_scale=0.5, density=density, initial=before, name="reservoir"
    )


h = states(gv.data("x", [[0.5]]), units=2, density=1.0, before=gv.constant([0.1, -0.2]).named("h", "h_{t-1}"))
V, c = gv.param("V", [[0.8, -0.5]], tex=r"\mathbf{V}"), gv.param("c", [0.1])
prediction = gv.nn.dense(h[-1], 1, W=V, b=c)
loss = gv.nn.squared_error(prediction, gv.data("y", [0.3])).named("loss")


def mackey_glass(length: int, delay: int = 17, parts: int = 10) -> np.ndarray:
    """Return the series dx/dt = 0.2 x(t-17) / (1 + x(t-17)¹⁰) - 0.1 x(t) at t = 300, 301, … (Runge-Kutta), less 1."""

    def slope(now: float, then: float) -> float:
        return 0.2 * then / (1 + then**10) - 0.1 * now

    step, back = 1 / parts, delay * parts
    x = [1.2] * (back + 1)
    for _ in range((300 + length) * parts):
        now, then, later = x[-1], x[-1 - back], x[-back]
        middle = (then + later) / 2
        k1 = slope(now, then)
        k2 = slope(now + step / 2 * k1, middle)
        k3 = slope(now + step / 2 * k2, middle)
        k4 = slope(now + step * k3, later)
        x.append(now + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return np.array(x[back + 300 * parts :: parts][:length]) - 1


def train() -> dict[str, Any]:
    """Find the read-out on the first part of the series, then go on alone."""
    series = mackey_glass(TRAINED + AHEAD)
    listening = gv.compile(states(gv.data("x", shape=(TRAINED, 1)), UNITS, density=0.05))
    heard = listening(x=series[:TRAINED, np.newaxis])
    V, c = gv.nn.ridge_readout(heard[SKIPPED:-1], series[SKIPPED + 1 : TRAINED], penalty=1e-7)

    step = gv.compile(states(gv.data("x", shape=(1, 1)), UNITS, density=0.05, before=gv.data("h", shape=UNITS)))
    state, said = heard[-1], []
    for _ in range(AHEAD):
        said.append(V @ state + c)
        state = step(x=[said[-1]], h=state)[-1]
    alone, real = np.concatenate(said), series[TRAINED:]
    missed = np.sqrt(np.mean((alone[:200] - real[:200]) ** 2)) / series.std()
    return {"error over 200 steps": float(missed), "alone": alone, "real": real}


def plot(result: dict[str, Any]) -> gv.Plot:
    """Draw the series, and how the reservoir goes on alone."""
    with gv.Plot(2, width=7, height=3.6, heights=(3, 1)) as shown:
        above, below = shown.all_axes
        above.plot(result["real"] + 1, color=shown.theme.faint_line, linestyle="-", linewidth=4, label="Mackey-Glass")
        above.plot(result["alone"] + 1, color=shown.theme.forward, linestyle="--", label="the reservoir, alone")
        above.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
        below.plot(result["alone"] - result["real"], color=shown.theme.parameter, linestyle="-")
        below.set_ylabel("error")
        below.set_xlabel("steps ahead")
    return shown
