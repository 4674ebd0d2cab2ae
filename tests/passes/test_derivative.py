"""Derivatives as graphs: every rule runs on nodes, and can be differentiated again."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import sympy
from cases import cases, choose
from peers import log_softmax

import gradviz as gv
from gradviz.core.primitive import REALS
from gradviz.namespaces import nodes
from gradviz.namespaces import numpy as numbers
from gradviz.passes.rewrite import simplify


def test_the_namespace_has_the_whole_vocabulary_of_rules():
    missing = []
    for name in numbers.__all__:
        try:
            getattr(nodes, name)
        except AttributeError:
            missing.append(name)
    assert missing == ["top_gap"]  # only kinks are described with it


def arguments(case):
    source = np.random.default_rng(4)
    domain = case.op.domain or (REALS,) * len(case.shapes)
    chosen = choose(case, source)
    return [
        chosen.get(
            place, np.asarray(source.uniform(max(low, -2) + 0.1, min(high, low + 3 if low > -3 else 2) - 0.1, s))
        )
        for place, (s, (low, high)) in enumerate(zip(case.shapes, domain, strict=True))
    ]


def leaves_of(case, values):
    return [
        gv.data(f"a{place}", value, dtype=int) if place in case.op.indices else gv.param(f"a{place}", value)
        for place, value in enumerate(values)
    ]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_rule_runs_on_nodes(case):
    values = arguments(case)
    made = case.op(*leaves_of(case, values), **case.attrs)
    weights = np.random.default_rng(5).normal(size=made.shape)
    graph = gv.graph(gv.sum(made * weights))
    found = gv.backprop(graph, wrt=[f"a{place}" for place in range(len(values))]).grad
    for place, value in enumerate(values):
        if place in case.op.indices:
            assert not np.any(found[f"a{place}"])
            continue
        slope = gv.derivative(graph, f"a{place}")
        result = gv.evaluate(slope, at={leaf.name: values[int(leaf.name[1:])] for leaf in slope.leaves if leaf.name})
        assert result.output.shape == value.shape
        np.testing.assert_allclose(result.output, found[f"a{place}"], rtol=1e-12, atol=1e-14)


FLAT = {
    "where",
    "sign",
    "step",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "one_hot",
}  # no leaf in their derivatives
CURVED = [case for case in cases() if case.op.name not in FLAT]


@pytest.mark.parametrize("case", CURVED, ids=str)
def test_every_rule_is_differentiated_twice(case):
    """The derivative graph's own gradient against central differences of the gradient."""
    values = arguments(case)
    made = case.op(*leaves_of(case, values), **case.attrs)
    graph = gv.graph(gv.sum(made * made * np.random.default_rng(5).normal(size=made.shape)))
    names = [f"a{place}" for place in range(len(values))]
    for name, value in zip(names, values, strict=True):
        if value.dtype.kind == "i":
            continue
        direction = np.random.default_rng(6).normal(size=value.shape)
        product = gv.hessian_vector(graph, name, direction)
        given = dict(zip(names, values, strict=True))
        h = 1e-5
        ends = [
            gv.backprop(graph, at=given | {name: value + sign * h * direction}, wrt=[name]).grad[name]
            for sign in (1, -1)
        ]
        expected = (ends[0] - ends[1]) / (2 * h)
        np.testing.assert_allclose(gv.evaluate(product).output, expected, rtol=2e-5, atol=2e-6)


def test_the_gradient_of_the_hinge_loss_is_what_the_slide_says(example_roots):
    graph = gv.derivative(example_roots["hinge_loss-loss"], "W")
    assert list(graph.outputs) == ["∂loss/∂W"]
    assert [node.op.name for node in graph.nodes if not node.op.leaf] == [
        "matmul", "multiply", "subtract", "greater", "multiply", "multiply", "negative",
    ]  # fmt: skip
    np.testing.assert_array_equal(gv.evaluate(graph).output, [1, -1])
    assert gv.check(graph).ok


def test_higher_derivatives_of_tanh():
    x = sympy.Symbol("x")
    graph = gv.graph(gv.tanh(gv.param("x", 0.7)))
    for order in (1, 2, 3, 4):
        graph = gv.derivative(graph, "x")
        expected = float(sympy.diff(sympy.tanh(x), x, order).subs(x, 0.7))
        assert float(gv.evaluate(graph).output) == pytest.approx(expected, rel=1e-12)
        assert gv.check(graph).ok
        assert len(graph) < 25


