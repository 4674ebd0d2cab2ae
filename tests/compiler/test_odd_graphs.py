"""Compiled layers of graphs that nobody draws: outputs that are leaves, parameters nothing needs, shared arrays."""

import copy
import pickle
import threading

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError, GraphError

RNG = np.random.default_rng(0)


def leaves():
    return gv.param("w", [1.0, 2.0]), gv.data("x", shape=2)


def numbers(found):
    return {name: np.asarray(one).tolist() for name, one in found.items()}


@pytest.mark.parametrize("batch", [None, 2])
def test_outputs_that_are_leaves_constants_or_one_another(batch):
    w, x = leaves()
    y = w * x
    graph = gv.graph(
        loss=gv.sum(y), y=y, again=y, leaf=x, twice=x, parameter=w, constant=gv.constant(3.0), l2=gv.sum(w * w)
    )
    layer = gv.compile(graph, batch=batch)
    xs = np.array([3.0, 4.0] if batch is None else [[3.0, 4.0], [5.0, 6.0]])
    found = layer(x=xs)
    ys = xs * [1, 2]
    expected = {"loss": ys.sum(-1), "y": ys, "again": ys, "leaf": xs, "twice": xs}
    expected |= {"parameter": [1, 2], "constant": 3, "l2": 5}
    assert numbers(found) == numbers(expected)
    for one in found.values():
        one[...] = 7  # the caller's own
    assert numbers(layer(x=xs)) == numbers(expected)
    np.testing.assert_array_equal(layer.parameters["w"], [1, 2])
    np.testing.assert_array_equal(xs[..., 0], [3.0] if batch is None else [3, 5])
    value, slopes = layer.value_and_grad(x=xs)
    assert value == np.mean(ys.sum(-1))
    np.testing.assert_array_equal(slopes["w"], xs if batch is None else xs.mean(0))


def test_a_loss_that_is_a_leaf():
    s = gv.param("s", 2.0)
    layer = gv.compile(gv.graph(loss=s))
    assert (layer(), layer.value_and_grad()) == (2.0, (2.0, {"s": 1.0}))
    assert layer.step(0.5) == 2.0
    assert layer.parameters["s"] == 1.5
    d = gv.data("d", shape=())
    batch = gv.compile(gv.graph(loss=d), batch=2, wrt=["d"])
    assert numbers(batch.value_and_grad(d=[1.0, 2.0, 6.0])[1]) == {"d": [1 / 3] * 3}
    layer = gv.compile(gv.graph(gv.data("x", shape=2)), wrt=["x"])
    assert numbers(layer.backward([5.0, 6.0], x=[1.0, 2.0])) == {"x": [5, 6]}


def test_a_parameter_that_the_loss_does_not_need():
    w, x = leaves()
    v = gv.param("v", [1.0, 2.0])
    layer = gv.compile(gv.graph(loss=gv.sum(w * x), other=v * 2.0), batch=2)
    xs = np.ones((2, 2))
    assert numbers(layer.value_and_grad(x=xs)[1]) == {"w": [1, 1], "v": [0, 0]}
    layer.step(0.1, x=xs)
    layer.fit({"x": xs}, optimizer="adam")
    assert layer.parameters["v"].tolist() == [1, 2]
    assert layer.parameters["w"].tolist() != [1, 2]


def test_an_output_that_depends_on_no_input():
    w, x = leaves()
    layer = gv.compile(gv.graph(loss=gv.sum(w * w)), batch=3)
    assert layer.inputs == {}
    assert (layer(), layer.step(0.25), layer.parameters["w"].tolist()) == (5.0, 5.0, [0.5, 1.0])
    constant = gv.compile(gv.graph(loss=gv.constant(2.0) * 1.0))
    assert (constant(), constant.value_and_grad()) == (2.0, (2.0, {}))
    data = gv.compile(gv.graph(loss=gv.sum(x * x)), batch=2)
    assert data.value_and_grad(x=np.ones((2, 2))) == (2.0, {})


