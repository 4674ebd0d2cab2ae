"""Compiled layers compute what the graph computes, and learn."""

import numpy as np
import pytest
from cases import cases, choose, graph_of

import gradviz as gv
from gradviz.errors import TrainingError, UsageError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_primitive_is_compiled_with_its_derivative(case):
    graph = graph_of(case, RNG)
    layer = gv.compile(graph)
    seed = RNG.normal(size=graph.rows[graph.outputs["y"]].shape)
    expected = gv.backprop(graph, seed=seed)
    np.testing.assert_allclose(layer(), expected.output, rtol=1e-12, atol=1e-14)
    for name, gradient in layer.backward(seed).items():
        np.testing.assert_allclose(gradient, expected.grad.get(name, 0), rtol=1e-10, atol=1e-12)


def network():
    V, w = gv.param("V", RNG.normal(size=(3, 2))), gv.param("w", RNG.normal(size=3))
    x, y = gv.data("x", shape=2), gv.data("y", shape=())
    hidden = gv.sigmoid(V @ x).named("h")
    return gv.graph(loss=gv.square(w @ hidden - y), score=w @ hidden)


@pytest.mark.parametrize("size", [0, 1, 7])
def test_a_batch_is_the_mean_of_its_samples(size):
    graph = network()
    layer = gv.compile(graph, batch=4)
    x, y = RNG.normal(size=(size, 2)), RNG.normal(size=size)
    each = [gv.backprop(graph, at={"x": a, "y": b}, output="loss") for a, b in zip(x, y, strict=True)]
    value, gradients = layer.value_and_grad(x=x, y=y)
    assert value == pytest.approx(np.mean([one.forward["loss"] for one in each]) if size else 0)
    for name in ("V", "w"):
        expected = np.mean([one.grad[name] for one in each], axis=0) if size else np.zeros(gradients[name].shape)
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-11, atol=1e-14)
    found = layer(x=x, y=y)
    np.testing.assert_allclose(found["score"], [one.forward["score"] for one in each], rtol=1e-12)
    assert found["score"].shape == (size,)


def test_a_step_is_gradient_descent_in_place():
    layer = gv.compile(network(), batch=4)
    x, y = RNG.normal(size=(4, 2)), RNG.normal(size=4)
    before = {name: array.copy() for name, array in layer.parameters.items()}
    live = layer.parameters["V"]
    value, gradients = layer.value_and_grad(x=x, y=y)
    assert layer.step(0.3, x=x, y=y) == pytest.approx(value)
    for name, array in layer.parameters.items():
        np.testing.assert_allclose(array, before[name] - 0.3 * gradients[name], rtol=1e-12)
    assert live is layer.parameters["V"]


def recurrent(length=6):
    U, W = gv.param("U", RNG.normal(size=(3, 2))), gv.param("W", RNG.normal(size=(3, 3)) / 2)
    v, h0 = gv.param("v", RNG.normal(size=3)), gv.param("h0", RNG.normal(size=3))
    x = gv.data("x", shape=(length, 2))
    hs = gv.scan(lambda x, h: gv.tanh(U @ x + W @ h).named("h", tex="h_t"), x, h0)
    return gv.graph(loss=gv.mean(gv.square(hs)) + gv.square(v @ hs[-1] - 1))


@pytest.mark.parametrize("length", [0, 1, 6])
@pytest.mark.parametrize("batch", [None, 1, 5])
def test_a_loop_is_differentiated_as_a_loop(length, batch):
    if length == 0:
        return
    graph = recurrent(length)
    layer = gv.compile(graph, batch=batch)
    x = RNG.normal(size=(length, 2) if batch is None else (batch, length, 2))
    plain = gv.backprop(graph if batch is None else gv.batched(graph, batch), at={"x": x})
    value, gradients = layer.value_and_grad(x=x)
    assert value == pytest.approx(float(plain.output), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-10, atol=1e-13)


def scoped(cell):
    x, b = gv.data("x", shape=(5, 2)), gv.param("b", 0.3)
    states = gv.nn.recurrent(x, cell, hidden=3)[1]
    h = states[0] if isinstance(states, tuple) else states
    return gv.graph(loss=gv.square(gv.sum(h) + b))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_parameters_are_known_by_their_paths(cell):
    graph = scoped(cell)
    layer = gv.compile(graph, batch=4)
    x = RNG.normal(size=(4, 5, 2))
    plain = gv.backprop(gv.batched(graph, 4), at={"x": x})
    _, gradients = layer.value_and_grad(x=x)
    assert {path.partition("/")[0] for path in gradients} == {"b", cell}
    assert gradients.keys() == layer.parameters.keys() == plain.grad.keys()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-10, atol=1e-13)


def test_the_source_of_a_long_loop_is_a_loop():
    short, long = (gv.compile(recurrent(length), batch=2).source.count("\n") for length in (500, 900))
    assert short == long


