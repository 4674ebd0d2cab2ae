"""Numbers and arrays as LaTeX and as plain text: few digits, a real minus sign, no "-0"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

MOST_PRINTED = 9
"""Arrays of up to this many elements are printed; larger ones give their shape and norm."""

MINUS = "\N{MINUS SIGN}"
_DIGITS = 3
"""Significant digits that are written."""


def number_text(value: float) -> str:
    """Write a number for a reader.

    Args:
        value: any float; NaN and infinities are written as such.

    Example:
        >>> number_text(0.6000001), number_text(-0.0), number_text(1e-5)
        ('0.6', '0', '1×10^−5')
        >>> number_text(1234.5), number_text(859798.0), number_text(859797.9)
        ('1234', '859798', '8.6×10^5')
    """
    mantissa, exponent = _parts(value)
    return mantissa if exponent is None else f"{mantissa}×10^{exponent}"


def number_tex(value: float) -> str:
    r"""Write a number as LaTeX.

    Example:
        >>> number_tex(-1500000.0), number_tex(float("inf"))
        ('-1.5\\times 10^{6}', '\\infty')
    """
    mantissa, exponent = (part and part.replace(MINUS, "-") for part in _parts(value))
    assert mantissa is not None
    mantissa = mantissa.replace("∞", r"\infty").replace("NaN", r"\mathrm{NaN}")
    return mantissa if exponent is None else rf"{mantissa}\times 10^{{{exponent}}}"


def _parts(value: float) -> tuple[str, str | None]:
    """Return mantissa and exponent (None unless scientific notation is shorter to read)."""
    value = float(value)
    if math.isnan(value):
        return "NaN", None
    if math.isinf(value):
        return ("∞" if value > 0 else MINUS + "∞"), None
    if value == 0:
        return "0", None
    if value.is_integer() and abs(value) < 10**6:
        return f"{value:.0f}".replace("-", MINUS), None
    text = f"{value:.{_DIGITS - 1}e}"
    mantissa, power = text.split("e")
    exponent = int(power)
    if -4 < exponent < 4:
        plain = f"{value:.{max(_DIGITS - 1 - exponent, 0)}f}"
        plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
        return plain.replace("-", MINUS), None
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return mantissa.replace("-", MINUS), str(exponent).replace("-", MINUS)


def array_tex(value: Any) -> str:
    """Write a scalar, a small vector or matrix, or else a shape and a norm, as LaTeX."""
    array = np.asarray(value)
    if array.ndim == 0:
        return number_tex(array.item())
    if not is_printed(array.shape):
        norm = number_tex(_norm(array))
        return rf"{shape_tex(array.shape)},\ \|\cdot\| = {norm}"
    array = array.reshape(_without_ones(array.shape))
    if array.ndim == 1:
        inside = r",\ ".join(number_tex(x) for x in array.tolist())
        return f"[{inside}]"
    rows = r" \\ ".join(" & ".join(number_tex(x) for x in row) for row in array.tolist())
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def array_text(value: Any) -> str:
    """Write a scalar, a small vector or matrix, or else a shape and a norm, as plain text."""
    array = np.asarray(value)
    if array.ndim == 0:
        return number_text(array.item())
    if not is_printed(array.shape):
        return f"{'×'.join(map(str, array.shape))}, norm {number_text(_norm(array))}"
    array = array.reshape(_without_ones(array.shape))
    if array.ndim == 1:
        return f"[{', '.join(number_text(x) for x in array.tolist())}]"
    return f"[{'; '.join(', '.join(number_text(x) for x in row) for row in array.tolist())}]"


def is_printed(shape: tuple[int, ...]) -> bool:
    """Whether the elements of an array of this shape are written out."""
    return 0 < math.prod(shape) <= MOST_PRINTED and len(_without_ones(shape)) <= 2


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out axes of length 1 as long as there are more than two: a kernel 1×1×3×3 is written as a matrix."""
    kept = list(shape)
    while len(kept) > 2 and 1 in kept:
        kept.remove(1)
    return tuple(kept)


def _norm(array: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(array.astype(np.float64).ravel()))


def shape_tex(shape: tuple[int, ...]) -> str:
    """Write a shape as LaTeX."""
    return r"{\times}".join(map(str, shape))


def key_tex(key: tuple[Any, ...]) -> str:
    """Write an index as LaTeX; axes that are taken whole are left out where only one is not."""
    partial = [part for part in key if not (isinstance(part, slice) and part == slice(None))]
    return ",".join(map(_index_tex, partial if len(partial) == 1 else key))


def _index_tex(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, str(part.step)])
    if part is Ellipsis or part is None:
        return r"\ldots" if part is Ellipsis else r"\mathrm{new}"
    return str(part) if isinstance(part, int) else r"\mathrm{idx}"
