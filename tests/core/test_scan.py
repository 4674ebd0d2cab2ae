"""scan: the loop and its steps written out compute the same, and mistakes in a cell are named."""

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.primitive import REGISTRY
from gradviz.namespaces import numpy as xp


def rnn(length=4, reverse=False):
    x = gv.data("x", np.linspace(-1, 1, 3 * length).reshape(length, 3))
    U, W = gv.param("U", np.linspace(0.1, 0.6, 6).reshape(2, 3)), gv.param("W", [[0.3, -0.2], [0.5, 0.1]])
    return gv.scan(lambda x, h: gv.tanh(U @ x + W @ h).named("h", tex="h_t"), x, np.zeros(2), reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_steps_are_those_of_a_loop_written_by_hand(reverse):
    found = gv.evaluate(rnn(reverse=reverse)).output
    x = np.linspace(-1, 1, 12).reshape(4, 3)
    U, W = np.linspace(0.1, 0.6, 6).reshape(2, 3), np.array([[0.3, -0.2], [0.5, 0.1]])
    h, expected = np.zeros(2), np.zeros((4, 2))
    for t in range(3, -1, -1) if reverse else range(4):
        expected[t] = h = np.tanh(U @ x[t] + W @ h)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_rule_of_the_loop_is_that_of_its_steps(reverse):
    handle = rnn(reverse=reverse)
    graph = gv.graph(handle)
    (node,) = [node for node in graph.nodes if node.op is REGISTRY["scan"]]
    args = [graph.node(arg).value for arg in node.args]
    seed = np.arange(8.0).reshape(4, 2)
    forward = node.op.forward(xp, *args, **node.attrs)
    by_rule = node.op.vjp(xp, seed, forward, *args, **node.attrs)
    unrolled = gv.backprop(graph, seed=seed, wrt=["x", "U", "W"])
    np.testing.assert_allclose(forward, unrolled.output, rtol=1e-14)
    for name, place in (("x", 0), ("U", 2), ("W", 3)):
        np.testing.assert_allclose(by_rule[place], unrolled.grad[name], rtol=1e-12)


def test_a_cell_with_two_states_two_sequences_and_parameters_of_its_own():
    x, u = gv.data("x", [1.0, 2.0, 3.0]), gv.data("u", [0.5, 0.25, 0.125])

    def cell(x, u, h, c):
        w = gv.param("w", 2.0)
        return w * h + x, c + u * h

    h, c = gv.scan(cell, (x, u), (0.0, 1.0))
    assert gv.evaluate(h).output.tolist() == [1, 4, 11]
    assert gv.evaluate(c).output.tolist() == [1, 1.25, 1.75]
    graph = gv.graph(total=h[-1] + c[-1])
    assert [leaf.name for leaf in graph.leaves if leaf.op.name == "parameter"] == ["w"]
    assert float(gv.backprop(graph).grad["w"]) == pytest.approx(
        6 + 0.125
    )  # h₃ = w(w + 2) + 3, and c₃ has h₂ u₃ = (w + 2)/8


def test_the_steps_stand_in_scopes_of_their_own_and_carry_their_time():
    graph = gv.unroll(gv.graph(rnn(3)[-1]))
    named = {node.path: node.tex for node in graph.nodes if node.name}
    assert [named[f"t{t}/h"] for t in (1, 2, 3)] == ["h_{1}", "h_{2}", "h_{3}"]
    assert gv.check(graph).ok


def test_a_graph_with_a_loop_is_drawn_stepped_and_explained(tmp_path):
    loss = gv.sum(gv.square(rnn(2)[-1])).named("loss")
    gv.figure(loss).save(tmp_path / "rnn.svg")
    assert gv.steps(loss)
    assert gv.explain(loss, wrt="W").paths


def test_a_leaf_that_no_step_uses():
    w, x, v = gv.param("w", 2.0), gv.data("x", [1.0, 2.0, 3.0]), gv.param("v", [1.0, 1.0, 1.0])
    states = gv.scan(lambda item, other, h: w * h, (x, v), 1.0)
    graph = gv.graph(loss=states[-1])
    at = {"x": [0.0, 0.0, 0.0], "v": [2.0, 2.0, 2.0], "w": 3.0}
    values = gv.backprop(graph, at=at)
    assert (values.output, values.grad) == (27, {"w": 27})
    assert gv.evaluate(graph, at=at).forward["x"].tolist() == [0, 0, 0]
    assert gv.backprop(graph, wrt=["x", "w"]).grad == {"w": 12}
    assert gv.check(graph, at=at).ok
    assert gv.steps(graph, at=at)
    assert not gv.explain(graph, wrt="x").paths
    assert len(gv.figure(graph).figure.nodes) == 5  # nothing stands there unconnected
    with pytest.raises(gv.GradvizError, match=r"'x' has shape \(3,\), the value given has \(2,\)"):
        gv.evaluate(graph, at={"x": [1.0, 2.0]})
    with pytest.raises(gv.GradvizError, match="no node named 'u'"):
        gv.evaluate(graph, at={"u": 1.0})


def test_no_steps():
    assert gv.evaluate(rnn(0)).output.shape == (0, 2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: gv.scan(lambda x, h: (h, h), x, 0.0), "returns 2 states for 1"),
        (lambda x: gv.scan(lambda x, h: gv.stack([h, x]), x, 0.0), "becomes"),
        (lambda x: gv.scan(lambda x, h: h, x[0], 0.0), "first axis is time"),
        (lambda x: gv.scan(lambda x, u, h: h, (x, x[1:]), 0.0), "differ in length"),
    ],
)
def test_a_wrong_cell_is_named_at_the_users_line(build, message):
    with pytest.raises(gv.GradvizError, match=message) as caught:
        build(gv.data("x", [1.0, 2.0, 3.0]))
    assert "test_scan.py" in str(caught.value)


@pytest.mark.parametrize(
    "key", [(), np.s_[0, :, [0, 1, 2]], np.s_[-1, None, [0, 2]], np.s_[1, [0, 1], [2, 0]], np.s_[0, :, ::-1]]
)
@pytest.mark.parametrize("size", [1, 20])
def test_any_index_of_the_states_is_that_of_their_array(key, size):
    numbers = np.linspace(-1, 1, 18 * size).reshape(2, 3, 3, size)
    x = gv.param("x", numbers)
    states = gv.scan(lambda x, h: h + x, x, np.zeros((3, 3, size)))
    expected = np.cumsum(numbers, axis=0)[key]
    weights = np.arange(expected.size).reshape(expected.shape)
    graph = gv.graph(loss=gv.sum(states[key] * weights))
    before = np.zeros(numbers.shape)
    np.add.at(before, key, weights)
    slopes = np.flip(np.cumsum(np.flip(before, 0), axis=0), 0)
    layer = gv.compile(graph)
    for value, found in (layer.value_and_grad(), ((made := gv.backprop(graph)).output, made.grad)):
        np.testing.assert_allclose(value, np.sum(expected * weights), rtol=1e-12)
        np.testing.assert_allclose(found["x"], slopes, rtol=1e-12)
