"""Whole numbers and truth values: data of any width are counted with, chosen by, and never wrap around."""

import numpy as np
import pytest

import gradviz as gv
from gradviz.errors import GraphError

MASK, SMALL, SIGNED = [True, True, False], [0, 5, 200, 100], [3, 100, -7]
X = np.array(SMALL, float)

RESULTS = {  # m, u and s are the three above; what float64 and Python's integers give
    "count": (lambda m, u, s: gv.sum(m), 2),
    "running": (lambda m, u, s: gv.cumsum(m), [1, 2, 2]),
    "product": (lambda m, u, s: gv.prod(m), 0),
    "summed": (lambda m, u, s: gv.segment_sum(m, [0, 0, 1], 2), [2, 0]),
    "contracted": (lambda m, u, s: gv.einsum("i->", m) + m @ m, 4),
    "twice": (lambda m, u, s: m + m, [2, 2, 0]),
    "least": (lambda m, u, s: gv.min(u), 0),
    "total": (lambda m, u, s: gv.sum(u), 305),
    "squared": (lambda m, u, s: gv.sum(s * s), 10058),
    "below": (lambda m, u, s: u - 1, [-1, 4, 199, 99]),
    "most": (lambda m, u, s: gv.maximum(s, 2), [3, 100, 2]),
    "powers": (lambda m, u, s: s**-1, [1 / 3, 0.01, -1 / 7]),
    "chosen": (lambda m, u, s: gv.take([7.0, 8.0, 9.0], m + 1, axis=0), [9.0, 9, 8]),
    "hot": (lambda m, u, s: gv.one_hot(1 - m, 2), [[1.0, 0], [1, 0], [0, 1]]),
    "moved": (lambda m, u, s: gv.take([7.0, 8.0, 9.0], m + np.array([1, 0, 0]), axis=0), [9.0, 8, 7]),
    "sigmoid": (lambda m, u, s: gv.sigmoid(u), 1 / (1 + np.exp(-X))),
    "softmax": (lambda m, u, s: gv.softmax(u), np.exp(X - 200) / np.sum(np.exp(X - 200))),
    "exp": (lambda m, u, s: gv.exp(s), np.exp(np.array(SIGNED, float))),
    "leaky": (lambda m, u, s: gv.leaky_relu(s), [3, 100, -0.07]),
    "clipped": (lambda m, u, s: gv.clip(s, 0.5, 3.5), [3, 3.5, 0.5]),
    "masked mean": (lambda m, u, s: gv.sum(s * m * 1.0) / gv.sum(m), 51.5),
}


def whole() -> gv.Graph:
    m, u = gv.data("m", np.array(MASK)), gv.data("u", SMALL, dtype=np.uint8)
    s = gv.data("s", np.array(SIGNED, np.int8), dtype=np.int8)
    return gv.graph(**{name: build(m, u, s) for name, (build, _) in RESULTS.items()})


def test_whole_numbers_do_not_wrap_around():
    graph = whole()
    values = gv.evaluate(graph)
    for name, (_, expected) in RESULTS.items():
        found = values.forward[graph.outputs[name]]
        np.testing.assert_allclose(found, expected, rtol=1e-15, err_msg=name)
        assert found.dtype == np.asarray(expected).dtype


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_compiled_layers_agree_about_whole_numbers(backend):
    given = {"m": np.array(MASK), "u": np.array(SMALL, np.uint8), "s": np.array(SIGNED, np.int8)}
    found = gv.compile(whole(), backend=backend)(**given)
    for name, (_, expected) in RESULTS.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-14, err_msg=name)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_computed_index_is_looked_at_before_anything_changes(backend):
    W, n = gv.param("W", [[1.0], [2.0], [3.0]]), gv.data("n", shape=2, dtype=int)
    layer = gv.compile(gv.graph(loss=gv.sum(gv.square(gv.take(W, n - 1, axis=0)))), backend=backend)
    with pytest.raises(GraphError, match="the index 3 is out of range"):
        layer.step(0.1, n=[1, 4])
    assert layer.parameters["W"].tolist() == [[1], [2], [3]]
    assert layer.value_and_grad(n=[1, 3])[1]["W"].tolist() == [[2], [0], [6]]


def test_masks_keep_the_dtype_and_the_check_agrees():
    q, m = gv.param("q", np.array([1.0, 2.0, 3.0], np.float32)), gv.data("m", np.array(MASK))
    mean = gv.sum(q * m) / gv.sum(m)
    assert mean.dtype == np.float32
    assert gv.backprop(mean).grad["q"].tolist() == [0.5, 0.5, 0]
    assert gv.check(mean).ok


@pytest.mark.parametrize(
    "build", [lambda n: gv.sum(n * 0.5), lambda n: gv.sum((n + 1) * 0.5), lambda n: n @ np.full(3, 0.5)]
)
def test_a_gradient_by_whole_numbers_is_none_of_them(build):
    n = gv.data("n", [1, 2, 3], dtype=int)
    graph = gv.graph(L=build(n))
    values = gv.backprop(graph, wrt=["n"])
    assert values.grad["n"].tolist() == gv.evaluate(gv.derivative(graph, "n")).output.tolist() == [0.5, 0.5, 0.5]
    assert all(np.asarray(values.local[edge]).dtype.kind == "f" for edge in values.local)


@pytest.mark.parametrize(
    ("value", "dtype", "said"),
    [
        ([1.5], int, r"not whole numbers: \[1.5\]"),
        (np.array([2**63], np.uint64), np.uint64, "not whole numbers"),
        ([np.nan], int, "not whole numbers"),
        (None, "foo", "'foo' is no dtype of numbers"),
        ([1.0], complex, "is no dtype of numbers"),
    ],
)
def test_what_is_no_whole_number_is_refused(value, dtype, said):
    with pytest.raises(GraphError, match=said) as caught:
        gv.data("n", value, dtype=dtype)
    assert caught.value.where.startswith(__file__)


def test_a_state_may_be_a_whole_number():
    E, by, zero = (
        gv.param("E", np.arange(6.0).reshape(3, 2)),
        gv.data("by", [0, 1, 1], dtype=int),
        gv.data("zero", 0, dtype=int),
    )

    def cell(x, place, total):
        place = gv.minimum(place + x, 2)
        return place, total + gv.take(E, place, axis=0)

    graph = gv.graph(loss=gv.sum(gv.scan(cell, by, (zero, np.zeros(2)))[1][-1]))
    expected = gv.backprop(graph).grad["E"]
    assert expected.tolist() == [[1, 1], [1, 1], [1, 1]]
    np.testing.assert_array_equal(gv.compile(graph).value_and_grad()[1]["E"], expected)
    with pytest.raises(GraphError, match="computed at each step has no form as a loop"):
        gv.compile(graph, backend="numba").value_and_grad()
