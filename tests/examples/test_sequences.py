"""What the examples with sequences, attention, capsules and fixed random weights state is what comes out."""

from __future__ import annotations

import numpy as np
import pytest
from gallery import example, trained

import gradviz as gv


def test_rnn_adds_long_numbers():
    variables, result = trained("rnn")
    assert result["sums right"] > 0.95
    assert result["digits right"] > 0.998
    digits = variables["additions"](20, 30, seed=5)
    powers = 2.0 ** np.arange(30)
    np.testing.assert_array_equal(
        np.einsum("ntk,t->n", digits["x"], powers) % 2.0**30, np.einsum("nt,t->n", digits["y"], powers)
    )


def test_gradients_vanish_and_explode():
    _, result = trained("vanishing_gradient")
    norms = result["norms"]
    small, even, large, untrained, learned = norms.values()
    assert all(len(one) == 40 and one[0] == 1 for one in norms.values())
    assert small[-1] < 1e-10
    assert large[-1] > 100
    assert small[-1] < even[-1] < 0.01 < untrained[-1] < 0.5
    assert learned.min() > 0.1
    assert result["accuracy"] > 0.98


def test_the_reach_is_a_jacobian():
    """Against the derivative of s_T by s_t, from running the last steps alone."""
    variables, _ = trained("vanishing_gradient")
    random = np.random.default_rng(0)
    layer = gv.compile(variables["states"]("rnn")[1], batch=1)
    U, W, b = (layer.parameters[f"rnn/cell/{name}"] for name in "UWb")
    x = random.normal(size=(40, 5))
    s = np.zeros(12)
    jacobian = np.eye(12)
    found = []
    states = [s := np.tanh(U @ one + W @ s + b) for one in x]
    for state in reversed(states):
        found.append(np.linalg.norm(jacobian))
        jacobian = jacobian @ ((1 - state**2)[:, np.newaxis] * W)
    reach = variables["reach"]("rnn", layer.parameters, x)
    np.testing.assert_allclose(reach, np.array(found) / found[0], rtol=1e-9)


def test_lstm_remembers():
    _, result = trained("lstm")
    assert result["accuracy at the end"] > 0.98


def test_peepholes_count():
    variables, result = trained("lstm_peephole")
    assert result["strings right"] > 0.9
    states = result["C"]
    shown = variables["SHOWN"]
    up, down = np.diff(states[2:shown], axis=0), np.diff(states[shown : 2 * shown], axis=0)
    counter = np.argmax(np.ptp(states, axis=0))
    assert np.all(up[:, counter] * down[0, counter] < 0)  # one way with a, the other with b
    assert np.argmax(result["scores"]) == 2 * shown - 1


def test_coupled_gates_hold():
    _, result = trained("lstm_coupled")
    assert result["coupled explains"] > 0.97
    assert abs(result["coupled explains"] - result["plain explains"]) < 0.03
    assert 4 * result["coupled weights"] == 3 * result["plain weights"]


def test_gru_where_a_plain_network_fails():
    _, result = trained("gru")
    assert result["gru error"] < 0.002
    assert result["rnn error"] > 0.13


def test_self_attention_continues():
    _, result = trained("self_attention")
    assert result["accuracy where it can be known"] > 0.99
    weights = result["weights"]
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert np.all(weights[np.isneginf(result["mask"])] == 0)
    back = np.subtract.outer(np.arange(12), np.arange(12))
    useful = np.where(np.isin(back, (3, 7, 11)), weights, 0).sum(axis=1)
    assert useful[3:].min() > 0.8


def test_two_heads_see_more_than_one():
    _, result = trained("multi_head")
    assert result["accuracy of 2"] > 0.99
    assert result["accuracy of 1"] < 0.9
    looks = [{int(np.argmax(row)) - place for place, row in enumerate(one) if place > 2} for one in result["weights"]]
    assert sorted(looks, key=min) == [{-3}, {-1}]


def test_heads_written_out_are_those_of_nn():
    variables = example("multi_head")
    x = gv.data("x", np.random.default_rng(0).normal(size=(5, 6)))
    apart = gv.graph(variables["attend"](x, heads=2, width=3))
    joined = gv.graph(gv.nn.multi_head_attention(x, 2, mask="causal", name="nn"))
    weights = {leaf.path: leaf.value for leaf in apart.leaves}
    at = {f"nn/W_{one}": np.hstack([weights[f"head{head}/W_{one}"] for head in (1, 2)]) for one in "qkv"}
    np.testing.assert_allclose(
        gv.evaluate(joined, at={**at, "nn/W_o": np.eye(6)}).output, gv.evaluate(apart).output, rtol=1e-12
    )


def test_capsules_agree():
    _, result = trained("capsule")
    assert result["explained in 1"] < 0.55
    assert result["explained in 3"] > 0.9
    assert result["parts routed right"] > 0.85


@pytest.mark.parametrize(("features", "low", "high"), [(0, 0.45, 0.65), (10, 0.6, 0.85), (300, 0.98, 1)])
def test_random_features(features, low, high):
    _, result = trained("random_features")
    assert low <= result[f"accuracy of {features}"] <= high


def test_the_reservoir_goes_on_alone():
    variables, result = trained("reservoir")
    assert result["error over 200 steps"] < 0.05
    coarse, fine = (variables["mackey_glass"](60, parts=parts) for parts in (10, 20))
    np.testing.assert_allclose(coarse, fine, atol=0.005)
