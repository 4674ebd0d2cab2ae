"""The shapes of recorded terms, from those of the symbols in them and the primitives' own shape rules."""

from __future__ import annotations

import numpy as np

from gradviz.core.primitive import REGISTRY, Shape, broadcast
from gradviz.errors import ShapeError
from gradviz.namespaces.record import Term

_GIVEN = {"broadcast_to", "ones", "reshape", "sum_to"}
_VIEWS = {"expand_dims", "flip", "getitem", "squeeze", "swapaxes", "transpose"}


def shape_of(term: Term) -> Shape | None:
    """Return the shape of what a term computes; None where that is not known.

    Example:
        >>> from gradviz.namespaces.record import symbol
        >>> shape_of(symbol("v", (3,)) * symbol("M", (2, 3)))
        (2, 3)
    """
    try:
        return _shape(term)
    except (ShapeError, ValueError, LookupError):  # a rule that fits no shapes is for others to report
        return None


def _shape(term: Term) -> Shape | None:
    given: Shape | None = term.attrs[0] if term.shape is None and term.fn in _GIVEN else term.shape
    if given is not None:
        return given
    if term.fn == "eye":
        return term.attrs * 2
    shapes = [_shape(arg) for arg in term.args]
    known = tuple(shape for shape in shapes if shape is not None)
    if len(known) < len(shapes):
        return None
    if term.fn == "einsum":
        return REGISTRY["einsum"].shape(*known, subscripts=term.attrs[0])
    if term.fn in _VIEWS:
        return _viewed(term, *known)
    op = REGISTRY.get(term.fn)
    return None if term.attrs or not known else (op.shape if op else broadcast)(*known)


def _viewed(term: Term, shape: Shape) -> Shape:
    view = np.broadcast_to(0.0, shape)
    return np.shape(view[term.attrs[0]] if term.fn == "getitem" else getattr(np, term.fn)(view, *term.attrs))
