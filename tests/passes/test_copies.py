"""Copies and pickles: of a graph and what is made of it they are as good as the first; a node on its tape is itself."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.primitive import CONSTANT, DATA, PARAMETER, REGISTRY
from gradviz.errors import GraphError

COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda made: pickle.loads(pickle.dumps(made))}
copies = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def hinge():
    W, x, y = gv.param("W", [0.2, 0.3]), gv.data("x", [-1.0, 1.0]), gv.data("y", 1.0)
    score = (W @ x[[1, 0]]).named("score")
    return gv.maximum(1 - score * y, 0).named("loss")


@copies
def test_a_graph_learns_as_before(copied):
    graph = gv.graph(hinge())
    made = copied(graph)
    assert [node.op for node in made.nodes] == [node.op for node in graph.nodes]
    assert gv.backprop(made).grad["W"].tolist() == [-1, 1]
    assert gv.compile(made).parameters.keys() == {"W"}
    assert gv.to_sympy(made) == gv.to_sympy(graph)


@copies
def test_a_loop_is_still_one(copied):
    cell = gv.scan(lambda x, h: gv.tanh(x + h), gv.data("x", np.ones(3)), gv.constant(0.0))
    graph = gv.graph(gv.sum(cell))
    made = copied(graph)
    assert made.looped
    assert gv.evaluate(made).output == gv.evaluate(graph).output
    assert len(gv.unroll(made)) == len(gv.unroll(graph))


@copies
def test_values_are_as_complete_as_before(copied):
    values = gv.backprop(hinge())
    made = copied(values)
    assert list(made.local) == list(values.local)
    assert list(made.contribution) == list(values.contribution)
    assert made.contribution["score", 0].tolist() == values.contribution["score", 0].tolist()
    assert made.backward.keys() == values.backward.keys()
    assert made.grad.keys() == {"W"}
    part = copied(gv.backprop(hinge(), wrt="x").contribution)
    assert ("score", 0) not in [(made.graph.nodes[parent].name, slot) for parent, slot in part]


@copies
def test_what_is_made_of_a_graph(copied):
    loss = hinge()
    picture = gv.figure(loss)
    made = copied(picture)
    assert made.svg() == picture.svg()
    assert made.html() == picture.html()
    assert [step.line for step in copied(gv.steps(loss))] == [step.line for step in gv.steps(loss)]
    assert copied(gv.explain(loss, "W")).to_latex() == gv.explain(loss, "W").to_latex()
    assert copied(gv.check(loss)).to_markdown() == gv.check(loss).to_markdown()


@copies
@pytest.mark.parametrize("op", [PARAMETER, DATA, CONSTANT, *list(REGISTRY.values())[:3]], ids=repr)
def test_there_is_one_primitive_of_a_name(op, copied):
    assert copied(op) is op


def test_a_primitive_that_is_not_declared_where_it_is_read():
    cube = gv.primitive("cube", symbol="c", forward=lambda xp, x: x**3, partials=(lambda xp, f, x: 3 * x**2,))
    try:
        written = pickle.dumps(gv.graph(cube(gv.param("x", 2.0))))
        assert gv.backprop(pickle.loads(written)).grad == {"x": 12}
    finally:
        del REGISTRY["cube"]
    with pytest.raises(GraphError, match=r"no primitive 'cube' is declared here .declare it first"):
        pickle.loads(written)


def test_a_graph_is_read_by_another_process(tmp_path):
    graph = gv.graph(hinge())
    (tmp_path / "graph.pickle").write_bytes(pickle.dumps(graph))
    code = "import pickle, pathlib, sys; print(pickle.loads(pathlib.Path(sys.argv[1]).read_bytes()).nodes)"
    command = [sys.executable, "-c", code, tmp_path / "graph.pickle"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{graph.nodes}\n"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copied_node_is_the_same_node(copied):
    w = gv.param("w", 2.0)
    doubled = copied(w) * 3 + w
    assert gv.backprop(doubled).grad == {"w": 4}


def test_a_node_cannot_be_pickled():
    with pytest.raises(GraphError, match=r"w \(a scalar\) cannot be pickled.*gv\.graph\(node\) can") as caught:
        pickle.dumps(gv.param("w", 2.0))
    assert caught.value.where.startswith(__file__)


@copies
def test_an_interruption_says_the_same(copied):
    interrupted = gv.TrainingInterrupted(gv.compile(gv.square(gv.param("w", 1.0))).fit({}, progress=False))
    made = copied(interrupted)
    assert str(made) == str(interrupted)
    assert made.history.losses.tolist() == interrupted.history.losses.tolist()
