"""Every primitive's derivative against central differences and against HIPS autograd, over its domain.

Parametrized over the registry: a primitive is tested the moment it is declared.
"""

from __future__ import annotations

import math
import warnings
import zlib

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from peers import REDUCTIONS, attrs_of, log_softmax, peer

import gradviz as gv
import gradviz.ops  # fills the registry
from gradviz.core.primitive import REGISTRY

ELEMENTWISE = sorted(name for name, op in REGISTRY.items() if op.elementwise)


def samples(name, shape, arguments):
    """Draw arguments inside the domain and away from kinks."""
    op = REGISTRY[name]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    for _ in range(1000):
        drawn = []
        for place in range(arguments):
            low, high = op.domain[place] if op.domain else (-math.inf, math.inf)
            low, high = max(low, -2.5), min(high, 2.5 if high > 2.5 else high)
            span = (high - low) * 0.04
            drawn.append(rng.uniform(low + span, high - span, shape[place]))
        if name == "where":
            drawn[0] = (drawn[0] > 0).astype(float)
        if op.kink is None:
            return drawn
        from gradviz.namespaces import numpy as xp

        if np.all(np.abs(op.kink(xp, *drawn, **attrs_of(name))) > 1e-2):
            return drawn
    raise AssertionError(f"no sample of {name} away from its kink")


def gradients(name, arguments, cotangent):
    """Return gradviz's value and the gradients of Σ cotangent · value by each argument."""
    leaves = [gv.param(f"a{place}", value) for place, value in enumerate(arguments)]
    values = gv.backprop(REGISTRY[name](*leaves, **attrs_of(name)), seed=cotangent)
    return values.output, [values.grad[f"a{place}"] for place in range(len(arguments))]


SHAPES = {
    "scalar": lambda n: [()] * n,
    "vector": lambda n: [(4,)] * n,
    "broadcast": lambda n: [(3, 1), (1, 4), (4,)][:n],
    "with scalar": lambda n: [(3,), (), (3,)][:n],
}


@pytest.mark.parametrize("form", SHAPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_agrees_with_peer_and_differences(name, form):
    count = len(REGISTRY[name].partials)
    arguments = samples(name, SHAPES[form](count), count)
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    cotangent = np.random.default_rng(1).normal(size=shape)
    value, found = gradients(name, arguments, cotangent)
    function = peer(name)
    np.testing.assert_allclose(value, function(*arguments), rtol=1e-12, atol=1e-14)

    def total(*args):
        return anp.sum(cotangent * function(*args))

    for place, (gradient, argument) in enumerate(zip(found, arguments, strict=True)):
        if name == "where" and place == 0:
            assert not np.any(gradient)
            continue
        assert np.shape(gradient) == np.shape(argument)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = autograd.grad(total, place)(*map(np.asarray, arguments))
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-10)
        direction = np.random.default_rng(2).normal(size=np.shape(argument))
        step = 1e-6
        moved = [
            np.sum(cotangent * gradients(name, shifted(arguments, place, sign * step * direction), cotangent)[0])
            for sign in (1, -1)
        ]
        np.testing.assert_allclose(
            (moved[0] - moved[1]) / (2 * step), np.sum(gradient * direction), rtol=2e-6, atol=1e-6
        )


def shifted(arguments, place, change):
    return [argument + change if index == place else argument for index, argument in enumerate(arguments)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_of_nothing_and_of_float32(name):
    count = len(REGISTRY[name].partials)
    value, found = gradients(name, [np.empty((0, 3))] * count, np.empty((0, 3)))
    assert value.shape == (0, 3)
    assert all(gradient.shape == (0, 3) for gradient in found)

    arguments = samples(name, [(5,)] * count, count)
    small = [argument.astype(np.float32) for argument in arguments]
    value32, found32 = gradients(name, small, np.ones(5, np.float32))
    value64, found64 = gradients(name, [argument.astype(float) for argument in small], np.ones(5))
    assert value32.dtype == np.float32
    np.testing.assert_allclose(value32, value64, rtol=3e-5, atol=1e-5)
    for gradient32, gradient64 in zip(found32, found64, strict=True):
        assert gradient32.dtype == np.float32
        np.testing.assert_allclose(gradient32, gradient64, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_scalar_sweep_agrees_with_arrays(name):
    count = len(REGISTRY[name].partials)
    arguments = samples(name, [()] * count, count)
    value, found = gradients(name, arguments, 1.0)  # a seed takes the arrays
    leaves = [gv.param(f"a{place}", float(argument)) for place, argument in enumerate(arguments)]
    node = REGISTRY[name](*leaves, **attrs_of(name))
    swept = gv.backprop(node)
    np.testing.assert_allclose(swept.output, value, rtol=1e-14)
    for place in range(count):
        np.testing.assert_allclose(swept.grad[f"a{place}"], found[place], rtol=1e-13, atol=1e-16)


A23 = np.random.default_rng(5).normal(size=(2, 3))
A234 = np.random.default_rng(6).normal(size=(2, 3, 4))
ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0], [1.5, -2.0, 0.5]])


