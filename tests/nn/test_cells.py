"""Cells against formulas written in NumPy, with central differences; the graphs checked and drawn."""

import itertools

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError

N, H = 3, 4


def states(inputs=N, hidden=H):
    rng = np.random.default_rng(1)
    return tuple(gv.data(name, rng.normal(size=size)) for name, size in (("x", inputs), ("h", hidden), ("C", hidden)))


def values_of(*outputs, seed=2):
    """Random values of all leaves, by short name."""
    graph = gv.graph(**{f"y{place}": one for place, one in enumerate(outputs)})
    rng = np.random.default_rng(seed)
    return graph, {leaf.name: rng.normal(size=leaf.shape) for leaf in graph.leaves if leaf.op.name != "constant"}


def logistic(z):
    return 1 / (1 + np.exp(-z))


def lstm(v, peephole, coupled):
    """The slides' formulas."""
    hx = np.concatenate([v["h"], v["x"]])

    def score(letter, state=None):
        seen = v[f"p_{letter}"] * state if letter in peephole else 0
        return v[f"W_{letter}"] @ hx + seen + v[f"b_{letter}"]

    f = logistic(score("f", v["C"]))
    i = 1 - f if coupled else logistic(score("i", v["C"]))
    C = f * v["C"] + i * np.tanh(score("C"))
    o = logistic(score("o", C))
    return o * np.tanh(C), C


def gru(v):
    hx = np.concatenate([v["h"], v["x"]])
    z, r = logistic(v["W_z"] @ hx + v["b_z"]), logistic(v["W_r"] @ hx + v["b_r"])
    candidate = np.tanh(v["W"] @ np.concatenate([r * v["h"], v["x"]]) + v["b"])
    return ((1 - z) * v["h"] + z * candidate,)


def agree(outputs, formula):
    """Compare values, and every gradient with central differences of the formula."""
    graph, at = values_of(*outputs)
    seeds = [np.random.default_rng((3, place)).normal(size=H) for place in range(len(outputs))]
    found = gv.evaluate(graph, at).forward
    for place, expected in enumerate(formula(at)):
        np.testing.assert_allclose(found[f"y{place}"], expected, rtol=1e-12, atol=1e-14)

    def total(values):
        return sum(np.sum(seed * one) for seed, one in zip(seeds, formula(values), strict=True))

    slopes = [gv.backprop(graph, at, wrt=list(at), output=f"y{place}", seed=seed) for place, seed in enumerate(seeds)]
    for name, value in at.items():
        direction = np.random.default_rng(4).normal(size=value.shape)
        ends = [total(at | {name: value + sign * 1e-6 * direction}) for sign in (1, -1)]
        claimed = sum(np.sum(one.backward[name] * direction) for one in slopes if one.graph.find(name) in one.backward)
        assert claimed == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-8), name


SUBSETS = [subset for count in range(4) for subset in itertools.combinations("fio", count)]


VARIANTS = [(subset, coupled) for subset in SUBSETS for coupled in (False, True) if not (coupled and "i" in subset)]


@pytest.mark.parametrize(("peephole", "coupled"), VARIANTS)
def test_lstm(peephole, coupled):
    agree(nn.lstm_cell(*states(), peephole=peephole, coupled=coupled), lambda v: lstm(v, peephole, coupled))


def test_all_peepholes():
    agree(nn.lstm_cell(*states(), peephole=True), lambda v: lstm(v, "fio", False))
    agree(nn.lstm_cell(*states(), peephole=True, coupled=True), lambda v: lstm(v, "fo", True))


def test_gru():
    x, h, _ = states()
    agree([nn.gru_cell(x, h)], gru)


def cells():
    x, h, C = states(1, 2)
    return {
        "rnn": [nn.rnn_cell(x, h)],
        "relu": [nn.rnn_cell(x, h, activation="relu", bias=False)],
        "lstm": nn.lstm_cell(x, h, C),
        "peephole": nn.lstm_cell(x, h, C, peephole=True),
        "coupled": nn.lstm_cell(x, h, C, coupled=True),
        "gru": [nn.gru_cell(x, h, bias=False)],
        "reset after": [nn.gru_cell(x, h, reset_after=True)],
    }


@pytest.mark.parametrize("name", cells())
def test_every_cell_checks_clean_draws_steps_and_explains(name, tmp_path):
    outputs = cells()[name]
    report = gv.check(gv.graph(**{f"y{place}": one for place, one in enumerate(outputs)}), seconds=15)
    assert report.ok
    assert set(report.counts) == {"proved"}
    loss = gv.graph(gv.sum(gv.square(outputs[0])).named("loss"))
    gv.figure(loss, values=gv.backprop(loss)).save(tmp_path / "cell.svg")
    assert gv.steps(loss)[-1] is not None
    weight = next(leaf.path for leaf in loss.leaves if leaf.op.name == "parameter")
    assert "loss" in repr(gv.explain(loss, wrt=weight))
    slope = gv.evaluate(gv.derivative(loss, weight)).output
    np.testing.assert_allclose(slope, gv.backprop(loss).grad[weight], rtol=1e-10, atol=1e-14)


def test_the_gates_are_groups_of_the_picture():
    graph = gv.graph(*nn.lstm_cell(*states(), name="memory"))
    scopes = {node.scope for node in graph.nodes if node.scope}
    assert scopes == {f"memory{part}" for part in ("", "/forget_gate", "/input_gate", "/candidate", "/output_gate")}
    assert graph.node(graph.find("C_tilde")).tex == r"\tilde{C}_t"
    np.testing.assert_array_equal(graph.constants[graph.find("b_f")], 1)
    np.testing.assert_array_equal(graph.constants[graph.find("b_o")], 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x, h, C: nn.rnn_cell(gv.data("X", shape=(2, 3)), h), "rnn: x must be a vector, not the shape (2, 3)"),
        (lambda x, h, C: nn.rnn_cell(x, h, hidden=5), "rnn: the state h has 4 units, not 5"),
        (lambda x, h, C: nn.lstm_cell(x, h, [0.0]), "lstm: the state C has 1 units, not 4"),
        (lambda x, h, C: nn.lstm_cell(x, 0.0, C, name="a"), "a: h must be a vector, not the shape ()"),
        (lambda x, h, C: nn.lstm_cell(x, h, C, peephole="c"), "lstm: there is no gate 'c' for a peephole"),
        (lambda x, h, C: nn.lstm_cell(x, h, C, peephole="i", coupled=True), "coupled gates have no input gate"),
        (lambda x, h, C: nn.gru_cell(x, h, hidden=0), "gru: hidden must be a positive integer, not 0"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(*states())
    assert message in str(caught.value)
    assert caught.value.where.startswith(__file__)