def test_gradients_of_data_and_of_what_is_shared():
    w, x = leaves()
    m = gv.data("m", [1.0, 0.0])
    graph = gv.graph(loss=gv.sum(gv.square(w * x * m)), mask=m * 2.0)
    layer = gv.compile(graph, batch=3, shared=["m"], wrt=["x", "m", "w"])
    _, slopes = layer.value_and_grad(x=np.ones((2, 2)))
    assert numbers(slopes) == {"x": [[1, 0], [1, 0]], "m": [2, 0], "w": [2, 0]}
    _, slopes = layer.value_and_grad(x=np.ones((2, 2)), m=[1.0, 1.0])
    assert numbers(slopes) == {"x": [[1, 4], [1, 4]], "m": [2, 8], "w": [2, 4]}
    assert numbers(layer(x=np.ones((0, 2)))) == {"loss": [], "mask": [2, 0]}
    layer.step(0.1, x=np.ones((2, 2)))
    np.testing.assert_allclose(layer.parameters["w"], [0.8, 2.0])
    alone = gv.compile(gv.graph(loss=gv.sum(gv.square(w * m))), batch=3, shared=["m"])
    assert (alone(), alone.value_and_grad(m=[1.0, 1.0])[0]) == (1.0, 5.0)


@pytest.mark.parametrize("batch", [None, 2])
def test_numbers_of_rows(batch):
    E, i = gv.param("E", RNG.normal(size=(4, 2))), gv.data("i", shape=3, dtype=np.uint8)
    graph = gv.graph(loss=gv.sum(gv.square(nn.embedding(i, 4, 2, W=E))))
    layer = gv.compile(graph, batch=batch)
    rows = np.array([0, 3, 3]) if batch is None else np.array([[0, 3, 3], [1, 3, 0]])
    expected = np.zeros((4, 2))
    np.add.at(expected, rows.reshape(-1), 2 * layer.parameters["E"][rows.reshape(-1)] / (batch or 1))
    for kind in (np.int64, np.uint8, np.int32):
        np.testing.assert_allclose(layer.value_and_grad(i=rows.astype(kind))[1]["E"], expected)
    for wrong, index in ((rows + 1, 4), (rows - 1, -1), (rows + 256, 256)):
        for call in (layer.loss, layer.value_and_grad, lambda **given: layer.step(0.1, **given)):
            with pytest.raises(GradvizError, match=f"the index {index} is out of range") as caught:
                call(i=wrong)
            assert caught.value.where.startswith(__file__)
    with pytest.raises(GradvizError, match="'i' is of float64, not int64"):
        layer(i=rows * 1.0)
    np.testing.assert_allclose(layer.value_and_grad(i=rows)[1]["E"], expected)  # nothing has changed


def test_a_label_out_of_range_while_it_learns():
    z, label = gv.param("z", [0.0, 0.0]), gv.data("label", shape=(), dtype=int)
    layer = gv.compile(gv.graph(loss=nn.cross_entropy(z, label)), batch=2)
    with pytest.raises(GraphError, match=r"the index 2 is out of range \(there are 2, counted from 0\)"):
        layer.fit({"label": [0, 1, 2]}, shuffle=False, progress=False)


def test_large_numbers_in_float32():
    x, w = gv.data("x", shape=3), gv.param("w", np.ones(3))
    outputs = {name: getattr(gv, name)(x) for name in ("sigmoid", "softplus", "tanh", "softmax", "norm", "log_softmax")}
    layer = gv.compile(gv.graph(loss=gv.logsumexp(w * x), **outputs), dtype="float32")
    found = layer(x=np.float32([1e30, -1e30, 1e25]))
    assert all(np.isfinite(one).all() for one in found.values())
    assert found["norm"] == pytest.approx(2**0.5 * 1e30, rel=1e-6)
    assert found["softmax"].tolist() == [1, 0, 0]
    assert layer.value_and_grad(x=[1e30, -1e30, 1e25])[1]["w"].tolist() == pytest.approx([1e30, 0, 0])
    assert np.isinf(layer(x=[1e300, 0, 0])["softplus"][0])  # beyond float32: visible, without a warning


