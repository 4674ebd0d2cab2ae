"""What stands above printed loops: imports, numbers by name, and the functions that the loops call."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradviz.compiler import numba_blas, numba_math
from gradviz.compiler.addresses import aligned
from gradviz.compiler.helpers import untyped

INNER = "no_cpython_wrapper=True, no_cfunc_wrapper=True"
"""What functions are told that only loops call: doors for Python and C would take as long to compile as themselves."""

FLAT = '''
def flat(x):
    """Return the elements of an input in a row."""
    return x.reshape(-1) if x.flags.writeable else x.flatten()
'''

LARGER = '''
def larger(a, b):
    """Return the larger of two numbers, or NaN if one of them is."""
    return a if (a >= b) | (a != a) else b


@intrinsic
def maximum(typing, a, b):
    """LLVM's own maximum, of which it knows that an array's can be found many elements at a time."""

    def call(context, builder, signature, arguments):
        kind = arguments[0].type
        function = builder.module.declare_intrinsic("llvm.maximum", [kind], ir.FunctionType(kind, [kind, kind]))
        return builder.call(function, arguments, fastmath=("nsz",))

    return a(a, a), call


@overload(larger)
def compiled_larger(a, b):
    return lambda a, b: maximum(a, b)
'''


@dataclass
class Needs:
    """What printed lines need.

    Attributes:
        numbers: the constants, by name.
        helpers: the functions on single numbers.
        views: the text of functions that show arrays, by name.
        products: whether there are products of matrices.
        dtype: of the layer's numbers.
    """

    numbers: dict[str, float] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)
    views: dict[str, str] = field(default_factory=dict)
    products: bool = False
    dtype: np.dtype[np.generic] = field(default_factory=lambda: np.dtype(float))

    def add(self, other: Needs) -> None:
        """Take along what other lines of the same layer need."""
        self.numbers |= other.numbers
        self.helpers |= other.helpers
        self.views |= other.views
        self.products |= other.products
        self.dtype = other.dtype


def header(needs: Needs) -> list[str]:
    """Return the lines."""
    maxima, fast = "larger" in needs.helpers, sorted(needs.helpers - {"larger"})
    extending = [*["get_cython_function_address"] * needs.products, *["intrinsic", "overload"] * maxima]
    lines = ["import math"]
    lines += ["from ctypes import CFUNCTYPE, c_ssize_t"] if needs.products else []
    lines += ["", "import numpy as np"]
    lines += ["from llvmlite import ir"] if maxima else []
    lines += ["from numba import njit"]
    lines += [f"from numba.extending import {', '.join(extending)}"] if extending else []
    lines += ["", *_numbers(needs.numbers, needs.dtype)]
    lines += ["", "", *untyped(inspect.getsource(aligned)).splitlines(), "", *FLAT.rstrip().splitlines()]
    if needs.products:
        lines += ["", *_products("s" if needs.dtype == np.float32 else "d")]
        lines += ["", "", *untyped(inspect.getsource(numba_blas.blas_calls)).splitlines()]
    for text in needs.views.values():
        lines += ["", "", *text.rstrip().splitlines()]
    lines += ["", *LARGER.rstrip().splitlines()] if maxima else []
    return [*lines, *_fast(fast)] if fast else lines


def _products(letter: str) -> list[str]:
    return numba_blas.HEADER.format(letter=letter, inner=INNER).splitlines()


def _numbers(numbers: Mapping[str, float], dtype: np.dtype[np.generic]) -> list[str]:
    lines = [f"{name} = np.{dtype}({value!r})" for name, value in sorted(numbers.items())]
    return [line.replace("(inf)", "(np.inf)").replace("(-inf)", "(-np.inf)") for line in lines]


def _fast(names: Iterable[str]) -> list[str]:
    """Return the functions of `numba_math` with these names, and the numbers they are made of."""
    text = inspect.getsource(numba_math)
    start, end = text.index("zero, one"), text.index("\n\n\ndef")
    lines = ["", *text[start:end].splitlines()]
    for name in names:
        lines += ["", "", f'@njit(fastmath={{"contract", "nsz"}}, error_model="numpy", {INNER})']
        lines += untyped(inspect.getsource(getattr(numba_math, name))).splitlines()
    return lines
