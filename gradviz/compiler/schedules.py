"""Learning rates that change: functions from the number of the step, which starts at 0, to the rate.

Any other function of that kind serves as well: ``layer.fit(…, schedule=lambda step: 0.1 / (1 + step))``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gradviz.errors import UsageError, did_you_mean, user_location

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """Return a rate that stays.

    Example:
        >>> constant(0.1)(1000)
        0.1
    """
    return lambda step: rate


def step_decay(rate: float, every: int, factor: float = 0.1) -> Schedule:
    """Return a rate that is multiplied by a factor after every so many steps.

    Example:
        >>> schedule = step_decay(1.0, every=10, factor=0.5)
        >>> [schedule(step) for step in (0, 9, 10, 25)]
        [1.0, 1.0, 0.5, 0.25]
    """
    _positive("every", every)
    return lambda step: rate * factor ** (step // every)


def exponential(rate: float, steps: int, final: float) -> Schedule:
    """Return a rate that shrinks by the same factor at each step, and is ``final`` after ``steps``.

    Example:
        >>> schedule = exponential(1.0, steps=100, final=0.01)
        >>> [round(schedule(step), 6) for step in (0, 50, 100)]
        [1.0, 0.1, 0.01]
    """
    _positive("steps", steps)
    _positive("final", final)
    return lambda step: float(rate * (final / rate) ** (step / steps))


def cosine(rate: float, steps: int, final: float = 0.0) -> Schedule:
    """Return a rate that falls along half a cosine and stays at ``final`` after ``steps``.

    After Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).

    Example:
        >>> schedule = cosine(1.0, steps=100)
        >>> [round(schedule(step), 6) for step in (0, 50, 100, 200)]
        [1.0, 0.5, 0.0, 0.0]
    """
    _positive("steps", steps)
    return lambda step: final + (rate - final) * (1 + math.cos(math.pi * min(step / steps, 1.0))) / 2


def warmup(steps: int, then: Schedule) -> Schedule:
    """Return a rate that grows evenly for so many steps, and follows another schedule after them.

    Args:
        steps: how long it grows; the first rate is not 0, so that no step is lost.
        then: what follows; its step 0 is the first after the warm-up.

    Example:
        >>> schedule = warmup(4, then=constant(1.0))
        >>> [schedule(step) for step in (0, 1, 2, 3, 4, 5)]
        [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    """
    _positive("steps", steps)
    return lambda step: then(0) * (step + 1) / (steps + 1) if step < steps else then(step - steps)


NAMES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": lambda rate, steps: constant(rate),
    "step": lambda rate, steps: step_decay(rate, every=max(1, math.ceil(steps / 3))),
    "exponential": lambda rate, steps: exponential(rate, steps, final=rate / 100),
    "cosine": cosine,
    "warmup": lambda rate, steps: warmup(max(1, steps // 20), then=cosine(rate, max(1, steps - steps // 20))),
}
"""Schedules by name, made to fit a run: given the rate and the number of steps.

``step`` divides the rate by 10 twice, ``exponential`` shrinks it to a hundredth, ``warmup`` grows for a
twentieth of the run and falls along a cosine then.
"""


def find_schedule(given: Schedule | str | None, rate: float, steps: int) -> Schedule:
    """Return a schedule by its name, or the one given.

    Raises:
        UsageError: for an unknown name, listing those that there are.
    """
    if given is None:
        return constant(rate)
    if callable(given):
        return given
    if not isinstance(given, str) or given not in NAMES:
        hint = did_you_mean(given, NAMES, f"choose one of {', '.join(NAMES)}, or give a function")
        raise UsageError(f"there is no schedule {given!r}", where=user_location(), hint=hint)
    return NAMES[given](rate, steps)


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise UsageError(f"{name}={value!r}: it is to be above 0", where=user_location())
