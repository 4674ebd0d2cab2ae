"""Proofs: a primitive's derivative rule against SymPy's derivative of its forward rule.

Both rules run on the same fresh symbols. In each region where the forward rule is smooth, SymPy
differentiates it, and the rule's answer minus that must simplify to zero. A wrong rule is refuted
first, by a point and two numbers; what algebra cannot decide is sampled with many digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.core.graph import Array
from gradviz.core.primitive import Primitive, Shape
from gradviz.passes.attempt import MOST_REGIONS, Attempt
from gradviz.passes.limit import TimeIsUpError, time_limit
from gradviz.passes.proof import ArgumentProof, Proof
from gradviz.passes.zero import why_given_up

MOST_SYMBOLS = 200
"""Arguments and results of more entries than this are left to numbers."""
_SHORT = 2


def prove(
    op: Primitive,
    attrs: Mapping[str, Any],
    shapes: tuple[Shape, ...],
    *,
    fixed: Mapping[int, float] | None = None,
    seconds: float = 5.0,
) -> Proof:
    """Prove or refute a primitive's derivative rule for arguments of these shapes.

    An elementwise rule is proved for numbers, which holds for every shape.

    Args:
        op: the primitive.
        attrs: its attributes.
        shapes: of the arguments.
        fixed: numbers for some arguments of an elementwise primitive; the others may then have any
            value, not only those of its domain (a power with the exponent 3 takes negative numbers).
        seconds: how long to try; what is undecided by then is "sampled" or "numeric".

    Example:
        >>> import gradviz.ops
        >>> from gradviz.core.primitive import REGISTRY
        >>> [slot.verdict for slot in prove(REGISTRY["multiply"], {}, ((), ())).slots]
        ['proved', 'proved']
    """
    count = len(shapes)
    single = _single_block(op, attrs, shapes)
    if single is not None:
        return _numeric(count, "its blocks have too many regions together" + _proved(op, attrs, (single,), seconds))
    used: tuple[Shape, ...] = ((),) * count if op.elementwise else shapes
    entries = sum(int(np.prod(shape, dtype=int)) for shape in (*used, op.shape(*used, **attrs)))
    if entries > MOST_SYMBOLS:
        return _numeric(
            count, f"{entries} entries are too many for symbols" + _proved_small(op, attrs, shapes, seconds)
        )
    attempt = Attempt(op, dict(attrs), used, {**_chosen(op, attrs, shapes), **(fixed or {})})
    try:
        with time_limit(seconds):
            attempt.run()
    except TimeIsUpError:
        attempt.time_is_up(seconds)
    except Exception as error:  # what SymPy raises for a formula is not foreseeable
        return _numeric(count, why_given_up(error))
    return attempt.proof()


def _single_block(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...]) -> Shape | None:
    """Return the shape of one block of a reduction with kinks, where there are too many blocks to try all regions."""
    axes = attrs.get("axis")
    if op.kink is None or not isinstance(axes, tuple):
        return None
    (shape,) = shapes
    block = tuple(length if axis in axes else 1 for axis, length in enumerate(shape))
    regions, blocks = math.prod(block), math.prod(shape) // max(math.prod(block), 1)
    return block if blocks > 1 and regions > 1 and blocks * math.log(regions) > math.log(MOST_REGIONS) else None


def _chosen(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...]) -> dict[int, Array]:
    """Return numbers for the arguments that are indices: every other one in turn, some of them repeatedly."""
    found = {}
    for place, count in op.indices.items():
        size = int(np.prod(shapes[place], dtype=int))
        found[place] = (2 * np.arange(size) % max(count(*shapes, **attrs), 1)).reshape(shapes[place])
    return found


def _numeric(count: int, reason: str) -> Proof:
    return Proof((ArgumentProof("numeric", reason=reason),) * count)


def _proved_small(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...], seconds: float) -> str:
    """Say whether the rule is proved for arguments of the same ranks with short axes."""
    lengths = sorted({length for shape in shapes for length in shape if length > _SHORT})
    short = {length: _SHORT + place % 2 for place, length in enumerate(lengths)}
    small = tuple(tuple(short.get(length, length) for length in shape) for shape in shapes)
    try:
        op.shape(*small, **attrs)
    except Exception:  # the attributes speak of the real lengths
        return ""
    return _proved(op, attrs, small, seconds) if small != shapes else ""


def _proved(op: Primitive, attrs: Mapping[str, Any], shapes: tuple[Shape, ...], seconds: float) -> str:
    """Say that a rule is proved for arguments of other shapes, if it is."""
    found = prove(op, attrs, shapes, seconds=seconds)
    if any(slot.verdict != "proved" for slot in found.slots):
        return ""
    return f"; proved for {' · '.join(map(str, shapes))}"
