"""How NumPy is told to do each instruction, and how a view is written."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradviz.compiler.instructions import COMPARISONS, ELEMENTWISE, VIEWS, Instruction, Place
from gradviz.namespaces import numpy as careful
from gradviz.namespaces import places

UFUNCS = {name: name for name in ELEMENTWISE} | {
    "abs": "absolute",
    "gt": "greater",
    "ge": "greater_equal",
    "lt": "less",
    "le": "less_equal",
    "differ": "not_equal",
}
_ROOM = careful.__name__.rpartition(".")[0]
_INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}
_REDUCE = {"sum": "add", "max": "maximum", "prod": "multiply"}


class Forms:
    """Prints instructions.

    Attributes:
        functions: the names that the printed lines need from NumPy.
        helpers: the careful forms that they need besides, by name.
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.helpers: dict[str, str] = {}
        self._movers: dict[str, Callable[[Instruction, list[str]], list[str]]] = {
            "matmul": self._matmul,
            "getitem": self._shown,
            "transpose": self._shown,
            "flip": self._shown,
            "broadcast_to": self._shown,
            "reshape": self._reshape,
            "windows": self._shown,
            "fold": self._fold,
            "scatter": self._scatter,
            "pad": self._pad,
            "cumsum": self._cumsum,
            "einsum": self._einsum,
            "take": self._take,
            "where": self._where,
            "guard": self._where,
        }

    def lines(self, one: Instruction) -> list[str]:
        """Return the lines of an instruction."""
        args = [arg.name if isinstance(arg, Place) else repr(arg) for arg in one.args]
        name = one.out.name
        if one.out.kind in ("scalar", "fresh"):
            own = "[()]" if one.fn in VIEWS else ""  # a number of its own, not a view of memory that is used again
            return [f"{name} = {self._expression(one, args)}{own}"]
        if one.fn in UFUNCS:
            named = "out=" if one.fn in ("maximum", "minimum") else ""  # a third argument means something else there
            return [f"{self.np(UFUNCS[one.fn])}({', '.join(args)}, {named}{name})"]
        if one.fn in _REDUCE:
            axis, keepdims = one.attrs
            return [f"{self.np(_REDUCE[one.fn])}.reduce({args[0]}, {_axis(axis)}, None, {name}, {keepdims})"]
        if one.fn in self._movers:
            return self._movers[one.fn](one, args)
        return [f"{self.np('copyto')}({name}, {args[0] if one.fn == 'copy' else self._expression(one, args)})"]

    def view(self, fn: str, base: str, attrs: tuple[Any, ...], ndim: int) -> str:
        """Return how a view of an array is written."""
        if fn == "getitem":
            return f"{base}[{_key(attrs[0])}]"
        if fn == "transpose":
            return f"{base}.T" if attrs[0] == tuple(reversed(range(ndim))) else f"{base}.transpose{attrs[0]}"
        if fn == "flip":
            return f"{base}[{', '.join('::-1' if axis in attrs[0] else ':' for axis in range(ndim))}]"
        if fn == "reshape":
            return f"{base}.reshape({attrs[0]})"
        if fn == "windows":
            self._help(fn, vars(places))
        return f"{'' if fn == 'windows' else 'np.'}{fn}({base}, {', '.join(map(repr, attrs))})"

    def np(self, name: str) -> str:
        """Take a function of NumPy along."""
        self.functions.add(name)
        return name

    def _copy(self, to: str, what: str, more: str = "") -> str:
        return f"{self.np('copyto')}({to}, {what}{more})"

    def _matmul(self, one: Instruction, args: list[str]) -> list[str]:
        ranks = [len(arg.shape) for arg in one.args if isinstance(arg, Place)]
        if max(ranks) <= 2 and one.out.contiguous:
            return [f"{args[0]}.dot({args[1]}, {one.out.name})"]
        return [f"{self.np('matmul')}({args[0]}, {args[1]}, {one.out.name})"]

    def _shown(self, one: Instruction, args: list[str]) -> list[str]:
        return [self._copy(one.out.name, self.view(one.fn, args[0], one.attrs, len(one.out.shape)))]

    def _reshape(self, one: Instruction, args: list[str]) -> list[str]:
        (source,) = one.args
        assert isinstance(source, Place)
        return [self._copy(f"{one.out.name}.reshape({source.shape})", args[0])]

    def _fold(self, one: Instruction, args: list[str]) -> list[str]:
        self._help("fold", vars(places))
        return [f"fold({args[0]}, {', '.join(map(repr, one.attrs))}, {one.out.name})"]

    def _scatter(self, one: Instruction, args: list[str]) -> list[str]:
        key, name = one.attrs[0], one.out.name
        if any(isinstance(part, np.ndarray) for part in key):
            return [f"{name}.fill(0)", f"np.add.at({name}, np.s_[{_key(key)}], {args[0]})"]
        whole = key if Ellipsis in key else (*key, ...)
        return [f"{name}.fill(0)", self._copy(f"{name}[{_key(whole)}]", args[0])]

    def _pad(self, one: Instruction, args: list[str]) -> list[str]:
        (source,), (width, value) = one.args, one.attrs
        assert isinstance(source, Place)
        inside = tuple(slice(before, before + n) for (before, _), n in zip(width, source.shape, strict=True))
        return [f"{one.out.name}.fill({_number(value)})", self._copy(f"{one.out.name}[{_key(inside)}]", args[0])]

    def _take(self, one: Instruction, args: list[str]) -> list[str]:
        source = one.args[0]
        assert isinstance(source, Place)
        self._help("_checked", vars(places))
        return [f"{args[0]}.take(_checked({args[1]}, {source.shape[0]}), 0, {one.out.name}, 'clip')"]

    def _cumsum(self, one: Instruction, args: list[str]) -> list[str]:
        return [f"{self.np('add')}.accumulate({args[0]}, {one.attrs[0]}, None, {one.out.name})"]

    def _einsum(self, one: Instruction, args: list[str]) -> list[str]:
        return [f"np.einsum({one.attrs[0]!r}, {', '.join(args)}, out={one.out.name})"]

    def _where(self, one: Instruction, args: list[str]) -> list[str]:
        name = one.out.name
        return [self._copy(name, args[2]), self._copy(name, args[1], f", where={args[0]} != 0")]

    def _expression(self, one: Instruction, args: list[str]) -> str:
        fn, attrs = one.fn, one.attrs
        if fn in _INFIX:
            return f"{args[0]} {_INFIX[fn]} {args[1]}"
        if fn in UFUNCS:
            called = f"{self.np(UFUNCS[fn])}({', '.join(args)})"
            return f"{called} * {dtype_name(one.out.dtype)}(1)" if fn in COMPARISONS else called
        if fn in _REDUCE:
            return f"{self.np(_REDUCE[fn])}.reduce({args[0]}, {_axis(attrs[0])}, None, None, {attrs[1]})"
        simple = {"matmul": ".dot({1})", "copy": "", "getitem": f"[{_key(attrs[0])}]" if fn == "getitem" else ""}
        if fn in simple:
            return args[0] + simple[fn].format(*args)
        return self._call(fn, args, attrs)

    def _call(self, fn: str, args: list[str], attrs: tuple[Any, ...]) -> str:
        """Call a function of the vocabulary: NumPy's own, or a careful form that is taken along."""
        known = getattr(np, fn, None) is getattr(careful, fn)
        name = f"np.{fn}" if known else "np.where" if fn == "guard" else fn
        if name == fn:
            self._help(fn, vars(careful))
        if fn in ("concatenate", "stack"):
            args = [f"({', '.join(args)},)"]
        if fn == "einsum":
            return f"np.einsum({attrs[0]!r}, {', '.join(args)})"
        return f"{name}({', '.join([*args, *map(repr, attrs)])})"

    def _help(self, name: str, known: Mapping[str, Any]) -> None:
        """Take a careful form of the NumPy namespace along, with what it needs."""
        found = known.get(name)
        if name in self.helpers or not inspect.isfunction(found) or not found.__module__.startswith(_ROOM):
            return
        self.helpers[name] = ""
        for other in found.__code__.co_names:
            self._help(other, found.__globals__)
        self.helpers.pop(name)
        self.helpers[name] = _constants_of(found) + inspect.getsource(found)