def test_hessian_vector_product_of_a_network():
    rng = np.random.default_rng(2)
    W1, W2, x = rng.normal(size=(3, 2)), rng.normal(size=(2, 3)), rng.normal(size=2)
    p, q = gv.param("W1", W1), gv.param("W2", W2)
    loss = -gv.log_softmax(q @ gv.tanh(p @ gv.data("x", x)))[1]

    def function(weights):
        return -log_softmax(anp.dot(W2, anp.tanh(anp.dot(weights, x))))[1]

    v = rng.normal(size=W1.shape)
    expected = autograd.grad(lambda weights: anp.sum(autograd.grad(function)(weights) * v))(W1)
    found = gv.hessian_vector(gv.graph(loss), "W1", v)
    np.testing.assert_allclose(gv.evaluate(found).output, expected, rtol=1e-9, atol=1e-12)


def test_a_derivative_is_drawn_and_explained(example_roots):
    graph = gv.derivative(example_roots["squared_loss-loss"], "w")
    assert gv.figure(graph).svg().startswith("<svg")
    second = gv.derivative(gv.graph(y=gv.square(gv.param("x", 3.0)) * 5), "x")
    assert gv.explain(second, "x").simplified == "10"


def test_no_dependence_is_zero():
    x, y = gv.param("x", [1.0, 2.0]), gv.param("y", 3.0)
    graph = gv.graph(a=gv.sum(x), b=gv.square(y))
    np.testing.assert_array_equal(gv.evaluate(gv.derivative(graph, "x", output="b")).output, [0, 0])


def test_scopes_and_names_stay():
    x = gv.param("x", 0.5)
    with gv.scope("layer"):
        h = gv.sigmoid(x).named("h")
    found = gv.derivative(gv.graph(loss=gv.square(h)), "x")
    assert found.node(found.find("layer/h")).scope == "layer"


def test_a_long_chain_is_no_recursion():
    y = gv.param("x", 0.3)
    for _ in range(3000):
        y = gv.sin(y)
    found = gv.derivative(y, "x")
    assert float(gv.evaluate(found).output) == pytest.approx(float(gv.backprop(y).grad["x"]), rel=1e-9)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda x: gv.stack([x, x]), "has shape (2,)"),
        (lambda x: gv.sin(x), "no node named 'q'"),
    ],
)
def test_what_has_no_derivative_graph(make, line):
    with pytest.raises(gv.GradvizError) as caught:
        gv.derivative(make(gv.param("x", 1.0)), "x" if "shape" in line else "q")
    assert line in str(caught.value)


X = "x"
REWRITES = [
    (lambda x: x + 0, []),
    (lambda x: 1 * x * 1, []),
    (lambda x: x - 0, []),
    (lambda x: 0 - x, ["negative"]),
    (lambda x: gv.negative(-x), []),
    (lambda x: x * -1, ["negative"]),
    (lambda x: x + -gv.sin(x), ["sin", "subtract"]),
    (lambda x: x - -gv.sin(x), ["sin", "add"]),
    (lambda x: x * 0 + gv.sin(x), ["sin"]),
    (lambda x: x / 1, []),
    (lambda x: gv.sin(x) * gv.sin(x), ["sin", "multiply"]),
    (lambda x: x * (gv.constant(2.0) * 3), ["multiply"]),
    (lambda x: gv.power(x, 2.0), ["square"]),
    (lambda x: gv.where(x > 0, 1, 0), ["greater"]),
    (lambda x: gv.reshape(x, (2,)), []),
    (lambda x: gv.transpose(x), []),
    (lambda x: gv.flip(x), ["flip"]),
    (lambda x: gv.sum(x, axis=()), []),
    (lambda x: (x * 1).named("kept"), ["multiply"]),
    (lambda x: x + gv.constant([1.0, 1.0]) / 0, ["divide", "add"]),
]


@pytest.mark.parametrize(("make", "expected"), REWRITES)
def test_rewriting(make, expected):
    graph = gv.graph(out=make(gv.param("x", [0.5, -2.0])))
    short = simplify(graph)
    assert [node.op.name for node in short.nodes if not node.op.leaf] == expected
    np.testing.assert_array_equal(gv.evaluate(short).output, gv.evaluate(graph).output)


def test_rewriting_does_not_change_shapes():
    x, y = gv.param("x", 2.0), gv.param("y", [1.0, 2.0])
    graph = gv.graph(a=x * gv.constant([1.0, 1.0]), b=y * 0 + x, c=x + gv.constant(np.zeros((2, 2))))
    short = simplify(graph)
    for name in graph.outputs:
        assert gv.evaluate(short).forward[name].shape == gv.evaluate(graph).forward[name].shape
        np.testing.assert_array_equal(gv.evaluate(short).forward[name], gv.evaluate(graph).forward[name])


def test_the_hessian_of_what_is_linear_is_zero():
    W, x = gv.param("W", [1.0, 2.0]), gv.data("x", [3.0, 4.0])
    product = gv.hessian_vector((W @ x).named("score"), "W", [1.0, 1.0])
    assert gv.evaluate(product).output.tolist() == [0, 0]
