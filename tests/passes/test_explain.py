"""`gradviz.explain`: the slides' formulas come out, compared as SymPy expressions."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import sympy
from faults import faults
from terms import run

import gradviz as gv
from gradviz.core.plain import tex_to_text
from gradviz.namespaces import numpy as numbers
from gradviz.namespaces import sympy as namespace
from gradviz.passes import evaluate
from gradviz.passes.labels import Labeler, node_numbers
from gradviz.passes.paths import node_tex


def explained(example_roots, name, wrt):
    return gv.explain(example_roots[name], wrt)


def symbols(*names):
    return [sympy.Symbol(name, real=True) for name in names]


def indicator(condition):
    return sympy.Piecewise((1, condition), (0, True))


IN, IN1, IN2 = symbols(r"\mathrm{in}", r"\mathrm{in}_{1}", r"\mathrm{in}_{2}")
SIGMA = sympy.Symbol(r"\sigma(\mathrm{in})", real=True)


@pytest.mark.parametrize(
    ("name", "wrt", "expected"),
    [
        ("add", "in1", sympy.Integer(1)),
        ("add", "in2", sympy.Integer(1)),
        ("subtract", "in1", sympy.Integer(1)),
        ("subtract", "in2", sympy.Integer(-1)),
        ("multiply", "in1", IN2),
        ("multiply", "in2", IN1),
        ("maximum", "in1", indicator(IN1 > IN2)),
        ("maximum", "in2", indicator(IN1 < IN2)),
        ("sigmoid", "in", SIGMA * (1 - SIGMA)),
        ("square", "in", 2 * IN),
    ],
)
def test_building_blocks_d09(example_roots, name, wrt, expected):
    found = explained(example_roots, f"building_blocks-{name}", wrt).formula
    assert sympy.simplify(found - expected) == 0


def test_chain_rule_d10(example_roots):
    found = explained(example_roots, "chain_rule-out", "in")
    out, mid, inner = symbols(r"\mathrm{out}", r"\mathrm{mid}", r"\mathrm{in}")
    assert [tex_to_text(node) for node in found.paths[0].nodes] == ["out", "mid", "in"]
    assert found.formula == 2 * inner * out
    whole = found.formula.subs(out, sympy.exp(mid)).subs(mid, inner**2)
    assert sympy.simplify(whole - sympy.diff(sympy.exp(inner**2), inner)) == 0
    number = found.value
    assert number == pytest.approx(float(whole.subs(inner, 0.5)))
    assert found.sensitivity[0] == "A small change ε at in moves out by about 1.28 ε."


def test_hinge_loss_d11(example_roots):
    found = explained(example_roots, "hinge_loss-loss", "W")
    margin, phi, y = symbols(r"\mathrm{margin}", r"\phi(x)", "y")
    assert found.simplified == r"-\mathbf{1}[\mathrm{margin} < 1]\,\phi(x)\,y"
    assert found.formula == -indicator(margin < 1) * phi * y
    assert found.paths[0].factors == (r"\mathbf{1}[1 - \mathrm{margin} > 0]", "-1", "y", r"\phi(x)")
    np.testing.assert_allclose(found.value, [1, -1])


def test_squared_loss_d12(example_roots):
    residual, h = symbols(r"\mathrm{residual}", "h")
    assert explained(example_roots, "squared_loss-loss", "w").formula == 2 * residual * h
    assert explained(example_roots, "squared_loss-loss", "y").formula == -2 * residual
    by_v = explained(example_roots, "squared_loss-loss", "V")
    assert by_v.simplified == r"2\,\mathrm{residual}\,(h \odot (1 - h) \odot \mathbf{w})\,\phi(x)^{\top}"


def test_what_a_path_says_is_what_it_computes(formula_roots):
    """The term of every path, run on the values that its symbols stand for, is the path's number."""
    compared = 0
    for node in formula_roots.values():
        graph = gv.unroll(gv.graph(node))
        if graph.rows[-1].shape != () or any(row.op.label for row in graph.rows):
            continue  # a label in words cannot be run
        values = gv.evaluate(graph)
        labeler = Labeler(graph, node_numbers(graph))
        names = [node_tex(graph, labeler, index) for index in range(len(graph))]
        known = {name: values.forward[index] for index, name in enumerate(names)}
        if any(not np.array_equal(known[name], values.forward[index]) for index, name in enumerate(names)):
            continue  # two things of one name (the W of two layers) cannot be told apart
        for leaf in (leaf.path for leaf in graph.leaves if leaf.op.name != "constant"):
            for path in gv.explain(graph, leaf).paths:
                found = run(path.term, numbers, known)
                np.testing.assert_allclose(np.broadcast_to(found, np.shape(path.value)), path.value, rtol=1e-12)
                compared += 1
    assert compared > 30


