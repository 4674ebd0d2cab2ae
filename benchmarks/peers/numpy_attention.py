"""Causal self-attention in several heads by hand, in NumPy.

- Heads are strided views of one (batch · step, 3 · width) array, which the batched products read and write as they are.
- Scores are stored keys first, so that softmax reduces over the leading axis: ten times faster than over a short
  last one.
- The weights are never divided by their sums: the outputs are, which are a quarter of the numbers. Their adjoint's
  row sums are those of ``dO ⊙ O``, a product with ones.
- 1/√d is inside a copy of the queries' weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from peers.numpy_dense import largest_of, sum_of
from peers.problems import Arrays, Problem, Stepper


def empty(*shape: int) -> np.ndarray:
    """Return a buffer."""
    return np.empty(shape, np.float32)


def attention(problem: Problem) -> Stepper:  # noqa: PLR0915 - buffers, then a step that reads from top to bottom
    """Project, attend, project, and the squared loss."""
    batch, steps, width = problem.x.shape
    heads, depth, rows = problem.heads, width // problem.heads, batch * steps
    w = np.ascontiguousarray(np.concatenate([problem.parameters[name] for name in ("Wq", "Wk", "Wv")]).T)
    wo = np.ascontiguousarray(problem.parameters["Wo"].T)
    scaled_w, dw, dwo = np.empty_like(w), np.empty_like(w), np.empty_like(wo)
    projected, dprojected = empty(2, rows, 3 * width)
    q, k, v = projected.reshape(batch, steps, 3, heads, depth).transpose(2, 0, 3, 1, 4)
    dq, dk, dv = dprojected.reshape(batch, steps, 3, heads, depth).transpose(2, 0, 3, 1, 4)
    # (key, batch, head, query), and the views that products want.
    a, da = empty(2, steps, batch, heads, steps)
    a_keys, da_keys = a.transpose(1, 2, 0, 3), da.transpose(1, 2, 0, 3)
    a_queries, da_queries = a.transpose(1, 2, 3, 0), da.transpose(1, 2, 3, 0)
    mask = np.where(np.tri(steps, dtype=bool).T, 0, -np.inf).astype(np.float32)[:, None, None]
    largest, total, slope = empty(3, 1, batch, heads, steps)
    inverse = empty(batch, steps, heads, 1)
    by_query = total.reshape(batch, heads, steps).swapaxes(1, 2)[..., None]
    mixed, dmixed = empty(2, batch, steps, heads, depth)
    by_head, dby_head = mixed.swapaxes(1, 2), dmixed.swapaxes(1, 2)
    mixed_rows, dmixed_rows = mixed.reshape(rows, width), dmixed.reshape(rows, width)
    out, products, sums = empty(rows, width), empty(rows, width), empty(rows * heads)
    ones, one = np.ones(depth, np.float32), np.array(1, np.float32)
    scale = np.array(depth**-0.5, np.float32)
    rate = np.array(2 * problem.learning_rate / batch, np.float32)
    add, subtract, multiply, matmul = np.add, np.subtract, np.multiply, np.matmul

    def step(x: np.ndarray, y: np.ndarray) -> Any:
        x, y = x.reshape(rows, width), y.reshape(rows, width)
        multiply(w[:, :width], scale, scaled_w[:, :width])
        np.copyto(scaled_w[:, width:], w[:, width:])
        x.dot(scaled_w, projected)
        matmul(k, q.swapaxes(2, 3), a_keys)
        add(a, mask, a)
        largest_of(a, 0, None, largest, True)
        subtract(a, largest, a)
        np.exp(a, a)
        sum_of(a, 0, None, total, True)
        matmul(a_queries, v, by_head)
        np.divide(one, by_query, inverse)
        multiply(mixed, inverse, mixed)
        mixed_rows.dot(wo, out)
        subtract(out, y, out)
        loss = float(np.vdot(out, out)) / batch
        multiply(out, rate, out)
        out.dot(wo.T, dmixed_rows)
        mixed_rows.T.dot(out, dwo)
        multiply(dmixed, inverse, dmixed)
        multiply(dmixed_rows, mixed_rows, products)
        products.reshape(-1, depth).dot(ones, sums)
        np.copyto(slope[0].swapaxes(1, 2), sums.reshape(batch, steps, heads))
        matmul(a_keys, dby_head, dv)
        matmul(v, dby_head.swapaxes(2, 3), da_keys)
        subtract(da, slope, da)
        multiply(da, a, da)
        matmul(da_queries, k, dq)
        matmul(da_keys, q, dk)
        x.T.dot(dprojected, dw)
        multiply(dw[:, :width], scale, dw[:, :width])
        subtract(w, dw, w)
        subtract(wo, dwo, wo)
        return loss

    def parameters() -> Arrays:
        parts = zip(("Wq", "Wk", "Wv"), np.split(w, 3, axis=1), strict=True)
        return {name: part.T.copy() for name, part in parts} | {"Wo": wo.T.copy()}

    return Stepper(step, problem.x, problem.y, parameters)
