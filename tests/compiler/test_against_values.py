"""Compiled gradients are those of `gv.backprop`, sample by sample, where sizes and indices are easily mistaken."""

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn

RNG = np.random.default_rng(0)


def agree(loss, batch, inputs, wrt=None, **options):
    """Compare a layer's loss and gradients with the mean of the samples' own."""
    graph = gv.graph(loss=loss)
    layer = gv.compile(graph, batch=batch, wrt=wrt, **options)
    value, gradients = layer.value_and_grad(**inputs)
    samples = [{name: array[i] for name, array in inputs.items()} for i in range(batch)] if batch else [inputs]
    found = [gv.backprop(graph, at={**layer.parameters, **one}, wrt=wrt) for one in samples]
    np.testing.assert_allclose(value, np.mean([one.output for one in found]), rtol=1e-9)
    for path, gradient in gradients.items():
        one_by_one = np.array([one.grad[path] for one in found])
        of_data = batch and path in inputs
        expected = one_by_one / batch if of_data else one_by_one.mean(0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("size", [2, 4, 7])
def test_samples_steps_and_features_of_one_number(cell, size):
    x = gv.data("x", shape=(size, size))
    states, _ = nn.recurrent(x, cell, hidden=5)
    agree(gv.sum(gv.square(states[-1])), size, {"x": RNG.normal(size=(size, size, size))})


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_unit(cell):
    states, _ = nn.recurrent(gv.data("x", shape=(3, 2)), cell, hidden=1)
    agree(gv.sum(gv.square(states[-1])), 8, {"x": RNG.normal(size=(8, 3, 2))})


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    "key",
    [np.s_[..., 0, :], np.s_[..., 0], np.s_[..., ::-1], np.s_[..., [0, 1]], np.s_[..., 0:2, :], np.s_[...],
     np.s_[None, ..., 1], np.s_[0, ...], np.s_[:, ..., None], (np.array([True, False, True, True]), ..., 0)],
)  # fmt: skip
def test_an_ellipsis(key, backend):
    W, x = gv.param("W", RNG.normal(size=(4, 5, 3))), gv.data("x", shape=())
    y = gv.tanh(W * x)[key]
    assert y.shape == np.empty((4, 5, 3))[key].shape
    agree(gv.sum(gv.sin(y)), 3, {"x": RNG.normal(size=3)}, backend=backend)


def test_what_is_seen_of_memory_that_another_variable_is_called_after():
    p, x = gv.param("p", RNG.normal(size=40)), gv.data("x", shape=(20, 40))
    agree(gv.sum(gv.square(x @ p)), 9, {"x": RNG.normal(size=(9, 20, 40))}, wrt=["p", "x"])
    p, d = gv.param("p", RNG.normal(size=(90, 10))), gv.data("d", shape=())
    flat = gv.reshape(gv.sin(p), -1) * d
    agree(gv.sum(gv.tanh(gv.relu(flat)[:5])), 1, {"d": RNG.normal(size=1)})


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("batch", [None, 3])
def test_a_loop_within_a_loop(backend, batch):
    x, W = gv.data("x", shape=(5, 40)), gv.param("W", 0.1 * RNG.normal(size=(40, 40)))

    def outer(row, state):
        return gv.scan(lambda part, inner: gv.tanh(W @ inner + part), gv.stack([row, row * 0.5]), state)[-1]

    loss = gv.sum(gv.scan(outer, x, np.zeros(40)))
    agree(loss, batch, {"x": RNG.normal(size=(batch, 5, 40) if batch else (5, 40))}, backend=backend)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_leaves_that_come_to_nothing(backend):
    W, s = gv.param("W", RNG.normal(size=(20, 3))), gv.param("s", RNG.normal(size=40))
    x, z = gv.data("x", shape=(5, 4)), gv.data("z", shape=3)
    chosen = gv.where(np.ones((20, 3)), W, z)
    states = gv.scan(lambda row, state: gv.tanh(W[0] * state) + 0.0 * gv.sum(row), x, z)
    loss = gv.sum(gv.square(chosen)) + 0.0 * gv.sum(gv.square(s)) + gv.sum(states)
    inputs = {"x": RNG.normal(size=(2, 5, 4)), "z": RNG.normal(size=(2, 3))}
    agree(loss, 2, inputs, ["W", "s", "x", "z"], backend=backend)
    layer = gv.compile(gv.graph(loss=loss), batch=2, dtype="float32", backend=backend)
    before = layer.parameters["s"].copy()
    layer.step(0.1, **inputs)
    np.testing.assert_array_equal(layer.parameters["s"], before)


@pytest.mark.parametrize("size", [2, 500])
@pytest.mark.parametrize(
    "cell",
    [
        lambda x, h: gv.tanh(h + h + x),
        lambda x, h: gv.tanh(x + h) + gv.tanh(x + h),
        lambda x, h: (h * x + h * x) + (h + (h * x + h)),
    ],
)
def test_a_term_of_the_state_that_stands_twice_in_a_sum(cell, size):
    x = gv.param("x", RNG.normal(size=(3, size)))
    agree(gv.sum(gv.square(gv.scan(cell, x, np.full(size, 0.3)))), None, {})


@pytest.mark.parametrize(("subscripts", "shapes"), [("ab->", [(0, 2)]), ("ab,bc->ac", [(2, 0), (0, 3)])])
def test_an_einsum_over_nothing(subscripts, shapes):
    operands = [gv.param(f"p{place}", np.zeros(shape)) for place, shape in enumerate(shapes)]
    agree(gv.sum(gv.cos(gv.einsum(subscripts, *operands))) * gv.param("s", 2.0), None, {})


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_loop_along_the_state_of_the_loop_around_it(backend):
    x, c = gv.param("x", RNG.normal(size=(2, 40))), gv.param("c", RNG.normal(size=(3, 40)))

    def outer(row, state):
        return gv.scan(lambda part, inner: gv.sin(part + inner), state, row)

    agree(gv.sum(gv.square(gv.scan(outer, x, c))), None, {}, backend=backend)


def test_numbers_known_beforehand_that_are_no_number_warn_nobody():
    w = gv.param("w", 2.0)
    agree(gv.std(gv.pad(gv.expand_dims(w, 0), ((2, 3),))[:2]) * w, None, {})
