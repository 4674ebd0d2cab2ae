"""RNN, LSTM and GRU cells against torch, with its weights mapped from ours."""

import numpy as np
import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

from gradviz import nn

torch = need_torch()

SIZES = [(3, 4), (1, 1), (5, 2)]
KINDS = [("float64", 1.0), ("float64", 60.0), ("float32", 1.0)]  # a scale of 60 saturates the gates


def drawn(outputs, scale, seed=5):
    """Random values for all leaves of outputs: biases, too."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=value.shape) * (scale if "/" in name else 1.0)
        for name, value in parameters(*outputs).items()
    }


@pytest.mark.parametrize(("dtype", "scale"), KINDS)
@pytest.mark.parametrize(("inputs", "hidden"), SIZES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_rnn_cell(activation, inputs, hidden, dtype, scale):
    x, h = leaf("x", draw(inputs), dtype), leaf("h", draw(hidden, seed=2), dtype)
    out = nn.rnn_cell(x, h, activation=activation)
    theirs = torch.rnn_tanh_cell if activation == "tanh" else torch.rnn_relu_cell

    def function(t):
        zero = torch.zeros_like(t["rnn/b"])
        return [theirs(t["x"][None], t["h"][None], t["rnn/U"], t["rnn/W"], t["rnn/b"], zero)[0]]

    agree([out], drawn([out], scale), function, dtype)


def gates(t, path, letters, hidden, sign=None):
    """Return w_ih, w_hh and b_ih as torch stacks them."""
    named = [path(letter) for letter in letters]
    signs = sign or [1] * len(letters)
    W = [s * t[f"{where}/W_{letter}"] for s, where, letter in zip(signs, named, letters, strict=True)]
    b = [s * t[f"{where}/b_{letter}"] for s, where, letter in zip(signs, named, letters, strict=True)]
    whole = torch.cat(W)
    return whole[:, hidden:], whole[:, :hidden], torch.cat(b)


LSTM = {"f": "forget_gate", "i": "input_gate", "C": "candidate", "o": "output_gate"}


@pytest.mark.parametrize(("dtype", "scale"), KINDS)
@pytest.mark.parametrize(("inputs", "hidden"), SIZES)
def test_lstm_cell(inputs, hidden, dtype, scale):
    x, h, C = (leaf(name, draw(n, seed=n), dtype) for name, n in (("x", inputs), ("h", hidden), ("C", hidden)))
    outputs = nn.lstm_cell(x, h, C)

    def function(t):
        w_ih, w_hh, b = gates(t, lambda letter: f"lstm/{LSTM[letter]}", "ifCo", hidden)
        found = torch.lstm_cell(t["x"][None], (t["h"][None], t["C"][None]), w_ih, w_hh, b, torch.zeros_like(b))
        return [one[0] for one in found]

    agree(outputs, drawn(outputs, scale), function, dtype)


@pytest.mark.parametrize(("dtype", "scale"), KINDS)
@pytest.mark.parametrize(("inputs", "hidden"), SIZES)
def test_gru_cell_with_the_reset_after_the_product(inputs, hidden, dtype, scale):
    x, h = leaf("x", draw(inputs), dtype), leaf("h", draw(hidden, seed=2), dtype)
    out = nn.gru_cell(x, h, reset_after=True)
    path = {"r": "gru/reset_gate", "z": "gru/update_gate"}

    def function(t):
        w_ih, w_hh, b = gates(t, path.get, "rz", hidden, sign=[1, -1])  # torch's z is our 1 - z
        w_ih, w_hh = torch.cat([w_ih, t["gru/candidate/W_x"]]), torch.cat([w_hh, t["gru/candidate/W_h"]])
        b_ih, b_hh = torch.cat([b, t["gru/candidate/b_x"]]), torch.cat([0 * b, t["gru/candidate/b_h"]])
        return [torch.gru_cell(t["x"][None], t["h"][None], w_ih, w_hh, b_ih, b_hh)[0]]

    agree([out], drawn([out], scale), function, dtype)
