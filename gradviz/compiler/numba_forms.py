"""How loops are told to do each elementwise function: expressions of single numbers."""

from __future__ import annotations

FORMS = {
    "copy": "{0}",
    "indicator": "{0}",
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "negative": "-{0}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "equal": "{0} == {1}",
    "differ": "{0} != {1}",
    "abs": "abs({0})",
    "maximum": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}",
    "minimum": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}",
    "sign": "<1> if {0} > <0> else <-1> if {0} < <0> else {0}",
    "square": "{0} * {0}",
    "where": "{1} if {0} != <0> else {2}",
    "guard": "{1} if {0} != <0> else {2}",
    "power": "{0} ** {1}",
    "exp2": "<2> ** {0}",
    "logaddexp": "np.logaddexp({0}, {1})",
    "log2": "np.log2({0})",
    "hypot": "math.hypot({0}, {1})",
    "arctan2": "math.atan2({0}, {1})",
    "normal_cdf": "math.erfc(-{0} * <0.7071067811865476>) * <0.5>",
    "sigmoid": "<1> / (<1> + math.exp(-{0}))",
    "softplus": "({0} if {0} > <0> else <0>) + math.log1p(math.exp(-abs({0})))",
    "sinc": "math.sin({0} * <3.141592653589793>) / ({0} * <3.141592653589793>) if {0} != <0> else <1>",
}
"""In braces the arguments, which are names; in angles numbers."""

_SAME = "exp expm1 log log1p log10 sqrt sin cos tan sinh cosh tanh erf".split()
FORMS |= {name: f"math.{name}({{0}})" for name in _SAME}
FORMS |= {f"arc{name}": f"math.a{name}({{0}})" for name in ("cos", "cosh", "sin", "sinh", "tan", "tanh")}

FAST = {"exp": "fast_exp({0})", "tanh": "fast_tanh({0})"}
"""What float32 has instead."""

STARTS = {"sum": 0.0, "prod": 1.0, "max": float("-inf")}
"""What reductions start from."""

POWERS = {2.0: "{0} * {0}", 3.0: "{0} * {0} * {0}", 0.5: "math.sqrt({0})", -1.0: "<1> / {0}", 1.0: "{0}", 0.0: "<1>"}


def form(fn: str, numbers: tuple[float | None, ...], single: bool) -> str:
    """Return the form of a function.

    Args:
        fn: its name.
        numbers: the arguments that are known, by place.
        single: whether it is computed in float32.
    """
    if fn == "power" and numbers[1] in POWERS:
        return POWERS[numbers[1]]
    if single and fn in FAST:
        return FAST[fn]
    return FORMS[fn]


def constant_name(value: float) -> str:
    """Return the name of a number: c_0_5, c_minus_1, c_inf."""
    text = repr(float(value)).removesuffix(".0")
    return "c_" + text.replace("-", "minus_").replace("+", "").replace(".", "_")
