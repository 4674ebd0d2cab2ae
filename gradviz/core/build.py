"""What a user builds a graph with: leaves, scopes, and the step from handles to a frozen graph."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from gradviz.core.apply import constant, make_leaf
from gradviz.core.arrays import FLOAT64, real_dtype, to_array
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.names import check_name
from gradviz.core.primitive import DATA, PARAMETER, Primitive
from gradviz.core.tape import Tape, current_tape, number_lane, opened, scope
from gradviz.errors import GraphError, user_location

__all__ = ["Expr", "constant", "data", "graph", "param", "roots", "scope"]


def param(name: str, value: Any = None, *, shape: Any = None, dtype: Any = None, tex: str | None = None) -> Expr:
    """Make a parameter: a leaf to learn, red and bold in the picture.

    Args:
        name: any text.
        value: a number or array-like of real numbers; it is copied.
        shape: instead of a value, for a parameter that gets one later (``at={"W": …}``).
        dtype: float64 unless the value is an array of another floating dtype; whole numbers where int is asked for, or
            for truth values.
        tex: its LaTeX, where that is not simply the name.

    Raises:
        GraphError: for a bad name or value.

    Example:
        >>> import gradviz as gv
        >>> gv.param("W", [0.2, 0.3]).shape
        (2,)
    """
    return _leaf(PARAMETER, name, value, shape, dtype, tex)


def data(name: str, value: Any = None, *, shape: Any = None, dtype: Any = None, tex: str | None = None) -> Expr:
    r"""Make a data leaf: an input or a target, which is not learned.

    The arguments are those of `param`.

    Example:
        >>> import gradviz as gv
        >>> gv.data("phi", [-1.0, 1.0], tex=r"\phi(x)").name
        'phi'
    """
    return _leaf(DATA, name, value, shape, dtype, tex)


def _leaf(op: Primitive, name: str, value: Any, shape: Any, dtype: Any, tex: str | None) -> Expr:
    if not (type(name) is str and name.isidentifier()):
        check_name(name)
    if type(value) is float and dtype is None and shape is None:  # most leaves of big graphs
        made = make_leaf(op, value, opened.numbers() or number_lane())  # the first spares a call where there is a lane
    else:
        made = _array_leaf(op, name, value, shape, dtype)
    tape = made.lane.tape
    tape.names[made.id] = name
    if tex is not None:
        tape.tex[made.id] = tex
    return made


def _array_leaf(op: Primitive, name: str, value: Any, shape: Any, dtype: Any) -> Expr:
    tape = current_tape()
    if isinstance(value, Expr):
        raise GraphError(f"{name!r} is given a node for a value", where=user_location(), hint="name the node instead")
    if value is None:
        kind = real_dtype(dtype) if dtype is not None else FLOAT64
        return make_leaf(op, None, tape.lane(_as_shape(shape), kind))
    try:
        array = to_array(value, dtype)
    except GraphError as error:
        raise GraphError(f"the value of {name!r} is {error.what}", where=error.where) from None
    if shape is not None and array.shape != _as_shape(shape):
        raise GraphError(f"{name!r} has a value of shape {array.shape}, not {_as_shape(shape)}", where=user_location())
    if op is PARAMETER and array.dtype.kind != "f":
        array = to_array(value, FLOAT64)
    return make_leaf(op, array, tape.lane(array.shape, array.dtype))


def _as_shape(shape: Any) -> tuple[int, ...]:
    lengths = () if shape is None else tuple(shape) if np.iterable(shape) else (shape,)
    if not all(isinstance(length, (int, np.integer)) and length >= 0 for length in lengths):
        raise GraphError(f"{shape!r} is no shape", where=user_location(), hint="give lengths, such as (2, 3)")
    return tuple(int(length) for length in lengths)


def graph(*outputs: Expr, **named: Expr) -> Graph:
    """Freeze the graph of one or several outputs.

    Args:
        outputs: handles; each is known by its own name, or as "output" ("output0", … if several).
        named: handles by the name the output shall have.

    Raises:
        GraphError: for no outputs, something that is no handle, two nodes of one name, or a scope
            that a path leaves and enters again.

    Example:
        >>> import gradviz as gv
        >>> x = gv.param("x", 3.0)
        >>> g = gv.graph((x * x).named("y"))
        >>> len(g), list(g.outputs), list(g.edges())
        (2, ['y'], [(1, 0, 0), (1, 1, 0)])
    """
    for output in (*outputs, *named.values()):
        if not isinstance(output, Expr):
            raise GraphError(
                f"gv.graph takes nodes, not {type(output).__name__}", where=user_location(), hint="gv.graph(loss)"
            )
    roots_by_name: dict[str, Expr] = {}
    for place, output in enumerate(outputs):
        _add_output(roots_by_name, output.name or (f"output{place}" if len(outputs) > 1 else "output"), output)
    for name, output in named.items():
        _add_output(roots_by_name, name, output)
    if not roots_by_name:
        raise GraphError("gv.graph needs at least one output", where=user_location(), hint="gv.graph(loss)")
    handles = list(roots_by_name.values())
    tape = handles[0].tape
    if any(handle.tape is not tape for handle in handles):
        raise GraphError("the outputs were built in different threads", where=user_location())
    return _checked(_extract(tape, {name: handle.id for name, handle in roots_by_name.items()}), tape)


def _checked(made: Graph, tape: Tape) -> Graph:
    """Return a graph that somebody will read, or refuse its names and scopes."""
    if tape.scoped:
        _check_scopes(made)
    try:
        _ = made.paths
    except GraphError as error:
        raise GraphError(error.what, where=user_location(), hint=error.hint) from None
    return made


def _add_output(found: dict[str, Expr], name: str, output: Expr) -> None:
    if found.setdefault(name, output).id != output.id:
        raise GraphError(f"two outputs are named {name!r}", where=user_location(), hint="gv.graph(a=…, b=…)")


def frozen(outputs: Mapping[str, Expr], leaves: Iterable[Expr] = (), *, checked: bool = False) -> Graph:
    """Freeze nodes that a pass has built.

    Args:
        outputs: handles by the name of the output.
        leaves: that are in the graph, even if no output needs them.
        checked: whether somebody will read its names and scopes.
    """
    tape = next(iter(outputs.values())).tape
    made = _extract(tape, {name: handle.id for name, handle in outputs.items()}, [leaf.id for leaf in leaves])
    return _checked(made, tape) if checked else made


def _extract(tape: Tape, outputs: Mapping[str, int], leaves: Sequence[int] = ()) -> Graph:
    """Copy the leaves, and what the outputs need, off the tape, numbered anew in the same order."""
    starts = (*outputs.values(), *leaves)
    end = max(starts) + 1
    mostly_new = end > 2 * tape.extracted  # else the look at the whole tape would not pay
    tape.extracted = max(tape.extracted, end)
    if mostly_new:
        arguments = tape.args.before(end)
        if arguments.all_used():  # so the last one needs them all
            whole = end == len(tape.rows)
            rows = tuple(tape.rows if whole else tape.rows[:end])
            return Graph(
                rows=rows,
                arguments=arguments,
                leaf_ids=tuple(tape.leaves[: bisect_left(tape.leaves, end)]),
                texts=_below(tape.names, end, tape),
                given_tex=_below(tape.tex, end, tape),
                given=_below(tape.values, end, tape),
                outputs=dict(outputs),
                distinct_rows=frozenset(tape.distinct_rows if whole else rows),
                looped=tape.looped,
            )
    kept = np.flatnonzero(np.frombuffer(_reachable(tape, starts), dtype=np.uint8)).tolist()
    place = {old: new for new, old in enumerate(kept)}
    rows = tuple([tape.rows[old] for old in kept])
    return Graph(
        rows=rows,
        arguments=tape.args.taken(kept, place),
        leaf_ids=tuple([new for new, row in enumerate(rows) if row.op.leaf]),
        texts=_moved(tape.names, place),
        given_tex=_moved(tape.tex, place),
        given=_moved(tape.values, place),
        outputs={name: place[old] for name, old in outputs.items()},
        distinct_rows=frozenset(rows),
        looped=tape.looped,
    )


def _below(column: dict[int, Any], end: int, tape: Tape) -> dict[int, Any]:
    return dict(column) if end == len(tape.rows) else {i: entry for i, entry in column.items() if i < end}


def _moved(column: dict[int, Any], place: dict[int, int]) -> dict[int, Any]:
    return {new: column[old] for old, new in place.items() if old in column}


def _reachable(tape: Tape, starts: Iterable[int]) -> bytearray:
    """Return a flag a node, up to the last start: whether a start depends on it or is it."""
    last = max(starts)
    flags = bytearray(last + 2)  # the last is the flag of an argument that a node does not have
    for start in starts:
        flags[start] = 1
    first, second, more = tape.args.first, tape.args.second, tape.args.more
    index = last
    while index >= 0:
        flags[first[index]] = flags[second[index]] = 1
        for arg in more.get(index, ()):
            flags[arg] = 1
        index = flags.rfind(1, 0, index)
    return flags[:-1]


def _check_scopes(made: Graph) -> None:
    """Refuse a scope that a path leaves and enters again: it cannot be drawn as one box."""
    members: dict[str, list[int]] = {}
    around = {row.scope: _scopes_around(row.scope) for row in made.distinct_rows}
    for index, row in enumerate(made.rows):
        for path in around[row.scope]:
            members.setdefault(path, []).append(index)
    for path, ids in sorted(members.items()):
        if ids[-1] - ids[0] >= len(ids):  # nodes of others stand in between
            _check_scope(made, path, ids)


def _scopes_around(path: str) -> list[str]:
    """Return the paths of a scope and of those that it is in."""
    parts = path.split("/") if path else []
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def _check_scope(made: Graph, path: str, ids: list[int]) -> None:
    first = ids[0]
    inside = bytearray(ids[-1] + 1 - first)
    left = bytearray(len(inside))
    for index in ids:
        inside[index - first] = 1
    for place, within in enumerate(inside):
        before = [arg - first for arg in made.args[first + place] if arg >= first]
        if not within:
            left[place] = any(inside[arg] or left[arg] for arg in before)
        elif any(left[arg] for arg in before):
            raise GraphError(
                f"a path leaves the scope {path!r} and enters it again at {made.describe(first + place)}",
                where=user_location(),
                hint="open a scope of another name for the later part",
            )


def roots(variables: Mapping[str, object]) -> dict[str, Expr]:
    """Return the handles among a script's variables that feed no other of them, in order.

    A leaf alone is no picture and is left out, unless there is nothing else.
    """
    found = {name: value for name, value in variables.items() if isinstance(value, Expr)}
    fed: set[int] = set()
    for handle in {handle.id: handle for handle in found.values()}.values():
        flags = _reachable(handle.tape, [handle.id])
        flags[handle.id] = 0
        fed.update(other.id for other in found.values() if other.id < len(flags) and flags[other.id])
    result: dict[str, Expr] = {}
    seen: set[int] = set()
    for name, handle in found.items():
        if handle.id not in fed and handle.id not in seen:
            seen.add(handle.id)
            result[name] = handle
    operations = {name: handle for name, handle in result.items() if not handle.tape.rows[handle.id].op.leaf}
    return operations or result