def test_squared_loss_d12_entry_by_entry(example_roots):
    """The term for V means, entry by entry, what SymPy's derivative of the whole loss is."""
    (path,) = explained(example_roots, "squared_loss-loss", "V").paths
    w, phi = sympy.symbols("w:2", real=True), sympy.symbols("p:2", real=True)
    matrix = sympy.Matrix(2, 2, sympy.symbols("v:4", real=True))
    y = sympy.Symbol("y", real=True)
    h = [1 / (1 + sympy.exp(-(matrix * sympy.Matrix(phi))[i])) for i in range(2)]
    residual = w[0] * h[0] + w[1] * h[1] - y
    known = {
        r"\mathrm{residual}": namespace.symbolic(residual),
        "h": namespace.symbolic(h),
        r"\mathbf{w}": namespace.symbolic(list(w)),
        r"\phi(x)": namespace.symbolic(list(phi)),
    }
    found = namespace.plain(run(path.term, namespace, known))
    for i in range(2):
        for j in range(2):
            assert sympy.simplify(found[i, j] - sympy.diff(residual**2, matrix[i, j])) == 0


def test_backpropagation_d13(example_roots):
    """The value is the gradient that backpropagation finds, for every leaf of every example."""
    for node in example_roots.values():
        graph = gv.graph(node)
        if graph.rows[-1].shape != ():
            continue
        leaves = [leaf.path for leaf in graph.leaves if leaf.op.name != "constant"]
        gradients = gv.backprop(graph, wrt=leaves).grad
        for leaf in leaves:
            found = gv.explain(graph, leaf)
            np.testing.assert_allclose(found.value, gradients[leaf])
            if found.paths:
                total = sum(np.asarray(path.value) for path in found.paths)
                np.testing.assert_allclose(total, gradients[leaf], atol=1e-15)


def test_published_baydin(example_roots):
    x1, x2 = symbols("x_{1}", "x_{2}")
    assert explained(example_roots, "baydin_example-y", "x1").formula == 1 / x1 + x2
    assert explained(example_roots, "baydin_example-y", "x2").formula == x1 - sympy.cos(x2)


def test_the_sum_is_simplified():
    x = gv.param("x", 0.3)
    found = gv.explain(gv.sin(x) ** 2 + gv.cos(x) ** 2, "x")
    assert found.count == 2
    assert found.simplified == "0"
    product = gv.explain(x * x, "x")
    assert (product.count, product.simplified) == (2, r"2\,x")
    assert r"\operatorname{sign}(x)" in gv.explain(gv.abs(x) / x, "x").simplified  # SymPy has cases, x = 0 apart


@pytest.mark.parametrize(
    ("make", "wrt", "edge", "expected"),
    [
        (lambda b, v, T: gv.sum(gv.broadcast_to(b, (3,)) * v), "b", r"\Sigma\,g", r"\Sigma\,v"),
        (lambda b, v, T: gv.sum(gv.square(T @ v)), "v", r"\Sigma\,(T^{\top}\,g)", r"2(\Sigma\,(T^{\top}\,(T\,v)))"),
        (
            lambda b, v, T: gv.sum(gv.square(gv.data("M", np.ones((2, 3))) @ v)),
            "v",
            r"M^{\top}\,g",
            r"2\,M^{\top}\,(M\,v)",
        ),
    ],
)
def test_what_broadcasting_repeats_is_summed(make, wrt, edge, expected):
    """A sum over the batch or the repeated entries is written; where the shape stays, there is none."""
    b, v, T = gv.param("b", 0.5), gv.param("v", [1.0, 2.0, 3.0]), gv.param("T", np.ones((2, 2, 3)))
    graph = gv.graph(make(b, v, T))
    labeler = Labeler(graph, node_numbers(graph))
    assert edge in [labeler.derivative(parent, slot) for parent, slot, _ in graph.edges()]
    assert gv.explain(graph, wrt).simplified == expected