@pytest.mark.parametrize("sizes", [(4, 0, 1, 7, 4, 0, 2), (0, 3), (1, 0, 0, 1)])
def test_sizes_in_turn(sizes):
    w, x = gv.param("w", RNG.normal(size=(3, 2))), gv.data("x", shape=2)
    y = gv.tanh(w @ x)
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(y)), y=y), batch=4)
    kept = []
    for size in sizes:
        xs = RNG.normal(size=(size, 2))
        kept.append((np.tanh(xs @ layer.parameters["w"].T), layer(x=xs)["y"]))
        value, slopes = layer.value_and_grad(x=xs)
        slope = 2 * kept[-1][0] * (1 - kept[-1][0] ** 2)
        assert value == pytest.approx(np.sum(kept[-1][0] ** 2) / max(size, 1))
        np.testing.assert_allclose(slopes["w"], slope.T @ xs / max(size, 1), rtol=1e-12)
    for expected, found in kept:  # what was returned before is still what it was
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_inputs_that_are_the_parameters_themselves():
    V, U, x = gv.param("V", RNG.normal(size=(3, 3))), gv.param("U", RNG.normal(size=(2, 3))), gv.data("x", shape=3)
    graph = gv.graph(loss=gv.sum(gv.square(U @ gv.tanh(V @ x) - 1)))
    layers = [gv.compile(graph, batch=3) for _ in range(2)]
    for _ in range(3):
        steps = [layer.step(0.1, x=given) for layer, given in zip(
            layers, (layers[0].parameters["V"], layers[1].parameters["V"].copy()), strict=True)]  # fmt: skip
        assert steps[0] == steps[1]
    for name in ("V", "U"):
        np.testing.assert_array_equal(layers[0].parameters[name], layers[1].parameters[name])
    w, x = leaves()
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(w * x - 1))))
    layer.step(0.1, x=layer.parameters["w"])
    np.testing.assert_allclose(layer.parameters["w"], [1, 2 - 0.1 * 2 * 3 * 2])


def test_outputs_and_gradients_as_inputs():
    w, x = leaves()
    layer = gv.compile(gv.graph(y=w * x))
    assert layer(x=layer(x=layer(x=[1.0, 1.0]))).tolist() == [1, 8]
    slopes = gv.compile(gv.graph(loss=gv.sum(gv.square(w * x))), wrt=["x"])
    first = slopes.gradients(x=[1.0, 1.0])[1]["x"]
    assert slopes.value_and_grad(x=first)[1]["x"].tolist() == [4, 64]


def test_a_layer_used_while_it_is_used():
    w, x = leaves()
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(w * x))), batch=2)

    class Inner:
        def __array__(self, dtype=None, copy=None):
            return np.full((2, 2), layer.loss(x=np.ones((2, 2))))

    assert layer.loss(x=Inner()) == 125
    xs = np.ones((4, 2))
    lost = []
    history = layer.fit({"x": xs}, epochs=3, callbacks=lambda layer, history: lost.append(layer.loss(x=xs[:1])))
    assert (history.steps, sorted(lost, reverse=True)) == (6, lost)
    inner = []

    def again(layer, history):
        if not inner:
            inner.append(layer.fit({"x": xs}, epochs=1).steps)

    assert (layer.fit({"x": xs}, epochs=2, callbacks=again).steps, inner) == (4, [2])


