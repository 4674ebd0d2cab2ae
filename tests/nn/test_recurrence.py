"""Recurrent networks without a peer: own cells, names, pictures, loops and steps agree, what is refused."""

import functools

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError


def sequence(length=4, features=2):
    return gv.data("x", np.random.default_rng(1).normal(size=(length, features)))


def test_the_steps_share_their_parameters():
    outputs, h = nn.recurrent(sequence(), "gru", hidden=3, bias=False)
    graph = gv.graph(outputs=outputs, h=h)
    assert sorted(leaf.path for leaf in graph.leaves if leaf.op.name == "parameter") == [
        "gru/cell/candidate/W", "gru/cell/reset_gate/W_r", "gru/cell/update_gate/W_z",
    ]  # fmt: skip
    values = gv.evaluate(graph)
    np.testing.assert_array_equal(values.forward["outputs"][-1], values.forward["h"])
    assert "gru/t3/cell/update_gate" in {node.scope for node in gv.unroll(graph).nodes}


def test_a_step_is_the_cell():
    x = sequence(1)
    _, (h, C) = nn.recurrent(x, "lstm", hidden=3, peephole="o", coupled=True, name="lstm")
    with gv.scope("lstm"):
        alone = nn.lstm_cell(x[0], [0.0] * 3, [0.0] * 3, peephole="o", coupled=True, name="cell")
    for one, other in zip((h, C), alone, strict=True):
        np.testing.assert_array_equal(gv.evaluate(one).output, gv.evaluate(other).output)


def test_a_cell_of_ones_own():
    def decay(x, h, *, hidden, seed, name):
        return 0.5 * h + x

    outputs, h = nn.recurrent([[1.0], [2.0], [4.0]], decay, hidden=1)
    np.testing.assert_allclose(gv.evaluate(outputs).output[:, 0], [1, 2.5, 5.25])
    assert gv.evaluate(h).output == 5.25
    peeping = functools.partial(nn.lstm_cell, peephole=True)
    assert nn.recurrent(sequence(), peeping, hidden=3, states=2)[1][1].shape == (3,)


def test_two_networks_stand_on_top_of_each_other(tmp_path):
    outputs, _ = nn.recurrent(sequence(3), "rnn", hidden=2, name="lower")
    _, h = nn.recurrent(outputs, "gru", hidden=2, bidirectional=True, name="upper")
    loss = gv.graph(gv.sum(gv.square(h)).named("loss"))
    report = gv.check(loss, seconds=15)
    assert report.ok
    assert set(report.counts) <= {"proved", "numeric"}
    gv.figure(loss, values=gv.backprop(loss)).save(tmp_path / "unrolled.svg")
    assert gv.steps(loss)
    looped = gv.compile(loss).value_and_grad()
    unrolled = gv.backprop(loss)
    assert float(looped[0]) == pytest.approx(float(unrolled.output), rel=1e-13)
    for name, slope in looped[1].items():
        np.testing.assert_allclose(slope, unrolled.grad[name], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: nn.recurrent(x, "lstn", hidden=2), "there is no cell 'lstn' (did you mean 'lstm'?)"),
        (lambda x: nn.recurrent(x[0], hidden=2), "lstm: x must be a sequence of vectors (time, features)"),
        (lambda x: nn.recurrent(np.zeros((0, 2)), hidden=2), "of at least one step, not the shape (0, 2)"),
        (lambda x: nn.recurrent(x, hidden=0), "lstm: hidden must be a positive integer, not 0"),
        (lambda x: nn.recurrent(x, hidden=2, layers=0), "lstm: layers must be a positive integer"),
        (lambda x: nn.recurrent(x, hidden=2, initial=[0.0, 0.0]), "initial must be 2 states of shape (2,), not"),
        (lambda x: nn.recurrent(x, "gru", hidden=2, layers=2, initial=[0.0, 0.0]), "must be 1 state of shape (2, 2)"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(sequence())
    assert message in str(caught.value)
    assert caught.value.where.startswith(__file__)
