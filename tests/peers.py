"""The primitives as HIPS autograd computes them: the second opinion on values and gradients."""

from __future__ import annotations

import math

import autograd.numpy as anp
import autograd.scipy.special as asp_special
import autograd.scipy.stats as asp_stats


def _sigmoid(x):
    return 1 / (1 + anp.exp(-x))


def _softplus(x):
    return anp.logaddexp(x, 0.0)


PEERS = {
    "abs": anp.abs,
    "clip": lambda x: anp.clip(x, -0.5, 0.5),
    "elu": lambda x: anp.where(x > 0, x, anp.expm1(anp.minimum(x, 0.0))),
    "erf": lambda x: 2 * asp_stats.norm.cdf(x * math.sqrt(2)) - 1,
    "gelu": lambda x: x * asp_stats.norm.cdf(x),
    "greater": lambda a, b: 0 * a + 0 * b + (a > b),
    "greater_equal": lambda a, b: 0 * a + 0 * b + (a >= b),
    "hypot": lambda a, b: anp.sqrt(a**2 + b**2),
    "leaky_relu": lambda x: anp.where(x > 0, x, 0.01 * x),
    "less": lambda a, b: 0 * a + 0 * b + (a < b),
    "less_equal": lambda a, b: 0 * a + 0 * b + (a <= b),
    "logsigmoid": lambda x: -_softplus(-x),
    "mish": lambda x: x * anp.tanh(_softplus(x)),
    "relu": lambda x: anp.maximum(x, 0.0),
    "selu": lambda x: 1.0507009873554805 * anp.where(x > 0, x, 1.6732632423543772 * anp.expm1(anp.minimum(x, 0.0))),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + anp.abs(x)),
    "step": lambda x: 0 * x + (x > 0),
    "weighted": lambda w, x: w * x,
    "where": lambda c, a, b: 0 * c + (c != 0) * a + (c == 0) * b,
}


def peer(name):
    """Return autograd's function of the same formula."""
    return PEERS.get(name) or getattr(anp, name)


def attrs_of(name):
    return {"clip": {"low": -0.5, "high": 0.5}}.get(name, {})


def logsumexp(x, axis=None, keepdims=False):
    return asp_special.logsumexp(x, axis=axis, keepdims=keepdims)


def log_softmax(x, axis=-1):
    return x - logsumexp(x, axis=axis, keepdims=True)


REDUCTIONS = {
    "sum": anp.sum,
    "mean": anp.mean,
    "max": anp.max,
    "min": anp.min,
    "prod": anp.prod,
    "var": anp.var,
    "std": anp.std,
    "norm": lambda x, axis=None, keepdims=False: anp.sqrt(anp.sum(x**2, axis=axis, keepdims=keepdims)),
    "logsumexp": logsumexp,
}
