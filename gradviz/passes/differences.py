"""Central differences that say how far they can be trusted, and whether there is a kink.

The step is not guessed: many are tried, neighboring ones are extrapolated (Richardson), and each entry
keeps the one whose truncation and rounding errors together are smallest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.graph import Array

RATIO = 4.0
"""Each step is so many times smaller than the one before it."""
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Slope:
    """The derivative of a function of one variable at 0, measured; of an array, entry by entry.

    Attributes:
        value: the central difference.
        error: how far it may be from the derivative, as far as the differences themselves tell.
        kink: whether the slopes from the left and the right stay apart as the step shrinks.
    """

    value: Array
    error: Array
    kink: Array

    def agrees(self, claimed: Any, tolerance: float) -> Array:
        """Say, entry by entry, whether a claimed derivative is within the tolerance of the measured one."""
        size = np.maximum(np.abs(claimed), np.abs(self.value))
        return np.asarray(np.abs(claimed - self.value) <= tolerance * size + 10 * self.error)


def measure_slope(
    function: Callable[[float], Any], *, size: Any = 1.0, steps: int = 14, epsilon: float = _EPSILON
) -> Slope:
    """Measure the derivative of a function at 0.

    Args:
        function: takes a displacement h and returns a number or an array.
        size: the size of the function's variable at 0, entry by entry; the step grows with it.
        steps: how many steps are tried, each two evaluations.
        epsilon: the relative rounding error of the function's values.

    Example:
        >>> slope = measure_slope(lambda h: np.exp(1 + h))
        >>> bool(slope.agrees(np.e, 1e-9)), bool(slope.kink)
        (True, False)
    """
    with np.errstate(all="ignore"):
        center = np.asarray(function(0.0), dtype=np.float64)
        value, error = np.full(center.shape, np.nan), np.full(center.shape, np.inf)
        before: Array | None = None
        gaps: list[tuple[Array, Array]] = []
        for power in range(1, steps + 1):
            h = RATIO**-power
            up, down = (np.asarray(function(sign * h), dtype=np.float64) for sign in (1, -1))
            difference = (up - down) / (2 * h)
            bend = np.abs(up + down - 2 * center) / h
            # the displaced variable is rounded as well: by epsilon · size, where the slope is difference ± bend
            noise = epsilon * (np.abs(up) + np.abs(down)) / h + epsilon * size * (np.abs(difference) + bend) / h
            if before is not None:
                better = (RATIO**2 * difference - before) / (RATIO**2 - 1)
                doubt = np.abs(better - difference) + noise
                chosen = np.isfinite(doubt) & (doubt < error)
                value, error = np.where(chosen, better, value), np.where(chosen, doubt, error)
            before = difference
            gaps.append((bend, noise))
        return Slope(value, error, _kink(gaps, value))


def _kink(gaps: list[tuple[Array, Array]], value: Array) -> Array:
    """Whether the difference of the one-sided slopes stays while the step shrinks by RATIO² in turn."""
    found = np.zeros(value.shape, dtype=bool)
    middle = len(gaps) // 2
    for place in range(max(middle - 2, 0), min(middle + 1, len(gaps) - 2)):
        (wide, _), (narrow, noise) = gaps[place], gaps[place + 2]
        stays = (narrow > 0.7 * wide) & (narrow > 20 * noise) & (narrow > 1e-6 * np.abs(value))
        found = stays if place == max(middle - 2, 0) else found & stays
    return np.asarray(found)
