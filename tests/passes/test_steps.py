"""`gradviz.steps`: the same numbers as `backprop`, in the order of the slides."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.plain import tex_to_text
from gradviz.core.unroll import as_graph


def scalars(example_roots):
    graphs = {name: as_graph(node) for name, node in example_roots.items()}
    return {name: graph for name, graph in graphs.items() if graph.rows[-1].shape == ()}


def test_the_numbers_are_those_of_backprop(example_roots):
    for name, graph in scalars(example_roots).items():
        values = gv.backprop(graph)
        forward, backward = {}, {}
        for step in gv.steps(graph):
            if step.phase == "forward":
                forward[step.node] = step.after
            elif step.phase in ("seed", "backward", "sum"):
                backward[step.node] = step.after
            elif step.phase == "gradient":
                np.testing.assert_array_equal(step.after, values.backward[step.node])
        operations = [index for index, row in enumerate(graph.rows) if not row.op.leaf]
        assert sorted(forward) == operations, name
        for index in operations:
            np.testing.assert_array_equal(forward[index], values.forward[index])
        assert sorted(backward) == sorted(values.backward), name
        for index in values.backward:
            np.testing.assert_allclose(backward[index], values.backward[index], rtol=1e-13)


def test_every_step_is_written(example_roots):
    for graph in scalars(example_roots).values():
        for step in gv.steps(graph, rounds=2):
            for text in (step.formula, step.substituted, step.sentence):
                assert text
                assert "\\" not in tex_to_text(text), text
                assert text.count("{") == text.count("}")


def test_the_walk_of_the_hinge_loss(example_roots):
    lines = [
        (step.phase, tex_to_text(step.formula), tex_to_text(step.substituted))
        for step in gv.steps(example_roots["hinge_loss-loss"])
    ]
    assert lines == [
        ("forward", "f_3 = W · φ(x)", "[0.2, 0.3] · [−1, 1] = 0.1"),
        ("forward", "f_2 = score y", "0.1 · 1 = 0.1"),
        ("forward", "f_1 = 1 − margin", "1 − 0.1 = 0.9"),
        ("forward", "f_0 = max(f_1, 0)", "max(0.9, 0) = 0.9"),
        ("seed", "g_0 = 1", "1"),
        ("backward", "g_1 = 1[1 − margin > 0] · g_0", "1 · 1 = 1"),
        ("backward", "g_2 = (−1) · g_1", "(−1) · 1 = −1"),
        ("backward", "g_3 = y · g_2", "1 · (−1) = −1"),
        ("backward", "g_W = φ(x) · g_3", "[−1, 1] · (−1) = [1, −1]"),
        ("gradient", "(∂loss)/(∂W) = g_W", "[1, −1]"),
        ("update", "W ← W − η (∂loss)/(∂W)", "[0.2, 0.3] − 0.1 · [1, −1] = [0.1, 0.4]"),
    ]


def test_sums_at_fan_out_show_what_came_so_far(example_roots):
    steps = gv.steps(example_roots["baydin_example-y"])
    graph = gv.graph(example_roots["baydin_example-y"])
    second = graph.find("x2")
    partial = [(step.before, step.after) for step in steps if step.node == second and step.phase == "backward"]
    assert partial[0][0] is None
    assert partial[1] == (partial[0][1], pytest.approx(2 - np.cos(5.0)))
    (total,) = [step for step in steps if step.node == second and step.phase == "sum"]
    assert tex_to_text(total.substituted) == "(−0.284) + 2 = 1.72"
    assert total.sentence == "x_2 is used at 2 places: what comes back from each adds up."


def test_factors_and_summands_are_apart():
    x, y = gv.param("x", 3.0), gv.data("y", 2.0)
    formulas = [step.formula for step in gv.steps(gv.graph(z_1=gv.sin(1 / x) * (x / y) * (1 - x)))]
    assert r"g_{x} \mathrel{+}= \left(-\frac{1}{x^{2}}\right) \cdot g_{5}" in formulas
    assert r"g_{1} = (1 - x) \cdot g_{0}" in formulas
    assert r"g_{3} = \frac{x}{y} \cdot g_{1}" in formulas
    assert r"\frac{\partial z_{1}}{\partial x} = g_{x}" in formulas


@pytest.mark.parametrize(
    ("build", "numbers"),
    [
        (lambda x: gv.sin(x), "sin(−2) = −0.909"),
        (lambda x: gv.maximum(x, 0), "max(−2, 0) = 0"),
        (lambda x: gv.abs(x), "|−2| = 2"),
        (lambda x: gv.exp(x), "e^−2 = 0.135"),
        (lambda x: gv.greater(x, -1), "1[−2 > −1] = 0"),
        (lambda x: gv.square(x), "(−2)^2 = 4"),
        (lambda x: 1 - x, "1 − (−2) = 3"),
        (lambda x: gv.softsign(x), "(−2)/(1 + |−2|) = −0.667"),
        (lambda x: gv.log1p(x / 4), None),
    ],
)
def test_numbers_have_the_parentheses_that_they_need(build, numbers):
    steps = gv.steps(gv.graph(y=build(gv.param("x", -2.0))))
    last = [tex_to_text(step.substituted) for step in steps if step.phase == "forward"][-1]
    assert last == (numbers or "ln(1 + (−0.5)) = −0.693")


def test_a_negative_step_size_is_apart():
    steps = gv.steps(gv.graph(y=gv.square(gv.param("x", 2.0))), learning_rate=-1)
    assert tex_to_text(steps[-1].substituted) == "2 − (−1) · 4 = 6"


def test_an_index_of_what_has_an_index_is_apart():
    x = gv.param("x_1", [3.0, 4.0])
    steps = gv.steps(gv.graph(y=gv.square(x[0])))
    assert steps[0].formula == "f_{1} = (x_{1})_{0}"  # TeX refuses two at one letter
    assert steps[1].formula == "f_{0} = f_{1}^2"


def test_an_argument_used_twice_by_one_node():
    x = gv.param("x", 3.0)
    steps = gv.steps(gv.graph(y=x * x))
    assert [(step.phase, step.slot) for step in steps] == [
        ("forward", None), ("seed", None), ("backward", 0), ("backward", 1), ("sum", None), ("gradient", None),
        ("update", None),
    ]  # fmt: skip
    assert steps[-2].after == 6


def test_arrays_too_large_to_be_printed_are_put_into_no_formula():
    x = gv.param("x", np.ones(16))
    steps = gv.steps(gv.sum(gv.square(x) * x).named("L"))
    assert [tex_to_text(step.substituted) for step in steps if step.phase != "seed"] == [
        "16, ‖·‖ = 4", "16, ‖·‖ = 4", "16", "16, ‖·‖ = 4", "16, ‖·‖ = 4", "16, ‖·‖ = 4", "16, ‖·‖ = 8 ⇒ 16, ‖·‖ = 12",
        "16, ‖·‖ = 12", "16, ‖·‖ = 12", "16, ‖·‖ = 2.8",
    ]  # fmt: skip
    assert [step.sentence for step in steps if step.phase == "backward"][:2] == [
        "The rule on the edge takes the adjoint of L back to f_1.",
        "The rule on the edge takes the adjoint of f_1 back to f_2.",
    ]
    few = gv.steps(gv.sum(gv.data("A", np.ones((3, 4))) @ gv.param("w", np.ones(4))))
    assert [tex_to_text(step.substituted) for step in few][:2] == ["[4, 4, 4]", "Σ [4, 4, 4] = 12"]


def test_a_factor_that_is_a_sum_has_parentheses():
    c, a = gv.param("c", 0.7), gv.param("a", 0.3)
    formulas = [tex_to_text(step.formula) for step in gv.steps(gv.where(c > 0.5, a, -a)) if step.phase == "backward"]
    assert formulas[1:3] == ["g_a = 1[c > 0.5] · g_0", "g_2 = (1 − 1[c > 0.5]) · g_0"]
    negative = [tex_to_text(step.formula) for step in gv.steps(-a - a * c) if step.phase == "sum"]
    assert negative == ["g_a = g_2 c + (−g_1)"]


def test_rounds_learn():
    w, x, y = gv.param("w", 0.0), gv.data("x", 2.0), gv.data("y", 1.0)
    graph = gv.graph(loss=gv.square(w * x - y))
    steps = gv.steps(graph, learning_rate=0.1, rounds=30)
    root = graph.outputs["loss"]
    losses = [step.after for step in steps if step.phase == "forward" and step.node == root]
    assert len(losses) == 30
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-10
    updates = [step for step in steps if step.phase == "update"]
    assert updates[0].before == 0
    assert updates[0].after == pytest.approx(0.4)
    assert updates[1].before == updates[0].after
    assert {step.round for step in steps} == set(range(1, 31))


def test_the_callers_values_stay(example_roots):
    graph = gv.graph(example_roots["hinge_loss-loss"])
    start = np.array([1.0, 2.0])
    gv.steps(graph, {"W": start}, rounds=3)
    np.testing.assert_array_equal(start, [1, 2])
    assert gv.backprop(graph).forward["W"].tolist() == [0.2, 0.3]


def test_formulas_are_written_when_read():
    y = gv.param("x", 0.3)
    for _ in range(20_000):
        y = gv.sin(y)
    steps = gv.steps(y)
    assert len(steps) == 40_003
    assert tex_to_text(steps[20_000].formula) == "g_0 = 1"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"rounds": 0}, "0 rounds"),
        ({"learning_rate": float("nan")}, "a step size of nan"),
        ({"at": {"q": 1}}, "no node named 'q'"),
        ({"output": "nothing"}, "no output 'nothing'"),
    ],
)
def test_what_is_no_walk(options, line):
    graph = gv.graph(a=gv.sin(gv.param("x", 1.0)))
    with pytest.raises(gv.GradvizError) as caught:
        gv.steps(graph, **options)
    assert line in str(caught.value)


def test_an_output_that_is_an_array_is_refused():
    with pytest.raises(gv.GradvizError, match="backpropagation starts at a single number"):
        gv.steps(gv.stack([gv.param("x", 1.0), gv.param("y", 1.0)]))


def test_where_no_gradient_flows_there_are_steps_forward_alone():
    labels = gv.data("labels", [0, 2], dtype=int)
    assert {step.phase for step in gv.steps(gv.sum(gv.one_hot(labels, 3)))} == {"forward"}
