"""How much memory layers need, and that what lives at the same time stands apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradviz as gv
from gradviz import nn
from gradviz.compiler.arena import Life, arranged

RNG = np.random.default_rng(11)
LIVES = st.builds(
    lambda length, start, lasts: Life(length, 4, start, start + lasts),
    st.integers(0, 200),
    st.integers(0, 30),
    st.integers(0, 12),
)


@given(st.lists(LIVES, min_size=1, max_size=40))
def test_what_lives_at_the_same_time_stands_apart(lives):
    starts = arranged(lives)
    assert all(start >= 0 and start % 16 == 0 for start in starts)  # whole lines of the cache
    for number, (one, begin) in enumerate(zip(lives, starts, strict=True)):
        for other, start in zip(lives[:number], starts[:number], strict=True):
            if one.start <= other.end and other.start <= one.end:
                assert begin + one.length <= start or start + other.length <= begin


def test_small_arrays_stand_side_by_side_where_a_large_one_stood():
    lives = [Life(1000, 4, 0, 1), Life(400, 4, 2, 5), Life(400, 4, 3, 6), Life(160, 4, 4, 4), Life(1000, 4, 7, 8)]
    starts = arranged(lives)
    assert max(start + life.room for start, life in zip(starts, lives, strict=True)) == lives[0].room


def recurrent(cell, hidden, **options):
    x, y = gv.data("x", shape=(32, hidden)), gv.data("y", shape=1)
    outputs, _ = nn.recurrent(x, cell, hidden=hidden, **options)
    return gv.sum(gv.square(nn.dense(outputs[-1], 1, name="out") - y))


def convolutional():
    x, y = gv.data("x", shape=(1, 28, 28)), gv.data("y", shape=(), dtype=np.int64)
    for filters, name in ((8, "first"), (16, "second")):
        x = gv.relu(nn.max_pool2d(nn.conv2d(x, filters, 3, name=name), 2, name=f"{name}_pool"))
    return nn.cross_entropy(nn.dense(nn.flatten(x), 10, name="out"), y)


def perceptron():
    x, y = gv.data("x", shape=784), gv.data("y", shape=(), dtype=np.int64)
    return nn.cross_entropy(nn.dense(nn.dense(x, 256, activation="relu", name="hidden"), 10, name="out"), y)


LARGEST = {
    "MLP batch 1": (perceptron, 1, 290_000),
    "MLP batch 256": (perceptron, 256, 1_150_000),
    "LSTM h=64 batch 32": (lambda: recurrent("lstm", 64), 32, 4_000_000),
    "GRU h=64 batch 32": (lambda: recurrent("gru", 64, reset_after=True), 32, 3_300_000),
    "GRU h=256 batch 32": (lambda: recurrent("gru", 256, reset_after=True), 32, 14_800_000),
    "CNN batch 32": (convolutional, 32, 4_300_000),
}
"""By the row of the benchmark: its graph, how many samples, and a few percent more bytes than its plan takes."""


@pytest.mark.parametrize(("network", "batch", "most"), LARGEST.values(), ids=LARGEST)
def test_a_step_takes_no_more_memory_than_it_did(network, batch, most):
    layer = gv.compile(gv.graph(loss=network()), batch=batch, dtype=np.float32)
    assert layer._programs.step(batch).memory <= most


SIZE = 370
OUTER = {
    "a batch of one": (1, 1, lambda x, W, V: gv.tanh(W @ x)),
    "no batch": (None, 1, lambda x, W, V: gv.tanh(W @ x)),
    "turned": (None, 1, lambda x, W, V: gv.tanh(x @ W)),
    "two in turn": (1, 2, lambda x, W, V: gv.tanh(V @ gv.tanh(W @ x))),
    "two parts of one": (1, 0, lambda x, W, V: gv.tanh(gv.concatenate([W, V], 1) @ gv.concatenate([x, gv.sin(x)]))),
    "of a parameter": (None, 0, lambda x, W, V: x * gv.tanh(gv.param("row", RNG.normal(size=SIZE)) @ W @ V[0])),
}
"""How many samples, how many large gradients are left as a column and a row, and the network."""


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(("batch", "count", "build"), OUTER.values(), ids=OUTER)
def test_large_gradients_by_one_sample(batch, count, build, backend):
    x = gv.data("x", shape=SIZE)
    W, V = (gv.param(name, RNG.normal(size=(SIZE, SIZE)) / 9) for name in "WV")
    graph = gv.graph(loss=gv.sum(gv.square(build(x, W, V) - 0.3)))
    inputs = {"x": RNG.normal(size=SIZE if batch is None else (batch, SIZE))}
    plain = gv.backprop(graph if batch is None else gv.batched(graph, batch, mean=["loss"]), at=inputs, output="loss")
    layer = gv.compile(graph, batch=batch, backend=backend)
    before = {path: array.copy() for path, array in layer.parameters.items()}
    _, gradients = layer.value_and_grad(**inputs)
    layer.step(0.1, **inputs)
    for path, gradient in plain.grad.items():
        np.testing.assert_allclose(gradients[path], gradient, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(layer.parameters[path], before[path] - 0.1 * gradient, rtol=1e-9, atol=1e-12)
    if backend == "numpy":
        assert layer.source.count(" subtract_outer(") == count + (count > 0)  # with its definition
