"""How each function of single numbers is written in Python, with as few parentheses as can be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradviz.namespaces.record import Term
from gradviz.namespaces.single import COMPARED, MATH

CASE, CONDITION, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(8)
"""How tightly a text holds together."""


@dataclass(frozen=True)
class Form:
    """How a function is written.

    Attributes:
        level: how tightly its text holds together.
        text: with "{0}", "{1}", … for the arguments.
        wanted: how tightly the text of each argument has to hold together; the last holds for all that follow.
    """

    level: int
    text: str
    wanted: tuple[int, ...]

    @property
    def repeated(self) -> list[int]:
        """The places of arguments that are written more than once, which must have names for that."""
        return [place for place in range(len(self.wanted)) if self.text.count(f"{{{place}}}") > 1]


def _infix(sign: str, level: int) -> Form:
    return Form(level, f"{{0}} {sign} {{1}}", (level, level + 1))


_MAXIMUM, _MINIMUM = (
    Form(CASE, f"{{0}} if {{0}} {sign} {{1}} or {{0}} != {{0}} else {{1}}", (ATOM, ATOM)) for sign in (">", "<")
)
_MAXIMUM_OF_NUMBER, _MINIMUM_OF_NUMBER = (
    Form(CASE, f"{{1}} if {{0}} {sign} {{1}} else {{0}}", (ATOM, ATOM)) for sign in ("<=", ">=")
)

FORMS: dict[str, Form] = {
    "add": Form(SUM, "{0} + {1}", (SUM, PRODUCT)),
    "subtract": Form(SUM, "{0} - {1}", (SUM, PRODUCT)),
    "multiply": Form(PRODUCT, "{0} * {1}", (PRODUCT, SIGN)),
    "divide": Form(PRODUCT, "{0} / {1}", (PRODUCT, SIGN)),
    "negative": Form(PRODUCT, "-{0}", (PRODUCT,)),
    "power": Form(ATOM, "pow({0}, {1})", (CASE, CASE)),
    **{name: _infix(sign, COMPARISON) for name, sign in COMPARED.items()},
    "indicator": Form(CASE, "1.0 if {0} else 0.0", (CONDITION,)),
    "where": Form(CASE, "{1} if {0} else {2}", (CONDITION, CONDITION, CONDITION)),
    "maximum": _MAXIMUM,
    "minimum": _MINIMUM,
    "sign": Form(CASE, "1.0 if {0} > 0 else -1.0 if {0} < 0 else {0}", (ATOM,)),
    "abs": Form(ATOM, "abs({0})", (CASE,)),
    "square": Form(PRODUCT, "{0} * {0}", (ATOM,)),
} | {name: Form(ATOM, f"{called}({{0}})", (CASE,)) for name, called in MATH.items()}

FUNCTIONS = frozenset({"pow", *MATH.values()})
"""What is taken from Python's `math`."""


def form_of(term: Term) -> Form:
    """Return how a term is written; numbers make some shorter."""
    second = term.args[1].value if len(term.args) > 1 else None
    if term.fn in ("maximum", "minimum") and second is not None and not math.isnan(second):
        return _MAXIMUM_OF_NUMBER if term.fn == "maximum" else _MINIMUM_OF_NUMBER
    if term.fn == "power" and second is not None and 0 < second < 10 and float(second).is_integer():
        return Form(POWER, f"{{0}}**{int(second)}", (ATOM,))
    if term.fn in MATH and len(term.args) > 1:
        return Form(ATOM, f"{MATH[term.fn]}({', '.join(f'{{{place}}}' for place in range(len(term.args)))})", (CASE,))
    return FORMS[term.fn]


def literal(value: float) -> tuple[str, int]:
    """Return a number as Python writes it, and how tightly it holds together."""
    return repr(float(value)), SIGN if math.copysign(1, value) < 0 else ATOM
