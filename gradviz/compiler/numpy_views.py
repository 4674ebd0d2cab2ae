"""How a view is written: the shortest way to take it of another array, found by where both are in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import permutations

from gradviz.compiler.addresses import address, moves
from gradviz.core.graph import Array

MOST_AXES = 5
"""Axes whose every order is tried."""


def view_text(base: Array, view: Array) -> str | None:
    """Return what is written behind a base to get a view of it, "" for itself; None if that is no simple thing.

    Example:
        >>> import numpy as np
        >>> gates = np.zeros((4, 64, 32))
        >>> [view_text(gates, one) for one in (gates[2], gates[:3], gates.reshape(256, 32), gates[..., 0])]
        ['[2]', '[:3]', '.reshape(256, 32)', '[:, :, 0]']
    """
    if not base.size or not view.size or base.dtype != view.dtype:
        return None
    offset = address(view) - address(base)
    if offset == 0 and _alike(view, base.shape, base.strides):
        return ""
    for axis in range(base.ndim):
        found = _part(base, view, axis, offset)
        if found is not None:
            return found
    if offset == 0 and view.ndim == base.ndim <= MOST_AXES:
        for order in permutations(range(base.ndim)):
            if _alike(view, tuple(base.shape[at] for at in order), tuple(base.strides[at] for at in order)):
                return ".T" if order == tuple(reversed(range(base.ndim))) else f".transpose{order}"
    if offset == 0 and view.size == base.size and base.flags.c_contiguous and view.flags.c_contiguous:
        return f".reshape({', '.join(map(str, view.shape if view.ndim != 1 else (-1,))) or '()'})"
    return None


def entries(base: Array | None, views: Mapping[str, Array | None]) -> tuple[list[str], str]:
    """Return which views are all of an array, in its order, and what is written behind it to unpack them; else none.

    Example:
        >>> import numpy as np
        >>> gates = np.zeros((6, 5))
        >>> entries(gates, {"i": gates[2:4], "all": gates.T, "f": gates[:2], "o": gates[4:]})
        (['f', 'i', 'o'], '.reshape(3, 2, 5)')
    """
    if base is None or not base.size or not base.flags.c_contiguous:
        return [], ""
    alike: dict[tuple[int, ...], dict[int, str]] = {}
    for name, view in views.items():
        if view is not None and view.ndim and view.flags.c_contiguous:
            alike.setdefault(view.shape, {})[address(view) - address(base)] = name
    for shape, found in alike.items():
        count = len(found)
        together = count > 1 and count * math.prod(shape) == base.size
        if together and sorted(found) == list(range(0, base.nbytes, base.nbytes // count)):
            names = [found[offset] for offset in sorted(found)]
            whole = (count, *shape)
            return names, "" if whole == base.shape else f".reshape({', '.join(map(str, whole))})"
    return [], ""


def _part(base: Array, view: Array, axis: int, offset: int) -> str | None:
    """Return an index that takes one entry along an axis, or neighboring ones."""
    length, move = base.shape[axis], base.strides[axis]
    if move <= 0 or offset < 0 or offset % move:
        return None
    start, before = offset // move, ":, " * axis
    if _alike(view, _without(base.shape, axis), _without(base.strides, axis)) and start < length:
        return f"[{before}{start}{'' if view.ndim else ', ...'}]"
    if view.ndim == base.ndim and _alike(view, _put(base.shape, axis, view.shape[axis]), base.strides):
        stop = start + view.shape[axis]
        return f"[{before}{start or ''}:{stop if stop < length else ''}]" if stop <= length else None
    return None


def _alike(view: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    return view.shape == shape and moves(view.shape, view.strides) == moves(shape, strides)


def _without(given: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*given[:axis], *given[axis + 1 :])


def _put(given: tuple[int, ...], axis: int, value: int) -> tuple[int, ...]:
    return (*given[:axis], value, *given[axis + 1 :])
