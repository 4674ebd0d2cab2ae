"""Functions of gradviz as text that printed source takes along: without types, which would need imports."""

from __future__ import annotations

import ast
import dis
import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any


class Helpers:
    """The functions that printed lines need, with what those need.

    Args:
        room: the packages whose functions are taken along, by the beginning of their name.

    Attributes:
        texts: their source by name, in the order of their definition.
    """

    def __init__(self, room: str) -> None:
        self._room = room
        self.texts: dict[str, str] = {}

    def take(self, name: str, known: Mapping[str, Any]) -> None:
        """Take a function along, if it is one of gradviz."""
        found = known.get(name)
        if name in self.texts or not inspect.isfunction(found) or not found.__module__.startswith(self._room):
            return
        self.texts[name] = ""  # it may call itself
        for other in _globals_of(found):
            self.take(other, found.__globals__)
        self.texts.pop(name)
        self.texts[name] = _constants_of(found) + untyped(inspect.getsource(found))


def untyped(source: str) -> str:
    r"""Return the source of functions without annotations.

    Example:
        >>> untyped("def f(x: int, y: Any = 2) -> Array:\n    z: float = x  # a number\n    return z")
        'def f(x, y=2):\n    z = x  # a number\n    return z'
    """
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def at(line: int, column: int) -> int:
        return starts[line - 1] + column

    text, cuts = source.encode(), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            start, stop = at(node.lineno, node.col_offset) + len(node.arg.encode()), _end(node.annotation, at)
            spaced = text[stop : stop + 3] == b" = "
            cuts.append((start, stop + 3 if spaced else stop, b"=" if spaced else b""))
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            stop = _end(node.returns, at)
            cuts.append((text.rindex(b" ->", 0, stop), stop, b""))
        elif isinstance(node, ast.AnnAssign):
            cuts.append((_end(node.target, at), _end(node.annotation, at), b""))
    for start, stop, instead in sorted(cuts, reverse=True):
        text = text[:start] + instead + text[stop:]
    return text.decode()


def _end(node: ast.expr, at: Callable[[int, int], int]) -> int:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return at(node.end_lineno, node.end_col_offset)


def _globals_of(function: Any) -> list[str]:
    """Return the names that a function looks up in its module; `np.max` is no such name."""
    found = [one.argval for one in dis.get_instructions(function) if one.opname == "LOAD_GLOBAL"]
    return list(dict.fromkeys(found))


def _constants_of(function: Any) -> str:
    """Return the lines of the module that define what a function needs besides other functions."""
    lines = inspect.getsource(sys.modules[function.__module__]).splitlines()
    found = [line for name in _globals_of(function) for line in lines if line.startswith(f"{name} = ")]
    return "".join(f"{line}\n\n\n" for line in found)
