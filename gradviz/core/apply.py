"""Putting nodes on the tape: leaves, constants, and operations, whose shapes and dtypes are checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradviz.core.arguments import ABSENT
from gradviz.core.arrays import FLOAT64, INT64, to_array
from gradviz.core.expr import Expr, describe, handle
from gradviz.core.graph import Array
from gradviz.core.primitive import BUILDER, CONSTANT, FUNCTIONS, Primitive, result_dtype
from gradviz.core.tape import Lane, Tape, current_tape
from gradviz.errors import GraphError, ShapeError, user_location

_NUMBERS = (bool, int, float)
_NOTHING: Mapping[str, Any] = {}


def make_leaf(op: Primitive, value: Array | float | None, lane: Lane) -> Expr:
    """Put a leaf on the tape."""
    row = getattr(lane.quick, op.name, None) or lane.row(op, _NOTHING, share=True)
    made = Expr()
    made.lane = lane
    made.id = index = len(lane.rows)
    lane.rows.append(row)
    lane.first.append(ABSENT)
    lane.second.append(ABSENT)
    tape = lane.tape
    tape.leaves.append(index)
    if value is not None:
        tape.values[index] = value
    return made


def constant(value: Any, dtype: Any = None, tape: Tape | None = None) -> Expr:
    """Make a constant leaf, drawn as its value.

    Args:
        value: a number or an array-like of real numbers; an `Expr` is returned as it is, a list with some is stacked.
        dtype: float64 unless the value is an array of another floating dtype.
    """
    if isinstance(value, Expr):
        return value
    if isinstance(value, (list, tuple)) and _has_nodes(value):
        return FUNCTIONS["stack"]([constant(one, dtype, tape) for one in value])
    array = to_array(value, dtype)
    return make_leaf(CONSTANT, array, (tape or current_tape()).lane(array.shape, array.dtype))


def _has_nodes(value: list[Any] | tuple[Any, ...]) -> bool:
    return any(isinstance(one, Expr) or (isinstance(one, (list, tuple)) and _has_nodes(one)) for one in value)


def _handles(op: Primitive, args: tuple[Any, ...]) -> list[Expr]:
    """Turn the arguments into handles on one tape; Python's numbers take the dtype of the others, as in NumPy."""
    given = [arg for arg in args if isinstance(arg, Expr)]
    tape = given[0].tape if given else current_tape()
    if any(arg.tape is not tape for arg in given):
        raise GraphError(
            f"{op.name}: the arguments were built in different threads",
            where=user_location(),
            hint="build one graph in one thread",
        )
    if len(given) == len(args):
        return given
    floats = [arg.dtype for arg in given if arg.dtype.kind == "f"]
    weak = np.result_type(*floats) if floats else None

    def dtype(value: Any) -> Any:
        if given and weak is None and _is_whole(value):
            return INT64
        return weak if type(value) in _NUMBERS else None

    return [arg if isinstance(arg, Expr) else constant(arg, dtype(arg), tape) for arg in args]


def _is_whole(value: Any) -> bool:
    return value.dtype.kind in "iu" if isinstance(value, (np.ndarray, np.generic)) else isinstance(value, int)


def apply(op: Primitive, *args: Any, **attrs: Any) -> Expr:
    """Put an operation on the tape; its shape and dtype are checked here.

    Raises:
        ShapeError: naming the operation, the arguments with their shapes, and the user's line.
    """
    if not attrs:
        again = _apply_again(op, args)
        if again is not None:
            return again
    handles = _handles(op, args)
    if op.partials is not None and len(op.partials) != len(handles):
        raise GraphError(
            f"{op.name} takes {len(op.partials)} argument{'s'[: len(op.partials) != 1]}, not {len(handles)}",
            where=user_location(),
        )
    if attrs:
        _check_attrs(op, attrs)
    try:
        shape = op.shape(*(given.lane.shape for given in handles), **attrs)
    except ShapeError as error:
        named = ", ".join(map(describe, handles))
        raise ShapeError(f"{op.name}({named}): {error.what}", where=user_location(), hint=error.hint) from None
    tape = handles[0].tape
    tape.looped |= "loop" in attrs
    lane = tape.lane(shape, result_dtype(op, tuple(given.dtype for given in handles), attrs))
    share = op.partials is not None and not attrs and all(given.lane is lane for given in handles)
    made = handle(lane, len(tape.rows))
    tape.rows.append(lane.row(op, attrs or _NOTHING, share))
    tape.args.append(tuple([given.id for given in handles]))
    return made


def _apply_again(op: Primitive, args: tuple[Any, ...]) -> Expr | None:
    """Put on the tape what its lane has seen before: an elementwise operation on handles of that lane, and numbers.

    Nothing is left to be checked then. Return None for anything else.
    """
    lane = None
    numbers = False
    for arg in args:
        if type(arg) in _NUMBERS:
            numbers = True
        elif not isinstance(arg, Expr) or arg.lane is not (lane or arg.lane):
            return None
        else:
            lane = arg.lane
    if lane is None or not hasattr(lane.quick, op.name) or len(args) != len(op.partials or ()):
        return None
    if numbers:
        if lane.shape != () or lane.dtype is not FLOAT64:
            return None
        args = tuple(
            [make_leaf(CONSTANT, to_array(arg, FLOAT64), lane) if type(arg) in _NUMBERS else arg for arg in args]
        )
    made = handle(lane, len(lane.rows))
    lane.rows.append(lane.row(op, _NOTHING, share=True))
    lane.tape.args.append(tuple([arg.id for arg in args]))
    return made


def _check_attrs(op: Primitive, attrs: Mapping[str, Any]) -> None:
    code = op.forward.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in attrs:
        if name not in known:
            raise GraphError(f"{op.name} takes no argument {name!r}", where=user_location())


BUILDER.append(apply)
