"""Capsules and autoencoders against torch, their formulas written with its operations."""

import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

from gradviz import nn

torch = need_torch()
F = torch.nn.functional


def squash(s):
    length = torch.linalg.norm(s, dim=-1, keepdim=True)
    return length**2 / (1 + length**2) * s / length


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("routing", [1, 2, 5])
@pytest.mark.parametrize(("count", "length", "capsules", "dim"), [(6, 3, 4, 5), (1, 1, 1, 1), (2, 4, 1, 3)])
def test_capsule(count, length, capsules, dim, routing, dtype):
    u = leaf("u", draw(count, length), dtype)
    out = nn.capsule(u, capsules, dim, routing=routing, name="c")

    def theirs(t):
        votes = torch.einsum("ijkl,il->ijk", t["c/W"], t["u"])
        agreed = torch.zeros(count, capsules, dtype=votes.dtype)
        for turn in range(routing):
            v = squash(torch.einsum("ij,ijk->jk", torch.softmax(agreed, 1), votes))
            agreed = agreed + torch.einsum("ijk,jk->ij", votes, v) if turn < routing - 1 else agreed
        return [v]

    agree([out], parameters(out), theirs, dtype)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_autoencoder(shape, tied):
    found = nn.autoencoder(leaf("x", draw(*shape)), 4, tied=tied, output_activation="tanh", name="a")
    outputs = [found.code, found.reconstruction, found.loss]

    def theirs(t):
        code = torch.sigmoid(F.linear(t["x"], t["a/encoder/W"], t["a/encoder/b"]))
        decoder = t["a/encoder/W"].T if tied else t["a/decoder/W"]
        out = torch.tanh(F.linear(code, decoder, t["a/decoder/b"]))
        return [code, out, torch.sum((out - t["x"]) ** 2)]

    at = parameters(*outputs)
    assert len(at) == (4 if tied else 5)
    agree(outputs, at, theirs)


def test_stacked_autoencoder():
    x = leaf("x", draw(6))
    stack = nn.stacked_autoencoder(x, [5, 3], 2, activation="tanh")

    def network(t):
        h = torch.tanh(F.linear(t["x"], t["layer1/W"], t["layer1/b"]))
        h = torch.tanh(F.linear(h, t["layer2/W"], t["layer2/b"]))
        return [F.linear(h, t["output/W"], t["output/b"])]

    agree([stack.network], parameters(stack.network), network)
