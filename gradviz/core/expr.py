"""The handle that a user holds while a graph is being written, and what its operators build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from gradviz.core.arrays import FLOAT64, to_array
from gradviz.core.graph import Array, Name
from gradviz.core.names import check_name
from gradviz.core.primitive import BUILDER, CONSTANT, FUNCTIONS, REGISTRY, Primitive, Shape, result_dtype
from gradviz.core.tape import Lane, Tape, current_tape
from gradviz.errors import GraphError, ShapeError, user_location

_NUMBERS = (bool, int, float)
_NOTHING: Mapping[str, Any] = {}


def _binary(name: str) -> Callable[[Expr, Any], Expr]:
    """Make an operator's method: two handles of one lane take the quick way, all others `apply`."""
    new: Any = object.__new__

    def method(self: Expr, other: Any) -> Expr:
        lane = self.lane
        try:
            if other.lane is not lane:
                return apply(REGISTRY[name], self, other)
            row = lane.quick[name]
        except (AttributeError, KeyError):
            return apply(REGISTRY[name], self, other)
        rows = lane.rows
        made = new(Expr)
        made.lane = lane
        made.id = len(rows)
        rows.append(row)
        lane.args.append((self.id, other.id))
        return made  # type: ignore[no-any-return]

    return method


def _reflected(name: str) -> Callable[[Expr, Any], Expr]:
    def method(self: Expr, other: Any) -> Expr:
        return apply(REGISTRY[name], other, self)

    return method


def _unary(name: str) -> Callable[[Expr], Expr]:
    def method(self: Expr) -> Expr:
        return apply(REGISTRY[name], self)

    return method