def compare(node_of, function, *arguments, rtol=1e-9):
    """Compare value, gradients (by autograd) and a central difference of Σ cotangent · value."""
    leaves = [gv.param(f"a{place}", argument) for place, argument in enumerate(arguments)]
    graph = gv.graph(node_of(*leaves))
    value = gv.evaluate(graph).output
    cotangent = np.random.default_rng(3).normal(size=np.shape(value))
    values = gv.backprop(graph, seed=cotangent)
    np.testing.assert_allclose(value, function(*arguments), rtol=rtol, atol=1e-12)
    for place, argument in enumerate(arguments):
        expected = autograd.grad(lambda *args: anp.sum(cotangent * function(*args)), place)(*arguments)
        found = values.grad[f"a{place}"]
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-11)
        direction = np.random.default_rng(4).normal(size=np.shape(argument))
        ends = [gv.evaluate(graph, at={f"a{place}": argument + sign * 1e-6 * direction}).output for sign in (1, -1)]
        difference = np.sum(cotangent * (ends[0] - ends[1])) / 2e-6
        np.testing.assert_allclose(difference, np.sum(found * direction), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1,)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, axis, keepdims):
    made = gv.__getattr__(name)
    compare(
        lambda x: made(x, axis=axis, keepdims=keepdims),
        lambda x: REDUCTIONS[name](x, axis=axis, keepdims=keepdims),
        A234,
    )


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_product_with_zeros(axis):
    x = gv.param("x", ZEROS)
    graph = gv.graph(gv.sum(gv.prod(x, axis=axis)))
    found = gv.backprop(graph).grad["x"]
    expected = np.empty_like(ZEROS)
    for place in np.ndindex(ZEROS.shape):  # a product is linear in each factor: f(x_i = 1) - f(x_i = 0)
        ends = []
        for end in (1.0, 0.0):
            moved = ZEROS.copy()
            moved[place] = end
            ends.append(np.sum(np.prod(moved, axis=axis)))
        expected[place] = ends[0] - ends[1]
    np.testing.assert_allclose(found, expected, atol=1e-15)


def test_ddof():
    compare(lambda x: gv.var(x, axis=1, ddof=1), lambda x: anp.var(x, axis=1, ddof=1), A23)
    compare(lambda x: gv.std(x, ddof=1), lambda x: anp.std(x, ddof=1), A23)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_along_an_axis(axis):
    compare(lambda x: gv.softmax(x, axis=axis), lambda x: anp.exp(log_softmax(x, axis)), A234)
    compare(lambda x: gv.log_softmax(x, axis=axis), lambda x: log_softmax(x, axis), A234)
    compare(lambda x: gv.cumsum(x, axis=axis), lambda x: anp.cumsum(x, axis=axis), A234)


def test_cumsum_of_all():
    compare(gv.cumsum, anp.cumsum, A23)


RANKS = [(), (2,), (3, 4), (2, 3), (5, 2, 3)]
PRODUCTS = [
    ((3,), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
]


@pytest.mark.parametrize(("left", "right"), PRODUCTS)
def test_matmul_of_every_rank(left, right):
    rng = np.random.default_rng(7)
    compare(lambda a, b: a @ b, anp.matmul, rng.normal(size=left), rng.normal(size=right))


@pytest.mark.parametrize(
    ("left", "right"), [((), (3,)), ((3,), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 3), (5, 3, 4))]
)
def test_dot(left, right):
    rng = np.random.default_rng(8)
    compare(gv.dot, anp.dot, np.asarray(rng.normal(size=left)), np.asarray(rng.normal(size=right)))


