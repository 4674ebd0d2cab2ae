"""Convolution and pooling without a peer: by hand, in pictures, and what is refused."""

import numpy as np
import pytest

import gradviz as gv
from gradviz import nn
from gradviz.errors import GradvizError

IMAGE = np.arange(1.0, 26.0).reshape(1, 5, 5)


def by_hand(image, kernels, stride):
    """The definition, place by place."""
    filters, _, height, width = kernels.shape
    rows, columns = (image.shape[1] - height) // stride + 1, (image.shape[2] - width) // stride + 1
    found = np.empty((filters, rows, columns))
    for f, i, j in np.ndindex(found.shape):
        found[f, i, j] = np.sum(
            kernels[f] * image[:, i * stride : i * stride + height, j * stride : j * stride + width]
        )
    return found


@pytest.mark.parametrize("stride", [1, 2])
def test_kernels_by_hand(stride):
    kernels = np.random.default_rng(1).normal(size=(2, 1, 2, 3))
    out = nn.conv2d(gv.data("x", IMAGE), kernels=kernels, stride=stride, bias=False)
    np.testing.assert_allclose(gv.evaluate(out).output, by_hand(IMAGE, kernels, stride), rtol=1e-13)
    graph = gv.graph(out)
    assert graph.node(graph.find("K")).op.name == "constant"


def test_an_impulse_shows_the_kernel_turned():
    image = np.zeros((1, 5, 5))
    image[0, 2, 2] = 1
    kernel = np.arange(9.0).reshape(1, 1, 3, 3)
    out = nn.conv2d(gv.data("x", image), kernels=kernel, bias=False)
    np.testing.assert_array_equal(gv.evaluate(out).output[0], kernel[0, 0, ::-1, ::-1])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 6, 7])
def test_same_padding_gives_a_place_for_each_step(stride, length):
    x = gv.data("x", np.ones((1, length, length)))
    assert nn.conv2d(x, 2, 3, stride=stride, padding="same").shape[1:] == (-(-length // stride),) * 2


def test_pooling_by_hand():
    x = gv.data("x", IMAGE[:, :4, :4])
    np.testing.assert_array_equal(gv.evaluate(nn.max_pool2d(x, 2)).output, [[[7, 9], [17, 19]]])
    np.testing.assert_array_equal(gv.evaluate(nn.avg_pool2d(x, 2)).output, [[[4, 6], [14, 16]]])
    np.testing.assert_array_equal(gv.evaluate(nn.max_pool2d(x, 3, stride=1)).output, [[[13, 14], [18, 19]]])
    np.testing.assert_array_equal(gv.evaluate(nn.max_pool2d(x, 3, ceil_mode=True)).output, [[[13, 14], [18, 19]]])


def test_a_tie_in_a_block_gets_no_gradient():
    x = gv.param("x", [[[1.0, 1.0, 0.0, 2.0]]])
    out = gv.sum(nn.max_pool2d(x, (1, 2)))
    np.testing.assert_array_equal(gv.backprop(out).grad["x"], [[[0, 0, 0, 1]]])


def small_network():
    x = gv.data("x", np.random.default_rng(2).normal(size=(1, 5, 6)))
    h = nn.conv2d(x, 2, 2, padding=(1, 0), activation="tanh", name="maps")
    h = nn.max_pool2d(h, 2, ceil_mode=True, padding=1, name="pool")
    return nn.cross_entropy(nn.dense(nn.flatten(h), 3, name="top"), gv.data("label", 1, dtype=int)).named("loss")


def test_a_network_of_images_checks_draws_steps_and_explains(tmp_path):
    loss = gv.graph(small_network())
    report = gv.check(loss)
    assert report.ok
    unproved = {(row.edge, row.verdict) for row in report.edges(every=True) if row.verdict != "proved"}
    assert {verdict for _, verdict in unproved} <= {"numeric", "sampled"}, unproved
    gv.figure(loss, values=gv.backprop(loss)).save(tmp_path / "maps.svg")
    assert len(gv.steps(loss)) > 20
    assert "loss" in repr(gv.explain(loss, wrt="maps/b"))
    slope = gv.derivative(loss, "maps/K")
    np.testing.assert_allclose(gv.evaluate(slope).output, gv.backprop(loss).grad["maps/K"], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: nn.conv2d(x[0], 2, 3), "conv2d: an image has the shape (channels, height, width), not the shape"),
        (lambda x: nn.conv2d(x, 2), "conv2d: how many filters of what size? (nn.conv2d(x, 8, 3))"),
        (lambda x: nn.conv2d(x, 2, 6, name="c"), "c: the image must be at least 6×6, as the kernels are, not the"),
        (lambda x: nn.conv2d(x, 2, 3, stride=0), "conv2d: stride 0 is no positive integer"),
        (lambda x: nn.conv2d(x, 2, 3, padding=-1), "conv2d: padding -1 is no integer from 0"),
        (lambda x: nn.conv2d(x, 2, 3, padding="some"), "there is no padding 'some'"),
        (lambda x: nn.conv2d(x, 2, (3, 3, 3)), "conv2d: kernel (3, 3, 3) is no positive integer"),
        (lambda x: nn.conv2d(x, 2, 3, groups=2), "conv2d: 2 groups divide 1 channels and 2 filters unevenly"),
        (lambda x: nn.conv2d(x, kernels=np.ones((2, 2))), "kernels have the shape (filters, channels / groups,"),
        (lambda x: nn.conv2d(x, kernels=np.ones((2, 3, 2, 2))), "K must have the shape (2, 1, 2, 2)"),
        (lambda x: nn.max_pool2d(x, 6), "the image must be at least as large as a block of 6×6"),
        (lambda x: nn.max_pool2d(x, 2, padding=2), "a padding of 2 is more than half of a block of (2, 2)"),
        (lambda x: nn.avg_pool2d(x, 0), "avg_pool2d: size 0 is no positive integer"),
    ],
)
def test_errors_are_one_clear_line(make, message):
    with pytest.raises(GradvizError) as caught:
        make(gv.data("x", IMAGE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.where.startswith(__file__)
