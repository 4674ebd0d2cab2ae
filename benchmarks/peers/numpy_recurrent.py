"""LSTM and GRU by hand, in NumPy.

- What a step computes lies in blocks of (batch, hidden) that follow each other, so that one call serves several gates.
- The candidate's rows come first, then the gates'. σ(z) = (1 + tanh(z/2))/2, with the ½ inside copies of the weights.
- The inputs' products of all steps are one product before the loop; what backward needs besides the adjoint is
  computed for all steps at once, from products that forward had to make anyway; weight gradients are single products
  after the loop.
- Constants are arrays without axes: a Python number costs a ufunc as much again as the call. Views are made once.
- Left operands of large products have arrays of their own: a slice of columns costs as much as the whole rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from peers.problems import Arrays, Problem, Stepper

add, subtract, multiply, tanh, copy = np.add, np.subtract, np.multiply, np.tanh, np.copyto
HALF, ONE = np.array(0.5, np.float32), np.array(1, np.float32)


def empty(*shape: int) -> np.ndarray:
    """Return a buffer."""
    return np.empty(shape, np.float32)


class Gates:
    """The weights of all gates, their copies with the ½ inside, and their products."""

    def __init__(self, problem: Problem, order: list[int], state_order: list[int]) -> None:
        self.order, self.state_order = order, state_order
        self.blocks, (self.batch, self.steps, inputs) = len(order), problem.x.shape
        hidden = self.hidden = problem.parameters["U"].shape[1]
        self.w, self.b = self._blocks(problem.parameters["W"], order), self._blocks(problem.parameters["b"], order)
        self.u = self._blocks(problem.parameters["U"], state_order)
        self.x = empty(self.steps, self.batch, inputs)
        self.rows = self.x.reshape(-1, inputs)
        self.ones = np.ones(len(self.rows), np.float32)
        self.half_b, self.dw, self.du, self.db = (np.empty_like(array) for array in (self.b, self.w, self.u, self.b))
        if self.batch == 1:
            self.half_u, self.columns = np.empty_like(self.u), empty(len(self.w), self.steps)
            self.inputs = empty(self.steps, self.blocks, 1, hidden)
            self.inputs_of = list(self.inputs)
            self.times: Callable[..., Any] = self.half_u.dot
        else:
            self.half_w, self.half_u = empty(self.blocks, inputs, hidden), empty(self.blocks, hidden, hidden)
            self.inputs = empty(self.blocks, len(self.rows), hidden)
            self.inputs_of = list(self.inputs.reshape(self.blocks, self.steps, -1, hidden).swapaxes(0, 1))
            self.times = lambda h, out: np.matmul(h, self.half_u, out)

    def _blocks(self, rows: np.ndarray, order: list[int]) -> np.ndarray:
        parts = np.split(rows, len(order))
        return np.concatenate([parts[place] for place in order])

    def flat(self, array: np.ndarray) -> np.ndarray:
        """Return a state, or blocks, in the shape that ``times`` takes."""
        return array.reshape(-1) if self.batch == 1 else array

    def forward(self, x: np.ndarray) -> None:
        """Halve the gates' weights and multiply all inputs."""
        hidden = self.hidden
        copy(self.half_b[:hidden], self.b[:hidden])
        multiply(self.b[hidden:], HALF, self.half_b[hidden:])
        copy(self.x, x.swapaxes(0, 1))
        if self.batch == 1:
            # The product of columns and its transposed copy are faster than the product of 32 rows.
            self.w.dot(self.rows.T, self.columns)
            copy(self.inputs.reshape(self.steps, -1), self.columns.T)
            multiply(self.inputs[:, 1:], HALF, self.inputs[:, 1:])
            add(self.inputs.reshape(self.steps, -1), self.half_b, self.inputs.reshape(self.steps, -1))
            copy(self.half_u[:hidden], self.u[:hidden])
            multiply(self.u[hidden:], HALF, self.half_u[hidden:])
            return
        for weights, halved in ((self.w, self.half_w), (self.u, self.half_u)):
            transposed = weights.reshape(self.blocks, hidden, -1).swapaxes(1, 2)
            copy(halved[0], transposed[0])
            multiply(transposed[1:], HALF, halved[1:])
        np.matmul(self.rows, self.half_w, self.inputs)
        add(self.inputs, self.half_b.reshape(self.blocks, 1, hidden), self.inputs)

    def update(self) -> None:
        """Subtract the gradients, which hold the learning rate."""
        subtract(self.u, self.du, self.u)
        subtract(self.w, self.dw, self.w)
        subtract(self.b, self.db, self.b)

    def parameters(self) -> Arrays:
        """Return the rows in the problem's order."""
        w, b = (self._blocks(array, list(np.argsort(self.order))) for array in (self.w, self.b))
        return {"W": w, "b": b, "U": self._blocks(self.u, list(np.argsort(self.state_order)))}


