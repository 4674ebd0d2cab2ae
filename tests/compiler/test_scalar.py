"""Layers of lecture size run as Python's own arithmetic, and nobody can tell but by the clock."""

import numpy as np
import pytest
from cases import cases, graph_of

import gradviz as gv
from gradviz.compiler import scalar
from gradviz.compiler.scalar import ScalarProgram

RNG = np.random.default_rng(0)
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -3.0, 1e3, -1e3, np.inf, -np.inf, np.nan]
HUGE = 1e300  # for what does not add up: there it would be a matter of order what overflows


@pytest.fixture
def always(monkeypatch):
    """Numbers wherever they can be, whether it pays or not."""
    monkeypatch.setattr(scalar, "OPERATIONS_A_CALL", 10**6)
    monkeypatch.setattr(scalar, "MOST_OPERATIONS", {"numpy": 10**6})


def on_arrays(monkeypatch, graph, **options):
    """Compile for arrays; every program is made at once."""
    with monkeypatch.context() as patched:
        patched.setattr(scalar, "MOST_WORK", -1)
        layer = gv.compile(graph, **options)
        layer.source  # noqa: B018
        layer._programs.pulled_back(layer.batch)
    return layer


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_primitive_on_numbers_is_that_on_arrays(always, monkeypatch, case):
    graph = graph_of(case, RNG)
    layer, arrays = gv.compile(graph), on_arrays(monkeypatch, graph)
    seed = RNG.normal(size=graph.rows[graph.outputs["y"]].shape)
    assert isinstance(layer._programs.forward(None), ScalarProgram)
    assert isinstance(layer._programs.pulled_back(None), ScalarProgram)
    assert not isinstance(arrays._programs.forward(None), ScalarProgram)
    expected = gv.backprop(graph, seed=seed)
    np.testing.assert_allclose(layer(), expected.output, rtol=1e-12, atol=1e-14)
    for name, gradient in layer.backward(seed).items():
        np.testing.assert_allclose(gradient, expected.grad.get(name, 0), rtol=1e-10, atol=1e-12)
    if case.op.name == "einsum":
        return  # NumPy takes common factors out of the sum, which shows where they are infinite
    special = [*SPECIAL, HUGE, -HUGE] if case.op.elementwise else SPECIAL
    for _ in range(40):
        for name, parameter in layer.parameters.items():
            parameter[...] = RNG.choice(special, parameter.shape)
            arrays.parameters[name][...] = parameter
        if case.op.name == "power" and is_root_of_minus_infinity(*layer.parameters.values()):
            continue
        same(layer(), arrays())
        found, wanted = layer.backward(seed), arrays.backward(seed)
        for name in wanted:
            same(found[name], wanted[name])


def is_root_of_minus_infinity(base, exponent):
    """(-inf)**0.5 is inf, as C has it; but NaN where NumPy sees one exponent for all and takes the root."""
    return np.any((base == -np.inf) & (exponent == 0.5))


