"""Logits of -∞, which say that a class is impossible: losses and gradients stay finite, as torch's do."""

import numpy as np
import pytest
from torch_peer import need_torch

import gradviz as gv
from gradviz import nn

torch = need_torch()
ALONE, MANY = np.array([0.5, -np.inf, 1.0, 0.0]), np.random.default_rng(0).normal(size=(40, 30))
MANY[:, 3:20] = -np.inf


def by_torch(loss, logits, label):
    z = torch.tensor(logits, requires_grad=True)
    value = loss(z, torch.tensor(label), reduction="sum")
    value.backward()
    return value.item(), z.grad.numpy()


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("logits", [ALONE, MANY], ids=["numbers", "arrays"])
def test_an_impossible_class_costs_nothing(logits, one_hot):
    label = np.full(logits.shape[:-1], 2)
    target = np.eye(logits.shape[-1])[label] if one_hot else label
    loss = gv.graph(nn.cross_entropy(gv.param("z", logits), gv.data("y", target, dtype=target.dtype)))
    # of probabilities torch computes 0·(-∞), which is NaN; the one-hot ones mean the same as the index
    value, slope = by_torch(torch.nn.functional.cross_entropy, logits, label)
    plain = gv.backprop(loss)
    np.testing.assert_allclose(plain.output, value, rtol=1e-12)
    np.testing.assert_allclose(plain.grad["z"], slope, rtol=1e-12, atol=1e-15)
    for backend in ("numpy", "numba"):
        layer = gv.compile(loss, backend=backend)
        np.testing.assert_allclose(layer(y=target), value, rtol=1e-12)
        found, gradients = layer.value_and_grad(y=target)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        np.testing.assert_allclose(gradients["z"], slope, rtol=1e-12, atol=1e-15)


def test_an_impossible_right_class_is_infinitely_wrong():
    loss = nn.cross_entropy(gv.param("z", ALONE), gv.data("y", 1, dtype=int))
    assert gv.evaluate(loss).output == by_torch(torch.nn.functional.cross_entropy, ALONE, 1)[0] == np.inf


def test_the_hinge_of_several_classes():
    loss = nn.multiclass_hinge(gv.param("z", ALONE), gv.data("y", 2, dtype=int))
    found = gv.backprop(loss)
    value, slope = by_torch(torch.nn.functional.multi_margin_loss, ALONE[None], [2])  # a mean over the classes
    assert found.output == pytest.approx(value * 4)
    np.testing.assert_allclose(found.grad["z"], slope[0] * 4)


def test_a_weight_of_zero_has_a_derivative():
    w, x = gv.param("w", [0.0, 2.0]), gv.param("x", [3.0, np.inf])
    found = gv.backprop(gv.weighted(w, x)[0])
    assert (found.output, found.grad["w"][0], found.grad["x"][0]) == (0, 3, 0)
    assert gv.check(gv.sum(gv.weighted(w, gv.param("v", [3.0, -1.0])))).ok


def test_a_weighted_value_is_written_as_the_product_that_it_is():
    loss = gv.sum(gv.weighted(gv.data("w", [0.0, 1.0]), gv.param("x", [2.0, 3.0])))
    assert gv.steps(loss)[0].formula == r"f_{1} = w \odot x"
    assert str(gv.to_sympy(loss)) == "w[0]*x[0] + w[1]*x[1]"