class Expr:
    """A node of the graph being written: a place on the tape, with its shape and dtype.

    Combine handles with Python's operators and gradviz's functions (NumPy's names); `gradviz.graph`
    makes the frozen graph of one or several of them.

    Example:
        >>> import gradviz as gv
        >>> W, x = gv.param("W", [1.0, 2.0]), gv.data("x", [3.0, 4.0])
        >>> (W @ x).named("score").shape
        ()
    """

    __slots__ = ("id", "lane")

    def __init__(self, lane: Lane, index: int) -> None:
        self.lane = lane
        self.id = index

    @property
    def tape(self) -> Tape:
        """The tape that it stands on."""
        return self.lane.tape

    @property
    def shape(self) -> Shape:
        """The shape of its value."""
        return self.lane.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its value."""
        return self.lane.dtype

    @property
    def ndim(self) -> int:
        """The number of axes of its value."""
        return len(self.lane.shape)

    @property
    def size(self) -> int:
        """The number of elements of its value."""
        size = 1
        for length in self.lane.shape:
            size *= length
        return size

    @property
    def name(self) -> str | None:
        """The user's name for it, or None."""
        found = self.tape.names.get(self.id)
        return found.name if found else None

    @property
    def T(self) -> Expr:  # noqa: N802 - NumPy's name
        """The transpose (all axes reversed)."""
        return FUNCTIONS["transpose"](self)  # type: ignore[no-any-return]

    def named(self, name: str, tex: str | None = None) -> Expr:
        r"""Give the node a name, shown beside its box and used in the formulas of its parents.

        Args:
            name: any text; by it the values are found (``values.forward["margin"]``).
            tex: its LaTeX, where that is not simply the name (``r"\phi(x)"``).

        Returns:
            The handle itself.

        Raises:
            GraphError: when the node has another name already.
        """
        made = Name(check_name(name), tex)
        if self.tape.names.setdefault(self.id, made) != made:
            raise GraphError(f"{name!r} is named {self.name!r} already", where=user_location(), hint="name a node once")
        return self

    def reshape(self, *shape: Any) -> Expr:
        """Return the same elements in another shape (one length may be -1)."""
        return FUNCTIONS["reshape"](self, shape[0] if len(shape) == 1 else shape)  # type: ignore[no-any-return]

    def sum(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the sum over the axes."""
        return FUNCTIONS["sum"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def mean(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the mean over the axes."""
        return FUNCTIONS["mean"](self, axis=axis, keepdims=keepdims)  # type: ignore[no-any-return]

    def __getitem__(self, key: Any) -> Expr:
        return FUNCTIONS["getitem"](self, key)  # type: ignore[no-any-return]

    def __len__(self) -> int:
        if not self.shape:
            raise GraphError(f"{describe(self)} is a scalar and has no length", where=user_location())
        return self.shape[0]

    def __iter__(self) -> Iterator[Expr]:
        return (self[index] for index in range(len(self)))

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __neg__, __abs__ = _unary("negative"), _unary("abs")
    __rpow__ = _reflected("power")

    def __pow__(self, exponent: Any) -> Expr:
        if isinstance(exponent, (int, float)) and exponent == 2:
            return apply(REGISTRY["square"], self)
        return apply(REGISTRY["power"], self, exponent)

    def __bool__(self) -> bool:
        raise GraphError(
            "a node has no truth value while the graph is being written",
            where=user_location(),
            hint="use gv.where(condition, a, b), or gv.maximum",
        )

    def __array__(self, *_: object, **__: object) -> Array:
        raise GraphError(
            "a node is not an array: it has no value yet",
            where=user_location(),
            hint="gv.evaluate(graph) computes the values; use gv's functions instead of NumPy's",
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Let NumPy's operators and functions build nodes (``np.float64(2) * node``, ``np.exp(node)``)."""
        made = FUNCTIONS.get(_UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__))
        return NotImplemented if made is None or method != "__call__" or options else made(*inputs)

    def __array_function__(self, func: Any, types: Any, args: Any, options: Any) -> Any:
        """Let NumPy's functions of arrays build nodes (``np.concatenate([a, b])``)."""
        made = FUNCTIONS.get(func.__name__)
        return NotImplemented if made is None else made(*args, **options)

    def __repr__(self) -> str:
        return f"<{describe(self)} {self.tape.rows[self.id].op.name}>"


_UFUNC_NAMES = {"absolute": "abs", "true_divide": "divide"}


def describe(handle: Expr) -> str:
    """Name a handle in a message: its name or what made it, with its shape."""
    row = handle.tape.rows[handle.id]
    text = handle.name or ("constant" if row.op is CONSTANT else row.op.name)
    return f"{text} {handle.shape}" if handle.shape else f"{text} (a scalar)"


def make_leaf(op: Primitive, array: Array | None, lane: Lane) -> Expr:
    """Put a leaf on the tape."""
    index = lane.append(lane.row(op, _NOTHING, share=True), ())
    tape = lane.tape
    tape.leaves.append(index)
    if array is not None:
        tape.values[index] = array
    return Expr(lane, index)


def constant(value: Any, dtype: Any = None, tape: Tape | None = None) -> Expr:
    """Make a constant leaf, drawn as its value.

    Args:
        value: a number or an array-like of real numbers; an `Expr` is returned as it is.
        dtype: float64 unless the value is an array of another floating dtype.
    """
    if isinstance(value, Expr):
        return value
    array = to_array(value, dtype)
    return make_leaf(CONSTANT, array, (tape or current_tape()).lane(array.shape, array.dtype))


def _handles(op: Primitive, args: tuple[Any, ...]) -> list[Expr]:
    """Turn the arguments into handles on one tape; Python's numbers take the dtype of the others."""
    given = [arg for arg in args if isinstance(arg, Expr)]
    tape = given[0].tape if given else current_tape()
    if any(arg.tape is not tape for arg in given):
        raise GraphError(
            f"{op.name}: the arguments were built in different threads",
            where=user_location(),
            hint="build one graph in one thread",
        )
    weak = None
    if given and any(type(arg) in _NUMBERS for arg in args):
        weak = result_dtype(op, tuple(arg.dtype for arg in given))
        if weak.kind != "f":
            weak = FLOAT64
    return [
        arg if isinstance(arg, Expr) else constant(arg, weak if type(arg) in _NUMBERS else None, tape) for arg in args
    ]


def apply(op: Primitive, *args: Any, **attrs: Any) -> Expr:
    """Put an operation on the tape; its shape and dtype are checked here.

    Raises:
        ShapeError: naming the operation, the arguments with their shapes, and the user's line.
    """
    handles = _handles(op, args)
    if op.partials is not None and len(op.partials) != len(handles):
        raise GraphError(
            f"{op.name} takes {len(op.partials)} argument{'s'[: len(op.partials) != 1]}, not {len(handles)}",
            where=user_location(),
        )
    if attrs:
        _check_attrs(op, attrs)
    try:
        shape = op.shape(*(handle.lane.shape for handle in handles), **attrs)
    except ShapeError as error:
        named = ", ".join(map(describe, handles))
        raise ShapeError(f"{op.name}({named}): {error.what}", where=user_location(), hint=error.hint) from None
    lane = handles[0].tape.lane(shape, result_dtype(op, tuple(handle.dtype for handle in handles)))
    share = op.partials is not None and not attrs and all(handle.lane is lane for handle in handles)
    row = lane.row(op, attrs or _NOTHING, share)
    return Expr(lane, lane.append(row, tuple([handle.id for handle in handles])))


def _check_attrs(op: Primitive, attrs: Mapping[str, Any]) -> None:
    code = op.forward.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in attrs:
        if name not in known:
            raise GraphError(f"{op.name} takes no argument {name!r}", where=user_location())


BUILDER.append(apply)