def test_a_transpose_of_a_transpose_is_the_matrix_itself():
    W, u = gv.param("W", np.ones((2, 3))), gv.data("u", np.ones(2))
    assert gv.explain(gv.sum(gv.square(W.T)), "W").simplified == r"2\,W"
    assert gv.explain(gv.sum(W.T @ u), "W").simplified == r"(\mathbf{1}\,u^{\top})^{\top}"


def test_no_summand_is_multiplied_by_another_ones_denominator():
    x, a, b, c, d = (gv.param(name, 2.0) for name in "xabcd")
    assert gv.explain(x * a / d + x * b / d + x * c, "x").simplified == r"\frac{a}{d} + \frac{b}{d} + c"


@pytest.mark.parametrize(
    ("subscripts", "expected"),
    [
        ("ij->ij", r"\mathbf{1}"),
        ("ij->i", r"\mathbf{1}"),
        ("ij,jk->ik", r"\Sigma\,\mathbf{1}\,N"),
        ("ij,kl->", r"\Sigma\,N"),
    ],
)
def test_ones_in_an_einsum(subscripts, expected):
    M, N = gv.param("M", np.ones((2, 2))), gv.data("N", np.ones((2, 2)))
    made = gv.einsum(subscripts, *(M, N)[: subscripts.count(",") + 1])
    assert gv.explain(gv.sum(made), "M").simplified == expected
    assert gv.explain(gv.sum(made * gv.exp(made)), "M").simplified


def test_random_formulas_agree_with_sympy():
    rng = np.random.default_rng(0)
    for _ in range(15):
        a, b = gv.param("a", 0.7), gv.param("b", 1.9)
        node, other = a, b
        for _ in range(4):
            choice = rng.integers(6)
            node, other = other, [
                lambda u, v: u * v, lambda u, v: u + v, lambda u, v: gv.sin(u) - v, lambda u, v: gv.exp(-u) * v,
                lambda u, v: u / (v * v + 1), lambda u, v: gv.tanh(u) + v,
            ][choice](node, other)  # fmt: skip
        graph = gv.graph(other)
        for wrt in ("a", "b"):
            if wrt not in graph.paths:
                continue
            found = gv.explain(graph, wrt)
            if not found.paths:
                continue
            # the symbols are the nodes that the labels speak of, whose values the graph knows
            values = gv.backprop(graph)
            labeler = Labeler(graph, node_numbers(graph))
            named = {node_tex(graph, labeler, index): float(values.forward[index]) for index in range(len(graph))}
            point = {symbol: named[symbol.name] for symbol in found.formula.free_symbols}
            assert float(found.formula.subs(point)) == pytest.approx(float(values.grad[wrt]), rel=1e-9)


def test_too_many_paths_are_factored():
    x = gv.param("x", 1.0)
    y = x
    for _ in range(60):
        y = y + y
    found = gv.explain(y, "x")
    assert found.count == 2**60
    assert found.paths == ()
    assert found.value == 2.0**60
    assert "too many to list" in found.summary
    assert None in found.factored
    assert found.factored[0].formula == "1"
    assert found.factored[1].formula == "g_{0} + g_{0}"
    assert r"\vdots" in found.to_latex()


def test_a_long_chain_is_no_recursion():
    y = gv.param("x", 0.3)
    for _ in range(300):
        y = gv.sin(y)
    found = gv.explain(y, "x")
    assert (found.count, found.paths) == (1, ())
    assert found.value == pytest.approx(gv.backprop(y).grad["x"])
    deep = gv.param("z", 0.3)
    for _ in range(20_000):
        deep = deep + 0.1
    assert gv.explain(deep, "z").value == 1


def test_the_factored_form_adds_up(example_roots):
    found = explained(example_roots, "micrograd_readme-g", "a")
    assert found.count == 24
    assert found.factored[-1].adjoint == "g_{a}"
    assert found.factored[-1].value == pytest.approx(138.8338, abs=1e-4)


