"""What a node that has no value yet cannot do, and what to write in its place: a base of `Expr` that knows no graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn

import numpy as np

from gradviz.errors import GraphError, user_location

_VALUE = "gv.evaluate(node).output is its value"
_GRADIENTS = "gv.backprop(node).grad has the gradients by name"
_ELSEWHERE = {
    "flatten": "write node.reshape(-1)",
    "ravel": "write node.reshape(-1)",
    "view": "write node.reshape(…)",
    **dict.fromkeys(("item", "numpy", "tolist", "value", "detach"), _VALUE),
    **dict.fromkeys(("backward", "grad"), _GRADIENTS),
}
"""What stands in gradviz for the methods of other libraries' arrays."""


class Handle:
    """The base of a node's handle: answers what asks for a number, a truth value or a change."""

    __slots__ = ()

    @property
    def path(self) -> str | None:
        """The name with its scope, by which a graph knows the node."""
        raise NotImplementedError  # an `Expr` has it: only the tape knows names, and this file knows no tape

    def __bool__(self) -> bool:
        raise GraphError(
            "a node has no truth value while the graph is being written",
            where=user_location(),
            hint="gv.maximum and gv.minimum for max and min, gv.where(condition, a, b) for if, "
            "a product of comparisons for and: (0 < a) * (a < 1)",
        )

    def _refuse_number(self) -> NoReturn:
        raise GraphError(
            "a node is not a number: it has no value yet",
            where=user_location(),
            hint=f"{_VALUE}; for math.exp write gv.exp",
        )

    def __float__(self) -> float:
        self._refuse_number()

    def __int__(self) -> int:
        self._refuse_number()

    def __complex__(self) -> complex:
        self._refuse_number()

    def __round__(self, ndigits: int | None = None) -> NoReturn:
        self._refuse_number()

    def __format__(self, spec: str) -> str:
        if spec:
            self._refuse_number()
        return str(self)

    def __xor__(self, other: object) -> NoReturn:
        raise GraphError("^ is no power in Python", where=user_location(), hint="write x ** 2")

    __rxor__ = __xor__

    def __contains__(self, value: object) -> bool:
        raise GraphError(
            "what is in a node is not known yet", where=user_location(), hint="compare its entries: node > 0"
        )

    def __setitem__(self, key: Any, value: Any) -> None:
        raise GraphError(
            "the entries of a node cannot be changed",
            where=user_location(),
            hint="gv.where, gv.stack and gv.concatenate make a new one",
        )


def as_name(key: str | Handle) -> str:
    """Return the name by which a graph knows a node: the one given, or the handle's own.

    Raises:
        GraphError: for a handle without a name.
    """
    if not isinstance(key, Handle):
        return key
    if not key.path:
        raise GraphError(f"{key!r} has no name", where=user_location(), hint='give it one: .named("…")')
    return key.path


def as_keys(keys: str | Handle | Iterable[str | Handle]) -> tuple[str | Handle, ...]:
    """Return several names or handles, of which there may be only one."""
    return (keys,) if isinstance(keys, (str, Handle)) else tuple(keys)


class Method:
    """An attribute of a node: NumPy's method as gradviz's function of that name, or an error that says what to write.

    There is one for each name, since a class with ``__getattr__`` has no quick way to its slots, and operators
    that take a sixth longer.
    """

    def __init__(self, name: str, function: Callable[..., Any] | None, elsewhere: str) -> None:
        self._name = name
        self._function = function
        self._elsewhere = elsewhere

    def __get__(self, node: Handle | None, owner: type | None = None) -> Any:
        if node is None:
            return self
        if self._function is None:
            raise AttributeError(f"a node has no attribute {self._name!r} ({self._elsewhere})")
        return partial(self._function, node)


def add_methods(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Give nodes NumPy's methods of arrays (``node.max(axis=0)``), and the errors for other libraries' ones.

    Args:
        functions: gradviz's functions by name.
    """
    for name, function in functions.items():
        setattr(Handle, name, Method(name, function if hasattr(np.ndarray, name) else None, f"write gv.{name}(node)"))
    for name, elsewhere in _ELSEWHERE.items():
        setattr(Handle, name, Method(name, None, elsewhere))
