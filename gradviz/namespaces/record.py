"""The recording namespace: a rule run on terms gives the term that it computes.

A term is a small expression tree. Printing it is others' work: as LaTeX for a label, as Python for the
scalar sweep. Terms know the shapes of the arguments that a rule asks for, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.namespaces import numpy as vocabulary

Number = int | float


class Term:
    """A number, a symbol, or a function of the vocabulary applied to terms.

    Attributes:
        fn: "number", "symbol", an operator ("add", "subtract", "multiply", "divide", "power",
            "negative", "gt", "ge", "lt", "le") or a name of the vocabulary.
        args: the terms it is applied to; of a number or symbol, its value or text.
        attrs: further arguments of the function (axes, shapes).
        shape: of a symbol or an argument, the shape of what it stands for; else None.
    """

    __slots__ = ("args", "attrs", "fn", "shape")

    def __init__(self, fn: str, args: tuple[Any, ...], attrs: tuple[Any, ...] = (), shape: Any = None) -> None:
        self.fn = fn
        self.args = args
        self.attrs = attrs
        self.shape = shape

    def __repr__(self) -> str:
        return f"{self.fn}({', '.join(map(repr, (*self.args, *self.attrs)))})"

    def __bool__(self) -> bool:
        raise TypeError("a rule cannot ask for the truth of what it computes (use xp.where or xp.indicator)")

    @property
    def value(self) -> Number | None:
        """The number it is, or None."""
        return self.args[0] if self.fn == "number" else None

    def __add__(self, other: Any) -> Term:
        return Term("add", (self, as_term(other)))

    def __radd__(self, other: Any) -> Term:
        return Term("add", (as_term(other), self))

    def __sub__(self, other: Any) -> Term:
        return Term("subtract", (self, as_term(other)))

    def __rsub__(self, other: Any) -> Term:
        return Term("subtract", (as_term(other), self))

    def __mul__(self, other: Any) -> Term:
        return Term("multiply", (self, as_term(other)))

    def __rmul__(self, other: Any) -> Term:
        return Term("multiply", (as_term(other), self))

    def __truediv__(self, other: Any) -> Term:
        return Term("divide", (self, as_term(other)))

    def __rtruediv__(self, other: Any) -> Term:
        return Term("divide", (as_term(other), self))

    def __pow__(self, other: Any) -> Term:
        return Term("power", (self, as_term(other)))

    def __rpow__(self, other: Any) -> Term:
        return Term("power", (as_term(other), self))

    def __neg__(self) -> Term:
        return Term("negative", (self,))

    def __gt__(self, other: Any) -> Term:
        return Term("gt", (self, as_term(other)))

    def __ge__(self, other: Any) -> Term:
        return Term("ge", (self, as_term(other)))

    def __lt__(self, other: Any) -> Term:
        return Term("lt", (self, as_term(other)))

    def __le__(self, other: Any) -> Term:
        return Term("le", (self, as_term(other)))


def as_term(value: Any) -> Term:
    """Return a term as it is, and a number as a term.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, Term):
        return value
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return Term("number", (number,), shape=())


def symbol(text: str, shape: tuple[int, ...] = ()) -> Term:
    """Make a symbol that stands for a value of this shape."""
    return Term("symbol", (text,), shape=shape)


def _is_operand(value: Any) -> bool:
    return isinstance(value, (Term, int, float)) and not isinstance(value, bool)


class _Recorder:
    """The namespace itself: every name of the vocabulary makes a term of that name."""

    pi = Term("pi", ())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in vocabulary.__all__:
            raise AttributeError(f"the rules' vocabulary has no {name!r}")

        def record(*args: Any) -> Term:
            if name in _FLAT:
                return Term(name, tuple(map(as_term, args[0])), args[1:])
            operands = args if name in _ALL_OPERANDS else args[: 1 + (name in _TWO_OPERANDS)]
            if name == "einsum":
                return Term(name, tuple(map(as_term, args[1:])), args[:1])
            if not all(map(_is_operand, operands)):
                raise TypeError(f"{name} was given {operands!r}")
            return Term(name, tuple(map(as_term, operands)), args[len(operands) :])

        return record

    @staticmethod
    def shape(term: Any) -> tuple[int, ...]:
        """Return the shape of an argument."""
        if term.shape is None:
            raise TypeError("only the shapes of the arguments are known while a rule is recorded")
        return term.shape  # type: ignore[no-any-return]

    @staticmethod
    def ndim(term: Any) -> int:
        """Return the number of axes of an argument."""
        return len(_Recorder.shape(term))

    @staticmethod
    def eye(size: int) -> Term:
        """Record an identity matrix."""
        return Term("eye", (), (size,))

    @staticmethod
    def ones(shape: tuple[int, ...]) -> Term:
        """Record an array of ones."""
        return Term("ones", (), (shape,))


_FLAT = {"concatenate", "stack"}
_ALL_OPERANDS = {
    "arctan2",
    "differ",
    "equal",
    "guard",
    "hypot",
    "logaddexp",
    "matmul",
    "maximum",
    "minimum",
    "where",
}
_TWO_OPERANDS = {"segment_sum", "take"}

recorder = _Recorder()
