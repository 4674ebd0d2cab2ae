"""Central differences that say how far they can be trusted, and whether there is a kink.

The step is not guessed: many are tried, from coarse to fine, and neighboring ones are extrapolated
(Richardson). Each entry keeps the one whose truncation and rounding errors together are smallest, where
a coarse step's own opinion of its error counts only as far as the finer steps don't contradict it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradviz.core.graph import Array

STEPS = 12
"""So many steps are tried, each two evaluations."""
EPSILON = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
_SMALLEST = 1e-20
"""A variable smaller than this has the steps of one of this size; more would be too far apart."""
_SURE = 10
"""So many times the estimated rounding error is no rounding error."""


@dataclass(frozen=True)
class Slope:
    """The derivative of a function of one variable at 0, measured; of an array, entry by entry.

    Attributes:
        value: the central difference.
        error: how far it may be from the derivative, as far as the differences themselves tell.
        kink: whether the slopes from the left and the right stay apart as the step shrinks.
        trusted: whether the differences settle on a value; where not, they say nothing of a derivative.
    """

    value: Array
    error: Array
    kink: Array
    trusted: Array

    def agrees(self, claimed: Any, tolerance: float) -> Array:
        """Say, entry by entry, whether a claimed derivative is within the tolerance of the measured one."""
        size = np.maximum(np.abs(claimed), np.abs(self.value))
        return np.asarray(np.abs(claimed - self.value) <= tolerance * size + _SURE * self.error)

    @classmethod
    def join(cls, parts: Sequence[Slope]) -> Slope:
        """Return slopes of blocks of an array as those of the array."""
        return cls(*(np.concatenate(kind) for kind in zip(*(vars(part).values() for part in parts), strict=True)))


def measure_slope(function: Callable[[Any], Any], *, size: Any = 1.0, rounding: float = 0.0) -> Slope:
    """Measure the derivative of a function at 0.

    Args:
        function: takes a displacement h, of the shape of the size, and returns a number or an array.
        size: the size of the function's variable at 0, entry by entry. The steps go from a quarter of
            it, or of 1, whichever is larger, down to what rounding leaves of it.
        rounding: the absolute rounding error of the function's values, as far as it is known.

    Example:
        >>> slope = measure_slope(lambda h: np.exp(1 + h))
        >>> bool(slope.agrees(np.e, 1e-9)), bool(slope.kink)
        (True, False)
    """
    with np.errstate(all="ignore"):
        scale = np.where(np.isfinite(size) & (size != 0), np.maximum(size, _SMALLEST), 1.0)[()]
        coarsest, finest = np.log2(np.maximum(scale, 1) / 4), np.log2(scale * EPSILON ** (2 / 3))
        octaves = np.maximum((coarsest - finest) / (STEPS - 1), 1)
        steps = [np.exp2(np.round(coarsest - octaves * step)) for step in range(STEPS)]
        center = np.asarray(function(0 * scale), dtype=np.float64)
        shape = np.broadcast_shapes(center.shape, np.shape(scale))
        slopes, gaps, noises = (np.empty((STEPS, *shape)) for _ in range(3))
        for step, h in enumerate(steps):
            up, down = (np.asarray(function(sign * h), dtype=np.float64) for sign in (1, -1))
            slopes[step] = (up - down) / (2 * h)
            gaps[step] = np.abs(up + down - 2 * center) / h
            # the displaced variable is rounded as well: by EPSILON · size, where the slope is slope ± gap
            displaced = EPSILON * scale * (np.abs(slopes[step]) + gaps[step])
            noises[step] = (rounding + TINY + EPSILON * (np.abs(up) + np.abs(down)) + displaced) / h
        value, error, trusted = _settled(np.array(steps), slopes, noises)
        return Slope(value, error, _kink(gaps, noises, value), trusted)


def _settled(steps: Array, slopes: Array, noises: Array) -> tuple[Array, Array, Array]:
    """Return the slope of the step whose error is smallest, that error, and whether it can be believed."""
    ratio = (steps[:-1] / steps[1:]).reshape(STEPS - 1, *steps.shape[1:] or [1] * (slopes.ndim - 1))
    better = slopes[1:] + (slopes[1:] - slopes[:-1]) / (ratio**2 - 1)
    value, slope, noise = better[1:], slopes[2:], noises[2:]
    error = np.maximum(np.abs(value - slope), np.abs(value - better[:-1])) + noise
    known = np.isfinite(slope) & np.isfinite(noise)
    low = np.maximum.accumulate(np.where(known, slope - _SURE * noise, -np.inf)[::-1])[::-1]
    high = np.minimum.accumulate(np.where(known, slope + _SURE * noise, np.inf)[::-1])[::-1]
    error = np.maximum(error, np.maximum(low - value, value - high))
    error = np.where(known & np.isfinite(error), error, np.inf)
    best = np.argmin(error, axis=0)[np.newaxis]
    value, error, noise = (np.take_along_axis(one, best, 0)[0] for one in (value, error, noise))
    largest = np.max(np.abs(slopes), axis=0, where=np.isfinite(slopes), initial=0)
    trusted = (error <= 1e-3 * largest) | (error <= _SURE * noise)
    return np.where(np.isfinite(error), value, np.nan), error, trusted & np.isfinite(error)


def _kink(gaps: Array, noises: Array, value: Array) -> Array:
    """Whether the gap between the one-sided slopes stays down to the finest step that can show it."""
    least = 2 * _SURE * noises
    shown = gaps > least
    last = STEPS - 1 - np.argmax(shown[::-1], axis=0)
    gap, before = (np.take_along_axis(gaps, np.maximum(last - back, 0)[np.newaxis], 0)[0] for back in (0, 2))
    finer = np.arange(STEPS).reshape(-1, *[1] * value.ndim) > last
    stays = (gap > 0.7 * before) & ~np.any(finer & (gaps + least < 0.7 * gap), axis=0)
    return np.asarray(stays & (last >= 2) & shown.any(axis=0) & (gap > 1e-6 * np.abs(value)))
