"""Terms printed as LaTeX, as one would write them on the board."""

from __future__ import annotations

import re
from typing import Any

from gradviz.core.format import key_tex, number_tex
from gradviz.core.primitive import REGISTRY
from gradviz.namespaces.brackets import (
    ATOM,
    COMPARISON,
    INDEXED,
    POWER,
    PRODUCT,
    SUM,
    TALL,
    binding,
    parenthesized,
    stretched,
    summed,
)
from gradviz.namespaces.record import Term, as_term
from gradviz.namespaces.simplify import negated, simplify

_RELATIONS = {
    "gt": ">",
    "ge": r"\ge",
    "lt": "<",
    "le": r"\le",
    "equal": "=",
    "differ": r"\neq",
}
_NOTATIONS = {
    "indicator": r"\mathbf{1}[#1]",
    "normal_cdf": r"\Phi(#1)",
    "transposed": r"<#1>^{\top}",
    "max": r"\max\,<#1>",
    "prod_others": r"\prod_{j \neq i} <#1>_j",
    "pi": r"\pi",
    "eye": "I",
    "ones": r"\mathbf{1}",
}
_PLACE = re.compile(r"<#(\d|f|g)>(_?)|(\+ )?#(\d|f|g)")


def to_tex(term: Term | float) -> str:
    r"""Return the LaTeX of a term, simplified.

    Example:
        >>> from gradviz.namespaces.record import symbol
        >>> h = symbol("h")
        >>> to_tex(h * (1 - h))
        'h(1 - h)'
    """
    return _write(simplify(as_term(term)))[0]


def as_written(term: Term) -> str:
    r"""Return the LaTeX of a term as it is, not simplified.

    Example:
        >>> from gradviz.namespaces.record import symbol
        >>> as_written(symbol("x") ** 1), to_tex(symbol("x") ** 1)
        ('x^{1}', 'x')
    """
    return _write(term)[0]


def leaf_count(term: Term) -> int:
    """Count the symbols and numbers in a term: how long it is to read."""
    return sum(map(leaf_count, term.args)) if term.fn not in ("number", "symbol") else 1


def fill(template: str, places: dict[str, Term]) -> str:
    """Put terms into a notation or a label: "#1" as it is, "<#1>" with parentheses where they are needed.

    A term that gets an index must be a single thing without one.
    """

    def put(match: re.Match[str]) -> str:
        if match[4]:
            text, plus = _write(places[match[4]])[0], match[3] or ""
            return f"- {text[1:]}" if plus and text.startswith("-") else plus + text
        return _at_least(ATOM if match[2] else INDEXED, places[match[1]]) + match[2]

    tall = any(TALL.search(put(place)) for place in _PLACE.finditer(template))
    return _PLACE.sub(put, stretched(template) if tall and r"\left" not in template else template)


def _write(term: Term) -> tuple[str, int]:
    """Return the LaTeX of a simplified term and how tightly it holds together."""
    if term.fn == "number":
        text = number_tex(term.args[0])
        return text, SUM if text.startswith("-") else PRODUCT if "times" in text else ATOM
    if term.fn == "symbol":
        return term.args[0], binding(term.args[0])
    if term.fn in _RELATIONS:
        return f"{_at_least(SUM, term.args[0])} {_RELATIONS[term.fn]} {_at_least(SUM, term.args[1])}", COMPARISON
    writer = _WRITERS.get(term.fn)
    return writer(term) if writer else _function(term)


def _at_least(least: int, term: Term) -> str:
    text, own = _write(term)
    return text if own >= least else parenthesized(text)


def _add(term: Term) -> tuple[str, int]:
    return summed([_at_least(SUM, arg) for arg in term.args]), SUM


def _subtract(term: Term) -> tuple[str, int]:
    return f"{_at_least(SUM, term.args[0])} - {_at_least(PRODUCT, term.args[1])}", SUM


def _negative(term: Term) -> tuple[str, int]:
    return f"-{_at_least(PRODUCT, term.args[0])}", SUM


def is_scalar(term: Term) -> bool:
    """Whether a term is made of numbers alone, so that it commutes with all products."""
    if term.fn in ("symbol", "number") or term.shape is not None:
        return bool(term.shape == ())
    if term.fn == "matmul":
        return all(len(arg.shape or ()) == 1 for arg in term.args)
    return term.fn not in ("eye", "ones") and all(map(is_scalar, term.args))


def _factors(term: Term) -> tuple[bool, list[Term]]:
    """Return whether a product is negative, and its factors without their signs."""
    plain = negated(term)
    if plain is not None:
        minus, factors = _factors(plain)
        return not minus, factors
    if term.fn != "multiply":
        return False, [term]
    (minus, left), (other, right) = map(_factors, term.args)
    return minus != other, [*left, *right]


def _signed(minus: bool, text: str, own: int) -> tuple[str, int]:
    return (f"-{text}", SUM) if minus else (text, own)


def _multiply(term: Term) -> tuple[str, int]:
    minus, factors = _factors(term)
    scalars = [factor for factor in factors if is_scalar(factor)]
    tensors = _without_ones([factor for factor in factors if not is_scalar(factor)])
    if len(scalars) + len(tensors) == 1:
        (only,) = scalars or tensors
        return _negative(Term("negative", (only,))) if minus else _write(only)
    parts = [_juxtaposed(scalars)] if scalars else []
    if tensors:
        parts.append(r" \odot ".join(_at_least(POWER, factor) for factor in tensors))
    return _signed(minus, parts[0] if len(parts) == 1 else _spaced(*parts), PRODUCT)


