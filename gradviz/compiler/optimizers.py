"""Optimizers: how a gradient moves the parameters. Each has its own small state and works in place.

All of them clip first, then add the weight decay, then move: with g the gradient and η the rate

    g ← g · min(1, clip_norm / ‖g‖)        over all parameters together
    g ← g + weight_decay · W               the gradient of ½ weight_decay ‖W‖²
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from gradviz.core.graph import Array
from gradviz.errors import UsageError, did_you_mean, user_location


@dataclass(eq=False, kw_only=True)
class Optimizer(ABC):
    """What all optimizers share.

    An optimizer remembers the layer it works on: used again for the same layer it goes on, with its
    state; for another layer it starts anew.

    Args:
        weight_decay: how strongly large parameters are drawn to zero.
        clip_norm: the largest norm that the whole gradient may have; None for any.

    Raises:
        UsageError: for a setting outside its range.
    """

    weight_decay: float = 0.0
    clip_norm: float | None = None

    rate: ClassVar[float]
    """The learning rate where none is given."""
    slots: ClassVar[tuple[str, ...]] = ()
    """The names of what is remembered for each parameter."""

    def __post_init__(self) -> None:
        self.state: dict[str, Array] = {}
        self.updates = 0
        self._parameters: dict[str, Array] = {}
        _require(self, "weight_decay", 0 <= self.weight_decay < math.inf, "a number, 0 or more")
        _require(self, "clip_norm", self.clip_norm is None or self.clip_norm > 0, "above 0, or None")

    @property
    def settings(self) -> dict[str, Any]:
        """Its kind and its numbers, by which a checkpoint knows it."""
        return {"kind": type(self).__name__} | asdict(self)

    @property
    def plain(self) -> bool:
        """Whether it does nothing but W ← W − η g."""
        return False

    def start(self, parameters: Mapping[str, Array]) -> None:
        """Make room for what is remembered of these parameters, unless they are those of before."""
        known = self._parameters
        if known.keys() == parameters.keys() and all(known[name] is parameters[name] for name in known):
            return
        self._parameters = dict(parameters)
        self.updates = 0
        self.state = {f"{slot}/{name}": np.zeros_like(one) for slot in self.slots for name, one in parameters.items()}
        sizes: dict[np.dtype[Any], int] = {}
        for one in parameters.values():
            sizes[one.dtype] = max(sizes.get(one.dtype, 0), one.size)
        room = {dtype: np.empty((2, size), dtype) for dtype, size in sizes.items()}
        self._room = {
            name: tuple(row[: one.size].reshape(one.shape) for row in room[one.dtype])
            for name, one in parameters.items()
        }

    def update(self, gradients: Mapping[str, Array], rate: float) -> None:
        """Move the parameters that `start` was given, in place; no array is made.

        Args:
            gradients: by the parameter's name; a parameter without one stays.
            rate: the learning rate η.
        """
        self.updates += 1
        scale = self._scale(gradients)
        for name, parameter in self._parameters.items():
            g = gradients.get(name)
            if g is None:
                continue
            adapted, free = self._room[name]
            if scale != 1.0:
                g = np.multiply(g, scale, out=adapted)
            if self.weight_decay:
                np.multiply(parameter, self.weight_decay, out=free)
                g = np.add(g, free, out=adapted)
            self._move(name, parameter, g, rate, free)

    def _scale(self, gradients: Mapping[str, Array]) -> float:
        if self.clip_norm is None:
            return 1.0
        norm = math.sqrt(sum(float(np.vdot(g, g)) for name, g in gradients.items() if name in self._parameters))
        return self.clip_norm / norm if norm > self.clip_norm else 1.0

    @abstractmethod
    def _move(self, name: str, parameter: Array, g: Array, rate: float, free: Array) -> None:
        """Move one parameter; ``free`` is room of its shape to work in."""


@dataclass(eq=False, kw_only=True)
class GradientDescent(Optimizer):
    """Gradient descent: W ← W − η g. On a batch of one sample it is the lecture's online descent.

    Example:
        >>> import numpy as np
        >>> W, descent = np.array([1.0, 2.0]), GradientDescent()
        >>> descent.start({"W": W})
        >>> descent.update({"W": np.array([1.0, -1.0])}, rate=0.5)
        >>> W
        array([0.5, 2.5])
    """

    rate: ClassVar[float] = 0.01

    @property
    def plain(self) -> bool:
        """Whether neither the decay nor the clipping is asked for."""
        return not self.weight_decay and self.clip_norm is None

    def _move(self, name: str, parameter: Array, g: Array, rate: float, free: Array) -> None:
        np.multiply(g, rate, out=free)
        np.subtract(parameter, free, out=parameter)


@dataclass(eq=False, kw_only=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: v ← μ v + g, W ← W − η v.

    Args:
        momentum: μ, the share of the velocity that is kept.
        nesterov: look ahead: W ← W − η (g + μ v), after Sutskever et al., "On the importance of
            initialization and momentum in deep learning" (2013), in the form that torch has.
    """

    momentum: float = 0.9
    nesterov: bool = False

    rate: ClassVar[float] = 0.01
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self, "momentum", 0 <= self.momentum < 1, "from 0 to below 1")

    def _move(self, name: str, parameter: Array, g: Array, rate: float, free: Array) -> None:
        velocity = self.state[f"velocity/{name}"]
        np.multiply(velocity, self.momentum, out=velocity)
        np.add(velocity, g, out=velocity)
        if self.nesterov:
            np.multiply(velocity, self.momentum, out=free)
            np.add(free, g, out=free)
            np.multiply(free, rate, out=free)
        else:
            np.multiply(velocity, rate, out=free)
        np.subtract(parameter, free, out=parameter)


