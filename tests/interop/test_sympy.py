"""Graphs from SymPy's expressions and back."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import gradviz as gv

X, Y = sp.symbols("x y", real=True)
N = sp.Symbol("i")
W = sp.IndexedBase("W", shape=(3,))
U = sp.IndexedBase("u")
A, B = sp.MatrixSymbol("A", 2, 3), sp.MatrixSymbol("B", 3, 2)

SCALARS = [
    X * Y + sp.sin(X) / Y,
    sp.Max(1 - X * Y, 0),
    sp.Min(X, Y, 1),
    sp.Piecewise((X**2, X > 0), (-X, True)),
    sp.Piecewise((X, sp.And(X > 0, Y > 0)), (Y, X > Y), (0, True)),
    sp.Piecewise((1, X > Y), (0, True)),
    sp.Piecewise((1, sp.Or(X > 1, Y <= 0)), (X, True)),
    sp.Heaviside(X) * Y,
    sp.exp(-(X**2) / 2) / sp.sqrt(2 * sp.pi),
    1 / (1 + sp.exp(-X)),
    X / 3 - sp.Rational(5, 7),
    sp.log(X) / sp.log(2),
    X**Y,
    X**-2 + X ** sp.Rational(3, 2),
    sp.Abs(X - Y) * sp.sign(Y),
    sp.erf(X) + sp.erfc(Y),
    sp.tan(X) + sp.sec(Y) + sp.csc(X) - sp.cot(Y),
    sp.sinh(X) * sp.cosh(Y) - sp.tanh(X * Y),
    sp.atan2(Y, X) + sp.asin(X / 4) + sp.acos(Y / 4) + sp.atan(X),
    sp.asinh(X) + sp.acosh(X + 2) + sp.atanh(Y / 4),
    sp.sinc(X),
    -X - Y,
    sp.E * X + sp.pi,
    sp.Sum(X**N / sp.factorial(N), (N, 0, 3)),
    sp.Product(X + N, (N, 1, 3)),
    sp.Derivative(sp.sin(X) ** 2, X),
]


@pytest.mark.parametrize("expression", SCALARS, ids=str)
def test_there_and_back(expression):
    graph = gv.from_sympy(expression)
    back = gv.to_sympy(graph)
    for point in ({"x": 1.3, "y": 0.6}, {"x": 0.4, "y": 1.7}):
        at = {sp.Symbol(name, real=True): sp.Float(value, 30) for name, value in point.items()}
        expected = sp.N(expression.doit().subs(at), 25)
        given = {name: value for name, value in point.items() if name in graph.paths}
        assert float(gv.evaluate(graph, at=given).output) == pytest.approx(float(expected), rel=1e-12)
        assert abs(sp.N(back.subs(at), 25) - expected) < sp.Float("1e-20") * max(1, abs(expected))
        smooth = not expression.has(sp.Piecewise, sp.Max, sp.Min, sp.Abs, sp.sign, sp.Heaviside)
        if smooth:
            gradients = gv.backprop(graph, at=given).grad
            for name in given:
                correct = sp.N(sp.diff(expression.doit(), sp.Symbol(name, real=True)).subs(at), 25)
                assert float(gradients[name]) == pytest.approx(float(correct), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize(
    "expression",
    [X * Y + sp.sin(X), sp.Max(1 - X * Y, 0), sp.Piecewise((X**2, X > 0), (-X, True)), X / 3, sp.log(X) / sp.log(2)],
    ids=str,
)
def test_what_comes_back_is_the_same_expression(expression):
    assert sp.expand(gv.to_sympy(gv.from_sympy(expression)) - expression) == 0


def test_indexed_sums_and_matrices():
    total = gv.from_sympy(sp.Sum(W[N] ** 2, (N, 0, 2)), at={"W": [1.0, 2.0, 3.0]})
    assert float(gv.evaluate(total).output) == 14
    assert gv.to_sympy(total) == sum(
        sp.IndexedBase(sp.Symbol("W", real=True), shape=(3,), real=True)[i] ** 2 for i in range(3)
    )
    polynomial = gv.from_sympy(sp.Sum(U[N] * X**N, (N, 0, 3)), at={"u": [1, 2, 3, 4], "x": 2.0})
    assert float(gv.evaluate(polynomial).output) == 49
    a, b = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2)
    for expression, expected in [
        (A * B, a @ b),
        (2 * A.T + B, 2 * a.T + b),
        (sp.Trace(A * B), np.trace(a @ b)),
        ((A * B)[0, 1], (a @ b)[0, 1]),
        (sp.HadamardProduct(A, A), a * a),
    ]:
        graph = gv.from_sympy(expression)
        given = {name: {"A": a, "B": b}[name] for name in graph.paths}
        np.testing.assert_allclose(gv.evaluate(graph, at=given).output, expected)
    grid = gv.from_sympy(sp.Matrix([[X, Y], [X * Y, 1]]), at={"x": 2.0, "y": 5.0})
    np.testing.assert_array_equal(gv.evaluate(grid).output, [[2, 5], [10, 1]])
    array = gv.from_sympy(sp.Array([[X, Y], [1, 2]]), at={"x": 2.0, "y": 5.0})
    np.testing.assert_array_equal(gv.evaluate(array).output, [[2, 5], [1, 2]])


def test_equal_parts_are_one_node():
    part = sp.sin(X) + 1
    graph = gv.from_sympy(part**2 + sp.exp(part))
    assert [node.op.name for node in graph.nodes].count("sin") == 1


def test_parameters_and_data():
    graph = gv.from_sympy(X * Y, at={"x": 2.0, "y": 3.0}, data=["y"])
    assert {leaf.name: leaf.op.name for leaf in graph.leaves} == {"x": "parameter", "y": "data"}


def test_arrays_become_indexed_entries(example_roots):
    found = gv.to_sympy(example_roots["hinge_loss-loss"])
    w, phi, y = (sp.IndexedBase(sp.Symbol(name, real=True), shape=(2,), real=True) for name in ("W", "phi", "y"))
    y = sp.Symbol("y", real=True)
    assert sp.expand(found - sp.Max(0, 1 - (w[0] * phi[0] + w[1] * phi[1]) * y)) == 0
    softmax = gv.to_sympy(gv.softmax(gv.param("z", shape=3)))
    assert softmax.shape == (3,)
    assert sp.simplify(sum(softmax) - 1) == 0


def test_every_example_means_the_same_to_sympy(formula_roots):
    for name, node in formula_roots.items():
        graph = gv.unroll(gv.graph(node))
        values = gv.evaluate(graph)
        found = gv.to_sympy(graph)
        point = {}
        for leaf in graph.leaves:
            if not leaf.name:
                continue
            if leaf.shape == ():
                point[sp.Symbol(leaf.path, real=True)] = sp.Float(leaf.value)
            else:
                base = sp.IndexedBase(sp.Symbol(leaf.path, real=True), shape=leaf.shape, real=True)
                point |= {base[place]: sp.Float(leaf.value[place]) for place in np.ndindex(leaf.shape)}
        entries = [found] if values.output.shape == () else list(sp.flatten(found.tolist()))
        numbers = [float(sp.N(entry.xreplace(point))) for entry in entries]
        np.testing.assert_allclose(numbers, np.ravel(values.output), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("x + 1", "a SymPy expression is wanted, not str"),
        (3.5, "a SymPy expression is wanted, not float"),
        (sp.gamma(X), "SymPy's gamma has no primitive here"),
        (sp.I * X, "SymPy's ImaginaryUnit has no primitive here"),
        (sp.Integral(sp.exp(X**X), X), "SymPy's Integral has no primitive here"),
        (sp.Sum(sp.log(N + X), (N, 0, sp.Symbol("n"))), "cannot be written out"),
        (W[N], "has an index that is no number"),
        (sp.Piecewise((1, X > 0)), "is not defined everywhere"),
        (sp.MatrixSymbol("Q", 2, 2).I, "SymPy's Inverse has no primitive here"),
        (sp.nan, "SymPy's NaN has no primitive here"),
    ],
    ids=str,
)
def test_what_has_no_graph(expression, line):
    with pytest.raises(gv.GradvizError) as caught:
        gv.from_sympy(expression)
    assert line in str(caught.value)


def test_values_for_what_is_not_there():
    with pytest.raises(gv.GradvizError, match="'z' is no leaf of the expression"):
        gv.from_sympy(X, at={"z": 1.0})


def test_too_deep_or_too_long_for_sympy():
    y = gv.param("x", 0.3)
    for _ in range(300):
        y = gv.sin(y)
    with pytest.raises(gv.GradvizError, match="nests 301 deep"):
        gv.to_sympy(y)
    z = gv.param("z", 0.3)
    for _ in range(40):
        z = gv.sin(z) + gv.cos(z)
    with pytest.raises(gv.GradvizError, match="SymPy cannot hold it"):
        gv.to_sympy(z)
    deep = X
    for _ in range(3000):
        deep = sp.sin(deep, evaluate=False)
    with pytest.raises(gv.GradvizError, match="nested too deeply"):
        gv.from_sympy(deep)