def test_without_values_there_are_symbols_alone():
    w, x = gv.param("w"), gv.data("x")
    found = gv.explain(gv.square(w * x - 1), "w")
    assert found.value is None
    assert found.substituted == ""
    assert found.sensitivity == ("", "")
    assert "with numbers" not in dict(found.steps())
    assert gv.explain(gv.square(w * x - 1), "w", at={"w": 2, "x": 3}).value == 30


@pytest.mark.parametrize("shape", [(12,), (2, 2, 2)])
def test_of_what_is_too_large_to_be_printed_the_result_stands_alone(shape):
    x = gv.param("x", np.ones(shape))
    found = gv.explain(gv.sum(gv.square(gv.exp(x))), "x")
    number = tex_to_text(found.substituted)
    assert number == f"{'×'.join(map(str, shape))}, ‖·‖ = {51.2 if shape == (12,) else 41.8}"
    sentence, effect = found.sensitivity
    assert sentence == f"A small change ε at x moves output by at most about {tex_to_text(effect)}."
    assert rf"moves $\mathrm{{output}}$ by at most about ${effect}$" in found.to_markdown()


def test_no_jacobian_is_made_that_is_not_shown(monkeypatch):
    asked = []
    monkeypatch.setattr(evaluate, "local_derivative", lambda graph, values, *edge: asked.append(edge) or 1.0)
    X, W = gv.data("X", np.ones((6, 5))), gv.param("W", np.ones((5, 4)))
    found = gv.explain(gv.sum(gv.square(X @ W)), "W")
    assert found.simplified == r"2\,X^{\top}\,(X\,W)"
    assert asked == []
    assert gv.explain(gv.sin(gv.param("x", 0.0)), "x").substituted == "1"
    assert len(asked) == 1


def test_no_path_is_a_gradient_of_zero():
    x, y = gv.param("x", 1.0), gv.param("y", 2.0)
    graph = gv.graph(a=gv.sin(x), b=gv.cos(y))
    found = gv.explain(graph, "y", output="a")
    assert (found.count, found.value) == (0, 0)
    assert found.steps() == [("no path leads there, so that", r"\frac{\partial a}{\partial y} = 0")]


def test_by_an_inner_node(example_roots):
    assert gv.explain(example_roots["hinge_loss-loss"], "score").simplified == r"-\mathbf{1}[\mathrm{margin} < 1]\,y"


def test_all_forms(example_roots):
    found = explained(example_roots, "hinge_loss-loss", "W")
    latex = found.to_latex()
    assert latex.startswith("\\begin{aligned}\n\\frac{\\partial \\mathrm{loss}}{\\partial \\mathbf{W}} &= ")
    assert latex.count("{") == latex.count("}")
    assert "- simplified: $-\\mathbf{1}" in found.to_markdown()
    facts = json.loads(found.to_json())
    assert facts["paths"][0]["numbers"][:3] == ["1", "-1", "1"]
    assert [tex_to_text(one) for one in facts["paths"][0]["numbers"]][3] == "[−1, 1]"
    assert facts["value"] == [1, -1]
    assert repr(found) == "<Explanation: (∂loss)/(∂W) = −1[margin < 1] φ(x) y>"


@pytest.mark.parametrize(
    ("make", "wrt", "line"),
    [
        (lambda x: gv.sin(x), "q", "no node named 'q'"),
        (lambda x: gv.stack([x, x]), "x", "has shape (2,)"),
    ],
)
def test_what_cannot_be_explained(make, wrt, line):
    with pytest.raises(gv.GradvizError, match=line.replace("(", r"\(").replace(")", r"\)")):
        gv.explain(make(gv.param("x", 1.0)), wrt)