def same(found, wanted):
    assert (found.shape, found.dtype, type(found)) == (wanted.shape, wanted.dtype, type(wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def two_cars():
    W1, b1 = gv.param("W1", RNG.normal(size=(2, 2))), gv.param("b1", RNG.normal(size=2))
    W2, b2 = gv.param("W2", RNG.normal(size=(1, 2))), gv.param("b2", RNG.normal(size=1))
    x, y = gv.data("x", shape=2), gv.data("y", shape=1)
    h = gv.sigmoid(W1 @ x + b1).named("h")
    return gv.graph(loss=gv.sum(gv.square(gv.sigmoid(W2 @ h + b2) - y)))


def hinge():
    w, x, y = gv.param("w", [0.0, 0.0]), gv.data("x", shape=2), gv.data("y", shape=1)
    return gv.graph(loss=gv.maximum(1 - (w @ x) * y[0], 0))


def neuron():
    w, b = gv.param("w", 0.3), gv.param("b", -0.2)
    x, y = gv.data("x", shape=2), gv.data("y", shape=1)
    return gv.graph(loss=gv.softplus(-(w * gv.sum(x) + b) * y[0]))


def recurrent():
    U, W, x = gv.param("U", RNG.normal(size=2)), gv.param("W", 0.5), gv.data("x", shape=(3, 2))
    return gv.graph(loss=gv.square(gv.scan(lambda x, h: gv.tanh(U @ x + W * h).named("h"), x, 0.0)[-1] - 1))


def draw(batch, *shapes, dtype=np.float64):
    return [RNG.normal(size=shape if batch is None else (batch, *shape)).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("make", [two_cars, hinge, neuron])
@pytest.mark.parametrize("batch", [None, 1, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-5)])
def test_it_learns_the_same_as_on_arrays(monkeypatch, make, batch, dtype, tolerance):
    graph = make()
    layer, arrays = gv.compile(graph, batch=batch, dtype=dtype), on_arrays(monkeypatch, graph, batch=batch, dtype=dtype)
    assert isinstance(layer._programs.step(batch), ScalarProgram)
    for _ in range(50):
        x, y = draw(batch, (2,), (1,), dtype=dtype)
        kept = x.copy(), y.copy()
        expected = arrays.step(0.1, x=x, y=y)
        assert layer.step(0.1, x=x, y=y) == pytest.approx(expected, rel=100 * tolerance, abs=tolerance)
        for name, parameter in layer.parameters.items():
            assert parameter.dtype == dtype
            np.testing.assert_allclose(parameter, arrays.parameters[name], rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal((x[..., 0], y[..., 0]), (kept[0][..., 0], kept[1][..., 0]))
    value, gradients = layer.value_and_grad(x=x, y=y)
    expected, wanted = arrays.value_and_grad(x=x, y=y)
    assert value == pytest.approx(expected, rel=100 * tolerance, abs=tolerance)
    assert type(value) is float
    for name, gradient in gradients.items():
        assert (gradient.dtype, gradient.shape) == (wanted[name].dtype, wanted[name].shape)
        np.testing.assert_allclose(gradient, wanted[name], rtol=100 * tolerance, atol=tolerance)
    assert type(layer(x=x, y=y)) is type(arrays(x=x, y=y))


def test_a_short_loop_is_written_out(always):
    layer = gv.compile(recurrent())
    assert isinstance(layer._programs.step(None), ScalarProgram)
    x = RNG.normal(size=(3, 2))
    value, gradients = layer.value_and_grad(x=x)
    plain = gv.backprop(gv.unroll(layer.graph), at={"x": x})
    assert value == pytest.approx(float(plain.output), rel=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, plain.grad[name], rtol=1e-11)


def test_large_layers_stay_on_arrays():
    W, x = gv.param("W", np.ones((30, 30))), gv.data("x", shape=30)
    graph = gv.graph(loss=gv.sum(gv.tanh(W @ x)))
    layer = gv.compile(graph)
    assert not isinstance(layer._programs.step(None), ScalarProgram)
    for given in (np.ones(30), np.ones(30, "float32"), np.ones(60)[::2], [1] * 30, np.ones(30)):
        assert layer.step(0.0, x=given) == pytest.approx(30, rel=1e-12)
    with pytest.raises(gv.GradvizError, match=r"'x' has shape \(31,\)"):
        layer.step(0.1, x=np.ones(31))
    assert layer.step(0.1, x=np.ones(30)) == pytest.approx(30, rel=1e-12)
    np.testing.assert_array_equal(layer.parameters["W"] < 1, layer.value_and_grad(x=np.ones(30))[1]["W"] > 0)


@pytest.mark.parametrize("value", [0.0, 1e-320, -1.0, np.inf, np.nan])
def test_where_python_raises_numpy_answers_and_nothing_is_lost(monkeypatch, value):
    a, b, x = gv.param("a", 2.0), gv.param("b", 3.0), gv.data("x", shape=())
    graph = gv.graph(loss=gv.log(x * a) + b / x)
    layer, arrays = gv.compile(graph), on_arrays(monkeypatch, graph)
    assert isinstance(layer._programs.step(None), ScalarProgram)
    assert layer.step(0.1, x=1.0) == pytest.approx(arrays.step(0.1, x=1.0))
    np.testing.assert_allclose(layer.step(0.1, x=np.array(value)), arrays.step(0.1, x=np.array(value)))
    for name in "ab":
        np.testing.assert_allclose(layer.parameters[name], arrays.parameters[name])


def test_what_is_too_large_for_float32_is_infinite():
    w, x = gv.param("w", 1e20), gv.data("x", shape=())
    layer = gv.compile(gv.graph(loss=gv.square(w * x)), dtype="float32")
    layer.step(1.0, x=np.float32(1e20))
    assert layer.parameters["w"] == -np.inf


def test_arrays_may_be_given_twice_and_may_be_the_parameters():
    graph = hinge_of_two()
    layer, other = gv.compile(graph), gv.compile(graph)
    live = layer.parameters["w"]
    copied = live.copy()
    assert layer.step(0.5, x=live, z=live) == other.step(0.5, x=copied, z=copied)
    np.testing.assert_array_equal(live, other.parameters["w"])
    _, gradients = layer.gradients(x=live, z=live)
    kept = gradients["w"].copy()
    _, again = other.gradients(x=kept.copy(), z=kept.copy())
    wanted = again["w"].copy()
    np.testing.assert_array_equal(layer.gradients(x=gradients["w"], z=gradients["w"])[1]["w"], wanted)


def hinge_of_two():
    w, x, z = gv.param("w", [0.5, -0.5]), gv.data("x", shape=2), gv.data("z", shape=2)
    return gv.graph(loss=gv.maximum(1 - w @ (x * z), 0))


def test_only_what_learns_is_written():
    W, b, c = gv.param("W", [[1.0, 2.0], [3.0, 4.0]]), gv.param("b", [5.0, 6.0]), gv.param("c", 7.0)
    graph = gv.graph(loss=gv.square(W[0] @ b + c * b[1]))
    layer = gv.compile(graph, wrt=["W", "c"])
    before = {name: one.copy() for name, one in layer.parameters.items()}
    loss = layer.step(1e-3)
    assert loss == 59.0**2
    np.testing.assert_array_equal(layer.parameters["b"], before["b"])
    np.testing.assert_array_equal(layer.parameters["W"][1], before["W"][1])
    np.testing.assert_allclose(layer.parameters["W"][0], before["W"][0] - 2e-3 * 59 * before["b"], rtol=1e-12)
    np.testing.assert_allclose(layer.parameters["c"], 7 - 2e-3 * 59 * 6, rtol=1e-12)


def test_parameters_are_live_and_saved(tmp_path):
    layer = gv.compile(two_cars(), dtype="float32")
    x, y = draw(None, (2,), (1,), dtype="float32")
    layer.save(tmp_path / "w.safetensors")
    first = layer.step(0.1, x=x, y=y)
    layer.parameters["W1"][...] = 0
    assert layer.step(0.1, x=x, y=y) != first
    layer.load(tmp_path / "w.safetensors")
    assert layer.step(0.1, x=x, y=y) == first


@pytest.mark.parametrize("batch", [None, 2])
def test_any_arrays_will_do(batch):
    graph = two_cars()
    layer, other = gv.compile(graph, batch=batch, dtype="float32"), gv.compile(graph, batch=batch, dtype="float32")
    x, y = draw(batch, (2,), (1,), dtype="float32")
    wide = np.zeros((*x.shape[:-1], 4), "float32")[..., ::2]
    wide[...] = x
    loss = layer.step(0.1, x=x, y=y)
    for given in (x, x.astype(float), x.tolist(), wide, x.astype(">f4")):
        twin = gv.compile(graph, batch=batch, dtype="float32")
        assert twin.step(0.1, x=given, y=y) == loss
        assert other.step(0.0, x=given, y=y) == loss
    if batch:
        assert layer.step(0.1, x=x[:1], y=y[:1]) > 0
        assert layer.step(0.1, x=x, y=y) > 0
        assert layer.step(0.1, x=x[:0], y=y[:0]) == 0


def test_a_wrong_step_is_named_in_the_layers_words():
    layer = gv.compile(two_cars())
    x, y = draw(None, (2,), (1,))
    layer.step(0.1, x=x, y=y)
    for given, message in [
        ({"x": x}, "'y' is missing"),
        ({"x": x, "y": y, "z": y}, "no input 'z'"),
        ({"x": y, "y": y}, r"'x' has shape \(1,\), not \(2,\)"),
        ({"x": "words", "y": y}, "'x' is of <U5"),
    ]:
        with pytest.raises(gv.GradvizError, match=message) as caught:
            layer.step(0.1, **given)
        assert "test_scalar.py" in str(caught.value)


def test_inputs_may_have_values_and_names_of_python():
    w, x, target = gv.param("w", 0.5), gv.data("lambda", 2.0), gv.data("now", 1.0)
    layer = gv.compile(gv.graph(loss=gv.square(w * x - target)))
    assert layer.step(0.0) == 0
    assert layer.step(0.0, **{"lambda": 4.0}) == 1
    assert layer.step(0.0, now=3) == 4
    x = gv.data("x", 2.0)
    layer = gv.compile(gv.graph(loss=gv.square(gv.param("w", 0.5) * x)))
    assert [layer.step(0.0), layer.step(0.0), layer.step(0.0, x=4.0), layer.step(0.0)] == [1, 1, 4, 1]


def test_whole_numbers_are_read_as_they_are():
    w, x, k = gv.param("w", 0.5), gv.data("x", shape=2), gv.data("k", shape=2, dtype=np.int32)
    layer = gv.compile(gv.graph(loss=gv.sum(w * x * k)))
    assert isinstance(layer._programs.step(None), ScalarProgram)
    assert layer.step(0.0, x=np.array([1.0, 2.0]), k=np.array([3, -4], np.int32)) == -2.5


def test_the_source_stands_alone_and_reads_like_the_formulas():
    layer = gv.compile(two_cars(), dtype="float32")
    x, y = draw(None, (2,), (1,), dtype="float32")
    scope = {}
    exec(compile(layer.source, "layer.py", "exec"), scope)
    parameters = np.concatenate([one.ravel() for one in layer.parameters.values()])
    step, both = scope["make_step"](parameters), scope["make_value_and_grad"](parameters)
    value, *gradients = both(x, y)
    expected, wanted = layer.value_and_grad(x=x, y=y)
    assert value == expected
    for found, one in zip(gradients, wanted.values(), strict=True):
        np.testing.assert_array_equal(found, one)
    assert step(x, y, 0.1) == (layer.step(0.1, x=x, y=y),)
    np.testing.assert_array_equal(parameters, np.concatenate([one.ravel() for one in layer.parameters.values()]))
    with pytest.raises(TypeError, match="x is float32 of shape"):
        step(x.astype(float), y, 0.1)
    for line in ["h1 = 1.0 / (1.0 + exp(-(W1_11 * x1 + W1_12 * x2 + b1_1)))", "# update W1"]:
        assert line in layer.source, layer.source


@pytest.mark.parametrize("limit", [-np.inf, np.inf, np.nan])
def test_numbers_that_python_has_no_literal_for(limit):
    x = gv.data("x", [1.0, -2.0])
    layer = gv.compile(gv.graph(y=gv.maximum(x * x, limit), z=gv.where(x, x, limit)))
    assert "def make_forward(parameters)" in layer.source  # plain Python
    found = layer()
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(found["y"], np.maximum([1.0, 4.0], limit))
    np.testing.assert_array_equal(found["z"], [1, -2])
