"""Elementwise primitives: arithmetic, comparisons, powers, exponentials, trigonometry.

Every partial derivative stands beside its forward rule. At a kink the slides' strict indicator is
used: where ``a == b``, neither argument of ``maximum`` gets a gradient.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from gradviz.core.expr import Expr
from gradviz.core.primitive import REALS, function, primitive
from gradviz.errors import GraphError, user_location

INF = math.inf
POSITIVE = (0.0, INF)


def _product_symbol(attrs: Any, shapes: Any) -> str:
    return r"\cdot" if not any(shapes) else r"\odot"


# arithmetic

add = primitive("add", symbol="+",
    forward=lambda xp, a, b: a + b,
    partials=(lambda xp, f, a, b: 1, lambda xp, f, a, b: 1))  # fmt: skip

subtract = primitive("subtract", symbol="-",
    forward=lambda xp, a, b: a - b,
    partials=(lambda xp, f, a, b: 1, lambda xp, f, a, b: -1))  # fmt: skip

multiply = primitive("multiply", symbol=_product_symbol,
    forward=lambda xp, a, b: a * b,
    partials=(lambda xp, f, a, b: b, lambda xp, f, a, b: a))  # fmt: skip

weighted = primitive("weighted", symbol=_product_symbol, notation=r"<#1> \odot <#2>",
    doc="w·x, but 0 where the weight w is 0, whatever x is: 0 · ln 0 = 0, as in an entropy.",
    forward=lambda xp, w, x: xp.guard(xp.differ(w, 0), w * x, 0),
    partials=(lambda xp, f, w, x: x, lambda xp, f, w, x: w))  # fmt: skip

divide = primitive("divide", symbol=r"\div", dtype="float", kink=lambda xp, a, b: b,
    forward=lambda xp, a, b: a / b,
    partials=(lambda xp, f, a, b: 1 / b, lambda xp, f, a, b: -a / b**2))  # fmt: skip

negative = primitive("negative", symbol="-",
    forward=lambda xp, x: -x,
    partials=(lambda xp, f, x: -1,))  # fmt: skip

abs_ = primitive("abs", symbol=r"|\cdot|", notation=r"|#1|", kink=lambda xp, x: x,
    forward=lambda xp, x: xp.abs(x),
    partials=(lambda xp, f, x: xp.sign(x),))  # fmt: skip

sign = primitive("sign", symbol=r"\operatorname{sign}", kink=lambda xp, x: x,
    forward=lambda xp, x: xp.sign(x),
    partials=(lambda xp, f, x: 0,))  # fmt: skip

reciprocal = primitive("reciprocal", symbol=r"\frac{1}{\cdot}", notation=r"\frac{1}{#1}", dtype="float",
    kink=lambda xp, x: x,
    forward=lambda xp, x: 1 / x,
    partials=(lambda xp, f, x: -1 / x**2,))  # fmt: skip

# comparisons: 1 where it holds and 0 where not, as the slides write 1[a > b]

greater = primitive("greater", symbol=r"\mathbf{1}[\cdot > \cdot]", notation=r"\mathbf{1}[#1 > #2]", dtype="float",
    kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.indicator(a > b),
    partials=(lambda xp, f, a, b: 0, lambda xp, f, a, b: 0))  # fmt: skip

greater_equal = primitive("greater_equal", symbol=r"\mathbf{1}[\cdot \ge \cdot]", notation=r"\mathbf{1}[#1 \ge #2]",
    dtype="float", kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.indicator(a >= b),
    partials=(lambda xp, f, a, b: 0, lambda xp, f, a, b: 0))  # fmt: skip

less = primitive("less", symbol=r"\mathbf{1}[\cdot < \cdot]", notation=r"\mathbf{1}[#1 < #2]", dtype="float",
    kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.indicator(a < b),
    partials=(lambda xp, f, a, b: 0, lambda xp, f, a, b: 0))  # fmt: skip

less_equal = primitive("less_equal", symbol=r"\mathbf{1}[\cdot \le \cdot]", notation=r"\mathbf{1}[#1 \le #2]",
    dtype="float", kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.indicator(a <= b),
    partials=(lambda xp, f, a, b: 0, lambda xp, f, a, b: 0))  # fmt: skip

step = primitive("step", symbol=r"\mathbf{1}[\cdot > 0]", notation=r"\mathbf{1}[#1 > 0]", dtype="float",
    doc="The step function 1[x > 0]: 0 at the tie, unlike NumPy's heaviside(x, 1).",
    kink=lambda xp, x: x,
    forward=lambda xp, x: xp.indicator(x > 0),
    partials=(lambda xp, f, x: 0,))  # fmt: skip

maximum = primitive("maximum", symbol=r"\max", kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.maximum(a, b),
    partials=(lambda xp, f, a, b: xp.indicator(a > b), lambda xp, f, a, b: xp.indicator(b > a)))  # fmt: skip

minimum = primitive("minimum", symbol=r"\min", kink=lambda xp, a, b: a - b,
    forward=lambda xp, a, b: xp.minimum(a, b),
    partials=(lambda xp, f, a, b: xp.indicator(a < b), lambda xp, f, a, b: xp.indicator(b < a)))  # fmt: skip

where = primitive("where", symbol=r"\operatorname{where}",
    doc="a where the condition holds (is not 0), else b; no gradient flows to the condition.",
    forward=lambda xp, c, a, b: xp.where(c, a, b),
    partials=(lambda xp, f, c, a, b: 0, lambda xp, f, c, a, b: xp.where(c, 1, 0),
              lambda xp, f, c, a, b: xp.where(c, 0, 1)))  # fmt: skip

_clip = primitive("clip", symbol=r"\operatorname{clip}", dtype="float",
    kink=lambda xp, x, low, high: (x - low) * (x - high),
    forward=lambda xp, x, low, high: xp.minimum(xp.maximum(x, low), high),
    partials=(lambda xp, f, x, low, high: xp.indicator(x > low) * xp.indicator(x < high),))  # fmt: skip

# powers

power = primitive("power", symbol=r"\operatorname{pow}", domain=(POSITIVE, REALS), inside=(0, 1),
    forward=lambda xp, a, b: a**b,
    partials=(lambda xp, f, a, b: xp.guard(xp.differ(b, 0), b * a ** (b - 1), 0),
              lambda xp, f, a, b: xp.guard(xp.differ(f, 0), f * xp.log(a), 0)))  # fmt: skip

square = primitive("square", symbol=r"(\cdot)^2", notation="<#1>^2",
    forward=lambda xp, x: x * x,
    partials=(lambda xp, f, x: 2 * x,))  # fmt: skip

sqrt = primitive("sqrt", symbol=r"\sqrt{\,\cdot\,}", notation=r"\sqrt{#1}", dtype="float", domain=(POSITIVE,),
    forward=lambda xp, x: xp.sqrt(x),
    partials=(lambda xp, f, x: 1 / (2 * f),))  # fmt: skip

hypot = primitive("hypot", symbol=r"\operatorname{hypot}", notation=r"\sqrt{<#1>^2 + <#2>^2}", dtype="float",
    kink=lambda xp, a, b: xp.abs(a) + xp.abs(b),
    forward=lambda xp, a, b: xp.hypot(a, b),
    partials=(lambda xp, f, a, b: xp.guard(f > 0, a / f, 0),
              lambda xp, f, a, b: xp.guard(f > 0, b / f, 0)))  # fmt: skip

# exponentials and logarithms

exp = primitive("exp", symbol=r"\exp", notation="e^{#1}", dtype="float",
    forward=lambda xp, x: xp.exp(x),
    partials=(lambda xp, f, x: f,))  # fmt: skip

exp2 = primitive("exp2", symbol=r"2^{(\cdot)}", notation="2^{#1}", dtype="float",
    forward=lambda xp, x: xp.exp2(x),
    partials=(lambda xp, f, x: f * xp.log(2),))  # fmt: skip

expm1 = primitive("expm1", symbol=r"e^{(\cdot)}-1", notation="e^{#1} - 1", dtype="float",
    forward=lambda xp, x: xp.expm1(x),
    partials=(lambda xp, f, x: xp.exp(x),))  # fmt: skip

log = primitive("log", symbol=r"\ln", dtype="float", domain=(POSITIVE,),
    forward=lambda xp, x: xp.log(x),
    partials=(lambda xp, f, x: 1 / x,))  # fmt: skip

log2 = primitive("log2", symbol=r"\log_2", dtype="float", domain=(POSITIVE,),
    forward=lambda xp, x: xp.log2(x),
    partials=(lambda xp, f, x: 1 / (x * xp.log(2)),))  # fmt: skip

log10 = primitive("log10", symbol=r"\log_{10}", dtype="float", domain=(POSITIVE,),
    forward=lambda xp, x: xp.log10(x),
    partials=(lambda xp, f, x: 1 / (x * xp.log(10)),))  # fmt: skip

log1p = primitive("log1p", symbol=r"\ln(1+\cdot)", notation=r"\ln(1 + #1)", dtype="float", domain=((-1.0, INF),),
    forward=lambda xp, x: xp.log1p(x),
    partials=(lambda xp, f, x: 1 / (1 + x),))  # fmt: skip

logaddexp = primitive("logaddexp", symbol=r"\operatorname{logaddexp}", notation=r"\ln(e^{#1} + e^{#2})", dtype="float",
    forward=lambda xp, a, b: xp.logaddexp(a, b),
    partials=(lambda xp, f, a, b: xp.exp(a - f), lambda xp, f, a, b: xp.exp(b - f)))  # fmt: skip

# trigonometry

sin = primitive("sin", symbol=r"\sin", dtype="float",
    forward=lambda xp, x: xp.sin(x),
    partials=(lambda xp, f, x: xp.cos(x),))  # fmt: skip

cos = primitive("cos", symbol=r"\cos", dtype="float",
    forward=lambda xp, x: xp.cos(x),
    partials=(lambda xp, f, x: -xp.sin(x),))  # fmt: skip

tan = primitive("tan", symbol=r"\tan", dtype="float", kink=lambda xp, x: xp.cos(x),
    forward=lambda xp, x: xp.tan(x),
    partials=(lambda xp, f, x: 1 + f**2,))  # fmt: skip

arcsin = primitive("arcsin", symbol=r"\arcsin", dtype="float", domain=((-1.0, 1.0),),
    forward=lambda xp, x: xp.arcsin(x),
    partials=(lambda xp, f, x: 1 / xp.sqrt(1 - x**2),))  # fmt: skip

arccos = primitive("arccos", symbol=r"\arccos", dtype="float", domain=((-1.0, 1.0),),
    forward=lambda xp, x: xp.arccos(x),
    partials=(lambda xp, f, x: -1 / xp.sqrt(1 - x**2),))  # fmt: skip

arctan = primitive("arctan", symbol=r"\arctan", dtype="float",
    forward=lambda xp, x: xp.arctan(x),
    partials=(lambda xp, f, x: 1 / (1 + x**2),))  # fmt: skip

arctan2 = primitive("arctan2", symbol=r"\operatorname{arctan2}", dtype="float",
    kink=lambda xp, y, x: xp.abs(y) + xp.maximum(x, 0),
    forward=lambda xp, y, x: xp.arctan2(y, x),
    partials=(lambda xp, f, y, x: x / (x**2 + y**2), lambda xp, f, y, x: -y / (x**2 + y**2)))  # fmt: skip

sinh = primitive("sinh", symbol=r"\sinh", dtype="float",
    forward=lambda xp, x: xp.sinh(x),
    partials=(lambda xp, f, x: xp.cosh(x),))  # fmt: skip

cosh = primitive("cosh", symbol=r"\cosh", dtype="float",
    forward=lambda xp, x: xp.cosh(x),
    partials=(lambda xp, f, x: xp.sinh(x),))  # fmt: skip

tanh = primitive("tanh", symbol=r"\tanh", dtype="float",
    forward=lambda xp, x: xp.tanh(x),
    partials=(lambda xp, f, x: 1 - f**2,))  # fmt: skip

arcsinh = primitive("arcsinh", symbol=r"\operatorname{arcsinh}", dtype="float",
    forward=lambda xp, x: xp.arcsinh(x),
    partials=(lambda xp, f, x: 1 / xp.sqrt(1 + x**2),))  # fmt: skip

arccosh = primitive("arccosh", symbol=r"\operatorname{arccosh}", dtype="float", domain=((1.0, INF),),
    forward=lambda xp, x: xp.arccosh(x),
    partials=(lambda xp, f, x: 1 / xp.sqrt(x**2 - 1),))  # fmt: skip

arctanh = primitive("arctanh", symbol=r"\operatorname{arctanh}", dtype="float", domain=((-1.0, 1.0),),
    forward=lambda xp, x: xp.arctanh(x),
    partials=(lambda xp, f, x: 1 / (1 - x**2),))  # fmt: skip

erf = primitive("erf", symbol=r"\operatorname{erf}", dtype="float",
    forward=lambda xp, x: xp.erf(x),
    partials=(lambda xp, f, x: 2 / xp.sqrt(xp.pi) * xp.exp(-(x**2)),))  # fmt: skip

sinc = primitive("sinc", symbol=r"\operatorname{sinc}", dtype="float",
    doc="sin(πx)/(πx), 1 at 0.",
    forward=lambda xp, x: xp.sinc(x),
    partials=(lambda xp, f, x: xp.guard(xp.abs(x) > 1e-3, (xp.cos(xp.pi * x) - f) / x,
                                        -(xp.pi**2) * x / 3 * (1 - xp.pi**2 * x**2 / 10)),))  # fmt: skip


@function
def clip(x: Any, low: Any = None, high: Any = None) -> Expr:
    """Limit x to the interval from low to high; no gradient flows where x is at or beyond a limit.

    With one limit (the other is None) it is `maximum` or `minimum`.
    """
    limits = [one for one in (low, high) if one is not None]
    if not limits or not all(isinstance(one, Real) for one in limits):
        raise GraphError("clip takes numbers for its limits", where=user_location(), hint="use gv.maximum, gv.minimum")
    if len(limits) == 1:
        return minimum(x, high) if low is None else maximum(x, low)
    return _clip(x, low=float(low), high=float(high))


COMPARISONS = (greater, greater_equal, less, less_equal, step)
"""The primitives whose value is an indicator."""


@function
def indicator(condition: Expr) -> Expr:
    """Return 1[condition]: 1 where a comparison holds, else 0.

    A comparison of nodes is that indicator already, so this only says so in the script.

    Raises:
        GraphError: for anything but a comparison, such as ``x > 0``.
    """
    if not isinstance(condition, Expr) or condition.tape.rows[condition.id].op not in COMPARISONS:
        raise GraphError(
            "gv.indicator takes a comparison", where=user_location(), hint="gv.indicator(x > 0), or gv.step(x)"
        )
    return condition
