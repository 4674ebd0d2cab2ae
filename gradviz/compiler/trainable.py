"""What training and files ask of a layer, and nothing more: a compiled layer has it, and so may a test's own."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, Protocol

import numpy as np

from gradviz.core.graph import Array
from gradviz.core.primitive import Shape


class Parametrized(Protocol):
    """A thing with parameters to save and load."""

    @property
    def parameters(self) -> Mapping[str, Array]:
        """The live arrays by path; what is written into them changes the layer."""
        ...


class Trainable(Parametrized, Protocol):
    """A layer whose output is a loss, the mean over the samples of a batch."""

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """The shape of one sample of each input, by name, in order."""
        ...

    @property
    def input_dtypes(self) -> Mapping[str, np.dtype[Any]]:
        """The dtype of each input."""
        ...

    @property
    def shared(self) -> Set[str]:
        """The inputs that are the same for all samples."""
        ...

    @property
    def optional(self) -> Set[str]:
        """The inputs that may be left out, for they have a value of their own."""
        ...

    @property
    def learned(self) -> Set[str]:
        """The parameters that there are gradients of."""
        ...

    @property
    def batch(self) -> int | None:
        """The number of samples it was compiled for; None for one sample without a batch axis."""
        ...

    def gradients(self, **inputs: Any) -> tuple[float, Mapping[str, Array]]:
        """Return the loss, and its gradient by each parameter that is learned; the next call may write over them."""
        ...

    def step(self, learning_rate: float, **inputs: Any) -> float:
        """Return the loss, and move the parameters against the gradient."""
        ...

    def loss(self, **inputs: Any) -> float:
        """Return the loss alone."""
        ...

    def first_nonfinite(self, **inputs: Any) -> str | None:
        """Return which node is the first to hold NaN or inf, described; None if all are finite."""
        ...
