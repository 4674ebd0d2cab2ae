"""Attention, layer norm and embedding without a peer: meaning, pictures, what is refused."""

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError


def sequence(length=3, features=2):
    return gv.data("x", np.random.default_rng(1).normal(size=(length, features)))


def test_nothing_later_is_attended_to():
    x = sequence(6, 4)
    graph = gv.graph(y=nn.attention(x, x, x, mask="causal"))
    values = gv.evaluate(graph)
    weights = values.forward["attention/weights"]
    assert not np.any(np.triu(weights, 1))
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-12)
    changed = np.array(graph.constants[graph.find("x")])
    changed[4:] += 1
    np.testing.assert_array_equal(gv.evaluate(graph, at={"x": changed}).output[:4], values.output[:4])


def test_heads_see_their_own_features():
    x = sequence(3, 4)
    graph = gv.graph(nn.multi_head_attention(x, 2, dim=3))
    assert graph.rows[graph.find("W_q")].shape == (4, 6)
    assert graph.rows[graph.find("W_o")].shape == (6, 4)
    assert graph.rows[graph.find("weights")].shape == (2, 3, 3)


def layers():
    x = sequence()
    words = gv.data("words", [1, 0, 1], dtype=int)
    return {
        "attention": nn.attention(x, x, x, mask="causal"),
        "multi-head": nn.multi_head_attention(x, 2),
        "layer norm": nn.layer_norm(x),
        "embedding": nn.embedding(words, 2, 2),
    }


@pytest.mark.parametrize("name", layers())
def test_every_layer_checks_clean_draws_steps_and_explains(name, tmp_path):
    out = layers()[name]
    loss = gv.graph(gv.sum(gv.square(out) * np.arange(1.0, out.size + 1).reshape(out.shape)).named("loss"))
    report = gv.check(loss, seconds=15)
    assert report.ok
    assert set(report.counts) <= {"proved", "numeric"}
    gv.figure(loss, values=gv.backprop(loss)).save(tmp_path / "layer.svg")
    assert gv.steps(loss)
    wanted = next((leaf.path for leaf in loss.leaves if leaf.op.name == "parameter"), "x")
    assert "loss" in repr(gv.explain(loss, wrt=wanted))
    slope = gv.evaluate(gv.derivative(loss, wanted)).output
    np.testing.assert_allclose(slope, gv.backprop(loss).grad[wanted], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: nn.attention(x, x[0], x), "attention: K must have the axes (time, features), not the shape (2,)"),
        (lambda x: nn.attention(x, x[:, :1], x), "attention: Q (3, 2) and K (3, 1) need features in common"),
        (lambda x: nn.attention(x, x, x[:2]), "attention: K (3, 2) and V (2, 2) differ in length"),
        (lambda x: nn.attention(x, x, x, mask="future"), "attention: there is no mask 'future'"),
        (lambda x: nn.attention(x, x, x, mask=[0.0, 0.0]), "a mask of shape (2,) does not fit the scores (3, 3)"),
        (lambda x: nn.attention(x, x, x, mask=np.zeros((3, 3), bool)), "the mask leaves a query nothing to attend to"),
        (lambda x: nn.multi_head_attention(x, 3), "multi_head: 2 features do not divide among 3 heads"),
        (lambda x: nn.multi_head_attention(x[0], 1), "multi_head: x must be a sequence of vectors"),
        (lambda x: nn.layer_norm(1.0), "layer_norm: a layer norm takes vectors, not the shape ()"),
        (lambda x: nn.layer_norm(x, eps=-1), "layer_norm: eps must not be negative"),
        (lambda x: nn.embedding(x, 3, 2), "take: the indices are float64 (make them with dtype=int)"),
        (lambda x: nn.embedding([3], 3, 2), "embedding: the indices must be integers from 0 to 2"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(sequence())
    assert message in str(caught.value)
    assert caught.value.where.startswith(__file__)
