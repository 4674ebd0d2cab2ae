"""Hand-written Numba: the LSTM, whose small steps cost NumPy its calls, and the two graphs of lecture size.

The LSTM is compiled whole. Its products are Numba's (that is, SciPy's BLAS) for batches, and plain loops for one
sequence; all that is elementwise in a step is one loop. tanh is a rational approximation that vectorizes, true to a
few units in the last place.
"""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np
from numba import njit
from peers.problems import Arrays, Builder, LeftOut, Problem, Stepper

fast = njit(fastmath=True, error_model="numpy")


@fast
def tanh(x: Any) -> Any:
    """Return tanh in float32: odd polynomial over even polynomial, constant beyond ±7.9."""
    x = min(max(x, np.float32(-7.90531110763549805)), np.float32(7.90531110763549805))
    s = x * x
    p = np.float32(-2.76076847742355e-16)
    p = p * s + np.float32(2.00018790482477e-13)
    p = p * s + np.float32(-8.60467152213735e-11)
    p = p * s + np.float32(5.12229709037114e-08)
    p = p * s + np.float32(1.48572235717979e-05)
    p = p * s + np.float32(6.37261928875436e-04)
    p = p * s + np.float32(4.89352455891786e-03)
    d = np.float32(1.19825839466702e-06)
    d = d * s + np.float32(1.18534705686654e-04)
    d = d * s + np.float32(2.26843463243900e-03)
    d = d * s + np.float32(4.89352518554385e-03)
    return x * p / d


@fast
def sigmoid(x: Any) -> Any:
    """Return the logistic function by tanh."""
    return np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * x)


@fast
def rows_times(w: Any, x: Any, out: Any) -> None:
    """Add w x to a vector."""
    for row in range(len(w)):
        total = np.float32(0)
        for column in range(len(x)):
            total += w[row, column] * x[column]
        out[row] += total


@fast
def times_rows(x: Any, w: Any, out: Any) -> None:
    """Fill a vector with x w."""
    out[:] = 0
    for row in range(len(w)):
        factor = x[row]
        for column in range(len(out)):
            out[column] += factor * w[row, column]


@fast
def descend(w: Any, left: Any, right: Any) -> None:
    """Subtract left's transpose times right, four rows of both at a time."""
    whole = len(left) // 4 * 4
    for row in range(len(w)):
        for t in range(0, whole, 4):
            a, b, c, d = left[t, row], left[t + 1, row], left[t + 2, row], left[t + 3, row]
            for k in range(w.shape[1]):
                w[row, k] -= a * right[t, k] + b * right[t + 1, k] + c * right[t + 2, k] + d * right[t + 3, k]
        for t in range(whole, len(left)):
            a = left[t, row]
            for column in range(w.shape[1]):
                w[row, column] -= a * right[t, column]


@fast
def lstm_step(  # noqa: PLR0912, PLR0915 - one function is what Numba optimizes as one
    w: Any, u: Any, b: Any, v: Any, a: Any, x: Any, y: Any, z: Any, h: Any, c: Any, rate: float
) -> Any:
    """Train on sequences x (steps, batch, inputs); z holds all steps' gates i, f, g, o, then their adjoints."""
    steps, batch, inputs = x.shape
    hidden = u.shape[1]
    rows = x.reshape(steps * batch, inputs)
    flat_z = z.reshape(steps * batch, 4 * hidden)
    if batch == 1:
        for t in range(steps):
            z[t, 0] = b
            rows_times(w, x[t, 0], z[t, 0])
    else:
        np.dot(rows, w.T, flat_z)
        flat_z += b
    product = np.empty((batch, 4 * hidden), np.float32)
    for t in range(steps):
        if t > 0:
            if batch == 1:
                rows_times(u, h[t, 0], z[t, 0])
            else:
                np.dot(h[t], u.T, product)
                z[t] += product
        for n in range(batch):
            gates = z[t, n]
            for j in range(hidden):
                i, f = sigmoid(gates[j]), sigmoid(gates[hidden + j])
                g, o = tanh(gates[2 * hidden + j]), sigmoid(gates[3 * hidden + j])
                new = f * c[t, n, j] + i * g
                c[t + 1, n, j] = new
                h[t + 1, n, j] = o * tanh(new)
                gates[j], gates[hidden + j], gates[2 * hidden + j], gates[3 * hidden + j] = i, f, g, o
    loss = 0.0
    dh, dc = np.empty((batch, hidden), np.float32), np.zeros((batch, hidden), np.float32)
    dv, da = np.zeros(hidden, np.float32), np.float32(0)
    for n in range(batch):
        error = a[0] - y[n, 0]
        for j in range(hidden):
            error += v[0, j] * h[steps, n, j]
        loss += error * error / batch
        error *= np.float32(2 * rate / batch)
        da += error
        for j in range(hidden):
            dv[j] += error * h[steps, n, j]
            dh[n, j] = error * v[0, j]
    v[0] -= dv
    a[0] -= da
    for t in range(steps - 1, -1, -1):
        for n in range(batch):
            gates = z[t, n]
            for j in range(hidden):
                i, f, g, o = gates[j], gates[hidden + j], gates[2 * hidden + j], gates[3 * hidden + j]
                tanh_c = tanh(c[t + 1, n, j])
                down = dc[n, j] + dh[n, j] * o * (1 - tanh_c * tanh_c)
                dc[n, j] = down * f
                gates[j], gates[hidden + j] = down * g * i * (1 - i), down * c[t, n, j] * f * (1 - f)
                gates[2 * hidden + j], gates[3 * hidden + j] = down * i * (1 - g * g), dh[n, j] * tanh_c * o * (1 - o)
        if t > 0:
            if batch == 1:
                times_rows(z[t, 0], u, dh[0])
            else:
                np.dot(z[t], u, dh)
    if batch == 1:
        descend(u, flat_z[1:], h[1:-1].reshape((steps - 1) * batch, hidden))
        descend(w, flat_z, rows)
    else:
        u -= np.dot(flat_z[batch:].T, h[1:-1].reshape((steps - 1) * batch, hidden))
        w -= np.dot(flat_z.T, rows)
    for row in range(len(flat_z)):
        b -= flat_z[row]
    return loss


