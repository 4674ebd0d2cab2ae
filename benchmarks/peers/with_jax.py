"""jax's side: one jitted step (value and gradient, then the update) that is given its parameters back in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from peers.problems import Arrays, Problem, Stepper

config: Any = jax.config
config.update("jax_platforms", "cpu")
config.update("jax_cpu_enable_async_dispatch", False)

Leaves = dict[str, jax.Array]
PRECISE = lax.Precision.HIGHEST


def squared(score: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean over the batch of the sum of squares."""
    return jnp.sum((score - y) ** 2) / len(y)


def cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the mean cross-entropy."""
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1)
    return -jnp.mean(chosen)


def mlp(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """Two dense layers."""
    hidden = jax.nn.relu(x @ p["W1"].T + p["b1"])
    return cross_entropy(hidden @ p["W2"].T + p["b2"], y)


def lstm(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """All products of the inputs at once, then a scan."""
    inputs = jnp.swapaxes(x @ p["W"].T + p["b"], 0, 1)
    zeros = jnp.zeros((len(x), p["U"].shape[1]), x.dtype)

    def cell(state: Any, z: jax.Array) -> Any:
        h, c = state
        i, f, g, o = jnp.split(z + h @ p["U"].T, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    (h, _c), _ = lax.scan(cell, (zeros, zeros), inputs)
    return squared(h @ p["V"].T + p["a"], y)


def gru(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """All products of the inputs at once, then a scan."""
    inputs = jnp.swapaxes(x @ p["W"].T + p["b"], 0, 1)

    def cell(h: jax.Array, z: jax.Array) -> Any:
        r, u, n = jnp.split(z, 3, 1)
        hr, hu, hn = jnp.split(h @ p["U"].T, 3, 1)
        u = jax.nn.sigmoid(u + hu)
        n = jnp.tanh(n + jax.nn.sigmoid(r + hr) * hn)
        return n + u * (h - n), None

    h, _h = lax.scan(cell, jnp.zeros((len(x), p["U"].shape[1]), x.dtype), inputs)
    return squared(h @ p["V"].T + p["a"], y)


def pooled(x: jax.Array) -> jax.Array:
    """Return maxima of 2 × 2; a reshape is several times faster on a CPU than ``reduce_window`` and its derivative."""
    batch, channels, height, width = x.shape
    x = x[:, :, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(batch, channels, height // 2, 2, width // 2, 2).max((3, 5))


def cnn(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """Convolution, pooling, ReLU, twice, and a dense layer."""
    for kernel, bias in (("K1", "b1"), ("K2", "b2")):
        x = lax.conv_general_dilated(x, p[kernel], (1, 1), "VALID") + p[bias][:, None, None]
        x = jax.nn.relu(pooled(x))
    return cross_entropy(x.reshape(len(x), -1) @ p["W"].T + p["b"], y)


def attention(p: Leaves, x: jax.Array, y: jax.Array, heads: int) -> jax.Array:
    """Queries, keys and values by one product; the mask is added."""
    batch, steps, width = x.shape
    joined = jnp.concatenate([p["Wq"], p["Wk"], p["Wv"]])
    q, k, v = jnp.transpose((x @ joined.T).reshape(batch, steps, 3, heads, -1), (2, 0, 3, 1, 4))
    scores = q @ jnp.swapaxes(k, 2, 3) / np.sqrt(width // heads, dtype=np.float32)
    scores = jnp.where(jnp.tri(steps, dtype=bool), scores, -jnp.inf)
    mixed = jnp.swapaxes(jax.nn.softmax(scores) @ v, 1, 2).reshape(batch, steps, width)
    return squared(mixed @ p["Wo"].T, y)


def two_cars(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """Two logistic layers."""
    hidden = jax.nn.sigmoid(x @ p["W1"].T + p["b1"])
    return squared(jax.nn.sigmoid(hidden @ p["W2"].T + p["b2"]), y)


def hinge(p: Leaves, x: jax.Array, y: jax.Array, _: int) -> jax.Array:
    """The margin's distance from 1."""
    return jnp.mean(jnp.maximum(1 - x @ p["w"] * y, 0))


LOSSES: dict[str, Callable[[Leaves, jax.Array, jax.Array, int], jax.Array]] = {
    "mlp": mlp,
    "lstm": lstm,
    "gru": gru,
    "cnn": cnn,
    "attention": attention,
    "two_cars": two_cars,
    "hinge": hinge,
}


def jitted(family: str, problem: Problem) -> Stepper:
    """Return the jitted step; it owns its parameters, and XLA may write the new ones over the old."""
    loss, rate, heads = LOSSES[family], problem.learning_rate, problem.heads
    state = {name: jnp.asarray(value) for name, value in problem.parameters.items()}

    def update(p: Leaves, x: jax.Array, y: jax.Array) -> Any:
        value, gradient = jax.value_and_grad(loss)(p, x, y, heads)
        return {name: p[name] - rate * gradient[name] for name in p}, value

    run = jax.jit(update, donate_argnums=0)

    def step(x: jax.Array, y: jax.Array) -> float:
        nonlocal state
        state, value = run(state, x, y)
        return float(value)

    def parameters() -> Arrays:
        return {name: np.array(value) for name, value in state.items()}

    y = problem.y.astype(np.int32) if problem.y.dtype.kind == "i" else problem.y
    return Stepper(step, jnp.asarray(problem.x), jnp.asarray(y), parameters)
