"""Attention, layer norm and embedding against torch."""

import numpy as np
import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

import gradviz as gv
from gradviz import nn

torch = need_torch()
F = torch.nn.functional


def masks(rows, columns):
    allowed = np.random.default_rng(4).random((rows, columns)) > 0.4
    allowed[:, 0] = True
    return {"none": None, "causal": "causal", "boolean": allowed, "additive": draw(rows, columns, seed=5)}


def of_torch(mask, dtype):
    if mask is None or isinstance(mask, str):
        return None
    return torch.tensor(mask if mask.dtype == bool else mask.astype(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mask", ["none", "causal", "boolean", "additive"])
@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
@pytest.mark.parametrize(("queries", "keys"), [(5, 5), (1, 1), (4, 7), (60, 60)])
def test_attention(queries, keys, lead, mask, dtype):
    given = masks(queries, keys)[mask]
    Q, K, V = (
        leaf(name, draw(*lead, length, width, seed=width), dtype)
        for name, length, width in (("Q", queries, 4), ("K", keys, 4), ("V", keys, 3))
    )
    out = nn.attention(Q, K, V, mask=given)

    def theirs(t):
        causal = mask == "causal"
        return [
            F.scaled_dot_product_attention(t["Q"], t["K"], t["V"], attn_mask=of_torch(given, dtype), is_causal=causal)
        ]

    agree([out], parameters(Q, K, V), theirs, dtype)


def test_masks_that_are_nodes():
    Q, K, V = (leaf(name, draw(4, 3, seed=seed)) for seed, name in enumerate("QKV"))
    bias = leaf("bias", draw(4, 4, seed=7))
    allowed = masks(4, 4)["boolean"]
    outputs = [
        nn.attention(Q, K, V, mask=bias),
        nn.attention(Q, K, V, mask=gv.data("allowed", allowed), name="boolean"),
    ]

    def theirs(t):
        return [
            F.scaled_dot_product_attention(t["Q"], t["K"], t["V"], attn_mask=mask)
            for mask in (t["bias"], torch.tensor(allowed))
        ]

    agree(outputs, parameters(Q, K, V, bias), theirs)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("mask", ["none", "causal", "boolean", "additive"])
@pytest.mark.parametrize(("length", "heads", "bias"), [(5, 2, True), (1, 4, False), (7, 1, True)])
def test_multi_head_self_attention(length, heads, bias, mask, dtype):
    given = masks(length, length)[mask]
    x = leaf("x", draw(length, 8), dtype)
    out = nn.multi_head_attention(x, heads, mask=given, bias=bias, name="m")
    at = {name: value + 0.1 * draw(*value.shape, seed=9) for name, value in parameters(out).items()}
    agree([out], at, lambda t: [whole(t, t["x"], t["x"], heads, given, bias, dtype)], dtype)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_multi_head_cross_attention(heads):
    x, context = leaf("x", draw(3, 8)), leaf("context", draw(6, 8, seed=2))
    out = nn.multi_head_attention(x, heads, context=context, name="m")
    agree([out], parameters(out), lambda t: [whole(t, t["x"], t["context"], heads, None, False, "float64")])


def whole(t, x, context, heads, mask, bias, dtype):
    projections = torch.cat([t[f"m/W_{letter}"].T for letter in "qkv"])
    biases = torch.cat([t[f"m/b_{letter}"] for letter in "qkv"]) if bias else None
    allowed = of_torch(np.tri(len(x), len(context), dtype=bool) if isinstance(mask, str) else mask, dtype)
    forbidden = ~allowed if allowed is not None and allowed.dtype == torch.bool else allowed
    found, _ = F.multi_head_attention_forward(
        x[:, None], context[:, None], context[:, None], x.shape[1], heads, projections, biases, None, None, False,
        0.0, t["m/W_o"].T, t["m/b_o"] if bias else None, training=False, need_weights=False, attn_mask=forbidden,
    )  # fmt: skip
    return found[:, 0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(5,), (1,), (4, 6), (2, 3, 4)])
def test_layer_norm(shape, dtype):
    x = leaf("x", 3 + draw(*shape), dtype)
    out = nn.layer_norm(x, name="n")
    at = parameters(out) | {"n/gamma": draw(shape[-1], seed=2), "n/beta": draw(shape[-1], seed=3)}
    agree([out], at, lambda t: [F.layer_norm(t["x"], shape[-1:], t["n/gamma"], t["n/beta"])], dtype)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
def test_embedding(shape):
    words = gv.data("words", np.random.default_rng(3).integers(5, size=shape), dtype=int)
    out = nn.embedding(words, 5, 3, name="e")
    agree([out], parameters(out), lambda t: [F.embedding(t["words"], t["e/W"])])
    fixed = nn.embedding(np.asarray([[4, 4], [0, 1]]), 5, 3, name="e")
    agree([fixed], parameters(fixed), lambda t: [F.embedding(torch.tensor([[4, 4], [0, 1]]), t["e/W"])])
