"""The tape: arguments in columns, and the short way of what was built before, against the long way."""

import gc
import tracemalloc

import numpy as np
import pytest

import gradviz as gv
from gradviz.core.arguments import Arguments
from gradviz.core.tape import current_tape
from gradviz.errors import GraphError, ShapeError

NODES = [(), (), (0, 1), (2,), (0, 1, 3), (4, 4), (0, 1, 2, 5)]


def test_arguments_come_back_as_they_were_given():
    arguments = Arguments(NODES)
    assert list(arguments) == NODES
    assert [arguments[index] for index in range(len(arguments))] == NODES
    assert list(Arguments(NODES[:4])) == NODES[:4]  # none of them in the table


def test_the_arguments_before_a_node_are_a_copy():
    arguments = Arguments(NODES)
    before = arguments.before(5)
    arguments.append((6,))
    assert list(before) == NODES[:5]


@pytest.mark.parametrize("before", [0, 1000])  # few nodes are looked at one way, many another
def test_a_node_without_a_use_is_seen(before):
    chain = [(), *[(place, place) for place in range(before)]]
    last = len(chain) - 1
    assert Arguments(chain).all_used()
    assert Arguments([*chain, (last,), (last + 1, last)]).all_used()
    assert not Arguments([*chain, (last,), (last, last)]).all_used()
    assert Arguments([*chain, (), (last, last, last + 1)]).all_used()
    assert not Arguments([*chain, (), (last, last, last)]).all_used()


def test_arguments_are_numbered_anew():
    arguments = Arguments([(), (), (), (0,), (0, 2, 3), (4, 2)])
    kept = [0, 2, 3, 4, 5]
    place = {old: new for new, old in enumerate(kept)}
    assert list(arguments.taken(kept, place)) == [(), (), (0,), (0, 1, 2), (3, 1)]


def test_a_graph_that_leaves_nodes_out_keeps_three_arguments():
    x, y = gv.param("x", 2.0), gv.param("y", 3.0)
    _unused = gv.where(y > x, x, y) * 2
    made = gv.graph(gv.where(x > y, x * y, x) + y)
    assert [len(node.args) for node in made.nodes] == [0, 0, 2, 2, 3, 2]
    assert gv.backprop(made).grad == {"x": 1.0, "y": 1.0}
    assert list(made.depends_on(frozenset([1]))) == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("again", [False, True])
def test_the_second_time_builds_what_the_first_time_built(again):
    x = gv.param("x", 2.0)
    if again:
        _seen = (1 - x, x - 1.0, gv.sigmoid(x), gv.maximum(x, 0), abs(-x), gv.where(x > 0, x, x))
    y = gv.where(x > 0, gv.maximum(1 - x, 0), gv.sigmoid(-x)) - True
    made = gv.graph(y)
    assert [node.op.name for node in made.nodes].count("constant") == 4
    assert {(node.shape, node.dtype) for node in made.nodes} == {((), np.dtype(np.float64))}
    assert float(gv.backprop(made).output) == -1.0


def test_the_short_way_checks_as_the_long_way_does():
    x, single = gv.param("x", 2.0), gv.param("s", np.float32(2.0))
    vector = gv.param("v", [1.0, 2.0])
    _seen = gv.sigmoid(x), x + x, single + single, vector + vector
    with pytest.raises(GraphError, match="sigmoid takes 1 argument, not 2"):
        gv.sigmoid(x, x)
    assert (x + single).dtype == np.float64
    assert (single + 1).dtype == np.float32
    assert (vector + 1).shape == (2,)
    assert (x + vector).shape == (2,)
    with pytest.raises(ShapeError):
        vector + gv.param("w", [1.0, 2.0, 3.0])
    with pytest.raises(GraphError, match="not an array of numbers"):
        x + 10**400


def test_a_scope_is_seen_by_what_was_built_before():
    x = gv.param("x", 2.0)
    first = x * x
    with gv.scope("inside"):
        second = gv.sigmoid(first * x)
    assert [node.scope for node in gv.graph(gv.sigmoid(second * x)).nodes] == ["", "", "inside", "inside", "", ""]


def test_one_object_a_node_for_the_collector():
    x = gv.param("x", 2.0)
    y = x * x
    gc.collect()
    before = len(gc.get_objects())
    kept = [y]
    for _ in range(1000):
        kept.append(kept[-1] * x)
    assert len(gc.get_objects()) - before <= 1010


def test_the_name_given_last_brings_its_own_latex():
    tape = gv.param("x", 1.0, tex=r"\xi").tape
    index = len(current_tape().rows) - 1
    assert tape.name(index).tex == r"\xi"
    tape.give_name(index, "y", None)
    assert tape.name(index).tex == "y"
    assert tape.name(index + 1) is None


def test_passes_leave_nothing_on_the_users_tape():
    w, x = gv.param("w", 0.5), gv.data("x", [1.0, 2.0, 3.0])
    graph = gv.graph(loss=gv.sum(gv.scan(lambda x, h: gv.tanh(w * h + x), x, 0.0)))
    before = len(w.tape.rows)
    for use in (
        gv.evaluate,
        gv.backprop,
        gv.check,
        gv.unroll,
        lambda graph: gv.derivative(graph, "w"),
        lambda graph: gv.hessian_vector(graph, "w", 1.0),
        lambda graph: gv.batched(graph, 2),
        lambda graph: gv.compile(graph, batch=2).value_and_grad(x=np.ones((2, 3))),
        lambda graph: gv.from_expression("a*b"),
    ):
        use(graph)
        assert len(w.tape.rows) == before
    assert current_tape() is w.tape
    assert gv.evaluate(graph).graph is gv.backprop(graph).graph  # written out once
    with pytest.raises(GraphError, match="no node named 'v'"):
        gv.derivative(graph, "v")
    assert current_tape() is w.tape


def test_many_scopes_are_checked_in_little_memory():
    h, count = gv.param("x", 1.0), 6000
    for step in range(count):
        with gv.scope(f"step{step}"):
            h = gv.tanh(h)
    graph = gv.graph(h)
    tracemalloc.start()
    try:
        gv.graph(h)
        assert tracemalloc.get_traced_memory()[1] < 6e6
    finally:
        tracemalloc.stop()
    assert graph.nodes[-1].scope == "step5999"
