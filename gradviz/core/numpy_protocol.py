"""NumPy's functions on nodes: `np.sum(node, axis=0)` is gradviz's function of that name, or refused.

NumPy's signature says what its arguments mean; their places differ from ours (`np.linalg.norm(x, 1)` gives an
order, not an axis).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import Parameter, Signature, signature
from typing import Any

from gradviz.core.primitive import Primitive
from gradviz.errors import GraphError, short_repr, user_location

Function = Callable[..., Any]

_OUR_NAMES = {"a_min": "low", "min": "low", "a_max": "high", "max": "high"}
_IN_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.VAR_POSITIONAL)


def call(ours: Function, theirs: Function, args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Call a function of gradviz with what NumPy's was called with.

    Raises:
        GraphError: for an argument of NumPy's that ours lacks, unless it is given NumPy's default.
    """
    known = {} if isinstance(ours, Primitive) else _signature(ours).parameters
    positional, named = _bound(theirs, args, options)
    given = {}
    for name, (value, default) in named.items():
        own = _OUR_NAMES.get(name, name)
        if own in known:
            given[own] = value
        elif value is not default and not (isinstance(value, (str, int)) and value == default):
            raise GraphError(
                f"{theirs.__module__}.{theirs.__name__} of a node takes no {name}={short_repr(value)}",
                where=user_location(),
                hint=f"it takes {', '.join(known) or 'nodes alone'}",
            )
    return ours(*positional, **given)


def _bound(
    theirs: Function, args: tuple[Any, ...], options: Mapping[str, Any]
) -> tuple[list[Any], dict[str, tuple[Any, Any]]]:
    """Return the arguments that NumPy wants in any case, and the others by name, each with its default."""
    nothing = Parameter.empty
    try:
        parameters = _signature(theirs).parameters
        bound = _signature(theirs).bind(*args, **options).arguments
    except ValueError:  # older NumPys tell no signature of what is written in C
        return list(args), {name: (value, nothing) for name, value in options.items()}
    positional: list[Any] = []
    named: dict[str, tuple[Any, Any]] = {}
    for name, value in bound.items():
        kind, default = parameters[name].kind, parameters[name].default
        if kind is Parameter.VAR_KEYWORD:
            named |= {other: (one, nothing) for other, one in value.items()}
        elif kind in _IN_PLACE or default is nothing:
            positional += value if kind is Parameter.VAR_POSITIONAL else [value]
        else:
            named[name] = value, default
    return positional, named


@lru_cache(maxsize=256)
def _signature(function: Function) -> Signature:
    return signature(function)
