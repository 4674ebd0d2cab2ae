"""How NumPy is told to do each instruction, and how a view is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz.compiler.formulas import INFIX
from gradviz.compiler.helpers import Helpers
from gradviz.compiler.instructions import COMPARISONS, ELEMENTWISE, REDUCTIONS, VIEWS, Instruction, Place
from gradviz.compiler.numpy_constants import axes_text, dtype_name, number_text
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
_GIVING = ("matmul", "cumsum", "einsum", "take")


class Forms:
    """Prints instructions.

    Attributes:
        functions: the names that the printed lines need from NumPy.
        helpers: the careful forms that they need besides.
    """

    def __init__(self) -> None:
        self.functions: set[str] = set()
        self.helpers = Helpers(_ROOM)
        self._movers: dict[str, Callable[[Instruction, list[str], str], list[str]]] = {
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

    def lines(self, one: Instruction, args: list[str], out: str) -> list[str]:
        """Return the lines of an instruction whose operands and result are called so."""
        if one.out.kind in ("scalar", "fresh"):
            own = "[()]" if one.fn in VIEWS else ""  # a number of its own, not a view of memory that is used again
            return [f"{out} = {self.expression(one, args)}{own}"]
        if one.fn in UFUNCS:
            named = "out=" if one.fn in ("maximum", "minimum") else ""  # a third argument means something else there
            return [f"{self.np(UFUNCS[one.fn])}({', '.join(args)}, {named}{out})"]
        if one.fn in REDUCTIONS:
            return [self._reduced(one, args, out)]
        if one.fn in self._movers:
            return self._movers[one.fn](one, args, out)
        return [f"{self.np('copyto')}({out}, {args[0] if one.fn == 'copy' else self.expression(one, args)})"]

    def gives(self, one: Instruction) -> bool:
        """Whether the line of an instruction is an expression, whose value is the result."""
        return one.out.kind in ("scalar", "fresh") or one.fn in UFUNCS or one.fn in REDUCTIONS or one.fn in _GIVING

    def view(self, fn: str, base: str, attrs: tuple[Any, ...], ndim: int) -> str:
        """Return how a view of an array is written."""
        if fn == "getitem":
            return f"{base}[{key_text(_short(attrs[0], ndim))}]"
        if fn == "transpose":
            turned = ndim > 1 and attrs[0] == tuple(reversed(range(ndim)))
            return f"{base}.T" if turned else f"{base}.transpose({', '.join(map(str, attrs[0]))})"
        if fn == "flip":
            return f"{base}[{', '.join('::-1' if axis in attrs[0] else ':' for axis in range(ndim))}]"
        if fn == "reshape":
            return f"{base}.reshape({axes_text(attrs[0])})"
        if fn == "windows":
            self.helpers.take(fn, vars(places))
        return f"{'' if fn == 'windows' else 'np.'}{fn}({base}, {', '.join(map(repr, attrs))})"

    def np(self, name: str) -> str:
        """Take a function of NumPy along."""
        self.functions.add(name)
        return name

    def _copy(self, to: str, what: str, more: str = "") -> str:
        return f"{self.np('copyto')}({to}, {what}{more})"

    def _matmul(self, one: Instruction, args: list[str], out: str) -> list[str]:
        ranks = [len(arg.shape) for arg in one.args if isinstance(arg, Place)]
        if max(ranks) <= 2 and one.out.contiguous:
            return [f"{args[0]}.dot({args[1]}, {out})"]
        return [f"{self.np('matmul')}({args[0]}, {args[1]}, {out})"]

    def _shown(self, one: Instruction, args: list[str], out: str) -> list[str]:
        return [self._copy(out, self.view(one.fn, args[0], one.attrs, len(one.out.shape)))]

    def _reshape(self, one: Instruction, args: list[str], out: str) -> list[str]:
        (source,) = one.args
        assert isinstance(source, Place)
        return [self._copy(f"{out}.reshape({axes_text(source.shape)})", args[0])]

    def _fold(self, one: Instruction, args: list[str], out: str) -> list[str]:
        self.helpers.take("fold", vars(places))
        return [f"fold({args[0]}, {', '.join(map(repr, one.attrs))}, {out})"]

    def _scatter(self, one: Instruction, args: list[str], out: str) -> list[str]:
        key = one.attrs[0]
        if any(isinstance(part, np.ndarray) for part in key):
            return [f"{out}.fill(0)", f"np.add.at({out}, np.s_[{key_text(key)}], {args[0]})"]
        whole = _short(key, len(one.out.shape) - sum(isinstance(part, int) for part in key))
        return [f"{out}.fill(0)", self._copy(f"{out}[{key_text(whole)}]", args[0])]

    def _pad(self, one: Instruction, args: list[str], out: str) -> list[str]:
        (source,), (width, value) = one.args, one.attrs
        assert isinstance(source, Place)
        inside = tuple(slice(before, before + n) for (before, _), n in zip(width, source.shape, strict=True))
        return [f"{out}.fill({number_text(value)})", self._copy(f"{out}[{key_text(inside)}]", args[0])]

    def _take(self, one: Instruction, args: list[str], out: str) -> list[str]:
        source = one.args[0]
        assert isinstance(source, Place)
        self.helpers.take("_checked", vars(places))
        return [f"{args[0]}.take(_checked({args[1]}, {source.shape[0]}), 0, {out}, 'clip')"]

    def _cumsum(self, one: Instruction, args: list[str], out: str) -> list[str]:
        return [f"{self.np('add')}.accumulate({args[0]}, {one.attrs[0]}, None, {out})"]

    def _einsum(self, one: Instruction, args: list[str], out: str) -> list[str]:
        return [f"np.einsum({one.attrs[0]!r}, {', '.join(args)}, out={out})"]

    def _where(self, one: Instruction, args: list[str], out: str) -> list[str]:
        return [self._copy(out, args[2]), self._copy(out, args[1], f", where={args[0]} != 0")]

    def expression(self, one: Instruction, args: list[str]) -> str:
        """Return an instruction as an expression for a new value."""
        fn, attrs = one.fn, one.attrs
        if fn == "copy" and isinstance(one.args[0], Place) and one.args[0].dtype != one.out.dtype:
            return f"{dtype_name(one.out.dtype)}({args[0]})"
        simple = {"matmul": ".dot({1})", "copy": "", "getitem": f"[{key_text(attrs[0])}]" if fn == "getitem" else ""}
        if fn in simple:
            return args[0] + simple[fn].format(*args)
        if fn in INFIX:
            return f"{args[0]} {INFIX[fn]} {args[1]}"
        if fn in UFUNCS:
            called = f"{self.np(UFUNCS[fn])}({', '.join(args)})"
            return f"{called} * {dtype_name(one.out.dtype)}(1)" if fn in COMPARISONS else called
        if fn in REDUCTIONS:
            return self._reduced(one, args, "")
        return self._call(fn, args, attrs)

    def _call(self, fn: str, args: list[str], attrs: tuple[Any, ...]) -> str:
        """Call a function of the vocabulary: NumPy's own, or a careful form that is taken along."""
        known = getattr(np, fn, None) is getattr(careful, fn)
        name = f"np.{fn}" if known else "np.where" if fn == "guard" else fn
        if name == fn:
            self.helpers.take(fn, vars(careful))
        if fn in ("concatenate", "stack"):
            args = [f"({', '.join(args)},)"]
        if fn == "einsum":
            return f"np.einsum({attrs[0]!r}, {', '.join(args)})"
        return f"{name}({', '.join([*args, *map(repr, attrs)])})"

    def _reduced(self, one: Instruction, args: list[str], out: str) -> str:
        axis, keepdims = one.attrs
        more = ["None", out or "None", "True"] if keepdims else ["None", out] if out else []
        axes = [] if axis == (0,) and not more else [_axis(axis)]
        return f"{self.np(REDUCTIONS[one.fn])}.reduce({', '.join([args[0], *axes, *more])})"


def _short(key: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """Return an index without what takes everything at its end, where the result has axes."""
    short = key
    while len(short) > 1 and ndim and (short[-1] is Ellipsis or _is_all(short[-1])):
        short = short[:-1]
    return short if ndim or Ellipsis in key else (*key, ...)


def _axis(axis: tuple[int, ...]) -> str:
    return str(axis[0]) if len(axis) == 1 else str(axis)


def _is_all(part: Any) -> bool:
    return isinstance(part, slice) and part == slice(None)


def key_text(key: tuple[Any, ...]) -> str:
    """Write what stands between the brackets of an index."""
    return ", ".join(map(_part, key)) or "..."


def _part(part: Any) -> str:
    if isinstance(part, slice):
        first = None if part.start == 0 and part.step in (None, 1) else part.start
        ends = ["" if end is None else str(end) for end in (first, part.stop)]
        return ":".join(ends) + ("" if part.step in (None, 1) else f":{part.step}")
    if part is Ellipsis:
        return "..."
    if isinstance(part, np.ndarray):
        return f"np.array({part.tolist()}, {dtype_name(part.dtype)})"
    return repr(part)
