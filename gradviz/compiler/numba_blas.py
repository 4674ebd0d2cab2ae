"""Products of matrices in compiled loops: SciPy's BLAS, called by address, so that views need no copies."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz.compiler.numba_ops import Product
from gradviz.compiler.numba_products import leading

Call = tuple[Any, ...]

HEADER = '''
gemm = CFUNCTYPE(None, *13 * [c_ssize_t])(get_cython_function_address("scipy.linalg.cython_blas", "{letter}gemm"))
gemv = CFUNCTYPE(None, *11 * [c_ssize_t])(get_cython_function_address("scipy.linalg.cython_blas", "{letter}gemv"))


@njit({inner})
def product(call, a, b, out):
    """Matrices: out = alpha a b + beta out. All arguments are addresses, the first that of BLAS's other arguments."""
    b_step = call + 56
    gemm(call, call + 8, call + 16, call + 24, call + 32, call + 40, a, call + 48, b, b_step, call + 64, out, call + 72)


@njit({inner})
def matrix_vector(call, a, b, out):
    """A matrix times a vector: out = alpha a b + beta out."""
    gemv(call, call + 8, call + 16, call + 24, a, call + 32, b, call + 40, call + 48, out, call + 56)
'''


def blas_calls(rows: Any, dtype: Any) -> Any:
    """Return what BLAS is told of each product, eight bytes a number: letters, sizes, factors of the layer's dtype."""
    table = np.zeros((len(rows), 10), np.int64)
    factors = table.view(dtype).reshape(len(rows), 10, -1)[:, :, 0]
    for place, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, float):
                factors[place, column] = value
            else:
                table[place, column] = ord(value) if isinstance(value, str) else value
    return table


def call_of(one: Product) -> tuple[str, Call, bool]:
    """Return the function that computes a product, what it is told, and whether it wants b before a.

    BLAS reads matrices column by column; one that lies row by row is to it the transposed one.
    """
    rows, columns, inner = one.sizes
    if columns == 1 or rows == 1:
        matrix, vector = (one.a, one.b) if columns == 1 else (one.b, one.a)
        by_rows, distance = _leading(one, matrix)
        lies = by_rows == (columns == 1)  # whether BLAS sees the inner axis first
        length = rows if columns == 1 else columns
        steps = (vector.strides[-2], one.out.strides[-2]) if columns == 1 else (vector.strides[-1], one.out.strides[-1])
        shape = (inner, length) if lies else (length, inner)
        told = ("T" if lies else "N", *shape, float(one.alpha), distance, steps[0], float(one.beta), steps[1])
        return "matrix_vector", told, columns != 1
    out_by_rows, out_distance = _leading(one, one.out)
    letters, distances = [], []
    for operand in (one.a, one.b):
        by_rows, distance = _leading(one, operand)
        letters.append("N" if by_rows == out_by_rows else "T")
        distances.append(distance)
    sizes = (rows, columns)
    if out_by_rows:  # the transposed result is the transposed b times the transposed a
        letters.reverse()
        distances.reverse()
        sizes = (columns, rows)
    call = (*letters, *sizes, inner, float(one.alpha), *distances, float(one.beta), out_distance)
    return "product", call, out_by_rows


def _leading(one: Product, operand: Any) -> tuple[bool, int]:
    found = leading(operand, one.shape_of(operand))
    assert found is not None
    return found
