"""All layers and losses in one table: as graphs of one sample, and as torch computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from torch_layers import along, capsule, gru_step, lstm_step, multi_head, rnn_step, squash
from torch_peer import need_torch

import gradviz as gv
from gradviz import nn

torch = need_torch()
F = torch.nn.functional

ALLOWED = np.tri(4, 5, 1, dtype=bool)
CAUSAL = np.where(np.tri(5, dtype=bool), 0.0, -np.inf)
ADDED = np.random.default_rng(5).normal(size=(4, 5))
IMAGE = (4, 7, 9)


def constant(array, like):
    return torch.tensor(array, dtype=like.dtype)


def zeros(x, *shape):
    return torch.zeros(shape, dtype=x.dtype)


FAMILIES = {}


class Family(NamedTuple):
    """A row of the table.

    Attributes:
        shapes: of the data leaves of one sample; those called "label" are integers.
        ours, theirs: a function of the leaves, and one of the tensors by path; both return what is compared.
        spread: of what is added to the parameters' values, so that none is 0.
    """

    shapes: dict[str, tuple[int, ...]]
    ours: Callable[..., list[Any]]
    theirs: Callable[[dict[str, Any]], list[Any]]
    spread: float = 0.2


def family(**shapes):
    """Put what a function returns, two functions, into the table under its name."""

    def add(function):
        FAMILIES[function.__name__] = Family(shapes, *function())
        return function

    return add


@family(x=(5,))
def dense():
    activations = ["relu", "tanh", "sigmoid", "gelu", "softplus", "elu", "silu", "leaky_relu"]
    return (
        lambda x: [nn.dense(x, 3, activation=name, name=name) for name in activations],
        lambda t: [getattr(F, name)(F.linear(t["x"], t[f"{name}/W"], t[f"{name}/b"])) for name in activations],
    )


@family(x=(3, 5))
def dense_of_rows():
    return (
        lambda x: [nn.dense(nn.dense(x, 4, activation="tanh", name="a"), 2, activation="softmax", name="b")],
        lambda t: [torch.softmax(F.linear(torch.tanh(F.linear(t["x"], t["a/W"], t["a/b"])), t["b/W"], t["b/b"]), -1)],
    )


@family(p=(4,), y=(4,))
def losses():
    def ours(p, y):
        return [
            nn.squared_error(p, y), nn.absolute_error(p, y), nn.huber(p, y), nn.huber(p, y, delta=0.3),
            nn.binary_cross_entropy(p, gv.sigmoid(y)), nn.hinge(p, gv.sign(y)), nn.cross_entropy(p, gv.softmax(y)),
            nn.l2(p, y),
        ]  # fmt: skip

    def theirs(t):
        p, y = t["p"], t["y"]
        return [
            F.mse_loss(p, y, reduction="sum"), F.l1_loss(p, y, reduction="sum"), F.huber_loss(p, y, reduction="sum"),
            F.huber_loss(p, y, reduction="sum", delta=0.3),
            F.binary_cross_entropy_with_logits(p, torch.sigmoid(y), reduction="sum"),
            torch.relu(1 - p * torch.sign(y)).sum(), F.cross_entropy(p, torch.softmax(y, -1)),
            (p**2).sum() + (y**2).sum(),
        ]  # fmt: skip

    return ours, theirs


@family(z=(3, 6), label=(3,))
def losses_of_classes():
    return (
        lambda z, label: [nn.cross_entropy(300 * z, label), nn.multiclass_hinge(300 * z, label)],
        lambda t: [
            F.cross_entropy(300 * t["z"], t["label"], reduction="sum"),
            F.multi_margin_loss(300 * t["z"], t["label"], reduction="sum") * 6,
        ],
    )


@family(x=IMAGE)
def convolutions():
    table = [
        ((3, 2), {}),
        (3, {"stride": (2, 3), "padding": (2, 1)}),
        ((2, 3), {"dilation": (1, 2), "groups": 2}),
        (2, {"stride": 2, "padding": 1, "dilation": 2, "groups": 4}),
        (3, {"padding": "same", "dilation": (2, 1)}),
        (1, {"stride": 2}),
    ]
    return (
        lambda x: [nn.conv2d(x, 8, size, name=f"c{place}", **options) for place, (size, options) in enumerate(table)],
        lambda t: [
            F.conv2d(t["x"], t[f"c{place}/K"], t[f"c{place}/b"], **options) for place, (_, options) in enumerate(table)
        ],
    )


@family(x=IMAGE)
def pools():
    table = [
        (2, {}),
        (3, {"stride": 2}),
        (3, {"stride": 2, "padding": 1, "ceil_mode": True}),
        ((2, 4), {"stride": (1, 3)}),
    ]
    inner = {"count_include_pad": False}
    return (
        lambda x: [
            *(nn.max_pool2d(x, size, **options) for size, options in table),
            *(nn.avg_pool2d(x, size, **options) for size, options in table),
            *(nn.avg_pool2d(x, size, **options, **inner) for size, options in table),
        ],
        lambda t: [
            *(F.max_pool2d(t["x"][None], size, **options)[0] for size, options in table),
            *(F.avg_pool2d(t["x"][None], size, **options)[0] for size, options in table),
            *(F.avg_pool2d(t["x"][None], size, **options, **inner)[0] for size, options in table),
        ],
    )


@family(x=(1, 11, 13))
def network_of_images():
    def theirs(t):
        h = F.max_pool2d(torch.tanh(F.conv2d(t["x"], t["conv2d/K"], t["conv2d/b"])), 2)
        h = F.max_pool2d(torch.relu(F.conv2d(h, t["conv2d_2/K"], t["conv2d_2/b"])), 2)
        return [F.linear(h.flatten(), t["dense/W"], t["dense/b"])]

    def ours(x):
        h = nn.max_pool2d(nn.conv2d(x, 4, 3, activation="tanh"), 2)
        return [nn.dense(nn.flatten(nn.max_pool2d(nn.conv2d(h, 6, 2, activation="relu"), 2)), 3)]

    return ours, theirs


@family(Q=(4, 3), K=(5, 3), V=(5, 2), bias=(4, 5))
def attention_with_masks():
    def ours(Q, K, V, bias):
        return [nn.attention(Q, K, V, mask=mask) for mask in (None, ALLOWED, ADDED, bias)]

    def theirs(t):
        masks = [None, torch.tensor(ALLOWED), constant(ADDED, t["Q"]), t["bias"]]
        return [F.scaled_dot_product_attention(t["Q"], t["K"], t["V"], attn_mask=mask) for mask in masks]

    return ours, theirs


@family(x=(5, 8), context=(3, 8))
def heads():
    return (
        lambda x, context: [
            nn.attention(x, x, x, mask="causal"),
            nn.multi_head_attention(x, 2, mask="causal", bias=True, name="self"),
            nn.multi_head_attention(x, 4, context=context, name="cross"),
        ],
        lambda t: [
            F.scaled_dot_product_attention(t["x"], t["x"], t["x"], is_causal=True),
            multi_head(t, "self", t["x"], t["x"], 2, constant(CAUSAL, t["x"]), bias=True),
            multi_head(t, "cross", t["x"], t["context"], 4),
        ],
    )


@family(x=(4, 6))
def layer_norms():
    return (
        lambda x: [nn.layer_norm(x), nn.layer_norm(x[0], eps=0.1)],
        lambda t: [
            F.layer_norm(t["x"], (6,), t["layer_norm/gamma"], t["layer_norm/beta"]),
            F.layer_norm(t["x"][0], (6,), t["layer_norm_2/gamma"], t["layer_norm_2/beta"], 0.1),
        ],
    )


@family(label=(4,))
def embedded():
    return (
        lambda label: [gv.tanh(nn.embedding(label, 6, 3, name="e"))],
        lambda t: [torch.tanh(F.embedding(t["label"], t["e/W"]))],
    )


@family(u=(6, 3))
def capsules():
    return (
        lambda u: [nn.capsule(u, 4, 5, routing=3, name="c"), nn.squash(u)],
        lambda t: [capsule(t, "c", t["u"], 4, 3), squash(t["u"])],
    )


@family(x=(6,))
def autoencoders():
    def theirs(t):
        code = torch.sigmoid(F.linear(t["x"], t["a/encoder/W"], t["a/encoder/b"]))
        return [code, torch.sum((F.linear(code, t["a/encoder/W"].T, t["a/decoder/b"]) - t["x"]) ** 2)]

    def ours(x):
        found = nn.autoencoder(x, 4, tied=True, name="a")
        return [found.code, found.loss]

    return ours, theirs


@family(x=(3,), h=(4,), C=(4,))
def cells():
    variants = {"a": {}, "b": {"peephole": "fio"}, "c": {"coupled": True}, "d": {"peephole": "fo", "coupled": True}}

    def ours(x, h, C):
        lstm = [one for name, options in variants.items() for one in nn.lstm_cell(x, h, C, name=name, **options)]
        return [*lstm, nn.gru_cell(x, h), nn.rnn_cell(x, h), nn.rnn_cell(x, h, activation="relu")]

    def theirs(t):
        x, h, C = t["x"], t["h"], t["C"]
        lstm = [one for name, options in variants.items() for one in lstm_step(t, name, x, h, C, **options)]
        return [*lstm, gru_step(t, "gru", x, h), rnn_step(t, "rnn", x, h), rnn_step(t, "rnn_2", x, h, torch.relu)]

    return ours, theirs


def sequences():
    """Recurrent networks of two layers and both directions, a peeping coupled LSTM, and a GRU from a given state."""

    def ours(x, h):
        two, (last, _) = nn.recurrent(x, "lstm", hidden=4, layers=2, bidirectional=True, name="two")
        peeping, _ = nn.recurrent(x, "lstm", hidden=4, peephole=True, coupled=True, name="peeping")
        return [two, last, peeping, *nn.recurrent(x, "gru", hidden=4, initial=h, name="gru")]

    def theirs(t):
        none = (zeros(t["x"], 4), zeros(t["x"], 4))
        below, ends = t["x"], []
        for layer in (1, 2):
            ways = [
                along(lambda *a, p=f"two/layer{layer}_{way}/cell": lstm_step(t, p, *a), below, none, way == "backward")
                for way in ("forward", "backward")
            ]
            below = torch.cat([outputs for outputs, _ in ways], 1)
            ends += [states[0] for _, states in ways]
        peeping, _ = along(lambda *a: lstm_step(t, "peeping/cell", *a, peephole="fo", coupled=True), t["x"], none)
        outputs, (last,) = along(lambda *a: gru_step(t, "gru/cell", *a), t["x"], (t["h"],))
        return [below, torch.stack(ends), peeping, outputs, last]

    return ours, theirs


for length in (1, 6, 60):
    FAMILIES[f"sequences_of_{length}"] = Family({"x": (length, 3), "h": (4,)}, *sequences())
FAMILIES["saturated_sequences"] = Family({"x": (6, 3), "h": (4,)}, *sequences(), spread=30.0)
