"""The green labels: the same rules, run on the picture's names."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from cases import cases
from latex import compile_latex

import gradviz as gv
from gradviz.namespaces.record import as_term, recorder, symbol
from gradviz.namespaces.tex import to_tex
from gradviz.passes.labels import Labeler, node_numbers


def labels(node, **numbers):
    """Return the labels on the edges of the last node."""
    graph = gv.graph(node)
    last = len(graph) - 1
    named = {graph.find(name): number for name, number in numbers.items()}
    return [Labeler(graph, named).derivative(last, slot) for slot in range(len(graph.args[last]))]


def leaf(name, value=1.0, **options):
    return gv.param(name, value, **options)


def test_the_slides_building_blocks():
    a, b = leaf("in1"), leaf("in2")
    one, two = r"\mathrm{in}_{1}", r"\mathrm{in}_{2}"
    x = r"\mathrm{in}"
    assert labels(a + b) == ["1", "1"]
    assert labels(a - b) == ["1", "-1"]
    assert labels(a * b) == [two, one]
    assert labels(gv.maximum(a, b)) == [rf"\mathbf{{1}}[{one} > {two}]", rf"\mathbf{{1}}[{two} > {one}]"]
    assert labels(gv.sigmoid(leaf("in"))) == [rf"\sigma({x})(1 - \sigma({x}))".replace(")(", r")\,(")]
    assert labels(gv.square(leaf("in"))) == [rf"2\,{x}"]


def test_hinge_loss():
    W, phi, y = leaf("W", [1.0, 2.0]), leaf("phi", [1.0, 2.0], tex=r"\phi(x)"), leaf("y")
    score = (W @ phi).named("score")
    margin = (score * y).named("margin")
    assert labels(score) == [r"\phi(x)", "W"]
    assert labels(margin) == ["y", r"\mathrm{score}"]
    assert labels(gv.maximum(1 - margin, 0))[0] == r"\mathbf{1}[1 - \mathrm{margin} > 0]"


def test_a_named_value_speaks_by_its_name():
    assert labels(gv.sigmoid(leaf("x") + leaf("y")).named("h")) == ["h(1 - h)"]
    assert labels(gv.exp(leaf("x")).named("y")) == ["y"]
    assert labels(gv.exp(leaf("x"))) == ["e^{x}"]
    assert labels(gv.tanh(leaf("x")).named("h")) == ["1 - h^{2}"]


def test_a_long_unnamed_child_speaks_by_its_number():
    x, y, z = leaf("x"), leaf("y"), leaf("z")
    long = x * y * z
    graph = gv.graph(gv.square(long))
    assert Labeler(graph, {len(graph) - 2: 1}).derivative(len(graph) - 1, 0) == r"2\,f_{1}"


def test_tensor_edges_show_their_rule():
    V, phi = leaf("V", [[1.0, 2.0], [3.0, 4.0]]), leaf("phi", [1.0, 2.0], tex=r"\phi(x)")
    h = gv.sigmoid((V @ phi).named("z")).named("h")
    assert labels(V @ phi) == [r"g\,\phi(x)^{\top}", r"V^{\top}\,g"]
    assert labels(h) == [r"h \odot (1 - h)"]
    A, B = leaf("A", [[1.0]]), leaf("B", [[1.0]])
    assert labels(A @ B) == [r"g\,B^{\top}", r"A^{\top}\,g"]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda x: x**3, r"3\,x^{2}"),
        (lambda x: x**1, "1"),
        (lambda x: x / 0.1, "10"),
        (lambda x: x / 3, r"\frac{1}{3}"),
        (lambda x: gv.log(x / gv.data("S", 2.0)), r"\frac{S}{x}"),
        (lambda x: x**0.5, r"0.5\,x^{-0.5}"),
        (lambda x: 1 / x, r"-\frac{1}{x^{2}}"),
        (lambda x: x / 2, r"\frac{1}{2}"),
        (lambda x: 2 * x, "2"),
        (lambda x: -x, "-1"),
        (lambda x: gv.log(x), r"\frac{1}{x}"),
        (lambda x: gv.cos(x), r"-\sin(x)"),
        (lambda x: gv.relu(x), r"\mathbf{1}[x > 0]"),
        (lambda x: x**-0.5, r"-0.5\,x^{-1.5}"),
        (lambda x: (-x) ** 2.0, r"-2\,x"),
        (lambda x: x / -2, r"-\frac{1}{2}"),
        (lambda x: gv.log(-x), r"-\frac{1}{x}"),
        (lambda x: (x / gv.data("y", 2.0)) ** 3, r"3\left(\frac{x}{y}\right)^{2}"),
        (lambda x: 1 / (x / gv.data("y", 2.0)), r"-\frac{1}{\left(\frac{x}{y}\right)^{2}}"),
        (lambda x: gv.sin(x / gv.data("y", 2.0)), r"\cos\left(\frac{x}{y}\right)"),
        (lambda x: gv.relu(x / gv.data("y", 2.0)), r"\mathbf{1}\left[\frac{x}{y} > 0\right]"),
        (lambda x: gv.where(gv.data("c", 1.0) > 0, x, 0.0), None),
    ],
)
def test_formulas(build, expected):
    found = labels(build(leaf("x")))
    assert expected in found or (expected is None and r"\mathbf{1}[c > 0]" in found)


def test_a_one_in_bold_is_not_read_as_a_digit():
    x = leaf("x")
    assert labels(gv.leaky_relu(x)) == [r"\mathbf{1}[x > 0] + 0.01 \cdot \mathbf{1}[x < 0]"]
    assert labels(gv.relu(x) * (x > 0))[0] == r"\mathbf{1}[x > 0]"


def test_the_signs_of_factors_come_first():
    a, b, c = (symbol(name, (2,)) for name in "abc")
    assert to_tex((-a) * b * (-2 * c)) == r"2\,a \odot b \odot c"
    assert to_tex(a + b * (-c)) == r"a - b \odot c"
    assert to_tex(a - b / (-c)) == r"a + \frac{b}{c}"
    assert to_tex(a + symbol("-b", (2,))) == "a + (-b)"
    assert to_tex(a * (-b / c)) == r"-a \odot \frac{b}{c}"
    assert to_tex(3 * (-1 / c)) == r"-\frac{3}{c}"
    assert to_tex(recorder.log1p(-a / b)) == r"\ln\left(1 - \frac{a}{b}\right)"
    assert to_tex(recorder.log1p(as_term(-4))) == r"\ln(1 - 4)"


def test_two_minus_signs_cancel_and_no_fraction_stands_in_a_fraction():
    a, b, c = map(symbol, "abc")
    assert to_tex(a - (-b / c) * (-c / a)) == r"a - \frac{b}{c} \cdot \frac{c}{a}"
    assert to_tex(a / b / c) == r"\frac{a}{b\,c}"
    assert to_tex(a / (b / c)) == r"\frac{a\,c}{b}"


def test_bars_are_as_tall_as_what_stands_in_them():
    x, y = gv.param("x", [1.0, 2.0]), gv.data("y", [1.0, 2.0])
    assert labels(gv.norm(x / y)) == [r"\frac{\frac{x}{y}}{\left\|\frac{x}{y}\right\|}"]


def test_a_rule_holds_for_an_adjoint_of_several_terms():
    x = gv.param("x", [[1.0, 2.0], [3.0, 4.0]])
    graph = gv.graph(x.T)
    for adjoint in ("a + b", r"\frac{a}{b}"):
        passed = Labeler(graph, {}).passed_on(1, 0, symbol(adjoint, (2, 2)))
        assert to_tex(passed) in (r"(a + b)^{\top}", r"\left(\frac{a}{b}\right)^{\top}")


def test_sums_of_vectors_have_vector_gradients():
    assert labels(gv.sum(leaf("v", [1.0, 2.0]))) == [r"\mathbf{1}"]
    assert labels(gv.norm(leaf("v", [1.0, 2.0]))) == [r"\frac{v}{\|v\|}"]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda v, M: gv.var(v), r"\frac{2}{n}(v_{1} - \overline{v_{1}})"),
        (lambda v, M: gv.var(v, ddof=1), r"\frac{2}{n - 1}(v_{1} - \overline{v_{1}})"),
        (lambda v, M: gv.std(v, ddof=1).named("s"), r"\frac{v_{1} - \overline{v_{1}}}{(n - 1)\,s}"),
        (lambda v, M: gv.prod(v), r"\prod_{j \neq i} (v_{1})_j"),
        (lambda v, M: gv.stack([v, v]), "g_{0}"),
        (lambda v, M: M.T, r"g^{\top}"),
        (lambda v, M: gv.einsum("ij->", M), r"\mathbf{1}"),
        (lambda v, M: gv.einsum("ij->j", M), "g"),
        (lambda v, M: gv.einsum("ij->ji", M), r"g^{\top}"),
        (lambda v, M: gv.einsum("ij,ij->ij", M, M), r"g \odot M"),
        (lambda v, M: gv.einsum("ii->i", M), r"\Sigma\,g\,I"),
        (lambda v, M: gv.einsum("ij,j->i", M, v), r"\Sigma\,g\,v_{1}"),
    ],
)
def test_rules_of_arrays(build, expected):
    assert labels(build(leaf("v1", [1.0, 2.0]), leaf("M", [[1.0, 2.0], [3.0, 4.0]])))[0] == expected


def test_every_primitive_has_labels():
    from gradviz.core.primitive import REGISTRY

    for op in REGISTRY.values():
        if op.elementwise:
            attrs = {"low": 0.0, "high": 1.0} if op.name == "clip" else {}
            found = labels(op(*[leaf(name, [1.0, 2.0]) for name in "xyz"[: len(op.partials)]], **attrs))
            assert all(found)
    x = leaf("x", [[1.0, 2.0], [3.0, 4.0]])
    for node in (
        gv.sum(x, 0), gv.mean(x), gv.max(x), gv.min(x, 1), gv.prod(x), gv.var(x), gv.std(x), gv.norm(x, 0),
        gv.logsumexp(x), gv.softmax(x), gv.log_softmax(x), gv.cumsum(x, 0), gv.reshape(x, 4), gv.transpose(x),
        gv.expand_dims(x, 0), gv.squeeze(gv.expand_dims(x, 0)), gv.broadcast_to(x, (3, 2, 2)), x[0], x[[0, 0]],
        gv.concatenate([x, x]), gv.stack([x, x]), gv.flip(x), gv.pad(x, 1), gv.outer(x[0], x[1]),
        gv.einsum("ij,jk->ik", x, x), gv.einsum("ii->i", x),
    ):  # fmt: skip
        assert all(labels(node)), node


@pytest.mark.parametrize(
    ("count", "symbol"),
    [(2, r"[\,\cdot\,,\cdot\,]"), (3, r"[\,\cdot\,,\cdot\,,\cdot\,]"), (9, r"[\,\cdot\,,\ldots\,,\cdot\,]")],
)
def test_the_box_of_a_concatenation_shows_how_many(count, symbol):
    row = gv.graph(gv.concatenate([leaf(f"x{place}", [1.0]) for place in range(count)])).rows[-1]
    assert row.op.symbol_for(row.attrs, ((1,),) * count) == symbol


def test_latex_takes_every_label_and_step(tmp_path):
    """Leaves have indices of their own: LaTeX takes no second one."""
    formulas = set()
    for case in cases():
        leaves = [
            gv.data(f"i_{place}", np.zeros(shape, int), dtype=int)
            if place in case.op.indices
            else gv.param(("v1", "h_t", "W_hh")[place], np.full(shape, 0.4))
            for place, shape in enumerate(case.shapes)
        ]
        made = case.op(*leaves, **case.attrs)
        graph = gv.unroll(gv.graph(gv.sum(made) if made.dtype.kind == "f" else made))
        labeler = Labeler(graph, node_numbers(graph))
        formulas |= {labeler.derivative(parent, slot) for parent, slot, _ in graph.edges()}
        if graph.learned:
            formulas |= {step.line for step in gv.steps(graph)}
            formulas.add(gv.explain(graph, "v1").to_latex())
    lines = "\n".join(rf"\setbox0=\hbox{{${tex}$}}" for tex in sorted(formulas))
    source = rf"\documentclass{{article}}\usepackage{{amsmath}}\begin{{document}}{lines} x\end{{document}}"
    (tmp_path / "labels.tex").write_text(source, encoding="utf-8")
    compile_latex(tmp_path / "labels.tex")
    assert len(formulas) > 300


def test_labels_do_not_load_sympy():
    code = (
        "import sys, gradviz as gv; from gradviz.passes.labels import Labeler; x = gv.param('x', 1.0);"
        "g = gv.graph(gv.exp(x)); Labeler(g, {}).derivative(1, 0); assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
