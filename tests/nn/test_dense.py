"""Dense layers, losses and initializers without a peer: shapes, names, seeds, errors."""

import math

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError, GraphError
from gradviz.nn import initializers
from gradviz.nn.initializers import INITIALIZERS, fans

X = [1.0, -0.5, 2.0]


def test_the_formula_and_the_names():
    out = nn.dense(gv.data("x", X), 2, activation=gv.tanh, name="hidden")
    graph = gv.graph(out)
    assert [node.op.name for node in graph.nodes if not node.op.leaf] == ["matmul", "add", "tanh"]
    assert {node.path: node.scope for node in graph.leaves} == {"x": "", "hidden/W": "hidden", "hidden/b": "hidden"}
    assert graph.node(graph.find("W")).tex == r"\mathbf{W}"
    W = graph.constants[graph.find("W")]
    np.testing.assert_allclose(gv.evaluate(graph).output, np.tanh(W @ X), rtol=1e-15)


def test_the_same_script_gives_the_same_bytes():
    def weights(name, seed):
        graph = gv.graph(nn.dense(gv.data("x", X), 2, name=name, seed=seed))
        return graph.constants[graph.find("W")].tobytes()

    assert weights("a", 0) == weights("a", 0)
    assert len({weights("a", 0), weights("b", 0), weights("a", 1)}) == 3
    with gv.scope("outer"):
        assert weights("a", 0) != weights("b", 0)


def test_the_parameters_have_the_dtype_of_the_data():
    graph = gv.graph(nn.dense(gv.data("x", np.float32(X)), 2))
    assert {row.dtype for row in graph.rows} == {np.dtype(np.float32)}
    whole = gv.graph(nn.dense(gv.data("x", [1, 2], dtype=int), 2))
    assert whole.rows[whole.outputs["output"]].dtype == np.float64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: nn.dense(x, 0), "dense: the number of units must be a positive integer, not 0"),
        (lambda x: nn.dense(x, 2.5, name="top"), "top: the number of units must be a positive integer, not 2.5"),
        (lambda x: nn.dense(1.0, 2), "dense: a dense layer takes a vector, or rows of vectors, not the shape ()"),
        (lambda x: nn.dense(x, 2, activation="rleu"), "there is no activation 'rleu'"),
        (lambda x: nn.dense(x, 2, init="glorot"), "there is no initializer 'glorot' (did you mean 'glorot_normal'?)"),
        (lambda x: nn.dense(x, 2, init=lambda shape, seed: np.ones(3)), "dense/W gives shape (3,), not (2, 3)"),
        (lambda x: nn.dense(x, 2, W=np.ones((3, 2))), "dense: W must have the shape (2, 3), not the shape (3, 2)"),
        (lambda x: nn.dense(x, 2, b=np.ones(3)), "dense: b must have the shape (2,), not the shape (3,)"),
        (lambda x: nn.squared_error(x, 1.0), "squared_error: the shapes (3,) and () differ"),
        (lambda x: nn.hinge(x, [1.0, 1.0]), "hinge: the shapes (3,) and (2,) differ"),
        (lambda x: nn.cross_entropy(x, gv.data("y", 1)), "the label is float64 of shape (), the scores have (3,)"),
        (lambda x: nn.cross_entropy(1.0, gv.data("y", 1, dtype=int)), "the scores need an axis of classes"),
        (lambda x: nn.multiclass_hinge(x, gv.data("y", [1], dtype=int)), "the label is int64 of shape (1,)"),
        (lambda x: nn.huber(x, x, delta=0), "delta must be above 0, not 0"),
        (lambda x: nn.l2(), "l2 needs at least one parameter"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(gv.data("x", X))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.where.startswith(__file__)


def test_a_label_out_of_range_is_refused_with_its_number():
    label = gv.data("label", 3, dtype=int)
    loss = gv.graph(nn.cross_entropy(gv.data("z", X), label))
    with pytest.raises(GraphError, match=r"index 3 is out of range \(there are 3, counted from 0\)"):
        gv.evaluate(loss)
    with pytest.raises(GraphError, match="index -1 is out of range"):
        gv.backprop(loss, at={"label": -1})


def test_two_layers_of_one_name_are_refused():
    h = nn.dense(gv.data("x", X), 2, name="dense")
    with pytest.raises(GraphError, match="two nodes are named 'dense/W'"):
        gv.graph(nn.dense(h, 2, name="dense"))


def test_every_loss_checks_clean():
    z, label = gv.param("z", X), gv.data("label", 1, dtype=int)
    t = gv.data("t", [0.2, 0.3, 0.1])
    losses = {
        "a": nn.cross_entropy(z, label), "b": nn.multiclass_hinge(z, label), "c": nn.squared_error(z, t),
        "d": nn.absolute_error(z, t), "e": nn.huber(z, t), "f": nn.binary_cross_entropy(z, t), "g": nn.hinge(z, t),
        "h": nn.l2(z, t), "i": nn.cross_entropy(z, gv.softmax(t)),
    }  # fmt: skip
    report = gv.check(gv.graph(**losses))
    assert report.ok
    assert set(report.counts) == {"proved"}


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_an_initializer_is_its_seed(name):
    init = INITIALIZERS[name]
    shape = (40, 30)
    drawn = init(shape, 3)
    assert drawn.shape == shape
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, init(shape, 3))
    np.testing.assert_array_equal(drawn, init(shape, np.random.default_rng(3)))
    assert name in ("zeros", "ones") or not np.array_equal(drawn, init(shape, 4))


@pytest.mark.parametrize(
    ("name", "spread"),
    [
        ("glorot_uniform", math.sqrt(2 / 700)),
        ("glorot_normal", math.sqrt(2 / 700)),
        ("he_uniform", math.sqrt(2 / 300)),
        ("he_normal", math.sqrt(2 / 300)),
        ("normal", 0.01),
        ("uniform", 0.05 / math.sqrt(3)),
    ],
)
def test_the_spread_of_initial_values(name, spread):
    drawn = INITIALIZERS[name]((400, 300), 1)
    assert np.std(drawn) == pytest.approx(spread, rel=0.01)
    assert abs(np.mean(drawn)) < 0.02 * spread
    if name.endswith("uniform"):
        assert np.max(np.abs(drawn)) <= spread * math.sqrt(3)


def test_kernels_count_their_places():
    assert fans((8, 3, 5, 5)) == (75, 200)
    assert fans((4,)) == (4, 1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 2, 3)])
def test_orthogonal(shape):
    drawn = initializers.orthogonal(shape, 2).reshape(shape[0], -1)
    gram = drawn @ drawn.T if drawn.shape[0] <= drawn.shape[1] else drawn.T @ drawn
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_needs_a_matrix():
    with pytest.raises(GraphError, match="orthogonal needs a matrix"):
        nn.dense(gv.data("x", X), 2, b=None, init=lambda shape, seed: initializers.orthogonal(shape[:1], seed))


def test_the_room_loads_when_it_is_used():
    assert "nn" in dir(gv)
    assert gv.nn.dense is nn.dense