class ReadOut:
    """A dense layer on the last state, and the squared loss."""

    def __init__(self, problem: Problem, state: np.ndarray, dstate: np.ndarray) -> None:
        self.v, self.a = problem.parameters["V"].copy(), problem.parameters["a"].copy()
        self.state, self.dstate = state, dstate
        self.score, self.dv, self.da = empty(len(state), 1), np.empty_like(self.v), empty(1, 1)
        self.rate = np.array(2 * problem.learning_rate / len(state), np.float32)
        self.ones = np.ones((1, len(state)), np.float32)

    def train(self, y: np.ndarray) -> float:
        """Return the loss, fill the state's gradient, update the layer."""
        score = self.score
        self.state.dot(self.v.T, score)
        add(score, self.a, score)
        subtract(score, y, score)
        loss = float(np.vdot(score, score)) / len(score)
        multiply(score, self.rate, score)
        score.dot(self.v, self.dstate)
        score.T.dot(self.state, self.dv)
        self.ones.dot(score, self.da)
        subtract(self.v, self.dv, self.v)
        subtract(self.a, self.da[0], self.a)
        return loss


def recurrent(problem: Problem, gates: Gates, read_out: ReadOut, forward: Any, backward: Any) -> Stepper:
    """Join the parts to a training step."""

    def step(x: np.ndarray, y: np.ndarray) -> float:
        gates.forward(x)
        forward()
        loss = read_out.train(y)
        backward()
        gates.update()
        return loss

    def parameters() -> Arrays:
        return gates.parameters() | {"V": read_out.v.copy(), "a": read_out.a.copy()}

    return Stepper(step, problem.x, problem.y, parameters)


def lstm(problem: Problem) -> Stepper:
    """Rows in the order candidate g, forget f, input i, output o."""
    gates = Gates(problem, [2, 1, 0, 3], [2, 1, 0, 3])
    steps, batch, hidden = gates.steps, gates.batch, gates.hidden
    # Blocks of a step: c before, g, f, i, o, tanh(c).   Products of a step: f c, i g, h = o tanh(c).
    s, made = np.zeros((steps + 1, 6, batch, hidden), np.float32), empty(steps, 3, batch, hidden)
    k, dz = empty(steps, 5, batch, hidden), empty(steps, batch, 4 * hidden)
    dz_blocks, dz_rows = dz.reshape(steps, batch, 4, hidden).swapaxes(1, 2), dz.reshape(steps * batch, -1)
    z, dh, dc, dc_before = empty(4, batch, hidden), *empty(3, batch, hidden)
    states = empty(steps - 1, batch, hidden)
    flat_z, flat_dh = gates.flat(z), gates.flat(dh)
    before = [gates.flat(made[t - 1, 2]) for t in range(steps)]
    ahead = [
        (
            *(before[t], inputs, s[t, 1:5], s[t, 2:5], s[t, :2], s[t, 2:4]),
            *(made[t, :2], made[t, 0], made[t, 1], s[t + 1, 0], s[t, 5], s[t, 4], made[t, 2]),
        )
        for t, inputs in enumerate(gates.inputs_of)
    ]
    back = [
        (k[t, 0], k[t, 4], dz_blocks[t, 3], k[t, 1:4], dz_blocks[t, :3], s[t, 2], gates.flat(dz[t]))
        for t in reversed(range(steps))
    ]
    read_out = ReadOut(problem, made[-1, 2], dh)

    def forward() -> None:
        for t, (h, inputs, all_four, sigmas, c_g, f_i, fc_ig, fc, ig, c, tanh_c, o, new_h) in enumerate(ahead):
            if t:
                gates.times(h, flat_z)
                add(z, inputs, z)
                tanh(z, all_four)
            else:
                tanh(inputs, all_four)
            multiply(sigmas, HALF, sigmas)
            add(sigmas, HALF, sigmas)
            multiply(c_g, f_i, fc_ig)
            add(fc, ig, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, new_h)

    def backward() -> None:
        # f(1−f)c = fc − fc f, and likewise; i(1−g²) = i − ig g and o(1−tanh²c) = o − h tanh(c).
        multiply(made, s[:-1, 2:5], k[:, 2:])
        subtract(made, k[:, 2:], k[:, 2:])
        multiply(made[:, 1:], s[:-1, 1::4], k[:, 1::-1])
        subtract(s[:-1, 3:5], k[:, 1::-1], k[:, 1::-1])
        for t, (k_c, k_o, dz_o, k_gfi, dz_gfi, f, dz_t) in enumerate(back, 1):
            multiply(k_c, dh, dc)
            if t > 1:
                add(dc_before, dc, dc)
            multiply(k_o, dh, dz_o)
            multiply(k_gfi, dc, dz_gfi)
            if t < steps:
                multiply(f, dc, dc_before)
                dz_t.dot(gates.u, flat_dh)
        copy(states, made[:-1, 2])
        dz_rows[batch:].T.dot(states.reshape(-1, hidden), gates.du)
        dz_rows.T.dot(gates.rows, gates.dw)
        gates.ones.dot(dz_rows, gates.db)

    return recurrent(problem, gates, read_out, forward, backward)


