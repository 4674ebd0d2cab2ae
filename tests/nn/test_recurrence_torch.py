"""Recurrent networks against torch: layers, directions, initial states, long and short sequences, batches."""

import numpy as np
import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

import gradviz as gv
from gradviz import nn

torch = need_torch()

N, H = 3, 4
GATES = {
    "rnn": (),
    "lstm": (("input_gate", "i", 1), ("forget_gate", "f", 1), ("candidate", "C", 1), ("output_gate", "o", 1)),
    "gru": (("reset_gate", "r", 1), ("update_gate", "z", -1)),  # torch's z is our 1 - z
}


def weights(t, path, cell):
    """Return w_ih, w_hh, b_ih and b_hh of one cell as torch stacks them."""
    if cell == "rnn":
        b = t[f"{path}/b"]
        return [t[f"{path}/U"], t[f"{path}/W"], b, torch.zeros_like(b)]
    W = torch.cat([sign * t[f"{path}/{part}/W_{letter}"] for part, letter, sign in GATES[cell]])
    b = torch.cat([sign * t[f"{path}/{part}/b_{letter}"] for part, letter, sign in GATES[cell]])
    if cell == "lstm":
        return [W[:, H:], W[:, :H], b, torch.zeros_like(b)]
    inner = f"{path}/candidate"
    return [
        torch.cat([W[:, H:], t[f"{inner}/W_x"]]),
        torch.cat([W[:, :H], t[f"{inner}/W_h"]]),
        torch.cat([b, t[f"{inner}/b_x"]]),
        torch.cat([torch.zeros_like(b), t[f"{inner}/b_h"]]),
    ]


def paths(name, layers, bidirectional):
    if layers == 1 and not bidirectional:
        return [f"{name}/cell"]
    ways = ("_forward", "_backward") if bidirectional else ("",)
    return [f"{name}/layer{layer}{way}/cell" for layer in range(1, layers + 1) for way in ways]


def of_torch(cell, t, x, initial, layers, bidirectional):
    """Run torch's own recurrent network on (batch, time, features)."""
    flat = [one for path in paths(cell, layers, bidirectional) for one in weights(t, path, cell)]
    function = {"rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}[cell]
    return function(x, initial if cell == "lstm" else initial[0], flat, True, layers, 0.0, False, bidirectional, True)


def build(cell, x, layers, bidirectional, initial=None, **options):
    extra = {"reset_after": True} if cell == "gru" else {}
    outputs, final = nn.recurrent(
        x, cell, hidden=H, layers=layers, bidirectional=bidirectional, initial=initial, **extra, **options
    )
    return [outputs, *(final if isinstance(final, tuple) else (final,))]


FORMS = [(1, False), (2, False), (1, True), (3, True)]


@pytest.mark.parametrize(("length", "dtype"), [(5, "float64"), (1, "float64"), (60, "float64"), (7, "float32")])
@pytest.mark.parametrize(("layers", "bidirectional"), FORMS)
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_recurrent(cell, layers, bidirectional, length, dtype):
    if length == 60 and layers > 1:
        length = 12  # the unrolled graph of one layer is long enough
    x = leaf("x", draw(length, N), dtype)
    cells = layers * (1 + bidirectional)
    shape = (cells, H) if cells > 1 else (H,)
    count = 2 if cell == "lstm" else 1
    initial = [leaf(name, draw(*shape, seed=ord(name[0])), dtype) for name in ("h0", "C0")[:count]]
    outputs = build(cell, x, layers, bidirectional, tuple(initial) if count > 1 else initial[0])
    rng = np.random.default_rng(6)
    at = {name: value + 0.2 * rng.normal(size=value.shape) for name, value in parameters(*outputs).items()}

    def theirs(t):
        before = [t[one.name].reshape(cells, 1, H) for one in initial]
        found, *final = of_torch(cell, t, t["x"][None], before, layers, bidirectional)
        return [found[0], *(one[:, 0].reshape(shape) for one in final)]

    agree(outputs, at, theirs, dtype)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_zeros_before_the_first_step_and_time_last(cell):
    x = leaf("x", draw(N, 4))
    outputs = build(cell, x, 1, False, time_axis=1)

    def theirs(t):
        before = [torch.zeros(1, 1, H, dtype=torch.float64)] * 2
        found, *final = of_torch(cell, t, t["x"].T[None], before, 1, False)
        return [found[0], *(one[0, 0] for one in final)]

    agree(outputs, parameters(*outputs), theirs)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_compiled_batches(cell, layers, bidirectional, size):
    """The compiled layer's loss and gradients for a batch are torch's."""
    outputs = build(cell, gv.data("x", shape=(6, N)), layers, bidirectional)
    loss = gv.graph(loss=gv.sum(gv.square(outputs[0])))
    layer = gv.compile(loss, batch=size)
    xs = draw(size, 6, N)
    value, slopes = layer.value_and_grad(x=xs)
    t = {name: torch.tensor(array, requires_grad=True) for name, array in layer.parameters.items()}
    before = [torch.zeros(layers * (1 + bidirectional), size, H, dtype=torch.float64)] * 2
    found = of_torch(cell, t, torch.tensor(xs), before, layers, bidirectional)[0]
    total = torch.sum(found**2) / size
    total.backward()
    assert float(value) == pytest.approx(total.item(), rel=1e-12)
    for name, slope in slopes.items():
        np.testing.assert_allclose(slope, t[name].grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)
