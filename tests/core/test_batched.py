"""batched: what a graph for many samples computes is what the graph for one computes of each."""

import itertools
import math

import numpy as np
import pytest
from cases import cases, choose

import gradviz as gv

SIZE = 3


def graph_of(case):
    kinds = [int if place in case.op.indices else float for place in range(len(case.shapes))]
    args = [
        gv.data(f"x{place}", shape=shape, dtype=kind)
        for place, (shape, kind) in enumerate(zip(case.shapes, kinds, strict=True))
    ]
    return gv.graph(y=case.op(*args, **case.attrs))


def sharings(count):
    """Which arguments are the same for all samples: every choice but all of them."""
    choices = itertools.product([False, True], repeat=count)
    return [choice for choice in choices if not all(choice)]


@pytest.mark.parametrize("case", cases(), ids=str)
def test_every_primitive_is_given_a_batch_axis(case):
    graph = graph_of(case)
    rng = np.random.default_rng(0)
    for same in sharings(len(case.shapes)):
        shared = [f"x{place}" for place, one in enumerate(same) if one]
        at = {
            f"x{place}": rng.uniform(0.2, 0.8, shape if one else (SIZE, *shape))
            for place, (shape, one) in enumerate(zip(case.shapes, same, strict=True))
        }
        for place, rows in choose(case, rng, SIZE).items():
            at[f"x{place}"] = rows[0] if same[place] else rows
        found = gv.evaluate(gv.batched(graph, SIZE, shared=shared, mean=()), at=at).output
        for sample in range(SIZE):
            here = {name: value if name in shared else value[sample] for name, value in at.items()}
            expected = gv.evaluate(graph, at=here).output
            np.testing.assert_allclose(found[sample], expected, rtol=1e-12, atol=1e-14)


def test_a_product_of_a_matrix_and_vectors_is_one_product_of_matrices():
    W, x = gv.param("W", shape=(4, 3)), gv.data("x", shape=3)
    graph = gv.batched(gv.graph(h=gv.tanh(W @ gv.tanh(x))), 5)
    shapes = {node.op.name: node.shape for node in graph.nodes}
    assert shapes["matmul"] == (5, 4)
    layers = gv.tanh(W @ gv.tanh(gv.param("V", shape=(3, 2)) @ gv.data("z", shape=2)))
    assert len(gv.batched(gv.graph(h=layers), 5)) <= 9


def test_a_loss_becomes_the_mean_and_its_gradient_the_mean_of_gradients():
    w, x, y = gv.param("w", [0.5, -0.3]), gv.data("x", shape=2), gv.data("y", shape=())
    graph = gv.graph(loss=gv.maximum(1 - (w @ x) * y, 0))
    xs, ys = np.random.default_rng(1).normal(size=(4, 2)), np.array([1.0, -1.0, 1.0, -1.0])
    many = gv.backprop(gv.batched(graph, 4), at={"x": xs, "y": ys})
    each = [gv.backprop(graph, at={"x": x, "y": y}) for x, y in zip(xs, ys, strict=True)]
    assert float(many.output) == pytest.approx(np.mean([one.output for one in each]))
    np.testing.assert_allclose(many.grad["w"], np.mean([one.grad["w"] for one in each], axis=0))


def test_a_loop_is_batched_as_a_loop():
    U, W = gv.param("U", [[0.3, 0.1], [0.2, -0.5]]), gv.param("W", [[0.3, -0.2], [0.5, 0.1]])
    hs = gv.scan(lambda x, h: gv.tanh(U @ x + W @ h), gv.data("x", shape=(5, 2)), np.zeros(2))
    graph = gv.graph(h=hs)
    many = gv.batched(graph, SIZE)
    assert [node.op.name for node in many.nodes].count("scan") == 1
    xs = np.random.default_rng(2).normal(size=(SIZE, 5, 2))
    found = gv.evaluate(many, at={"x": xs}).output
    for sample in range(SIZE):
        np.testing.assert_allclose(found[sample], gv.evaluate(graph, at={"x": xs[sample]}).output, rtol=1e-13)


@pytest.mark.parametrize(
    "key", [np.array([[0, 1], [1, 2]]), (1, np.array([[0, 1], [1, 2]])), (slice(0, 2), slice(0, 2))]
)
def test_a_scatter_has_the_key_of_its_result(key):
    shape = (3, 3) if isinstance(key, tuple) else (4,)
    x, c = gv.data("x", [[1.0, 2.0], [3.0, 4.0]]), gv.param("c", np.arange(math.prod(shape)).reshape(shape))
    loss = gv.sum(c * gv.square(gv.scatter(x, key, shape)))
    given = np.arange(8.0).reshape(2, 2, 2)
    one = [gv.backprop(loss, at={"x": sample}) for sample in given]
    many = gv.backprop(gv.batched(loss, 2), at={"x": given})
    assert many.output == pytest.approx(np.mean([values.output for values in one]))
    np.testing.assert_allclose(many.grad["c"], np.mean([values.grad["c"] for values in one], axis=0))


def test_no_samples_and_one():
    w, x = gv.param("w", [0.5, -0.3]), gv.data("x", shape=2)
    graph = gv.graph(loss=gv.square(w @ x))
    assert float(gv.backprop(gv.batched(graph, 0), at={"x": np.empty((0, 2))}).output) == 0
    assert float(gv.evaluate(gv.batched(graph, 1), at={"x": [[1, 1]]}).output) == pytest.approx(0.04)


def test_mistakes_are_named():
    graph = gv.graph(y=gv.square(gv.param("w", 2.0)) * gv.data("x", shape=()))
    with pytest.raises(gv.GradvizError, match="size of at least 0"):
        gv.batched(graph, -1)
    with pytest.raises(gv.GradvizError, match="data leaves only"):
        gv.batched(graph, 2, shared=["w"])


@pytest.mark.parametrize("batch", [3, 16])
def test_a_loop_of_several_results_runs_once(batch):
    x = gv.data("x", shape=(5, 2))
    outputs, (h, C) = gv.nn.recurrent(x, "lstm", hidden=4)
    graph = gv.graph(loss=gv.sum(gv.square(outputs)) + gv.sum(C) + gv.sum(h))
    scans = [node for node in gv.batched(graph, batch).nodes if "loop" in node.attrs]
    assert len({(node.attrs["loop"], node.args) for node in scans}) == 1
    source = gv.compile(graph, batch=batch).source
    assert source.count("\n        for ") == 4  # forward; there, back, and along the parameters for a step
