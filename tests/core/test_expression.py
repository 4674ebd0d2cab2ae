"""Expressions as text: what is read, what is refused, and that nothing is evaluated."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradviz as gv
from gradviz.errors import ExpressionError, GradvizError


def value(text, **at):
    return gv.evaluate(gv.from_expression(text, at=at)).output


def test_assignments_in_order():
    graph = gv.from_expression("q = x + y; f = q*z")
    values = gv.backprop(graph, at={"x": -2, "y": 5, "z": -4})
    assert values.forward["q"] == 3
    assert values.output == -12
    assert values.grad == {"x": -4, "y": -4, "z": 3}


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("max(1 - w*x*y, 0)", {"w": 0.5, "x": 1, "y": 1}, 0.5),
        ("min(a, b)", {"a": 1, "b": 2}, 1),
        ("log(x)", {"x": np.e}, 1),
        ("ln(x)", {"x": np.e}, 1),
        ("-x**2", {"x": 3}, -9),
        ("2**-x", {"x": 1}, 0.5),
        ("+x - -x", {"x": 1}, 2),
        ("sin(pi*x)", {"x": 0.5}, 1),
        ("pi = 2; pi*x", {"x": 3}, 6),
        ("sin(π*x)", {"x": 0.5}, 1),
        ("µ*ℓ + l", {"µ": 2, "ℓ": 3, "l": 4}, 10),
        ("µ = 2*x; µ + 1", {"x": 3}, 7),
        ("x = x*2; x = x + 1; x", {"x": 5}, 11),
        ("W @ x", {"W": [1, 2], "x": [3, 4]}, 11),
        ("dot(W, x)", {"W": [1, 2], "x": [3, 4]}, 11),
        ("x[0] + x[-1]", {"x": [1, 2, 4]}, 5),
        ("sum(x[1:])", {"x": [1, 2, 4]}, 6),
        ("sum(A, axis=0)[1]", {"A": [[1, 2], [3, 4]]}, 6),
        ("sum(stack([x, 2*x]))", {"x": 3}, 9),
        ("max(x)", {"x": [1, 7, 3]}, 7),
        ("x > 2", {"x": 3}, 1),
        ("1/(1 + exp(-(w*x)))", {"w": 0, "x": 1}, 0.5),
        ("  x\n", {"x": 4}, 4),
        ("sum(A, 1)", {"A": [[1, 2], [3, 4]]}, [3, 7]),
        ("sum(A, -1)", {"A": [[1, 2], [3, 4]]}, [3, 7]),
        ("softmax(A, 0)", {"A": [[0, 0], [0, 0]]}, [[0.5, 0.5], [0.5, 0.5]]),
        ("reshape(A, (1, 4))", {"A": [[1, 2], [3, 4]]}, [[1, 2, 3, 4]]),
        ("transpose(A, (1, 0))", {"A": [[1, 2], [3, 4]]}, [[1, 3], [2, 4]]),
        ("concatenate([A, A], 1)", {"A": [[1], [3]]}, [[1, 1], [3, 3]]),
        ("windows(v, 2)", {"v": [1, 2, 3]}, [[1, 2], [2, 3]]),
        ("split(v, 3)[1]", {"v": [1, 2, 3]}, [2]),
        ("one_hot(1, 3)", {}, [0, 1, 0]),
        ("1/2 + 3/x", {"x": 2}, 2),
        ("clip(x, 0, 1) + maximum(x, 3)", {"x": 2}, 4),
    ],
)
def test_values(text, at, expected):
    found = value(text, **at)
    assert found == pytest.approx(np.array(expected))
    assert found.dtype == np.float64


def test_outputs_are_what_feeds_no_other():
    assert list(gv.from_expression("a = x + 1; b = x*2").outputs) == ["a", "b"]
    assert list(gv.from_expression("a = x + 1; b = a*2").outputs) == ["b"]


def test_data_are_marked():
    graph = gv.from_expression("w*x", data=["x"])
    assert {leaf.name: leaf.op.name for leaf in graph.leaves} == {"w": "parameter", "x": "data"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "x +",
        "__import__('os').system('true')",
        "x.shape",
        "(lambda: 1)()",
        "[x for x in y]",
        "a < b < c",
        "x if y else z",
        "not x",
        "x % 2",
        "x // 2",
        "x = y = 1",
        "x, y = 1",
        "import os",
        "f'{x}'",
        "'text'",
        "unknown(x)",
        "exp(**x)",
        "exp(x, y)",
        "sum(x, axis=y)",
        "x[y]",
        "1j",
        "True",
        "x" * 200_000,
        "(" * 5000 + "x" + ")" * 5000,
        "x\0",
        "matmul(x, y)",
        "s + 1" + "0" * 400,
        "stack([x, x])[::0]",
        "stack([x, x])[0.5:]",
        "stack([x, x])[True]",
        "einsum(v, v)",
        "split(stack([x, x]), 2)",
        "split(stack([x, x]), 2)[2]",
        "sum(x, 1.5)",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ExpressionError):
        gv.from_expression(text)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"at": {"e": 0.5}}, r"'e' is no leaf of the expression \(its leaves are weight\)"),
        ({"at": {"y": 0.5}}, "'y' is no leaf"),
        ({"data": ["wieght"]}, r"'wieght' is no leaf of the expression \(did you mean 'weight'\?\)"),
    ],
)
def test_names_that_are_no_leaves_are_refused(options, said):
    with pytest.raises(ExpressionError, match=said):
        gv.from_expression("y = e*weight", **options)


def test_the_column_is_named():
    with pytest.raises(ExpressionError, match=r"column 5 of 'x \+ foo\(y\)': there is no function 'foo'"):
        gv.from_expression("x + foo(y)")


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("xyz0123456789+-*/()[]@,.;=<> '\"\\{}expmaxsum\n:")), max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(GradvizError):
        gv.from_expression(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x^2", r"the operator \^ is not read here \(a power is x\*\*2\)"),
        ("x == 2", "the operator == is not read here$"),
        ("x·y", r"column 1 of 'x·y': 'x·y' is no name \(a product is x\*y\)"),
        ("θ + µ*foo(y)", "column 7 of"),
        ("x % 2", r"the operator % is not read here$"),
        ("2x", r"write it as in \"max\(1 - w\*x\*y, 0\)\", powers as x\*\*2"),
        ("sigmod(x)", r"there is no function 'sigmod' \(did you mean 'sigmoid'\?\)"),
        ("xyzzy(x)", r"there is no function 'xyzzy' \(it has NumPy's names"),
    ],
)
def test_what_is_not_read_says_how_it_is_written(text, message):
    with pytest.raises(ExpressionError, match=message):
        gv.from_expression(text)