def lstm(problem: Problem) -> Stepper:
    """Hold the buffers."""
    p = {name: value.copy() for name, value in problem.parameters.items()}
    batch, steps, inputs = problem.x.shape
    hidden = p["U"].shape[1]
    x_by_time, z = np.empty((steps, batch, inputs), np.float32), np.empty((steps, batch, 4 * hidden), np.float32)
    h, c = np.zeros((2, steps + 1, batch, hidden), np.float32)
    rate = problem.learning_rate

    def step(x: np.ndarray, y: np.ndarray) -> Any:
        np.copyto(x_by_time, x.swapaxes(0, 1))
        return lstm_step(p["W"], p["U"], p["b"], p["V"], p["a"], x_by_time, y, z, h, c, rate)

    def parameters() -> Arrays:
        return {name: value.copy() for name, value in p.items()}

    return Stepper(step, problem.x, problem.y, parameters)


@fast
def two_cars_step(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any, rate: float) -> Any:
    """Train on one example."""
    x1, x2 = x[0, 0], x[0, 1]
    h1 = 1 / (1 + exp(-(w1[0, 0] * x1 + w1[0, 1] * x2 + b1[0])))
    h2 = 1 / (1 + exp(-(w1[1, 0] * x1 + w1[1, 1] * x2 + b1[1])))
    score = 1 / (1 + exp(-(w2[0, 0] * h1 + w2[0, 1] * h2 + b2[0])))
    error = score - y[0, 0]
    g = 2 * rate * error * score * (1 - score)
    g1, g2 = g * w2[0, 0] * h1 * (1 - h1), g * w2[0, 1] * h2 * (1 - h2)
    w1[0, 0] -= g1 * x1
    w1[0, 1] -= g1 * x2
    w1[1, 0] -= g2 * x1
    w1[1, 1] -= g2 * x2
    b1[0] -= g1
    b1[1] -= g2
    w2[0, 0] -= g * h1
    w2[0, 1] -= g * h2
    b2[0] -= g
    return error * error


@fast
def hinge_step(w: Any, x: Any, y: Any, rate: float) -> Any:
    """Train on one example."""
    loss = 1 - (w[0] * x[0, 0] + w[1] * x[0, 1]) * y[0]
    if loss <= 0:
        return 0.0
    w[0] += rate * y[0] * x[0, 0]
    w[1] += rate * y[0] * x[0, 1]
    return loss


def on_arrays(run: Any) -> Builder:
    """Return the builder of a compiled step that takes the parameters in their order."""

    def build(problem: Problem) -> Stepper:
        p = {name: value.copy() for name, value in problem.parameters.items()}
        leaves, rate = tuple(p.values()), problem.learning_rate
        return Stepper(
            lambda x, y: run(*leaves, x, y, rate),
            problem.x,
            problem.y,
            lambda: {name: value.copy() for name, value in p.items()},
        )

    return build


FAMILIES: dict[str, Builder] = {"lstm": lstm, "two_cars": on_arrays(two_cars_step), "hinge": on_arrays(hinge_step)}


def compiled(family: str, problem: Problem) -> Stepper:
    """Return the compiled step of the families that have one."""
    if family not in FAMILIES:
        raise LeftOut("written for LSTM, two cars and hinge loss alone")
    return FAMILIES[family](problem)