def _without_ones(tensors: list[Term]) -> list[Term]:
    """Drop arrays of ones, which change nothing in an elementwise product with another array."""
    return [factor for factor in tensors if factor.fn != "ones"] or tensors[:1]


def _juxtaposed(factors: list[Term]) -> str:
    text = ""
    for factor in factors:
        piece = _at_least(POWER, factor)
        text = _beside(text, piece) if text else piece
    return text


def _beside(left: str, right: str) -> str:
    """Set two factors side by side, with a sign between them where they would read as one number."""
    one = right.startswith(r"\mathbf{1}") and left[-1].isdigit()
    if right[0].isdigit() or right.startswith(r"\frac") or one:
        return rf"{left} \cdot {right}"
    return _spaced(left, right)


def _spaced(left: str, right: str) -> str:
    """Set two factors side by side; a thin space parts them unless a parenthesis does."""
    if right.startswith(("(", r"\left(")) and (len(left) == 1 or left.isdigit()):
        return f"{left}{right}"
    return rf"{left}\,{right}"


def _product(term: Term) -> tuple[str, int]:
    """Set factors in the order that they are given in; two arrays get the sign of the elementwise product."""
    text, scalars = "", True
    tensors = _without_ones([factor for factor in term.args if not is_scalar(factor)])
    factors = [factor for factor in term.args if is_scalar(factor) or factor in tensors]
    if len(factors) == 1:
        return _write(factors[0])
    for factor in factors:
        scalar = is_scalar(factor)
        piece = _at_least(PRODUCT if scalars and factor.fn == "matmul" else POWER, factor)
        if not text:
            text = piece
        elif not scalar and not scalars:
            text += rf" \odot {piece}"
        else:
            text = _beside(text, piece)
        scalars = scalars and scalar
    return text, PRODUCT


def _matmul(term: Term) -> tuple[str, int]:
    a, b = term.args
    if a.shape is not None and b.shape is not None and len(a.shape) == len(b.shape) == 1:
        return rf"{_at_least(POWER, a)} \cdot {_at_least(POWER, b)}", PRODUCT
    return _spaced(_at_least(PRODUCT if a.fn == "matmul" else POWER, a), _at_least(POWER, b)), PRODUCT


def _divide(term: Term) -> tuple[str, int]:
    top, bottom = term.args
    number = _quotient(top.value, bottom.value)
    if number is not None:
        return _write(as_term(number))
    plain = negated(bottom)
    text = rf"\frac{{{_write(top)[0]}}}{{{_write(bottom if plain is None else plain)[0]}}}"
    return _signed(plain is not None, text, POWER)


def _quotient(top: float | None, bottom: float | None) -> float | None:
    """Return the number that a fraction of numbers is, unless it is one to be kept, such as 1/3."""
    if top is None or not bottom:
        return None
    number = top / bottom
    in_whole_numbers = float(top).is_integer() and float(bottom).is_integer()
    return None if in_whole_numbers and not number.is_integer() else number


def _power(term: Term) -> tuple[str, int]:
    base, exponent = term.args
    return f"{_at_least(INDEXED, base)}^{{{_write(exponent)[0]}}}", POWER


def _where(term: Term) -> tuple[str, int]:
    condition, a, b = term.args
    if_true, if_false = _write(a)[0], _write(b)[0]
    return rf"\begin{{cases}} {if_true} & {_write(condition)[0]} \\ {if_false} & \text{{else}} \end{{cases}}", ATOM


def _joined(term: Term) -> tuple[str, int]:
    inside = r",\ ".join(_write(arg)[0] for arg in term.args)
    return f"[{inside}]", ATOM


def _einsum(term: Term) -> tuple[str, int]:
    factors = r"\,".join(_at_least(POWER, arg) for arg in term.args)
    return rf"\Sigma\,{factors}", PRODUCT


def _getitem(term: Term) -> tuple[str, int]:
    return f"{_at_least(ATOM, term.args[0])}_{{{key_tex(term.attrs[0])}}}", INDEXED


def _scatter(term: Term) -> tuple[str, int]:
    """The adjoint of indexing: a unit vector for one number, else the adjoint put at the index."""
    if term.args[0].value == 1:
        return rf"\mathbf{{e}}_{{{key_tex(term.attrs[0])}}}", INDEXED
    return rf"{_at_least(INDEXED, term.args[0])}\,\mathbf{{e}}_{{{key_tex(term.attrs[0])}}}^{{\top}}", PRODUCT


def _function(term: Term) -> tuple[str, int]:
    op = REGISTRY.get(term.fn)
    notation = _NOTATIONS.get(term.fn) or (op.notation if op else None)
    if notation is None:
        symbol = op.symbol if op and isinstance(op.symbol, str) else rf"\operatorname{{{term.fn.replace('_', ' ')}}}"
        notation = f"{symbol}({', '.join(f'#{place}' for place in range(1, len(term.args) + 1))})"
    text = fill(notation, {str(place): arg for place, arg in enumerate(term.args, 1)})
    return text, binding(text)


_WRITERS: dict[str, Any] = {
    "add": _add,
    "subtract": _subtract,
    "negative": _negative,
    "multiply": _multiply,
    "product": _product,
    "matmul": _matmul,
    "divide": _divide,
    "power": _power,
    "where": _where,
    "concatenate": _joined,
    "stack": _joined,
    "einsum": _einsum,
    "getitem": _getitem,
    "scatter": _scatter,
}
