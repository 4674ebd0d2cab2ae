"""Read `--at W=0.2,0.3`: the values of leaves, from the command line."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from gradviz.errors import UsageError

_EXAMPLE = "--at x=0.5, --at W=0.2,0.3 or --at 'W=[[1,2],[3,4]]'"


def parse_at(texts: Iterable[str]) -> dict[str, Any]:
    """Return the values by name: numbers, or lists of them.

    Raises:
        UsageError: for a text that is not `name=numbers`, or a name given twice.

    Example:
        >>> parse_at(["x=1", "W=0.2,0.3", "V=[[1, 2], [3, 4]]"])
        {'x': 1.0, 'W': [0.2, 0.3], 'V': [[1.0, 2.0], [3.0, 4.0]]}
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, numbers = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise UsageError(f"--at {text!r} is not NAME=VALUE", hint=_EXAMPLE)
        if name in values:
            raise UsageError(f"--at gives {name!r} twice")
        try:
            values[name] = _parse(numbers)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError):
            raise UsageError(
                f"--at {name}: {numbers!r} is not a number or a regular list of numbers", hint=_EXAMPLE
            ) from None
    return values


def _parse(text: str) -> Any:
    if text.startswith(("[", "(")):
        return _numbers(ast.literal_eval(text))
    parts = text.removesuffix(",").split(",")
    numbers = [float(part) for part in parts]
    return numbers[0] if len(parts) == 1 and not text.endswith(",") else numbers


def _numbers(value: object) -> Any:
    if isinstance(value, (list, tuple)):
        numbers = [_numbers(item) for item in value]
        if len({_shape(item) for item in numbers}) > 1:
            raise ValueError("the rows differ in length")
        return numbers
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("not a number")
    return float(value)


def _shape(value: Any) -> tuple[int, ...]:
    return (len(value), *(_shape(value[0]) if value else ())) if isinstance(value, list) else ()