def test_the_source_stands_alone():
    layer = gv.compile(network(), batch=300)
    scope = {}
    exec(compile(layer.source, "layer.py", "exec"), scope)
    x, y = RNG.normal(size=(300, 2)), RNG.normal(size=300)
    value, *gradients = scope["make_value_and_grad"](**layer.parameters)(x, y)
    expected, named = layer.value_and_grad(x=x, y=y)
    assert value == expected
    for found, wanted in zip(gradients, named.values(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_running_twice_gives_the_same_bits_and_harms_no_array():
    layer = gv.compile(network(), batch=3)
    x, y = RNG.normal(size=(3, 2)), RNG.normal(size=3)
    kept = x.copy()
    first, gradients = layer.value_and_grad(x=x, y=y)
    again, same = layer.value_and_grad(x=x, y=y)
    assert first == again
    np.testing.assert_array_equal(gradients["V"], same["V"])
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("batch", [None, 3])
def test_values_of_leaves_are_where_they_start_and_no_constants(batch):
    w, scale, x = gv.param("w", 1.0), gv.data("scale", 0.1), gv.data("x", 2.0)
    loss = gv.square(w * x - 1) + scale * w * w + 2 * (w * scale) + (w * 3) * x
    layer = gv.compile(loss, batch=batch, shared=["scale"] if batch else [])
    layer.parameters["w"][...] = 5.0
    found = layer.value_and_grad(x=4.0 if batch is None else [4.0, 4.0, 4.0], scale=7.0)
    expected = gv.backprop(loss, at={"w": 5.0, "x": 4.0, "scale": 7.0})
    assert found == (pytest.approx(expected.output), {"w": pytest.approx(expected.grad["w"])})


def test_float32():
    graph = recurrent()
    x = RNG.normal(size=(5, 6, 2))
    half = gv.compile(graph, batch=5, dtype="float32").value_and_grad(x=x)
    full = gv.compile(graph, batch=5).value_and_grad(x=x)
    assert half[0] == pytest.approx(full[0], rel=1e-5)
    for name, gradient in half[1].items():
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, full[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: layer(x=np.ones((4, 2))), "'y' is missing"),
        (lambda layer: layer(x=np.ones((4, 3)), y=np.ones(4)), r"'x' has shape \(4, 3\), not \(samples, 2\)"),
        (lambda layer: layer(x=np.ones((4, 2)), y=np.ones(3)), "'y' has 3 samples, 'x' has 4"),
        (lambda layer: layer(x=np.ones((4, 2)), y=np.ones(4), z=1), "no input 'z'"),
        (lambda layer: layer(x="words", y=np.ones(4)), "'x' is of <U5"),
        (lambda layer: layer.backward(), "backward comes after a call"),
    ],
)
def test_a_wrong_call_is_named_in_the_layers_words(call, message):
    with pytest.raises(gv.GradvizError, match=message) as caught:
        call(gv.compile(network(), batch=4))
    assert "test_layer.py" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int8"}, "float64 or float32"),
        ({"backend": "fortran"}, "no backend"),
        ({"output": "gain"}, "no output 'gain'"),
        ({"wrt": ["Z"]}, "no node named 'Z'"),
    ],
)
def test_a_wrong_option_is_named(options, message):
    with pytest.raises(gv.GradvizError, match=message):
        gv.compile(network(), **options)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_primitive_keeps_float32(case):
    rng = np.random.default_rng(1)
    args = [gv.param(f"p{place}", np.float32(rng.uniform(0.2, 0.8, shape))) for place, shape in enumerate(case.shapes)]
    for place, indices in choose(case, rng).items():
        args[place] = gv.constant(indices, dtype=int)
    graph = gv.graph(y=case.op(*args, **case.attrs))
    layer = gv.compile(graph, dtype="float32")
    out = layer()
    slopes = layer.backward(np.ones(np.shape(out)))
    plain = gv.backprop(graph, seed=np.ones(np.shape(out)))
    assert {np.asarray(one).dtype for one in (out, *slopes.values())} == {np.dtype(np.float32)}
    assert "float64" not in layer.source
    for name, slope in slopes.items():
        np.testing.assert_allclose(slope, plain.grad.get(name, 0), rtol=1e-4, atol=1e-5)


def test_an_input_without_a_name_is_told_its_name():
    x, y = gv.data("x", shape=2), gv.data("y", shape=())
    layer = gv.compile(gv.square(gv.param("w", [1.0, 2.0]) @ x - y), batch=4)
    with pytest.raises(UsageError, match=r"a layer takes its inputs by name \(layer\(x=…, y=…\)\)"):
        layer(np.zeros((4, 2)), np.zeros(4))


class _Stubborn:
    """A tensor that wants a gradient from another library."""

    def __array__(self, *_, **__):
        raise RuntimeError("detach it first")


def test_a_tensor_that_is_no_array_is_named():
    layer = gv.compile(network(), batch=2)
    with pytest.raises(UsageError, match="the input 'x' is no array of numbers: detach it first"):
        layer(x=_Stubborn(), y=[1.0, 2.0])
    with pytest.raises(TrainingError, match="the data for 'y' are no array: detach it first"):
        layer.fit({"x": [[1.0, 2.0]], "y": _Stubborn()})


@pytest.mark.parametrize("dtype", [">f8", ">f4"])
def test_bytes_in_another_order_are_no_other_dtype(dtype):
    x, y = RNG.normal(size=(4, 2)).astype(dtype), RNG.normal(size=4).astype(dtype)
    graph = network()
    layers = [gv.compile(graph, batch=4, dtype=one) for one in (dtype, dtype[1:])]
    swapped, straight = (layer.step(0.1, x=x, y=y) for layer in layers)
    assert swapped == straight
    assert layers[0].dtype.isnative