@pytest.mark.parametrize(
    ("at", "line"),
    [
        ({"product": 2.0}, r"product \(multiply\) is computed and cannot be given a value"),
        ({"x": [1.0, 2.0]}, r"'x' has shape \(\), the value given has \(2,\)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_where_others_are_missing(at, line):
    product = (gv.param("x", shape=()) * gv.data("y", shape=())).named("product")
    with pytest.raises(gv.GradvizError, match=line):
        gv.explain(product, "x", at=at)


def test_an_output_is_called_as_it_was_asked_for():
    square = gv.square(gv.param("x", 3.0))
    graph = gv.graph(first=square, second=square)
    assert tex_to_text(gv.explain(graph, "x", output="second").derivative) == "(∂second)/(∂x)"
    assert list(gv.derivative(graph, "x", output="second").outputs) == ["∂second/∂x"]


def test_a_lit_path_has_its_product_below(example_roots):
    figure = gv.figure(example_roots["hinge_loss-loss"], path="W", labels="both").figure
    lit = [(edge.parent, edge.slot) for edge in figure.edges if edge.lit]
    assert len(lit) == 4
    (caption,) = figure.captions
    assert caption.text == "(∂loss)/(∂W) = 1[1 − margin > 0] · (−1) · y · φ(x) = [1, −1]"
    assert not any(edge.lit for edge in gv.figure(example_roots["hinge_loss-loss"]).figure.edges)


def test_many_paths_are_counted_below(example_roots):
    (caption,) = gv.figure(example_roots["micrograd_readme-g"], path="a").figure.captions
    assert caption.text == "(∂g)/(∂a): the sum over 24 paths"


def test_two_paths_stand_in_one_line_or_two():
    x = gv.param("x", 0.5)
    assert len(gv.figure(gv.sin(x) * x, path="x").figure.captions) == 1
    long = [gv.data(f"quite_a_long_name_{place}", 1.0) for place in range(2)]
    assert len(gv.figure(gv.sin(x) * long[0] * long[1] + x * long[0] * long[1], path="x").figure.captions) == 2


def test_pictures_of_paths_are_clean(example_roots):
    for name, node in example_roots.items():
        graph = gv.graph(node)
        leaves = [leaf.path for leaf in graph.leaves if leaf.op.name != "constant"]
        for leaf in leaves if len(graph) <= 20 else leaves[-1:]:  # a large picture takes its time
            if graph.rows[-1].shape == ():
                assert faults(gv.figure(graph, path=leaf, labels="both").scene) == [], (name, leaf)


def test_a_minus_between_factors_is_kept():
    found = gv.explain(gv.from_expression("(a - b*3)/c", at={"a": 1.0, "b": 2.0, "c": 3.0}), "b")
    assert found.sum == found.simplified == r"-\frac{3}{c}"
    assert found.value == -1


@pytest.mark.parametrize("text", ["sinc(x - +x)", "(x < x)**x + x", "x/0"])
def test_a_formula_that_divides_by_zero_stays_as_it_is(text):
    found = gv.explain(gv.from_expression(text, at={"x": 0.5}), "x")
    assert found.formula is None
    assert found.simplified == found.sum != ""
    assert "ComplexInfinity" not in found.to_json()


@pytest.mark.parametrize(
    ("text", "wrt", "sum_", "simplified"),
    [
        ("s*sum(N@u)", "N", r"(s\,\mathbf{1})\,u^{\top}", r"\mathbf{1}\,u^{\top}\,s"),
        ("s*sum(N@u)", "u", r"N^{\top}\,(s\,\mathbf{1})", r"N^{\top}\,\mathbf{1}\,s"),
        ("mean(N@u)", "u", r"N^{\top}\,\frac{\mathbf{1}}{3}", r"\frac{N^{\top}\,\mathbf{1}}{3}"),
        ("s*sum(u) + sum(N@u)", "u", r"s\,\mathbf{1} + N^{\top}\,\mathbf{1}", r"s\,\mathbf{1} + N^{\top}\,\mathbf{1}"),
        ("mean(square(N@u))", "N", r"\frac{2(N\,u)}{3}\,u^{\top}", None),
        ("mean(N@u)*sum(v)", "N", r"\left(\frac{\Sigma\,v}{3}\,\mathbf{1}\right)\,u^{\top}", None),
        ("mean(u)", "u", r"\frac{\mathbf{1}}{2}", r"\frac{\mathbf{1}}{2}"),
    ],
)
def test_a_number_spread_over_an_array_keeps_its_ones_in_products_of_matrices(text, wrt, sum_, simplified):
    at = {"N": np.ones((3, 2)), "u": np.ones(2), "v": np.ones(4), "s": 2.0}
    used = set(re.findall(r"\b\w\b", text))
    graph = gv.from_expression(text, at={name: value for name, value in at.items() if name in used})
    found = gv.explain(graph, wrt)
    assert found.sum == sum_
    assert simplified in (found.simplified, None)
