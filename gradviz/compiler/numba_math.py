"""exp and tanh in float32, of multiplications and additions alone, so that a loop computes sixteen at once.

They are true to 1 and 2.5 units in the last place, go to their limits at both ends, and NaN stays NaN. In
float64 the C library's are taken. A printed layer takes these lines along.
"""

from __future__ import annotations

from typing import Any

import numpy as np

zero, one, two = np.float32(0), np.float32(1), np.float32(2)
log2_e, ln2_high, ln2_low = (
    np.float32(1.4426950408889634),
    np.float32(0.693145751953125),
    np.float32(1.4286068203094172e-6),
)
rounder, rounder_bits = np.float32(12582912.0), 1262485504  # what is added to round to an integer, and its bits
e_2, e_3, e_4 = np.float32(0.499999934029636), np.float32(0.16666519968559496), np.float32(0.04166839586581498)
e_5, e_6 = np.float32(0.008368797140064579), np.float32(0.0013814428949403118)
exp_most, exp_least, tanh_most = np.float32(89), np.float32(-104), np.float32(20)


def fast_exp(x: Any) -> Any:
    """exp(x) = 2^k exp(r) with |r| ≤ ln(2)/2; 2^k in two factors, since it may be too large or small for one.

    What is too small for any number, as -inf in a mask, becomes 0 beforehand: processors take a hundred times as
    long for a product that falls among the subnormal numbers.
    """
    scale = zero if x < exp_least else one
    x = exp_most if x > exp_most else x
    x = exp_least if x < exp_least else x
    shifted = x * log2_e + rounder
    n = shifted - rounder
    r = x - n * ln2_high - n * ln2_low
    p = (((((e_6 * r + e_5) * r + e_4) * r + e_3) * r + e_2) * r + one) * r + one
    p *= scale
    k = np.float32(shifted).view(np.int32) - rounder_bits
    half = k >> 1
    return p * np.int32((half + 127) << 23).view(np.float32) * np.int32((k - half + 127) << 23).view(np.float32)


def fast_tanh(x: Any) -> Any:
    """tanh(x) = q/(q + 2) with q = exp(2x) - 1, computed as 2^k (exp(r) - 1) + (2^k - 1)."""
    y = x * two
    y = tanh_most if y > tanh_most else y
    y = -tanh_most if y < -tanh_most else y
    shifted = y * log2_e + rounder
    n = shifted - rounder
    r = y - n * ln2_high - n * ln2_low
    p = ((((e_6 * r + e_5) * r + e_4) * r + e_3) * r + e_2) * (r * r) + r
    power = np.int32((np.float32(shifted).view(np.int32) - rounder_bits + 127) << 23).view(np.float32)
    q = p * power + (power - one)
    return q / (q + two)