def gru(problem: Problem) -> Stepper:  # noqa: PLR0915 - buffers, then two loops that read from top to bottom
    """Rows in the order candidate n, reset r, update z; q = U_n h is the product that the reset gate meets."""
    gates = Gates(problem, [2, 0, 1], [2, 0, 1])
    steps, batch, hidden = gates.steps, gates.batch, gates.hidden
    # Blocks of a step: q, r, z, n, and z (h − n), so that h' = n + z (h − n).
    s, h = np.zeros((steps, 5, batch, hidden), np.float32), np.zeros((steps + 1, batch, hidden), np.float32)
    k, dz, dn = empty(steps, 4, batch, hidden), empty(steps, batch, 3 * hidden), empty(steps, batch, hidden)
    dz_rows, dn_rows = dz.reshape(steps * batch, -1), dn.reshape(steps * batch, -1)
    dz_blocks = dz.reshape(steps, batch, 3, hidden).swapaxes(1, 2)
    dgates = empty(len(dz_rows), 2 * hidden) if batch > 1 else dz_rows[:, hidden:]
    scratch, dh = empty(2, batch, hidden)
    flat_dh = gates.flat(dh)
    ahead = [
        (
            *(gates.flat(h[t]), gates.flat(s[t, :3]), s[t, 1:3], inputs[1:], s[t, 1], s[t, 0]),
            *(inputs[0], s[t, 3], h[t], s[t, 2], s[t, 4], h[t + 1]),
        )
        for t, inputs in enumerate(gates.inputs_of)
    ]
    back = [(k[t, :3], dz_blocks[t], k[t, 3], dn[t], s[t, 2], gates.flat(dz[t])) for t in reversed(range(steps))]
    q, r, z, n, moved = s.swapaxes(0, 1)
    k_q, k_r, k_z, k_n = k.swapaxes(0, 1)
    read_out = ReadOut(problem, h[-1], dh)

    def forward() -> None:
        for t, (h_in, qrz, rz, rz_inputs, r, q, n_inputs, n, h, z, moved, new_h) in enumerate(ahead):
            if t:
                gates.times(h_in, qrz)
                add(rz, rz_inputs, rz)
                tanh(rz, rz)
            else:
                tanh(rz_inputs, rz)
            multiply(rz, HALF, rz)
            add(rz, HALF, rz)
            if t:
                multiply(r, q, scratch)
                add(scratch, n_inputs, scratch)
                tanh(scratch, n)
            else:
                tanh(n_inputs, n)
            subtract(h, n, scratch)
            multiply(z, scratch, moved)
            add(n, moved, new_h)

    def backward() -> None:
        multiply(n, n, k_n)
        subtract(ONE, k_n, k_n)
        subtract(ONE, z, k_z)
        multiply(k_n, k_z, k_n)
        multiply(k_n, r, k_q)
        multiply(k_q, q, k_z)
        multiply(k_z, r, k_r)
        subtract(k_z, k_r, k_r)
        multiply(moved, z, k_z)
        subtract(moved, k_z, k_z)
        for t, (k_qrz, dz_qrz, k_n_t, dn_t, z_t, dz_t) in enumerate(back, 1):
            multiply(k_qrz, dh, dz_qrz)
            multiply(k_n_t, dh, dn_t)
            if t < steps:
                multiply(z_t, dh, scratch)
                dz_t.dot(gates.u, flat_dh)
                add(dh, scratch, dh)
        if batch > 1:
            copy(dgates, dz_rows[:, hidden:])
        dz_rows[batch:].T.dot(h[1:-1].reshape(-1, hidden), gates.du)
        dn_rows.T.dot(gates.rows, gates.dw[:hidden])
        dgates.T.dot(gates.rows, gates.dw[hidden:])
        gates.ones.dot(dn_rows, gates.db[:hidden])
        gates.ones.dot(dgates, gates.db[hidden:])

    return recurrent(problem, gates, read_out, forward, backward)
