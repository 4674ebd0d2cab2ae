"""Convolution and pooling against torch, over strides, paddings, dilations, groups and odd sizes."""

import itertools

import pytest
from torch_peer import agree, draw, leaf, need_torch, parameters

from gradviz import nn

torch = need_torch()
F = torch.nn.functional


CONVOLUTIONS = [
    {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    for stride, padding, dilation, groups in itertools.product([1, (2, 3)], [0, (2, 1)], [1, (1, 2)], [1, 2])
] + [{"padding": "same"}, {"padding": "same", "dilation": (2, 1)}, {"padding": "valid", "stride": 3}]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("kernel", [1, (3, 2), (2, 5)])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_conv2d(options, kernel):
    x = leaf("x", draw(4, 7, 10))
    out = nn.conv2d(x, 6, kernel, name="c", **options)
    at = parameters(out) | {"c/b": draw(6, seed=2)}

    def theirs(t):
        return [F.conv2d(t["x"][None], t["c/K"], t["c/b"], **options)[0]]

    agree([out], at, theirs)


@pytest.mark.parametrize(("shape", "kernel"), [((1, 1, 1), 1), ((2, 3, 3), 3), ((3, 5, 4), (5, 1))])
def test_conv2d_of_small_images_in_float32(shape, kernel):
    x = leaf("x", draw(*shape), "float32")
    out = nn.conv2d(x, 2, kernel, activation="tanh", bias=False, name="c")
    agree([out], parameters(out), lambda t: [torch.tanh(F.conv2d(t["x"][None], t["c/K"])[0])], "float32")


POOLS = [
    {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    for stride, padding, ceil_mode in itertools.product([None, 1, 2, (3, 2)], [0, 1], [False, True])
]


@pytest.mark.parametrize("size", [2, 3, (2, 4)])
@pytest.mark.parametrize("options", POOLS, ids=str)
def test_pooling(options, size):
    x = leaf("x", draw(2, 7, 9))
    outputs = [
        nn.max_pool2d(x, size, **options),
        nn.avg_pool2d(x, size, **options),
        nn.avg_pool2d(x, size, count_include_pad=False, name="inner", **options),
    ]

    def theirs(t):
        whole = t["x"][None]
        return [
            F.max_pool2d(whole, size, **options)[0],
            F.avg_pool2d(whole, size, **options)[0],
            F.avg_pool2d(whole, size, count_include_pad=False, **options)[0],
        ]

    agree(outputs, parameters(*outputs), theirs)


def test_a_small_network_of_images():
    x = leaf("x", draw(1, 13, 11), "float32")
    h = nn.max_pool2d(nn.conv2d(x, 4, 3, activation="tanh", name="c1"), 2, name="p1")
    h = nn.avg_pool2d(nn.conv2d(h, 6, 2, stride=2, activation="relu", name="c2"), 2, ceil_mode=True, name="p2")
    out = nn.dense(nn.flatten(h), 3, name="top")

    def theirs(t):
        h = F.max_pool2d(torch.tanh(F.conv2d(t["x"][None], t["c1/K"], t["c1/b"])), 2)
        h = F.avg_pool2d(torch.relu(F.conv2d(h, t["c2/K"], t["c2/b"], stride=2)), 2, ceil_mode=True)
        return [F.linear(h.flatten(), t["top/W"], t["top/b"])]

    agree([out], parameters(out), theirs, "float32")