def test_outer():
    compare(gv.outer, anp.outer, np.array([1.0, 2.0]), np.array([3.0, -1.0, 0.5]))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ij->ji", [(2, 3)]),
        ("ij->", [(2, 3)]),
        ("ij->i", [(2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("i,i->", [(3,), (3,)]),
        ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
        ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
        ("i,j->", [(2,), (3,)]),
        ("a,ab,abc->abc", [(2,), (2, 3), (2, 3, 4)]),
    ],
)
def test_einsum(subscripts, shapes):
    rng = np.random.default_rng(9)
    compare(
        lambda *args: gv.einsum(subscripts, *args),
        lambda *args: anp.einsum(subscripts, *args),
        *(rng.normal(size=shape) for shape in shapes),
    )


@pytest.mark.parametrize("subscripts", ["ii->i", "ii->", "iji->j", "iij->ij"])
def test_einsum_of_diagonals(subscripts):
    value = np.random.default_rng(10).normal(size=(3,) * len(subscripts.split("->")[0]))
    x = gv.param("x", value)
    graph = gv.graph(gv.einsum(subscripts, x))
    shape = np.einsum(subscripts, value).shape
    cotangent = np.random.default_rng(11).normal(size=shape)
    found = gv.backprop(graph, seed=cotangent).grad["x"]
    for place in np.ndindex(value.shape):  # it is linear: the gradient is the value at a unit
        unit = np.zeros_like(value)
        unit[place] = 1
        assert found[place] == pytest.approx(np.sum(cotangent * np.einsum(subscripts, unit)))


SHAPE_FUNCTIONS = {
    "reshape": (lambda xp: lambda x: xp.reshape(x, (4, 3, 2))),
    "reshape -1": (lambda xp: lambda x: xp.reshape(x, (-1, 6))),
    "transpose": (lambda xp: lambda x: xp.transpose(x)),
    "transpose axes": (lambda xp: lambda x: xp.transpose(x, (1, 2, 0))),
    "swapaxes": (lambda xp: lambda x: xp.swapaxes(x, 0, -1)),
    "expand_dims": (lambda xp: lambda x: xp.expand_dims(x, 1)),
    "squeeze": (lambda xp: lambda x: xp.squeeze(xp.expand_dims(x, 1), 1)),
    "broadcast_to": (lambda xp: lambda x: x + xp.broadcast_to(x[:1, :, :], (2, 3, 4))),
    "scatter": (
        lambda xp: (
            lambda x: (
                gv.scatter(x, ([2, 0],), (3, 3, 4))
                if xp is gv
                else anp.tensordot(np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]), x, 1)
            )
        )
    ),
    "windows": (
        lambda xp: (
            lambda x: (
                gv.windows(x, (2, 3), stride=(1, 1))
                if xp is gv
                else anp.stack([anp.stack([x[:, i : i + 2, j : j + 3] for j in range(2)], 1) for i in range(2)], 1)
            )
        )
    ),
    "fold": (
        lambda xp: (
            lambda x: (
                gv.fold(x, 9, stride=2, dilation=1)
                if xp is gv
                else sum(anp.pad(x[:, place], ((0, 0), (2 * place, 5 - 2 * place)), "constant") for place in range(3))
            )
        )
    ),
    "take": (lambda xp: lambda x: gv.take(x, gv.data("i", [1, 0, 1], dtype=int), axis=0) if xp is gv else x[[1, 0, 1]]),
    "take axis": (
        lambda xp: (
            lambda x: (
                gv.take(x, gv.data("i", [[1, 3], [1, 0]], dtype=int), axis=-1)
                if xp is gv
                else x[:, :, [[1, 3], [1, 0]]]
            )
        )
    ),
    "segment_sum": (
        lambda xp: (
            lambda x: (
                gv.segment_sum(x, [2, 2], 3)
                if xp is gv
                else anp.tensordot(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), x, 1)
            )
        )
    ),
    "one_hot": (
        lambda xp: (
            lambda x: (
                x[0, 0] * gv.one_hot(gv.data("i", [1, 3], dtype=int), 4)
                if xp is gv
                else x[0, 0] * np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
            )
        )
    ),
    "flip": (lambda xp: lambda x: xp.flip(x, (0, 2)) if xp is gv else x[::-1, :, ::-1]),
    "flip all": (lambda xp: lambda x: xp.flip(x) if xp is gv else x[::-1, ::-1, ::-1]),
    "concatenate": (lambda xp: lambda x: xp.concatenate([x, 2 * x[:, :1, :]], 1)),
    "stack": (lambda xp: lambda x: xp.stack([x, x * x], -1)),
    "pad": (lambda xp: lambda x: xp.pad(x, ((1, 0), (0, 2), (1, 1)), **({} if xp is gv else {"mode": "constant"}))),
    "index": (lambda xp: lambda x: x[1]),
    "slices": (lambda xp: lambda x: x[:, ::-2, 1:3]),
    "ellipsis and new axis": (lambda xp: lambda x: x[..., None, -1]),
    "repeats": (lambda xp: lambda x: x[[0, 1, 1, 0, 1]]),
    "two arrays": (lambda xp: lambda x: x[[0, 1, 1], [2, 0, 2]]),
    "mask": (lambda xp: lambda x: x[:, np.array([True, False, True])]),
}


@pytest.mark.parametrize("name", SHAPE_FUNCTIONS)
def test_shapes(name):
    made = SHAPE_FUNCTIONS[name]
    compare(made(gv), made(anp), A234)


def test_split():
    pieces = gv.split(gv.param("x", A234), 3, axis=1)
    assert [piece.shape for piece in pieces] == [(2, 1, 4)] * 3
    compare(lambda x: gv.split(x, [1, 3], axis=2)[1] ** 3, lambda x: x[:, :, 1:3] ** 3, A234)


def test_pad_value():
    values = gv.evaluate(gv.pad(gv.data("x", [1.0]), 1, constant_values=-2))
    np.testing.assert_array_equal(values.output, [-2, 1, -2])


def test_every_primitive_is_tested():
    assert len(REGISTRY) >= 80
    tested = set(ELEMENTWISE) | set(REDUCTIONS) | {name.split()[0] for name in SHAPE_FUNCTIONS}
    tested |= {"matmul", "outer", "einsum", "softmax", "log_softmax", "cumsum", "getitem"}
    tested |= {"scan"}  # core/test_scan.py
    assert set(REGISTRY) <= tested
