"""Dense layers and losses against torch."""

import numpy as np
import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

import gradviz as gv
from gradviz import nn

torch = need_torch()
F = torch.nn.functional


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(5,), (1,), (7, 5), (1, 1), (2, 3, 4)])
@pytest.mark.parametrize("activation", [None, "relu", "tanh", "sigmoid", "gelu", "softplus", "elu", "silu"])
def test_dense(shape, activation, dtype):
    x = leaf("x", draw(*shape), dtype)
    out = nn.dense(x, 3, activation=activation, name="layer")
    at = parameters(out) | {"layer/b": draw(3, seed=2)}
    named = getattr(F, activation) if activation else lambda z: z
    agree([out], at, lambda t: [named(F.linear(t["x"], t["layer/W"], t["layer/b"]))], dtype)


def test_shared_weights():
    x = leaf("x", draw(4))
    code = nn.dense(x, 2, activation="tanh", name="encoder")
    W = gv.param("V", draw(2, 4))
    out = nn.dense(nn.dense(code, 4, W=W.T, bias=False, name="decoder"), 2, W=W, b=[1.0, 2.0], name="again")
    at = parameters(out)
    agree(
        [out],
        at,
        lambda t: [
            F.linear(
                F.linear(torch.tanh(F.linear(t["x"], t["encoder/W"], t["encoder/b"])), t["V"].T),
                t["V"],
                torch.tensor([1.0, 2.0], dtype=torch.float64),
            )
        ],
    )


BINARY = {
    "squared_error": (nn.squared_error, lambda p, t: F.mse_loss(p, t, reduction="sum")),
    "absolute_error": (nn.absolute_error, lambda p, t: F.l1_loss(p, t, reduction="sum")),
    "huber": (nn.huber, lambda p, t: F.huber_loss(p, t, reduction="sum")),
    "huber 0.3": (
        lambda p, t: nn.huber(p, t, delta=0.3),
        lambda p, t: F.huber_loss(p, t, reduction="sum", delta=0.3),
    ),
    "binary_cross_entropy": (
        lambda p, t: nn.binary_cross_entropy(p, gv.sigmoid(t)),
        lambda p, t: F.binary_cross_entropy_with_logits(p, torch.sigmoid(t), reduction="sum"),
    ),
    "hinge": (
        lambda p, t: nn.hinge(p, gv.sign(t)),
        lambda p, t: torch.relu(1 - p * torch.sign(t)).sum(),
    ),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(), (4,), (3, 5)])
@pytest.mark.parametrize("name", BINARY)
def test_losses(name, shape, dtype):
    ours, theirs = BINARY[name]
    p, t = leaf("p", 2 * draw(*shape), dtype), leaf("t", draw(*shape, seed=2), dtype)
    agree([ours(p, t)], parameters(p, t), lambda x: [theirs(x["p"], x["t"])], dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("shape", [(5,), (1,), (3, 4)])
def test_losses_of_classes(shape, scale, dtype):
    z = leaf("z", scale * draw(*shape), dtype)
    label = gv.data("label", np.random.default_rng(3).integers(shape[-1], size=shape[:-1]), dtype=int)
    outputs = [nn.cross_entropy(z, label), nn.multiclass_hinge(z, label)]

    def theirs(t):
        rows, labels = t["z"].reshape(-1, shape[-1]), t["label"].reshape(-1)
        return [
            F.cross_entropy(rows, labels, reduction="sum"),
            F.multi_margin_loss(rows, labels, reduction="sum") * shape[-1],
        ]

    agree(outputs, parameters(*outputs), theirs, dtype)


def test_cross_entropy_of_probabilities():
    z, y = leaf("z", draw(3, 4)), gv.softmax(leaf("y", draw(3, 4, seed=2)))
    agree(
        [nn.cross_entropy(z, y)],
        parameters(nn.cross_entropy(z, y)),
        lambda t: [F.cross_entropy(t["z"], torch.softmax(t["y"], -1), reduction="sum")],
    )


def test_saturated_binary_cross_entropy():
    z, y = leaf("z", [-900.0, 900.0, -40.0, 40.0]), leaf("y", [1.0, 0.0, 0.0, 1.0])
    out = nn.binary_cross_entropy(z, y)
    agree(
        [out],
        parameters(out),
        lambda t: [F.binary_cross_entropy_with_logits(t["z"], t["y"], reduction="sum")],
    )
