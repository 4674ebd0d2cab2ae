"""What all layers share: parameters with repeatable initial values, activations by name, checked sizes."""

from __future__ import annotations

import operator
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.build import param
from gradviz.core.expr import Expr
from gradviz.core.primitive import FUNCTIONS, REGISTRY, Shape
from gradviz.core.tape import numbered, scope
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.nn.initializers import Initializer, find
from gradviz.ops.axes import as_handle

Activation: TypeAlias = str | Callable[[Any], Expr] | None


def layer(name: str | None, default: str) -> AbstractContextManager[str]:
    """Open the scope of a layer: by the user's name as it is, else by the default one, numbered.

    The second "dense" of a scope is "dense_2", and so on; a script that is run again gives the same names.
    """
    return scope(numbered(default) if name is None else name)


def as_floats(x: Any) -> Expr:
    """Return x as a handle of floating-point numbers; anything else than a handle becomes a constant."""
    handle = as_handle(x)
    return handle if handle.dtype.kind == "f" else handle * 1.0


def activated(x: Expr, activation: Activation) -> Expr:
    """Apply an activation function, given itself or by its name; None for none.

    Raises:
        GraphError: for a name that no function of one array has.
    """
    if activation is None:
        return x
    if callable(activation):
        return activation(x)
    known = [name for name, op in REGISTRY.items() if op.partials is not None and len(op.partials) == 1]
    if activation not in known and activation not in ("softmax", "log_softmax"):
        raise GraphError(
            f"there is no activation {activation!r}", where=user_location(), hint='such as "relu", "tanh", "sigmoid"'
        )
    return FUNCTIONS[activation](x)


def positive(value: Any, what: str) -> int:
    """Return a number of things, which must be an integer above 0.

    Raises:
        GraphError: for anything else.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise GraphError(f"{what} must be a positive integer, not {value!r}", where=user_location())
    return number


def wrong_shape(path: str, what: str, x: Expr, hint: str | None = None) -> ShapeError:
    """Return the error that a layer was given an argument of a shape it does not take."""
    return ShapeError(f"{path}: {what}, not the shape {x.shape}", where=user_location(), hint=hint)


@dataclass(frozen=True)
class Parameters:
    """Makes the parameters of one layer.

    Attributes:
        path: the layer's scope, which the initial values depend on: layers of different names differ.
        dtype: of the values.
        seed: the same seed, path, name and shape give the same bytes.
    """

    path: str
    dtype: np.dtype[Any]
    seed: int

    def __call__(
        self, name: str, shape: Shape, init: str | Initializer, *, given: Any = None, tex: str = "", start: float = 0.0
    ) -> Expr:
        """Make a parameter in the open scope, or take what is given for it.

        Args:
            name: as on the slide, such as "W_f".
            shape: of its value.
            init: draws the value from the shape and a seed.
            given: a node to use instead (shared weights), or an array, which becomes a fixed constant.
            tex: its LaTeX; by default the name with its letter in bold.
            start: added to the value that is drawn.

        Raises:
            ShapeError: where what is given has another shape.
        """
        tex = tex or bold(name)
        if given is not None:
            handle = given if isinstance(given, Expr) else self.fixed(name, given, tex)
            if handle.shape != shape:
                raise wrong_shape(self.path, f"{name} must have the shape {shape}", handle)
            return handle
        value = np.asarray(find(init)(shape, self.random(name)) + start)
        if value.shape != shape:
            raise GraphError(
                f"the initializer of {self.path}/{name} gives shape {value.shape}, not {shape}", where=user_location()
            )
        return param(name, value.astype(self.dtype), tex=tex)

    def random(self, name: str) -> np.random.Generator:
        """Return the source of the values of one name."""
        return np.random.default_rng([self.seed, zlib.crc32(f"{self.path}/{name}".encode())])

    def fixed(self, name: str, value: Any, tex: str = "") -> Expr:
        """Make weights that are not learned: a constant in the open scope."""
        return constant(np.asarray(value), self.dtype).named(name, tex or bold(name))


def bold(name: str) -> str:
    r"""Return the LaTeX of a matrix or vector of parameters, its letter in bold.

    Example:
        >>> bold("W_f"), bold("b")
        ('\\mathbf{W}_{f}', '\\mathbf{b}')
    """
    letter, _, index = name.partition("_")
    return rf"\mathbf{{{letter}}}" + (f"_{{{index}}}" if index else "")
