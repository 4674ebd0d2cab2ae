"""Terms printed as JavaScript, in the vocabulary that the page's arrays have (`draw/web/arrays.js`)."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from gradviz.errors import RuleError
from gradviz.namespaces.record import Term


def to_javascript(term: Term) -> str:
    """Return a term as a JavaScript expression.

    Raises:
        RuleError: for an index into something whose shape is not known.

    Example:
        >>> from gradviz.namespaces.record import recorder, symbol
        >>> to_javascript(recorder.sum(symbol("f[0]", (2, 3)) * 2, (1,), False))
        'sum(multiply(f[0], 2), [1], false)'
    """
    if term.fn == "number":
        return literal(term.args[0])
    if term.fn == "symbol":
        return str(term.args[0])
    args = [to_javascript(arg) for arg in term.args]
    if term.fn in ("getitem", "scatter"):
        return _indexed(term, args[0])
    if term.fn in ("concatenate", "stack"):
        args = [f"[{', '.join(args)}]"]
    attrs = [literal(attr) for attr in term.attrs]
    first = [*attrs, *args] if term.fn == "einsum" else [*args, *attrs]
    return f"{term.fn}({', '.join(first)})"


def _indexed(term: Term, argument: str) -> str:
    """Write NumPy's index as the places of the elements, which an array of places tells."""
    key = term.attrs[0]
    shape = term.args[0].shape if term.fn == "getitem" else term.attrs[1]
    if shape is None:
        raise RuleError("an index into something whose shape is not known")
    places = np.arange(math.prod(shape)).reshape(shape)[key]
    target = places.shape if term.fn == "getitem" else shape
    return f"{term.fn}({argument}, {literal(places.ravel())}, {literal(target)})"


def literal(value: Any) -> str:
    """Return a number, text, or a nested sequence of them as a JavaScript literal.

    Raises:
        RuleError: for anything else.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        return literal(value.tolist())
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (bool, int, float, str)):
        return json.dumps(value)
    raise RuleError(f"{value!r} has no form in JavaScript")