@dataclass(eq=False, kw_only=True)
class Adam(Optimizer):
    """Adam, with both moments freed of their bias (Kingma and Ba, "Adam: a method for stochastic optimization", 2015).

        m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  W ← W − η (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)

    Args:
        beta1, beta2: the shares of the moments that are kept.
        epsilon: ε, which keeps the quotient finite.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    rate: ClassVar[float] = 0.001
    slots: ClassVar[tuple[str, ...]] = ("first_moment", "second_moment")

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self, "beta1", 0 <= self.beta1 < 1, "from 0 to below 1")
        _require(self, "beta2", 0 <= self.beta2 < 1, "from 0 to below 1")
        _require(self, "epsilon", self.epsilon > 0, "above 0")

    def _move(self, name: str, parameter: Array, g: Array, rate: float, free: Array) -> None:
        first, second = self.state[f"first_moment/{name}"], self.state[f"second_moment/{name}"]
        np.multiply(g, 1 - self.beta1, out=free)
        np.multiply(first, self.beta1, out=first)
        np.add(first, free, out=first)
        np.multiply(g, g, out=free)
        np.multiply(free, 1 - self.beta2, out=free)
        np.multiply(second, self.beta2, out=second)
        np.add(second, free, out=second)
        np.sqrt(second, out=free)
        np.multiply(free, 1 / math.sqrt(1 - self.beta2**self.updates), out=free)
        np.add(free, self.epsilon, out=free)
        np.divide(first, free, out=free)
        np.multiply(free, rate / (1 - self.beta1**self.updates), out=free)
        np.subtract(parameter, free, out=parameter)


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": GradientDescent,
    "momentum": Momentum,
    "nesterov": lambda: Momentum(nesterov=True),
    "adam": Adam,
}
"""How the optimizers are made that have a name."""


def find_optimizer(given: object) -> Optimizer:
    """Return an optimizer, or a new one of this name.

    Raises:
        UsageError: listing the names.

    Example:
        >>> find_optimizer("nesterov")
        Momentum(weight_decay=0.0, clip_norm=None, momentum=0.9, nesterov=True)
    """
    if isinstance(given, Optimizer):
        return given
    if isinstance(given, str) and given in OPTIMIZERS:
        return OPTIMIZERS[given]()
    hint = did_you_mean(given, OPTIMIZERS, f"choose one of {', '.join(OPTIMIZERS)}, or give an Optimizer")
    raise UsageError(f"there is no optimizer {given!r}", where=user_location(), hint=hint)


def _require(optimizer: Optimizer, name: str, holds: bool, wanted: str) -> None:
    if not holds:
        value = getattr(optimizer, name)
        raise UsageError(f"{name}={value!r}: it is to be {wanted}", where=user_location())