def test_layers_of_their_own_in_threads():
    w, x = leaves()
    graph = gv.graph(y=gv.tanh(w * x))
    xs = [np.full((500, 2), place / 10) for place in range(4)]
    wrong = []

    def work(values):
        layer = gv.compile(graph, batch=500)
        wrong.extend(values for _ in range(50) if not np.array_equal(layer(x=values), np.tanh(values * [1, 2])))

    threads = [threading.Thread(target=work, args=(values,)) for values in xs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_names_that_are_words_of_python():
    x, u = gv.data("for", [1.0, 2.0]), gv.param("np", [1.0, 1.0])
    w = gv.param("größe x", [1.0, 1.0])
    with gv.scope("class"):
        v = gv.param("add", [1.0, 1.0])
    layer = gv.compile(gv.graph(loss=gv.sum(w * x * u * v)))
    assert layer(**{"for": [3.0, 4.0]}) == 7
    assert layer.value_and_grad()[1].keys() == {"np", "größe x", "class/add"}
    compile(layer.source, "layer.py", "exec")


@pytest.mark.parametrize("taken", ["W_part", "W_0", "W_1"])
def test_names_of_parts_of_parameters(taken):
    """The weights of state and input are updated as two parts of W, whatever other parameters are called."""
    leaves = {"W": np.full((3, 5), 0.1), taken: np.full(3, 0.2)}
    W, b = (gv.param(name, value) for name, value in leaves.items())
    xs = gv.data("xs", np.ones((5, 2)))
    graph = gv.graph(gv.sum(gv.scan(lambda x, h: gv.tanh(W @ gv.concatenate([h, x]) + b), xs, np.zeros(3))))
    layer = gv.compile(graph)
    layer.step(0.5)
    grad = gv.backprop(graph).grad
    for name, value in leaves.items():
        np.testing.assert_allclose(layer.parameters[name], value - 0.5 * grad[name], rtol=1e-12)


@pytest.mark.parametrize("batch", [None, 2])
def test_names_that_the_layer_uses_itself(batch):
    w, names = gv.param("w", [1.0, 2.0]), ("g", "learning_rate", "self", "now")
    total = sum((gv.data(name, shape=2) for name in names), 0.0)
    layer = gv.compile(gv.graph(loss=gv.sum(w * total), y=w * total), batch=batch, output="y")
    given = {name: np.full((2,) if batch is None else (batch, 2), float(place)) for place, name in enumerate(names)}
    np.testing.assert_array_equal(layer(**given)["y"], given["g"] + [6, 12])
    assert layer.backward(given["learning_rate"])["w"].tolist() == [6 * (batch or 1)] * 2
    loss = gv.compile(layer.graph, batch=batch)
    assert loss.step(0.1, **given) == 18
    np.testing.assert_allclose(loss.parameters["w"], [0.4, 1.4])
    fitted = gv.compile(layer.graph, batch=batch)
    fitted.fit({name: [one] if batch is None else one for name, one in given.items()}, learning_rate=0.1)
    np.testing.assert_allclose(fitted.parameters["w"], [0.4, 1.4])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"wrt": "i"}, "wrt='i': int64 has no derivative"),
        ({"wrt": ["s"]}, "wrt='s': a parameter leaf or data leaf is wanted"),
        ({"shared": "w"}, "shared='w': a data leaf is wanted"),
        ({"batch": 0}, "batch=0: a whole number, 1 or more, is wanted"),
        ({"batch": 1.5}, "batch=1.5: a whole number"),
        ({"batch": True}, "batch=True: a whole number"),
    ],
)
def test_wrong_options(options, said):
    w, x = leaves()
    graph = gv.graph(loss=gv.sum((w * x).named("s")) * gv.sum(gv.take(w, gv.data("i", 0, dtype=int), axis=0)))
    with pytest.raises(GradvizError, match=said) as caught:
        gv.compile(graph, **options)
    assert caught.value.where.startswith(__file__)


@pytest.mark.parametrize("batch", [None, 2])
def test_an_output_that_is_no_single_number_has_no_gradient(batch):
    w, x = leaves()
    layer = gv.compile(gv.graph(y=w * x), batch=batch)
    xs = np.ones((2,) if batch is None else (batch, 2))
    fit = {"data": {"x": np.ones((4, 2))}, "progress": False}
    for call in (
        lambda: layer.value_and_grad(x=xs), lambda: layer.step(0.1, x=xs), lambda: layer.backward(x=xs),
        lambda: layer.fit(**fit), lambda: layer.fit(**fit, optimizer="adam"),
    ):  # fmt: skip
        with pytest.raises(GradvizError, match=r"the output 'y' has shape \(2,\); gradients are of a single number"):
            call()
    assert layer.parameters["w"].tolist() == [1, 2]


def test_a_name_alone_or_twice():
    word, other = gv.data("word", [1.0, 2.0]), gv.data("other", shape=2)
    layer = gv.compile(gv.graph(loss=gv.sum(word * other)), batch=2, wrt="word", shared="word")
    assert numbers(layer.value_and_grad(other=np.ones((3, 2)))[1]) == {"word": [1, 1]}
    twice = gv.compile(layer.graph, wrt=["word", "word"])
    assert numbers(twice.value_and_grad(other=[1.0, 3.0])[1]) == {"word": [1, 3]}
    with pytest.raises(GradvizError, match="learning_rate='fast': a number is wanted"):
        twice.step("fast", other=[1.0, 3.0])


