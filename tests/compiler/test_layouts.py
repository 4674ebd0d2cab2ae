"""How arrays are moved in memory, and how constant ones are written."""

import re

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.compiler.instructions import Place
from gradviz.compiler.layouts import inverse, order_between
from gradviz.compiler.numpy_constants import MOST_NUMBERS, constant_text

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("shape", "axes", "order"),
    [
        ((32, 32, 64), (1, 2, 0), (0, 2, 1)),  # of samples of sequences: a step's features, sample beside sample
        ((4, 8, 16, 16), (2, 3, 1, 0), (0, 2, 3, 1)),
        ((32, 32, 64), (1, 0, 2), None),  # rows stay rows
        ((32, 32, 64), (0, 2, 1), None),  # only rows and columns change places
        ((64, 128), (1, 0), None),
        ((4, 4, 4), (1, 2, 0), None),  # few
        ((1, 128, 64), (1, 2, 0), None),
        ((128, 1, 64), (1, 2, 0), None),
    ],
)
def test_a_copy_that_would_jump_is_made_in_two(shape, axes, order):
    moved = np.empty(shape).transpose(axes)
    assert order_between(Place("x", moved.shape, moved.dtype, "view", sample=moved)) == order
    if order is not None:
        first = moved.transpose(order)
        assert first.strides[-1] == moved.itemsize
        assert first.transpose(inverse(order)).strides == moved.strides


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("batch", [1, 16])
def test_sequences_with_the_samples_in_front(batch, backend):
    outputs, _ = nn.recurrent(gv.data("x", shape=(9, 40)), "rnn", hidden=5)
    graph = gv.graph(loss=gv.sum(gv.square(outputs[-1])))
    x = RNG.normal(size=(batch, 9, 40))
    layer = gv.compile(graph, batch=batch, backend=backend)
    value, gradients = layer.value_and_grad(x=x)
    plain = gv.backprop(gv.batched(graph, batch, mean=["loss"]), at={"x": x}, output="loss")
    assert value == pytest.approx(float(plain.forward["loss"]), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-9, atol=1e-12)
    if backend == "numpy":
        assert bool(re.search(r"copyto\(\w+, x\.transpose\(1, 0, 2\)\)", layer.source)) == (batch > 1)


@pytest.mark.parametrize("count", [MOST_NUMBERS, MOST_NUMBERS + 2])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_a_constant_is_the_same_bits(dtype, count):
    value = RNG.normal(size=(count // 2, 2)) * 10
    value[::3] = 0
    value[:3, 0] = (-0.0, 0.0, 1e-300) if dtype == "int64" else (-0.0, np.inf, np.nan)
    with np.errstate(all="ignore"):
        value = value.astype(dtype)
    text = constant_text(value, value.dtype)
    found = eval(text, {"np": np})
    assert found.dtype == value.dtype
    assert found.flags.writeable
    assert found.shape == value.shape
    assert found.tobytes() == value.tobytes()
    assert ("fromhex" in text) == (count > MOST_NUMBERS)
