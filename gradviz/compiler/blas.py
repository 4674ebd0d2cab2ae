"""What is known of the library that NumPy multiplies matrices with."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.core.graph import Array

_AVX512 = frozenset(("SkylakeX", "Cooperlake", "SapphireRapids"))

UNPACKED, SHORT, SHORT_BY_COLUMNS = 1_000_000, 600_000, 300_000
"""OpenBLAS multiplies up to so many pairs of numbers without packing them first, and is best at fewer of them.

It is best at still fewer where the elements that are multiplied stand one after another in both matrices.
"""
NARROW = 64
"""Packing a matrix takes long in comparison with multiplying it, if the other one has so few columns."""


def blocks(a: Array, b: Array) -> int:
    """Return into how many blocks of rows the first of two matrices is best cut to be multiplied by the second."""
    (rows, depth), columns = a.shape, b.shape[1]
    size = rows * depth * columns
    if size <= UNPACKED or not _is_narrow(a, columns):
        return 1
    by_columns = a.flags.c_contiguous and b.T.flags.c_contiguous
    least = math.ceil(size / (SHORT_BY_COLUMNS if by_columns else SHORT))
    fitting = (count for count in range(least, 2 * least + 1) if rows % count == 0)
    count = next(fitting, 1)
    return count if count > 1 and is_quick_at_short_products() else 1


def _is_narrow(a: Array, columns: int) -> bool:
    depth: int = a.shape[1]
    if a.flags.c_contiguous:
        return min(depth, columns) <= NARROW
    return bool(a.flags.f_contiguous) and depth <= NARROW


def is_quick_at_short_products() -> bool:
    """Whether products of few numbers are quicker than their share of a larger product.

    OpenBLAS has functions for AVX-512 that multiply up to a million pairs of numbers where they stand; what is larger,
    it first copies into another order. With several threads, they all would rather work at one large product.
    """
    found = library()
    return found is not None and found["num_threads"] == 1 and uses_avx512(found)


def library() -> Mapping[str, Any] | None:
    """Return what threadpoolctl knows of the library of NumPy's products; None where it knows nothing of it."""
    from threadpoolctl import threadpool_info  # only a large product needs it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that the OpenMP of other packages do not go together
        return next((one for one in threadpool_info() if "numpy" in one["filepath"]), None)


def describe(found: Mapping[str, Any]) -> str:
    """Name a library, and the processor that its functions were written for."""
    functions = found.get("architecture", "an unknown processor")
    return f"{found['internal_api']} {found['version']}, with its functions for {functions}"


def uses_avx512(found: Mapping[str, Any]) -> bool:
    """Whether this library is OpenBLAS with its functions for AVX-512."""
    return found["internal_api"] == "openblas" and found.get("architecture") in _AVX512


def processor_has_avx512() -> bool:
    """Whether NumPy found AVX-512 in the processor."""
    known = np.show_config(mode="dicts")["SIMD Extensions"]
    return not {"X86_V4", "AVX512_SKX"}.isdisjoint([*known["baseline"], *known["found"]])
