"""What a node does where NumPy, torch or Python's own functions would be used: it works, or one line says what does."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GraphError, ShapeError


@pytest.fixture
def nodes():
    w, y = gv.param("w", 0.5), gv.data("y", 2.0)
    return w, y, (w * y).named("loss")


def test_a_named_node_stands_for_its_name(nodes):
    w, y, loss = nodes
    values = gv.backprop(loss, at={w: 3.0})
    assert values.forward[loss] == 6
    assert values.grad[w] == values.backward[w] == values.local[loss, 0] == 2
    assert gv.backprop(loss, wrt=y).grad == gv.backprop(loss, wrt="y").grad == {"y": 0.5}
    assert gv.explain(loss, wrt=w).simplified == "y"
    assert list(gv.derivative(loss, w).outputs) == ["∂loss/∂w"]
    assert gv.figure(loss, path=w).svg() == gv.figure(loss, path="w").svg()
    layer = gv.compile(loss, wrt=y)
    layer(y=2.0)
    assert layer.backward() == {"y": 0.5}
    with gv.scope("layer"):
        inner = gv.param("w", 2.0)
    assert gv.backprop(loss * inner).grad[inner] == 1


def test_a_node_without_a_name_is_asked_for_one(nodes):
    w, y, _ = nodes
    with pytest.raises(GraphError, match=r'<multiply \(a scalar\)> is no node of the graph .*\.named\("loss"\)'):
        _ = gv.evaluate(w * y).forward[w * y]
    with pytest.raises(GraphError, match=r"no node named 'z' \(its names are w, y, loss; \.named\('z'\) gives"):
        _ = gv.evaluate(nodes[2]).forward["z"]
    with pytest.raises(GraphError, match=r"<add \(a scalar\)> has no name"):
        gv.explain(nodes[2], wrt=w + y)


def test_a_gradient_that_is_not_there_says_why(nodes):
    grad = gv.backprop(nodes[2]).grad
    assert grad == {"w": 2.0}
    for name, reason in {
        "y": r"no gradient is wanted of y \(data\) \(gv.backprop\(loss, wrt=\['y'\]\)\)",
        "loss": r"loss \(multiply\) is no leaf \(its adjoint is values.backward\['loss'\]\)",
        "z": "no node named 'z'",
    }.items():
        with pytest.raises(KeyError, match=reason):
            _ = grad[name]


@pytest.mark.parametrize("wrt", [None, "v", ["w", "v"]])
def test_a_gradient_of_a_leaf_that_only_another_output_needs_says_so(wrt):
    w, v = gv.param("w", 2.0), gv.param("v", 3.0)
    grad = gv.backprop(gv.graph(loss=w * w, other=v * w), wrt=wrt, output="loss").grad
    assert grad == ({} if wrt == "v" else {"w": 4.0})
    with pytest.raises(KeyError, match=r"the output does not depend on v \(parameter\)"):
        _ = grad["v"]
    with pytest.raises(KeyError, match="no gradient is wanted of v"):
        _ = gv.evaluate(v * w).grad["v"]


def test_values_and_nodes_show_themselves_in_a_line(nodes):
    w, y, loss = nodes
    assert repr(gv.backprop(loss)) == "<Values: loss = 1; grad w: 2>"
    assert repr(gv.evaluate(loss)) == "<Values: loss = 1>"
    assert [repr(loss), repr(w + y)] == ["<loss (a scalar) multiply>", "<add (a scalar)>"]


def test_methods_of_arrays_are_gradvizs_functions():
    given = np.array([[1.0, 5.0], [-2.0, 3.0]])
    a = gv.param("a", given)
    for made, expected in [
        (a.max(), given.max()),
        (a.min(axis=0), given.min(axis=0)),
        (a.dot(a), given.dot(given)),
        (a.transpose(), given.T),
        (a.transpose(1, 0), given.T),
        (a.std(), given.std()),
        (a.clip(0, 4), given.clip(0, 4)),
        (a.prod(axis=1), given.prod(axis=1)),
    ]:
        np.testing.assert_allclose(gv.evaluate(made).output, expected)


def test_attributes_of_nodes_are_found_the_quick_way():
    # with __getattr__, or a property of that kind, the interpreter looks up every slot by name, operators' too
    assert not any(name in vars(one) for one in gv.Expr.__mro__[:-1] for name in ("__getattr__", "__getattribute__"))


def test_lists_that_hold_nodes_are_stacked(nodes):
    w, y, _ = nodes
    for made, expected in [
        (gv.sum([w, y]), 2.5),
        (gv.mean([w, 1.0, y]), 3.5 / 3),
        (gv.constant([[1.0, 2.0], [3.0, 4.0]]) @ [w, y], [4.5, 9.5]),
        (w * [y, 1.0], [1.0, 0.5]),
        (gv.maximum([[w, y], [y, w]], 1), [[1, 2], [2, 1]]),
    ]:
        np.testing.assert_allclose(gv.evaluate(made).output, expected)


@pytest.mark.parametrize(
    ("write", "remedy"),
    [
        (lambda a: max(a, 0), "gv.maximum and gv.minimum for max and min"),
        (lambda a: 0 < a < 1, r"\(0 < a\) \* \(a < 1\)"),
        (math.exp, "for math.exp write gv.exp"),
        (float, r"gv.evaluate\(node\).output"),
        (int, r"gv.evaluate\(node\).output"),
        (round, "has no value yet"),
        ("{:.2f}".format, r"gv.evaluate\(node\).output"),
        (lambda a: 1 in gv.stack([a, a]), "compare its entries"),
        (lambda a: gv.stack([a, a]).__setitem__(0, 1), "gv.where, gv.stack"),
        (lambda a: gv.max(a, 0), r"the larger of two is gv.maximum\(a, b\)"),
        (lambda a: gv.min(a, a), r"the smaller of two is gv.minimum\(a, b\)"),
        (lambda a: gv.graph(gv.param("a", 2.0) * a), r"'a': data \(a number\) and parameter \(a number\)"),
    ],
)
def test_what_cannot_be_written_says_what_can(write, remedy):
    with pytest.raises(GraphError, match=rf"test_handles.py:\d+: .*{remedy}"):
        write(gv.data("a", 1.0))


def test_a_string_of_a_node_is_what_it_is(nodes):
    assert f"{nodes[0]}" == "<w (a scalar) parameter>"


@pytest.mark.parametrize(
    ("thing", "name", "remedy"),
    [
        (gv.data("a", 1.0), "exp", r"\(write gv.exp\(node\)\)"),
        (gv.data("a", 1.0), "backward", r"gv.backprop\(node\).grad"),
        (gv.data("a", 1.0), "flatten", r"node.reshape\(-1\)"),
        (gv.data("a", 1.0), "foo", "no attribute 'foo'$"),
        (gv, "sigmod", "did you mean 'sigmoid'"),
        (gv, "concat", "write gv.concatenate"),
        (gv, "xyzzy", "no attribute 'xyzzy'$"),
        (nn, "Linear", "write nn.dense"),
        (nn, "relu", "write gv.relu"),
        (nn, "CrossEntropyLoss", "write nn.cross_entropy"),
        (nn, "dens", "did you mean 'dense'"),
        (nn, "xyzzy", "no attribute 'xyzzy'$"),
    ],
)
def test_another_name_for_it_is_known(thing, name, remedy):
    with pytest.raises(AttributeError, match=remedy):
        getattr(thing, name)


def test_the_names_that_are_advised_exist():
    from gradviz.nn import _OF_OTHERS as layers

    for text in layers.values():
        assert text.split("(")[0].removeprefix("nn.") in nn.__all__
    assert not hasattr(gv.data("a", 1.0), "__array_interface__")


def test_shapes_are_still_checked_in_a_list(nodes):
    with pytest.raises(ShapeError):
        gv.sum([nodes[0], gv.data("v", [1.0, 2.0])])


def test_pythons_sum_leaves_no_zero_in_the_graph():
    w, x = gv.param("w", [1.0, 2.0]), gv.data("x", [3.0, 4.0])
    total = sum(a * b for a, b in zip(w, x, strict=True)).named("total")
    assert [node.op.name for node in gv.graph(total).nodes if node.op.name in ("add", "constant")] == ["add"]
    assert gv.evaluate(total).output == 11
    first = gv.square(w[0]).named("first")
    assert sum([first]).named("alone").name == "alone"


def test_pythons_sum_of_named_nodes_begins_with_the_first_of_them():
    first, second = (gv.exp(gv.param(f"z_{k}", 0.0)).named(f"e_{k}") for k in (1, 2))
    total = sum([first, second]).named("S")
    assert [node.op.name for node in gv.graph(total).nodes] == ["parameter", "exp", "parameter", "exp", "add"]
    alone = sum([first]).named("alone")
    assert gv.evaluate(alone + second).forward["alone"] == 1
