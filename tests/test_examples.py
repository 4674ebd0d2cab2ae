"""Every example runs, and the published numbers come out digit for digit."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest
from gallery import EXAMPLES, RESULTS, ROOT, example, result_plot, with_results

import gradviz as gv


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_runs_as_a_program(script):
    answer = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    if "__main__" in script.read_text(encoding="utf-8"):
        assert answer.stdout


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_says_what_it_is(script):
    first, _, rest = ast.get_docstring(ast.parse(script.read_bytes())).partition("\n")
    assert first.endswith("."), "one line is a whole sentence, which `gradviz examples` lists"
    assert not rest or rest.startswith("\n")


@pytest.mark.parametrize("name", with_results())
def test_a_result_is_drawn_and_in_the_gallery(name):
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert f"(gallery/results/{name}.svg)" in page
    shown = (RESULTS / f"{name}.svg").read_text(encoding="utf-8")
    assert len(shown) < 100_000
    drawn = result_plot(name).svg()
    assert drawn.splitlines()[:10] == shown.splitlines()[:10]  # numbers may differ in the last digit, machines do
    assert 0.8 < len(drawn) / len(shown) < 1.25, f"make pictures, or: python tests/results.py {name}"


def test_no_result_is_left_over():
    assert {path.stem for path in RESULTS.glob("*.svg")} == set(with_results())


def test_cs231n_neuron():
    values = gv.backprop(example("cs231n_neuron")["f"])
    assert f"{values.output:.2f}" == "0.73"
    assert {name: f"{value:.2f}" for name, value in values.grad.items()} == {
        "w0": "-0.20",
        "x0": "0.39",
        "w1": "-0.39",
        "x1": "-0.59",
        "w2": "0.20",
    }


def test_micrograd_readme():
    values = gv.backprop(example("micrograd_readme")["g"])
    assert f"{values.output:.4f}" == "24.7041"
    assert f"{values.grad['a']:.4f}" == "138.8338"
    assert f"{values.grad['b']:.4f}" == "645.5773"


def test_mazur_network():
    variables = example("mazur_network")
    values = gv.backprop(variables["loss"])
    assert f"{values.output:.9f}" == "0.298371109"
    np.testing.assert_array_equal(np.round(values.forward["h"], 9), [0.593269992, 0.596884378])
    np.testing.assert_array_equal(np.round(values.forward["o"], 9), [0.751365070, 0.772928465])
    hidden = values.forward["W"] - 0.5 * values.grad["W"]
    output = values.forward["V"] - 0.5 * values.grad["V"]
    published = [[0.149780716, 0.199561432], [0.249751144, 0.299502287]]
    np.testing.assert_array_equal(np.round(hidden, 9), published)
    np.testing.assert_array_equal(np.round(output, 9), [[0.358916480, 0.408666186], [0.511301270, 0.561370121]])


def test_baydin_example():
    values = gv.backprop(example("baydin_example")["y"])
    assert f"{values.output:.3f}" == "11.652"
    assert values.grad["x1"] == 5.5
    assert f"{values.grad['x2']:.3f}" == "1.716"


def test_two_cars_table():
    graph = gv.graph(example("two_cars")["h"])
    table = {(3, 1): (1, 0, 1), (1, 3): (0, 1, 1), (1, 0.5): (0, 0, -1)}
    for (x1, x2), expected in table.items():
        values = gv.evaluate(graph, at={"phi": [1, x1, x2]})
        assert tuple(values.forward[name] for name in ("h1", "h2", "h")) == expected


def test_hinge_loss_gradient_is_the_slides():
    graph = gv.graph(example("hinge_loss")["loss"])
    for weights in ([0.2, 0.3], [-3.0, 4.0], [2.0, -1.0]):
        for y in (1.0, -1.0):
            values = gv.backprop(graph, at={"W": weights, "y": y})
            phi = values.forward["phi"]
            expected = -float(np.dot(weights, phi) * y < 1) * phi * y
            np.testing.assert_allclose(values.grad["W"], expected)
