"""The handle that a user holds while a graph is being written, and what its operators build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from gradviz.core import numpy_protocol
from gradviz.core.graph import Array
from gradviz.core.handle import Handle
from gradviz.core.names import check_name
from gradviz.core.primitive import CONSTANT, FUNCTIONS, REGISTRY, Shape
from gradviz.core.tape import Lane, Tape
from gradviz.errors import GraphError, user_location

_BINARY = """
def method(self, other):
    lane = self.lane
    try:
        if other.lane is not lane:
            return REGISTRY["{name}"](self, other)
        lane.rows.append(lane.quick.{name})
    except AttributeError:
        return REGISTRY["{name}"](self, other)
    made = Expr()  # written out here and in `make_leaf`: a call would cost as much as all of it
    made.lane = lane
    made.id = len(lane.first)
    lane.first.append(self.id)
    lane.second.append(other.id)
    return made
"""


def _binary(name: str) -> Callable[[Expr, Any], Expr]:
    """Make an operator's method: two handles of one lane take the quick way, all others `gradviz.core.apply`.

    It is printed with the name in it, since a row is found sooner by an attribute than by a key.
    """
    found: dict[str, Callable[[Expr, Any], Expr]] = {}
    exec(compile(_BINARY.format(name=name), __file__, "exec"), globals(), found)
    return found["method"]


def _reflected(name: str) -> Callable[[Expr, Any], Expr]:
    def method(self: Expr, other: Any) -> Expr:
        return REGISTRY[name](other, self)

    return method


def _unary(name: str) -> Callable[[Expr], Expr]:
    def method(self: Expr) -> Expr:
        return REGISTRY[name](self)

    return method


class Expr(Handle):
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

    id: int
    lane: Lane  # both are set by `handle`, not by a constructor, which would double the cost of an operator

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
        return self.tape.names.get(self.id)

    @property
    def path(self) -> str | None:
        """The name with its scope (``lstm/h_t``), by which a graph knows it, or None."""
        scope = self.tape.rows[self.id].scope
        return f"{scope}/{self.name}" if scope and self.name else self.name

    @property
    def T(self) -> Expr:  # noqa: N802 - NumPy's name
        """The transpose (all axes reversed)."""
        return FUNCTIONS["transpose"](self)

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
        check_name(name)
        tape = self.tape
        if self.id not in tape.names:
            tape.give_name(self.id, name, tex)
        elif (tape.names[self.id], tape.tex.get(self.id)) != (name, tex):
            raise GraphError(f"{name!r} is named {self.name!r} already", where=user_location(), hint="name a node once")
        return self

    def reshape(self, *shape: Any) -> Expr:
        """Return the same elements in another shape (one length may be -1)."""
        return FUNCTIONS["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Expr:
        """Return the axes in another order (reversed, if none is given)."""
        return FUNCTIONS["transpose"](self, axes[0] if len(axes) == 1 else axes or None)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the sum over the axes."""
        return FUNCTIONS["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Expr:
        """Return the mean over the axes."""
        return FUNCTIONS["mean"](self, axis=axis, keepdims=keepdims)

    def __getitem__(self, key: Any) -> Expr:
        return FUNCTIONS["getitem"](self, key)

    def __len__(self) -> int:
        if not self.shape:
            raise GraphError(f"{self.name or 'the node'} is a single number and has no length", where=user_location())
        return self.shape[0]

    def __iter__(self) -> Iterator[Expr]:
        return (self[index] for index in range(len(self)))

    def __radd__(self, other: Any) -> Expr:
        if type(other) is not int or other != 0:
            return REGISTRY["add"](other, self)
        return self if self.name is None else _begun(self)  # Python's sum() begins with a 0 that nobody has written

    __add__ = _binary("add")
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
            return REGISTRY["square"](self)
        whole_to_negative = self.dtype.kind != "f" and isinstance(exponent, int) and exponent < 0
        return REGISTRY["power"](self, float(exponent) if whole_to_negative else exponent)

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
        return NotImplemented if made is None else numpy_protocol.call(made, func, args, options)

    # A copy is the same node: what is built with either stands on one tape.

    def __copy__(self) -> Expr:
        return self

    def __deepcopy__(self, memo: Mapping[int, Any]) -> Expr:
        return self

    def __reduce__(self) -> NoReturn:
        raise GraphError(
            f"{describe(self)} cannot be pickled: it is a place on a tape",
            where=user_location(),
            hint="gv.graph(node) can",
        )

    def __repr__(self) -> str:
        kind = f" {self.tape.rows[self.id].op.name}" if self.name else ""
        return f"<{describe(self)}{kind}>"


class _Begun(Expr):
    """0 + a named node, with which Python's sum() begins.

    It is an addition, as the sum of one node may get a name of its own; but what is added to it is added to the node.
    """

    __slots__ = ("first",)

    first: Expr

    def __add__(self, other: Any) -> Expr:
        return self.first + other if self.name is None else super().__add__(other)


def _begun(first: Expr) -> Expr:
    added = REGISTRY["add"](0, first)
    made = _Begun()
    made.lane, made.id, made.first = added.lane, added.id, first
    return made


_UFUNC_NAMES = {"absolute": "abs", "true_divide": "divide"}


def describe(handle: Expr) -> str:
    """Name a handle in a message: its name or what made it, with its shape."""
    row = handle.tape.rows[handle.id]
    text = handle.name or ("constant" if row.op is CONSTANT else row.op.name)
    return f"{text} {handle.shape}" if handle.shape else f"{text} (a scalar)"


def handle(lane: Lane, index: int) -> Expr:
    """Return a handle of the node with this id, which is or will be in the lane."""
    made = Expr()
    made.lane = lane
    made.id = index
    return made


def handle_at(tape: Tape, index: int) -> Expr:
    """Return a handle of a node that stands on the tape."""
    row = tape.rows[index]
    return handle(tape.lane(row.shape, row.dtype), index)
