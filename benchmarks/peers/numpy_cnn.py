"""The small CNN by hand, in NumPy.

- Images have their batch last, (channel, row, column, sample): every window of them consists of long runs, and
  flattening is free.
- The outputs of a convolution are ordered by their place in the window of the pooling that follows. Pooling is then a
  maximum over the leading axis, and what no window covers is never computed. Bias and ReLU come after it, on a
  quarter of the numbers.
- The four places are four products, not one: small products take OpenBLAS's path without packing.
- The gradient of overlapping windows is added up in two stages, rows and then columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from peers.numpy_dense import Softmax, largest_of, sum_of
from peers.problems import Arrays, Problem, Stepper

ZERO = np.array(0, np.float32)


def empty(*shape: int) -> np.ndarray:
    """Return a buffer."""
    return np.empty(shape, np.float32)


class Layer:
    """A convolution of 3 × 3, pooling of 2 × 2, and ReLU, with the update of its kernels."""

    def __init__(self, x: np.ndarray, kernels: np.ndarray, bias: np.ndarray, *, first: bool) -> None:
        filters, channels = kernels.shape[:2]
        side, batch = (x.shape[1] - 2) // 2, x.shape[3]
        positions = side * side * batch
        self.kernels, self.bias = kernels.reshape(filters, channels * 9).copy(), bias.copy()
        blocks = (2, 2, channels, 3, 3, side, side, batch)
        channel, row, column, sample = x.strides
        strides = (row, column, channel, row, column, 2 * row, 2 * column, sample)
        self.windows = as_strided(x, blocks, strides)
        self.patches = empty(4, channels * 9, positions)
        self.patch_blocks = self.patches.reshape(blocks)
        self.scores, self.dscores = empty(4, filters, positions), empty(4, filters, positions)
        self.largest, self.out, self.dout = (
            empty(filters, positions),
            empty(filters, positions),
            empty(filters, positions),
        )
        self.winners = np.empty(self.scores.shape, bool)
        self.active = np.empty(self.out.shape, bool)
        self.four_dkernels, self.dkernels, self.dbias = (
            empty(4, *self.kernels.shape),
            empty(*self.kernels.shape),
            empty(filters),
        )
        self.ones = np.ones(positions, np.float32)
        self.first = first
        if not first:
            self.dx, self.dpatches = np.zeros_like(x), np.empty_like(self.patches)
            self._plan_fold(self.dpatches.reshape(blocks), 2 * side - 1)

    def _plan_fold(self, d: np.ndarray, span: int) -> None:
        """List what is added to what: place a of the pool and i of the kernel meet in row a + i; columns likewise."""
        self.additions = [(d[0, :, :, 1], d[1, :, :, 0]), (d[0, :, :, 2], d[1, :, :, 1])]
        self.last_additions = []
        for row, across in enumerate((d[0, :, :, 0], d[0, :, :, 1], d[0, :, :, 2], d[1, :, :, 2])):
            self.additions += [(across[0, :, 1], across[1, :, 0]), (across[0, :, 2], across[1, :, 1])]
            for column, part in enumerate((across[0, :, 0], across[0, :, 1], across[0, :, 2], across[1, :, 2])):
                self.last_additions.append((self.dx[:, row : row + span : 2, column : column + span : 2], part))

    def forward(self) -> None:
        """Fill ``out``."""
        np.copyto(self.patch_blocks, self.windows)
        np.matmul(self.kernels, self.patches, self.scores)
        largest_of(self.scores, 0, None, self.largest)
        np.add(self.largest, self.bias[:, None], self.out)
        np.maximum(self.out, ZERO, out=self.out)

    def backward(self) -> None:
        """Take ``dout``, fill ``dx``, update the parameters."""
        np.greater(self.out, ZERO, self.active)
        np.multiply(self.dout, self.active, self.dout)
        np.equal(self.scores, self.largest, self.winners)
        np.multiply(self.winners, self.dout, self.dscores)
        np.matmul(self.dscores, self.patches.transpose(0, 2, 1), self.four_dkernels)
        sum_of(self.four_dkernels, 0, None, self.dkernels)
        self.dout.dot(self.ones, self.dbias)
        if not self.first:
            np.matmul(self.kernels.T, self.dscores, self.dpatches)
            for total, part in self.additions:
                np.add(total, part, total)
            self.dx.fill(0)
            for total, part in self.last_additions:
                np.add(total, part, total)
        np.subtract(self.kernels, self.dkernels, self.kernels)
        np.subtract(self.bias, self.dbias, self.bias)


def cnn(problem: Problem) -> Stepper:
    """Two such layers and a dense one."""
    p, batch = problem.parameters, len(problem.x)
    image = empty(1, 28, 28, batch)
    first = Layer(image, p["K1"], p["b1"], first=True)
    second = Layer(first.out.reshape(8, 13, 13, batch), p["K2"], p["b2"], first=False)
    first.dout = second.dx.reshape(first.out.shape)
    flat, dflat = second.out.reshape(400, batch), second.dout.reshape(400, batch)
    w, b = p["W"].copy(), p["b"].copy()
    dw, db, scores, ones = np.empty_like(w), np.empty_like(b), empty(10, batch), np.ones(batch, np.float32)
    softmax = Softmax(scores, problem.learning_rate, axis=0)

    def step(x: np.ndarray, y: np.ndarray) -> Any:
        np.copyto(image[0], x[:, 0].transpose(1, 2, 0))
        first.forward()
        second.forward()
        w.dot(flat, scores)
        np.add(scores, b[:, None], scores)
        loss = softmax.backward(y)
        w.T.dot(scores, dflat)
        scores.dot(flat.T, dw)
        scores.dot(ones, db)
        np.subtract(w, dw, w)
        np.subtract(b, db, b)
        second.backward()
        first.backward()
        return loss

    def parameters() -> Arrays:
        kernels = {name: layer.kernels.reshape(p[name].shape).copy() for name, layer in (("K1", first), ("K2", second))}
        return kernels | {"b1": first.bias.copy(), "b2": second.bias.copy(), "W": w.copy(), "b": b.copy()}

    return Stepper(step, problem.x, problem.y, parameters)