def test_the_graph_of_a_layer_has_what_was_learned():
    w, x = leaves()
    layer = gv.compile(gv.graph(loss=gv.sum(w * x)), dtype=np.float32)
    layer.step(0.25, x=[1.0, -2.0])
    value = layer.graph.node(layer.graph.find("w")).value
    assert value.dtype == np.float64
    assert value.tolist() == [1 - 0.25, 2 + 0.5]
    layer.parameters["w"][...] = 0
    assert value.any()


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("size", [3, 2000])
@pytest.mark.parametrize(
    "function",
    [
        lambda w, i: gv.sum(gv.tanh(w * i)),
        lambda w, i: gv.mean(w * gv.sin(i)) * gv.mean(i),
        lambda w, i: gv.sum(gv.take(w, i, axis=0) * i * (i > 1)),
        lambda w, i: gv.sum(gv.scan(lambda x, h: gv.tanh(h + x * i), gv.stack([w, w]), i * 0.1)),
    ],
)
def test_integers_are_numbers_of_the_layer(function, size, dtype):
    w, i = gv.param("w", np.linspace(-1, 1, size)), gv.data("i", shape=size, dtype=dtype)
    loss = function(w, i)
    labels = (np.arange(size) % 3).astype(dtype)
    expected = gv.backprop(loss, at={"i": labels}).grad["w"]
    for batch, given in ((None, labels), (9, np.tile(labels, (9, 1)))):
        for precise, rtol in (("float32", 1e-4), ("float64", 1e-10)):
            layer = gv.compile(loss, dtype=precise, batch=batch)
            value, gradients = layer.value_and_grad(i=given)
            assert value == pytest.approx(float(gv.evaluate(loss, at={"i": labels}).output), rel=rtol, abs=rtol)
            assert (layer(i=given).dtype, gradients["w"].dtype) == (precise, precise)
            np.testing.assert_allclose(gradients["w"], expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_sum_of_nothing_that_nobody_reads(backend):
    W = gv.param("W", np.ones((40, 50)))
    sums = gv.sum(W[:, 3:3], axis=1, keepdims=True)
    layer = gv.compile(gv.graph(loss=gv.sum(W[0:0] * sums[0:0])), backend=backend)
    value, gradients = layer.value_and_grad()
    assert (layer(), value, gradients["W"].any()) == (0.0, 0.0, False)


def repeated(h):
    return gv.square(gv.broadcast_to(gv.elu(h @ gv.softplus(h)), (2, 30, 30)))


@pytest.mark.parametrize(
    ("function", "shape"),
    [(lambda h: gv.take(h, gv.data("i", shape=2, dtype=int), axis=0), (5, 3)), (repeated, (30, 30))],
)
def test_a_batch_of_no_samples(function, shape):
    layer = gv.compile(gv.sum(function(gv.data("h", shape=shape))), batch=3, wrt=["h"])
    given = {name: np.zeros((0, *one), layer.input_dtypes[name]) for name, one in layer.inputs.items()}
    value, gradients = layer.value_and_grad(**given)
    assert (value, gradients["h"].shape, layer(**given).shape) == (0.0, (0, *shape), (0,))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize(("size", "backend"), [(1, "numpy"), (400, "numpy"), (400, "numba")])
def test_a_small_sigmoid_keeps_its_digits(dtype, rtol, size, backend):
    numbers = np.repeat([-800.0, -80.0, -38.0, -17.0, 0.0, 17.0, 800.0], size)
    z = gv.param("z", numbers)
    layer = gv.compile(
        gv.graph(loss=-gv.sum(gv.log(gv.sigmoid(z))), y=gv.sigmoid(z)), dtype=dtype, output="loss", backend=backend
    )
    np.testing.assert_allclose(layer()["y"], 1 / (1 + np.exp(-np.maximum(numbers, -700))), rtol, atol=1e-100)
    value, slopes = layer.value_and_grad()
    assert value == pytest.approx(np.sum(np.logaddexp(0, -numbers)), rel=rtol)
    np.testing.assert_allclose(slopes["z"], -1 / (1 + np.exp(np.minimum(numbers, 700))), rtol, atol=1e-7)


LOGARITHMS = {
    "σ": (lambda z: gv.log(gv.sigmoid(z)), lambda x: -np.logaddexp(0, -x)),
    "1 - σ": (lambda z: gv.log(1 - gv.sigmoid(z)), lambda x: -np.logaddexp(0, x)),
    "1 + (-σ)": (lambda z: gv.log1p(-gv.sigmoid(z)), lambda x: -np.logaddexp(0, x)),
    "softmax": (lambda z: gv.log(gv.softmax(z)), lambda x: x - np.logaddexp.reduce(x)),
}


@pytest.mark.parametrize(("size", "backend"), [(1, "numpy"), (400, "numpy"), (400, "numba")])
@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize(("function", "formula"), LOGARITHMS.values(), ids=LOGARITHMS)
def test_logarithms_of_probabilities_near_0_and_1(function, formula, looped, size, backend):
    numbers = np.repeat([-800.0, -40.0, 0.0, 40.0, 800.0], size)
    z = gv.param("z", numbers)
    made = gv.scan(lambda x, h: function(x), gv.stack([z, z]), np.zeros(z.shape))[0] if looped else function(z)
    layer = gv.compile(gv.sum(made), backend=backend)
    value, slopes = layer.value_and_grad()
    assert value == pytest.approx(np.sum(formula(numbers)), rel=1e-12)
    step = 1e-4
    whole = np.sum([(formula(numbers + step) - formula(numbers - step)) / (2 * step)], axis=0)
    if function is not LOGARITHMS["softmax"][0]:
        np.testing.assert_allclose(slopes["z"], whole, rtol=1e-6, atol=1e-6)
    assert np.all(np.isfinite(slopes["z"]))


def test_integers_are_compared_exactly():
    i, j = (gv.data(name, shape=2, dtype=int) for name in "ij")
    layer = gv.compile(gv.graph(y=gv.param("w", 2.0) * (i > j)), dtype="float32")
    assert layer(i=[2**24 + 1, 1], j=[2**24, 1]).tolist() == [2.0, 0.0]


@pytest.mark.parametrize("size", [2, 2000])
def test_what_is_assigned_to_a_parameter_is_copied_into_the_live_array(size):
    w = gv.param("w", np.ones(size))
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(w))), dtype="float32")
    live = layer.parameters["w"]
    given = np.full(size, 2.0)
    layer.parameters["w"] = given
    layer.parameters["w"] *= 2
    layer.parameters.update(w=layer.parameters["w"] + 1)
    assert layer.parameters["w"] is live
    assert layer.loss() == 25 * size
    layer.fit({}, optimizer="adam")
    assert layer.loss() < 25 * size
    assert given[0] == 2
    with pytest.raises(GradvizError, match=r"the parameter 'w' has shape \(\d+,\), not \(3,\)"):
        layer.parameters["w"] = np.ones(3)
    with pytest.raises(GradvizError, match="the layer has no parameter 'W' .it has w"):
        layer.parameters["W"] = given
    with pytest.raises(GradvizError, match="cannot be removed"):
        del layer.parameters["w"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("size", [2, 2000])
def test_a_copy_of_a_layer_learns_by_itself(copied, size):
    w, x = gv.param("w", np.full(size, 1 / 3, np.float32)), gv.data("x", shape=size)
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(w * x)), y=w), batch=2, output="loss", wrt=["w", "x"])
    xs = np.ones((4, size))
    layer.step(0.1, x=xs)
    other = copied(layer)
    before = layer.parameters["w"].copy()
    np.testing.assert_array_equal(other.parameters["w"], before)
    assert repr(other) == repr(layer)
    assert other.value_and_grad(x=xs)[1].keys() == {"w", "x"}
    other.step(0.1, x=xs)
    np.testing.assert_array_equal(layer.parameters["w"], before)
    assert (other.parameters["w"] != before).all()


def test_a_layer_is_saved_not_pickled():
    with pytest.raises(GradvizError, match=r"cannot be pickled: it is compiled code.*layer\.save\(path\)") as caught:
        pickle.dumps(gv.compile(gv.graph(loss=gv.param("s", 2.0))))
    assert caught.value.where.startswith(__file__)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_loss_that_is_a_parameter_is_that_before_the_step(backend):
    loss = gv.param("level", 2.0)
    layer = gv.compile(gv.graph(loss=loss, norm=gv.sum(gv.param("W", np.ones(2000)))), output="loss", backend=backend)
    assert layer.step(0.25) == 2.0
    assert layer.parameters["level"] == 1.75
    assert layer.step(0.25) == 1.75
