"""Activation functions, with their derivatives beside them."""

from __future__ import annotations

from gradviz.core.primitive import primitive

sigmoid = primitive("sigmoid", symbol=r"\sigma", dtype="float",
    doc="The logistic function 1/(1 + exp(-x)), evaluated without overflow.",
    forward=lambda xp, x: xp.sigmoid(x),
    partials=(lambda xp, f, x: f * (1 - f),))  # fmt: skip

relu = primitive("relu", symbol=r"\operatorname{ReLU}", kink=lambda xp, x: x,
    doc="max(x, 0).",
    forward=lambda xp, x: xp.maximum(x, 0),
    partials=(lambda xp, f, x: xp.indicator(x > 0),))  # fmt: skip

leaky_relu = primitive("leaky_relu", symbol=r"\operatorname{LReLU}", dtype="float",
    kink=lambda xp, x, slope=0.01: x,
    doc="x where x > 0, else slope · x (Maas et al., 2013; slope=0.01).",
    forward=lambda xp, x, slope=0.01: xp.where(x > 0, x, slope * x),
    partials=(lambda xp, f, x, slope=0.01: xp.indicator(x > 0) + slope * xp.indicator(x < 0),))  # fmt: skip

elu = primitive("elu", symbol=r"\operatorname{ELU}", dtype="float",
    kink=lambda xp, x, alpha=1.0: x if alpha != 1 else 1,
    doc="x where x > 0, else alpha (exp(x) - 1) (Clevert et al., 2016; alpha=1).",
    forward=lambda xp, x, alpha=1.0: xp.where(x > 0, x, alpha * xp.expm1(xp.minimum(x, 0))),
    partials=(lambda xp, f, x, alpha=1.0: xp.indicator(x > 0) + alpha * xp.exp(xp.minimum(x, 0))
              * xp.indicator(x < 0 if alpha != 1 else x <= 0),),
    label=(r"\mathbf{1}[#1 > 0] + (#f + \alpha)\,\mathbf{1}[#1 \le 0]",))  # fmt: skip

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717

selu = primitive("selu", symbol=r"\operatorname{SELU}", dtype="float", kink=lambda xp, x: x,
    doc="The self-normalizing unit with the constants of Klambauer et al., 2017.",
    forward=lambda xp, x: _SELU_SCALE * xp.where(x > 0, x, _SELU_ALPHA * xp.expm1(xp.minimum(x, 0))),
    partials=(lambda xp, f, x: _SELU_SCALE * (xp.indicator(x > 0)
              + _SELU_ALPHA * xp.exp(xp.minimum(x, 0)) * xp.indicator(x < 0)),),
    label=(r"\lambda\,(\mathbf{1}[#1 > 0] + \alpha e^{#1}\,\mathbf{1}[#1 < 0])",))  # fmt: skip

softplus = primitive("softplus", symbol=r"\operatorname{softplus}", notation=r"\ln(1 + e^{#1})", dtype="float",
    doc="ln(1 + exp(x)), evaluated without overflow.",
    forward=lambda xp, x: xp.softplus(x),
    partials=(lambda xp, f, x: xp.sigmoid(x),))  # fmt: skip

logsigmoid = primitive("logsigmoid", symbol=r"\ln\sigma", dtype="float",
    doc="The logarithm of the logistic function, -softplus(-x).",
    forward=lambda xp, x: -xp.softplus(-x),
    partials=(lambda xp, f, x: xp.sigmoid(-x),))  # fmt: skip

silu = primitive("silu", symbol=r"\operatorname{SiLU}", dtype="float",
    doc="x σ(x), also called swish.",
    forward=lambda xp, x: x * xp.sigmoid(x),
    partials=(lambda xp, f, x: xp.sigmoid(x) * (1 + x * (1 - xp.sigmoid(x))),))  # fmt: skip

gelu = primitive("gelu", symbol=r"\operatorname{GELU}", dtype="float",
    doc="x Φ(x) with the normal distribution function Φ, exactly (Hendrycks and Gimpel, 2016).",
    forward=lambda xp, x: x * xp.normal_cdf(x),
    partials=(lambda xp, f, x: xp.normal_cdf(x) + x * xp.exp(-(x**2) / 2) / xp.sqrt(2 * xp.pi),),
    label=(r"\Phi(#1) + <#1>\,\Phi'(#1)",))  # fmt: skip

mish = primitive("mish", symbol=r"\operatorname{mish}", dtype="float",
    doc="x tanh(softplus(x)) (Misra, 2019).",
    forward=lambda xp, x: x * xp.tanh(xp.softplus(x)),
    partials=(lambda xp, f, x: xp.tanh(xp.softplus(x))
              + x * xp.sigmoid(x) * (1 - xp.tanh(xp.softplus(x)) ** 2),))  # fmt: skip

softsign = primitive("softsign", symbol=r"\operatorname{softsign}", notation=r"\frac{#1}{1 + |#1|}", dtype="float",
    doc="x/(1 + |x|).",
    forward=lambda xp, x: x / (1 + xp.abs(x)),
    partials=(lambda xp, f, x: 1 / (1 + xp.abs(x)) ** 2,))  # fmt: skip
