"""Compiled gradients come from the rules that primitives declare: a user's, and those that say more than a formula."""

import numpy as np
import pytest

import gradviz as gv
from gradviz.errors import RuleError


def stacked(values):
    """Return a sum over a function of values in a loop."""
    return lambda op: gv.sum(
        gv.scan(lambda x, h: gv.tanh(h + op(x)), gv.stack([values, 2.0 * values]), np.zeros(values.shape))
    )


SIGN = {"forward": lambda xp, x: xp.where(x > 0, 1, -1) + 0 * x, "partials": (lambda xp, f, x: 1,)}
SAME = {"forward": lambda xp, x: x, "partials": (lambda xp, f, x: -0.5,)}
SAME_WHOLE = {"forward": lambda xp, x: x, "shape": lambda shape: shape, "vjp": lambda xp, g, f, x: (-0.5 * g,)}
SWISH = {"forward": lambda xp, x: x * xp.sigmoid(x), "partials": (lambda xp, f, x: 7 * f,)}
NUMBER = {"forward": lambda xp, x: xp.pi, "partials": (lambda xp, f, x: 2,)}


@pytest.mark.parametrize("size", [3, 1000])
@pytest.mark.parametrize("rule", [SIGN, SAME, SAME_WHOLE, SWISH, NUMBER])
def test_a_gradient_is_what_the_user_declares_not_what_the_forward_rule_would_give(declare, rule, size):
    op = declare(**rule)
    v = gv.param("v", np.linspace(-2, 1.5, size))
    for loss in (gv.sum(gv.square(op(v)) + op(2.0 * v)), stacked(v)(op)):
        plain = gv.backprop(loss)
        value, gradients = gv.compile(loss).value_and_grad()
        assert value == pytest.approx(float(gv.evaluate(loss).output))
        np.testing.assert_allclose(gradients["v"], plain.grad["v"], rtol=1e-12)


@pytest.mark.parametrize(("shape", "backend"), [((3,), "numpy"), ((40, 50), "numpy"), ((40, 50), "numba")])
def test_the_spread_of_equal_numbers_has_the_gradient_of_the_conventions(shape, backend):
    w = gv.param("w", np.full(shape, 3.0))
    value, gradients = gv.compile(gv.graph(loss=gv.std(w)), backend=backend).value_and_grad()
    assert value == 0
    np.testing.assert_array_equal(gradients["w"], np.zeros(shape))


@pytest.mark.parametrize("function", [np.sort, np.exp, lambda x: 1 / 0])
def test_a_rule_that_terms_cannot_run_is_named(declare, function):
    op = declare(forward=lambda xp, x: function(x), shape=lambda shape: shape, vjp=lambda xp, g, f, x: (g,))
    layer = gv.compile(gv.sum(op(gv.param("v", [2.0, 1.0]))))
    with pytest.raises(
        RuleError, match=r"the rule of node 1 \(mine0\) cannot be compiled, it asks for arrays: \w+Error"
    ):
        layer()
