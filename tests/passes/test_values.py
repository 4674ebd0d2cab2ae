"""Evaluation and backpropagation of whole graphs: conventions, stability, size."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradviz as gv
from gradviz.compiler.gradients import with_gradients
from gradviz.core.arguments import MANY
from gradviz.core.primitive import Primitive
from gradviz.errors import GradvizError, GraphError, ValueMissingError
from gradviz.passes.values import NotComputedError


def hinge(at_margin=0.25):
    W = gv.param("W", [0.25, 0.5])
    phi = gv.data("phi", [-1.0, 1.0])
    y = gv.data("y", at_margin / 0.25)
    margin = ((W @ phi).named("score") * y).named("margin")
    return gv.graph(gv.maximum(1 - margin, 0).named("loss"))


def test_hinge_loss():
    values = gv.backprop(hinge())
    assert values.output == 0.75
    np.testing.assert_allclose(values.grad["W"], [1, -1])
    assert values.local["margin", 0] == pytest.approx(1)
    assert values.contribution["margin", 0] == pytest.approx(-1)
    np.testing.assert_allclose(values.local["score", 0], [-1, 1])


def test_at_a_kink_the_indicator_is_strict():
    values = gv.backprop(hinge(at_margin=1.0))
    np.testing.assert_array_equal(values.grad["W"], [0, 0])
    x = gv.param("x", [1.0, 1.0])
    np.testing.assert_array_equal(gv.backprop(gv.max(x)).grad["x"], [0, 0])
    zero = gv.param("x", 0.0)
    for function in (gv.abs, gv.relu, gv.leaky_relu, gv.sign, gv.step, gv.selu):
        values = gv.backprop(function(zero))
        assert values.grad["x"] == 0
        assert {type(value) for value in values.forward.values()} == {np.float64}
    assert not np.any(gv.backprop(gv.norm(gv.param("x", [0.0, 0.0]))).grad["x"])
    assert gv.backprop(gv.elu(zero, alpha=2.0)).grad["x"] == 0
    assert gv.backprop(gv.elu(zero)).grad["x"] == 1  # which has no kink


@pytest.mark.parametrize("size", [None, 3])
@pytest.mark.parametrize(
    "function", [lambda x: gv.arcsin(gv.sign(x)), lambda x: gv.sqrt(x > 2), lambda x: gv.log(x < 0)]
)
def test_a_step_passes_nothing_on_not_even_an_infinite_adjoint(function, size):
    x = gv.param("x", 0.5 if size is None else [0.5] * size)
    inner = function(x)
    values = gv.backprop(inner if size is None else gv.sum(inner))
    assert any(np.all(np.isinf(adjoint)) for adjoint in values.backward.values())
    np.testing.assert_array_equal(values.grad["x"], np.zeros(size or ()))


def test_many_steps_pass_nothing_on():
    """In a wide graph, by rules on arrays."""
    leaves = [gv.param(f"x{place}", 0.5 + place) for place in range(MANY)]
    signs = [gv.sign(leaf) for leaf in leaves]
    grad = gv.backprop(sum(gv.arcsin(sign) for sign in signs)).grad
    assert set(grad.values()) == {0.0}


def test_not_computed_is_not_zero():
    values = gv.backprop(hinge())
    assert "phi" not in values.backward
    assert values.backward.get("phi") is None
    with pytest.raises(NotComputedError, match="phi .data. is not computed"):
        values.backward["phi"]
    assert len(gv.evaluate(hinge()).backward) == 0
    assert (values.graph.find("margin"), 1) not in values.contribution


def test_gradients_of_data_when_asked_for():
    assert gv.backprop(hinge(), wrt=["y"]).grad["y"] == -0.25
    only_data = gv.graph(gv.data("a", 2.0) * gv.data("b", 3.0))
    assert gv.backprop(only_data).grad == {"a": 3, "b": 2}


def test_fan_out_adds_up():
    x = gv.param("x", 3.0)
    a = x * x
    assert gv.backprop(a * x + a).grad["x"] == 3 * 9 + 2 * 3
    v = gv.param("v", [1.0, 2.0])
    np.testing.assert_allclose(gv.backprop(gv.sum(v * v + v)).grad["v"], [3, 5])


def test_local_jacobians():
    A = gv.param("A", [[1.0, 2.0], [3.0, 4.0]])
    x = gv.param("x", [5.0, 6.0])
    values = gv.backprop(gv.sum((A @ x).named("y")))
    np.testing.assert_allclose(values.local["y", 1], [[1, 2], [3, 4]])
    assert values.local["y", 0].shape == (2, 2, 2)
    np.testing.assert_allclose(values.local["y", 0][1], [[0, 0], [5, 6]])
    softmax = gv.evaluate(gv.softmax(x).named("p"))
    p = softmax.output
    np.testing.assert_allclose(softmax.local["p", 0], np.diag(p) - np.outer(p, p))


def test_twice_gives_the_same_bits():
    graph = hinge()
    first, second = gv.backprop(graph), gv.backprop(graph)
    for index in first.forward:
        assert np.asarray(first.forward[index]).tobytes() == np.asarray(second.forward[index]).tobytes()
    assert first.grad["W"].tobytes() == second.grad["W"].tobytes()


def test_the_output_need_not_be_the_last_node():
    w = gv.param("w", 3.0)
    square = (w * w).named("h")
    graph = gv.graph(square * 5)
    inner = gv.backprop(graph.with_outputs({"h": graph.find("h")}))
    assert (inner.output, inner.grad["w"]) == (9, 6)
    assert gv.backprop(gv.graph(h=square, y=square * 5), output="y").grad["w"] == 30


def test_seeds():
    x = gv.param("x", [1.0, 2.0])
    graph = gv.graph(gv.square(x))
    with pytest.raises(GraphError, match="single number"):
        gv.backprop(graph)
    np.testing.assert_array_equal(gv.backprop(graph, seed=[1, 10]).grad["x"], [2, 40])
    with pytest.raises(GraphError, match="seed has shape"):
        gv.backprop(graph, seed=[1, 2, 3])


def test_values_that_do_not_fit():
    graph = gv.graph(gv.sum(gv.param("W", shape=2) * 2))
    with pytest.raises(ValueMissingError, match="'W' has no value"):
        gv.evaluate(graph)
    with pytest.raises(ValueMissingError, match=r"shape \(2,\), the value given has \(3,\)"):
        gv.evaluate(graph, at={"W": [1, 2, 3]})
    with pytest.raises(ValueMissingError, match="not real numbers: 'ab'"):
        gv.evaluate(graph, at={"W": "ab"})
    with pytest.raises(ValueMissingError, match=r"'W' is given a node for a value \(give numbers\)"):
        gv.evaluate(graph, at={"W": gv.param("V", [1.0, 2.0])})
    with pytest.raises(GraphError, match="is computed"):
        gv.evaluate(hinge(), at={"score": 1})
    for value in (None, "3", 1 + 2j, np.array(1 + 2j), 2.9):
        with pytest.raises(ValueMissingError, match="the value of 'n' is not (real|whole) numbers"):
            gv.evaluate(gv.data("n", 1, dtype=int) * 2, at={"n": value})


def test_a_node_that_there_is_not_is_in_no_mapping():
    values = gv.backprop(hinge())
    assert "zzz" not in values.forward
    assert ("zzz", 0) not in values.local
    assert values.forward.get("zzz", 5) == values.local.get(("zzz", 0), 5) == 5
    with pytest.raises(GraphError, match="no node named 'zzz'"):
        values.forward["zzz"]


@pytest.mark.parametrize(
    ("build", "at", "named"),
    [
        (gv.log, 0.0, "log"),
        (gv.sqrt, -1.0, "sqrt"),
        (lambda x: 1 / x, 0.0, "divide"),
        (gv.exp, 1000.0, "exp"),
        (lambda x: x**0.5, -1.0, "power"),
    ],
)
def test_the_first_nonfinite_node_is_named(build, at, named):
    for value in (at, [at, 1.0]):
        x = gv.param("x", value)
        values = gv.backprop(gv.sum(build(x) * 2))
        assert f"({named}) is the first to hold" in values.first_nonfinite
        assert not np.isfinite(values.output)
    assert gv.backprop(gv.sum(build(gv.param("x", 0.5)))).first_nonfinite is None


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda x, mask: gv.softmax(x + mask), None),
        (lambda x, mask: gv.exp(1000 * x + mask), "(exp) is the first to hold inf"),
        (lambda x, mask: 0 * mask + x, "(multiply) is the first to hold NaN"),
        (lambda x, mask: x + mask * gv.data("d", [np.inf, 0.0]), "d (data) is the first to hold inf"),
        (lambda x, mask: x + mask * [np.nan, 0.0], "(constant) is the first to hold NaN"),
    ],
)
def test_an_infinity_that_is_meant_is_not_named(build, named):
    mask = gv.constant(np.array([0.0, -np.inf])).named("mask")
    found = gv.evaluate(build(gv.param("x", [1.0, 2.0]), mask)).first_nonfinite
    assert found is None if named is None else found.endswith(named)


def test_a_failing_rule_is_reported_with_its_node():
    broken = Primitive("broken", "b", forward=lambda xp, x: xp.nothing(x), partials=(lambda xp, f, x: 1,))
    with pytest.raises(GradvizError, match="the rule of node 1 .broken. failed: AttributeError"):
        gv.evaluate(broken(gv.param("x", [1.0])))


@pytest.mark.parametrize(
    "differentiate",
    [
        gv.backprop,
        lambda graph: gv.derivative(graph, "x"),
        lambda graph: with_gradients(graph, "y", {"x": graph.rows[0]}),
    ],
)
def test_a_failing_derivative_is_reported_with_its_node(differentiate):
    broken = Primitive("broken", "b", forward=lambda xp, x: x, partials=(lambda xp, f, x: xp.nothing(x),))
    with pytest.raises(GradvizError, match="the rule of node 1 .broken. failed: AttributeError"):
        differentiate(gv.graph(y=broken(gv.param("x", 1.0))))


@pytest.mark.parametrize("name", "softmax log_softmax max min mean var std".split())
@pytest.mark.parametrize(("shape", "axis"), [((0,), -1), ((3, 0), 1)])
def test_nothing_to_reduce_is_refused_when_the_graph_is_built(name, shape, axis):
    with pytest.raises(gv.GradvizError) as caught:
        getattr(gv, name)(gv.data("x", np.zeros(shape)), axis)
    assert str(caught.value).endswith(f"{name}(x {shape}): there is no element along axis {len(shape) - 1}")
    assert "test_values.py" in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("logsumexp", -math.inf), ("norm", 0), ("sum", 0), ("prod", 1)])
def test_what_a_reduction_of_nothing_is(name, value):  # SciPy's and NumPy's
    for shape in [(0,), (3, 0)]:
        made = gv.sum(getattr(gv, name)(gv.param("x", np.zeros(shape)), -1)) / math.prod(shape[:-1])
        found = gv.backprop(made)
        assert (found.output, found.grad["x"].shape) == (value, shape)
        for backend in ("numpy", "numba"):
            layer = gv.compile(made, backend=backend)
            assert (layer(), layer.backward()["x"].shape) == (value, shape)
    assert getattr(gv, name)(gv.param("x", np.zeros((0, 3))), 1).shape == (0,)


@pytest.mark.parametrize("function", [gv.softmax, gv.log_softmax])
@pytest.mark.parametrize("numbers", [[0.0, np.inf, 1.0], [-np.inf, -np.inf]])
def test_a_softmax_that_is_nowhere_defined_is_nan_everywhere(function, numbers):  # as SciPy's and torch's
    z = function(gv.param("z", numbers))
    for found in (gv.evaluate(z).output, gv.compile(z)(), gv.compile(z, backend="numba")()):
        assert np.all(np.isnan(found))


def test_stability():
    big = gv.param("x", [-1000.0, 0.0, 1000.0])
    values = gv.backprop(gv.sum(gv.sigmoid(big).named("s")))
    np.testing.assert_array_equal(values.forward["s"], [0, 0.5, 1])
    np.testing.assert_array_equal(values.grad["x"], [0, 0.25, 0])
    np.testing.assert_allclose(gv.evaluate(gv.softplus(big)).output, [0, math.log(2), 1000])
    np.testing.assert_allclose(gv.evaluate(gv.logsigmoid(big)).output, [-1000, -math.log(2), 0])

    logits = np.array([1.0, 2.0, 3.0])
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(gv.evaluate(gv.softmax(gv.data("z", logits + 1e8))).output, expected, rtol=1e-7)
    np.testing.assert_allclose(gv.evaluate(gv.softmax(gv.data("z", [1e4, 0.0]))).output, [1, 0])
    assert gv.evaluate(gv.logsumexp(gv.data("z", [1e4, 1e4]))).output == pytest.approx(1e4 + math.log(2))
    np.testing.assert_allclose(gv.evaluate(gv.log_softmax(gv.data("z", [1e4, 0.0]))).output, [0, -1e4])

    masked = gv.param("z", [1.0, -math.inf, 2.0])
    weights = gv.softmax(masked)
    found = gv.backprop(weights @ np.array([1.0, 2.0, 3.0]))
    assert found.first_nonfinite is not None  # the mask itself
    assert np.isfinite(found.output)
    assert found.grad["z"][1] == 0
    assert np.all(np.isfinite(gv.backprop(gv.logsumexp(masked)).grad["z"]))

    a = gv.param("a", -1000.0)
    assert gv.backprop(gv.logaddexp(a, 0.0)).output == 0
    assert gv.evaluate(gv.log1p(gv.data("x", 1e-300))).output == 1e-300
    assert gv.evaluate(gv.expm1(gv.data("x", 1e-300))).output == 1e-300
    assert gv.evaluate(gv.norm(gv.data("x", [3e200, 4e200]))).output == pytest.approx(5e200)
    assert gv.evaluate(gv.gelu(gv.data("x", -10.0))).output == pytest.approx(-7.619853024160526e-23, rel=1e-10)
    assert gv.backprop(gv.sinc(gv.param("x", 1e-5))).grad["x"] == pytest.approx(-(math.pi**2) / 3 * 1e-5, rel=1e-8)
    assert gv.backprop(gv.param("x", 0.0) ** 3).grad["x"] == 0
    assert gv.backprop(gv.param("x", 0.0) ** 1.0).grad["x"] == 1


@pytest.mark.parametrize("length", [100_000])
def test_long_chains_and_wide_sums(length):
    x = gv.param("x", 0.5)
    chain = x
    for _ in range(length):
        chain = chain + x
    values = gv.backprop(chain)
    assert values.output == pytest.approx(0.5 * (length + 1))
    assert values.grad["x"] == length + 1
    v = gv.param("v", [0.5])
    chain = v
    for _ in range(length // 10):
        chain = chain * 1.0
    assert gv.backprop(chain, seed=[1.0]).grad["v"][0] == 1
    assert repr(values.graph).startswith("Graph(")


def test_sixty_doublings():
    x = gv.param("x", 1.0)
    y = x
    for _ in range(60):
        y = y + y
    assert gv.backprop(y).grad["x"] == 2.0**60
