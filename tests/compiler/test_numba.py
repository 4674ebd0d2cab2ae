"""Layers of compiled loops compute what those of NumPy calls compute."""

import re

import numpy as np
import pytest
from cases import cases, graph_of

import gradviz as gv
from gradviz import nn
from gradviz.compiler import numba_math, scalar

numba = pytest.importorskip("numba", reason='numba is not installed here (pip install "gradviz[numba]")')
pytest.importorskip("scipy", reason='scipy is not installed here (pip install "gradviz[numba]")')

RNG = np.random.default_rng(0)


@pytest.fixture
def interpreted(monkeypatch):
    """Let the printed loops run as Python, which needs no compiling; also those of small graphs."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    monkeypatch.setattr(scalar, "MOST_WORK", -1)


def mlp(labels):
    x, y = gv.data("x", shape=20), gv.data("y", shape=(), dtype=int)
    return nn.cross_entropy(nn.dense(nn.dense(x, 24, activation="relu"), labels), y)


def recurrent(cell, **options):
    x, y = gv.data("x", shape=(5, 12)), gv.data("y", shape=1)
    outputs, _ = nn.recurrent(x, cell, hidden=16, **options)
    return gv.sum(gv.square(nn.dense(outputs[-1], 1) - y))


def convolution(labels):
    x, y = gv.data("x", shape=(1, 10, 10)), gv.data("y", shape=(), dtype=int)
    x = gv.relu(nn.max_pool2d(nn.conv2d(x, 3, 3), 2))
    return nn.cross_entropy(nn.dense(nn.flatten(x), labels), y)


def attention(heads):
    x, y = (gv.data(name, shape=(6, 12)) for name in "xy")
    return gv.sum(gv.square(nn.multi_head_attention(x, heads, mask="causal") - y))


NETWORKS = {
    "dense": lambda: mlp(5),
    "lstm": lambda: recurrent("lstm", peephole=True),
    "gru": lambda: recurrent("gru", reset_after=True),
    "both_ways": lambda: recurrent("rnn", bidirectional=True, layers=2),
    "convolution": lambda: convolution(4),
    "attention": lambda: attention(3),
}


def both(loss, batch, **options):
    """Return a layer of loops, one of calls, and inputs."""
    graph = gv.graph(loss=loss)
    layers = [gv.compile(graph, batch=batch, backend=backend, **options) for backend in ("numba", "numpy")]
    shapes = {leaf.name: (batch, *leaf.shape) for leaf in graph.leaves if leaf.op.name == "data"}
    whole = [leaf.name for leaf in graph.leaves if leaf.dtype.kind == "i"]
    inputs = {
        name: RNG.integers(4, size=shape) if name in whole else RNG.normal(size=shape) for name, shape in shapes.items()
    }
    return *layers, inputs


def agree(loops, calls, inputs, rtol):
    value, gradients = loops.value_and_grad(**inputs)
    expected, wanted = calls.value_and_grad(**inputs)
    np.testing.assert_allclose(value, expected, rtol=rtol)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=rtol, atol=rtol * np.abs(gradient).max())
    for layer in (loops, calls):
        layer.step(0.01, **inputs)
    for name, array in calls.parameters.items():
        np.testing.assert_allclose(loops.parameters[name], array, rtol=rtol, atol=rtol)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's numbers warn where compiled ones do not
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_learn_the_same(name, dtype):
    loops, calls, inputs = both(NETWORKS[name](), 4, dtype=dtype)
    agree(loops, calls, inputs, 1e-10 if dtype == "float64" else 2e-4)


def test_a_network_learns_the_same_compiled():
    loops, calls, inputs = both(attention(2), 3, dtype="float32")
    assert "@njit" in loops.source
    agree(loops, calls, inputs, 2e-4)
    inputs["x"][1, 2] = np.nan
    assert np.isnan(loops.loss(**inputs))


@pytest.mark.usefixtures("interpreted")
def test_an_index_out_of_range_is_named():
    loops, _, inputs = both(mlp(3), 2)
    for wrong in (3, -1):
        with pytest.raises(gv.GradvizError, match=rf"the index {wrong} is out of range \(there are 3, counted from 0"):
            loops.step(0.1, x=inputs["x"], y=np.array([2, wrong]))


@pytest.mark.usefixtures("interpreted")
def test_a_constant_lies_as_it_is_printed():
    turned = gv.transpose(gv.constant(RNG.normal(size=(2, 3))))
    graph = gv.graph(y=turned * gv.param("w", RNG.normal(size=(3, 2))))
    np.testing.assert_allclose(gv.compile(graph, backend="numba")(), gv.compile(graph)(), rtol=1e-12)


MOVED = re.compile(r"( +)(\w+) = (?:memory|x)\[.*\]\n\1memory\[.*\] = \2\n(?!\1)")
"""A loop that moves something and does nothing else."""


def step_of(loss, batch):
    """Return the source of a step."""
    source = gv.compile(gv.graph(loss=loss), batch=batch, dtype="float32", backend="numba").source
    return source[source.index("def step_loops") : source.index("def make_step")]


def test_products_read_and_write_what_lies_elsewhere():
    x, y = (gv.data(name, shape=(32, 64)) for name in "xy")
    loss = gv.sum(gv.square(nn.multi_head_attention(x, 4, mask="causal", bias=False) - y))
    assert not MOVED.search(step_of(loss, 8))


def test_gradients_are_subtracted_by_products():
    x, y = gv.data("x", shape=64), gv.data("y", shape=64)
    source = step_of(gv.sum(gv.square(nn.dense(x, 64, name="a") - y)), 16)
    assert re.search(r"product\(.* W_at\)  # update a/W", source)
    assert "W_new" not in source


def test_steps_compute_what_they_need_themselves():
    x, y = gv.data("x", shape=(9, 16)), gv.data("y", shape=16)
    outputs, _ = nn.recurrent(x, "lstm", hidden=16)
    forward, backward = step_of(gv.sum(gv.square(outputs[-1] - y)), 8).split("for t_1_back in")
    assert "c_1 - " in backward  # the derivatives of the gates, of which a plan makes those of all steps beforehand
    assert "c_1 - " not in forward


def test_small_graphs_are_numbers_here_too():
    w, x = gv.param("w", [1.0, 2.0]), gv.data("x", shape=2)
    layer = gv.compile(gv.graph(loss=gv.maximum(1 - w @ x, 0)), backend="numba")
    assert "numba" not in layer.source
    assert layer.step(0.1, x=[0.1, 0.2]) == pytest.approx(0.5)
    np.testing.assert_allclose(layer.parameters["w"], [1.01, 2.02])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "units"), [("exp", 1.1), ("tanh", 2.5)])
def test_fast_functions_are_true_to_the_last_place(name, units):
    fast, exact = numba.vectorize(getattr(numba_math, f"fast_{name}")), getattr(np, name)
    x = np.concatenate([np.linspace(-87, 88, 20001), RNG.normal(size=20000), [0]]).astype(np.float32)
    wanted = exact(x.astype(float))
    assert np.max(np.abs(fast(x) - wanted) / np.spacing(np.abs(wanted).astype(np.float32))) <= units
    ends = np.array([-np.inf, -1e30, -110, -104.5, -95, 95, 1e30, np.inf, np.nan], np.float32)
    np.testing.assert_allclose(fast(ends), exact(ends), rtol=1e-3)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("case", [case for case in cases() if case.op.name != "arccosh"], ids=str)
def test_every_primitive_is_a_loop_with_its_derivative(case):
    graph = graph_of(case, RNG)
    loops, calls = gv.compile(graph, backend="numba"), gv.compile(graph)
    seed = RNG.normal(size=graph.rows[graph.outputs["y"]].shape)
    np.testing.assert_allclose(loops(), calls(), rtol=1e-12, atol=1e-14)
    expected = calls.backward(seed)
    for name, gradient in loops.backward(seed).items():
        np.testing.assert_allclose(gradient, expected[name], rtol=1e-10, atol=1e-12)