def _constants_of(function: Any) -> str:
    """Return the lines of the module that define what a function needs besides other functions."""
    lines = inspect.getsource(sys.modules[function.__module__]).splitlines()
    found = [line for name in function.__code__.co_names for line in lines if line.startswith(f"{name} = ")]
    return "".join(f"{line}\n\n\n" for line in found)


def array(place: Place) -> str:
    """Print a constant, short where all its elements are equal."""
    value = place.value
    assert value is not None
    flat = value.reshape(-1)
    if not value.size:  # a list would lose its shape
        return f"np.empty({value.shape}, {dtype_name(place.dtype)})"
    if bool(np.all(flat == flat[0])) and value.shape:
        return f"np.full({value.shape}, {_number(flat[0].item())}, {dtype_name(place.dtype)})"
    if value.ndim == 2 and np.array_equal(value, np.eye(*value.shape)):
        return f"np.eye({value.shape[0]}, {value.shape[1]}, 0, {dtype_name(place.dtype)})"
    return f"np.array({_number(value.tolist())}, {dtype_name(place.dtype)})"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return how every NumPy calls a dtype; not all know np.bool."""
    return f"np.{dtype}" if dtype.kind != "b" else "np.bool_"


def _axis(axis: tuple[int, ...]) -> str:
    return str(axis[0]) if len(axis) == 1 else str(axis)


def _key(key: tuple[Any, ...]) -> str:
    return ", ".join(map(_part, key)) + ("," if len(key) == 1 and not isinstance(key[0], slice) else "")


def _part(part: Any) -> str:
    if isinstance(part, slice):
        ends = [("" if end is None else str(end)) for end in (part.start, part.stop)]
        return ":".join(ends) + ("" if part.step in (None, 1) else f":{part.step}")
    if part is Ellipsis:
        return "..."
    if isinstance(part, np.ndarray):
        return f"np.array({part.tolist()}, {dtype_name(part.dtype)})"
    return repr(part)


def _number(value: Any) -> str:
    return re.sub(r"\b(inf|nan)\b", r"np.\1", repr(value))
