"""The one primitive that holds a graph: `scan` repeats a cell along a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from gradviz.core.apply import apply, make_leaf
from gradviz.core.batch import Lifted, vectorize
from gradviz.core.expr import Expr, describe, handle_at
from gradviz.core.loop import Loop, cell_adjoints, cell_values
from gradviz.core.primitive import Shape, function, primitive
from gradviz.core.tape import current_tape
from gradviz.core.trace import placeholders, trace
from gradviz.errors import GraphError, ShapeError, user_location
from gradviz.ops.axes import as_handle


def _shape(*shapes: Shape, loop: Loop, take: int) -> Shape:
    return loop.shapes[take]


def _element(xp: Any) -> Callable[[Any, int], Any]:
    return lambda sequence, time: xp.getitem(sequence, (time,))


def _forward(xp: Any, *args: Any, loop: Loop, take: int) -> Any:
    kept, states = loop.run(args, _element(xp), lambda time, given: cell_values(loop, given, xp))
    if take >= len(kept):
        return states[take - len(kept)]
    return xp.stack(kept[take], 0) if loop.length else np.zeros(loop.shapes[take], loop.dtype(take))


def _vjp(xp: Any, g: Any, f: Any, *args: Any, loop: Loop, take: int) -> tuple[Any, ...]:
    """Go back through the steps (Werbos, 1990: backpropagation through time)."""
    steps: dict[int, list[Any]] = {}

    def remember(time: int, given: list[Any]) -> list[Any]:
        steps[time] = cell_values(loop, given, xp)
        return steps[time]

    loop.run(args, _element(xp), remember)
    emitted = len(loop.emitted)
    states: list[Any] = [g if take == emitted + place else None for place in range(loop.states)]
    before: list[list[Any]] = [[None] * loop.length for _ in range(loop.sequences)]
    shared: list[Any] = [None] * loop.shared
    for time in reversed(loop.times):
        seeds = [(index, one) for index, one in zip(loop.following, states, strict=True) if one is not None]
        if take < emitted:
            seeds.append((loop.emitted[take], xp.getitem(g, (time,))))
        items, states, added = map(list, loop.split(cell_adjoints(loop, steps[time], seeds, xp)))
        shared = [_sum(old, new) for old, new in zip(shared, added, strict=True)]
        for place, item in zip(before, items, strict=True):
            place[time] = item
    whole = [_stacked(xp, place, arg) for place, arg in zip(before, args[: loop.sequences], strict=True)]
    rest = zip((*states, *shared), args[loop.sequences :], strict=True)
    return (*whole, *(0 * arg if one is None else one for one, arg in rest))


def _sum(old: Any, new: Any) -> Any:
    return new if old is None else old if new is None else old + new


def _stacked(xp: Any, items: list[Any], like: Any) -> Any:
    if all(item is None for item in items):
        return 0 * like
    return xp.stack([0 * xp.getitem(like, (t,)) if item is None else item for t, item in enumerate(items)], 0)


def _batch(args: Sequence[Lifted], size: int, *, loop: Loop, take: int) -> Lifted:
    """Give the axis to what is inside the loop: the sequences' elements, every state, what depends on them."""
    given = _given(args, size, loop)
    made = _batched_loop(loop, tuple((one.handle.shape, one.behind) for one in given), size)
    place = made.behind[take]
    node = apply(SCAN, *(one.handle for one in given), loop=made.loop, take=take)
    return Lifted(node, place)


def _given(args: Sequence[Lifted], size: int, loop: Loop) -> list[Lifted]:
    """Return what a loop gets for its arguments, the same for all of its results: else it would run once for each."""
    tape = args[0].handle.tape
    key = (loop, size, tuple((arg.handle.id, arg.behind) for arg in args))
    if key not in tape.lifted:
        sequences, states, shared = loop.split(args)
        given = [*map(_element_place, sequences), *(_state_place(one, size) for one in states), *shared]
        tape.lifted[key] = [(one.handle.id, one.behind) for one in given]
    return [Lifted(handle_at(tape, index), behind) for index, behind in tape.lifted[key]]


def _element_place(sequence: Lifted) -> Lifted:
    """Vectors and numbers have the new axis at the end, what has more axes behind the axis of time."""
    if sequence.behind is None:
        return sequence
    return sequence.moved(0 if sequence.rank <= 2 else sequence.rank - 1)


def _state_place(state: Lifted | None, size: int) -> Lifted:
    """Vectors and numbers have the new axis at the end, what has more axes in front."""
    assert state is not None
    lifted = state if state.behind is not None else state.spread(size)
    return lifted.moved(0 if state.rank <= 1 else state.rank)


class _Batched(NamedTuple):
    loop: Loop
    behind: tuple[int, ...]


@lru_cache(maxsize=64)
def _batched_loop(loop: Loop, given: tuple[tuple[Shape, int | None], ...], size: int) -> _Batched:
    """Return a loop whose inputs have these shapes, and where its results have the new axis.

    All results of one loop ask for this, and must get the same one.
    """
    cell = loop.cell
    kinds = [cell.rows[index] for index in loop.inputs]
    tape = current_tape()
    leaves = []
    for place, (index, row, (shape, behind)) in enumerate(zip(loop.inputs, kinds, given, strict=True)):
        inner = shape[1:] if place < loop.sequences else shape
        leaf = make_leaf(row.op, None, tape.lane(inner, row.dtype))
        if index in cell.names:
            leaf.named(*cell.names[index])
        leaves.append(Lifted(leaf, behind))
    found = vectorize(cell, size, dict(zip(loop.inputs, leaves, strict=True)))
    after = [_state_place(found[index], size) for index in loop.following]
    kept = [_state_place(found[index], size) for index in loop.emitted]
    traced, ids, outer = trace([leaf.handle for leaf in leaves], [one.handle for one in (*after, *kept)])
    assert not outer
    results = tuple(traced.outputs.values())
    following, emitted = results[: loop.states], results[loop.states :]
    made = Loop(traced, ids, loop.sequences, loop.states, following, emitted, loop.length, loop.reverse)
    return _Batched(made, tuple(one.behind or 0 for one in (*kept, *after)))


SCAN = primitive("scan", symbol=r"\circlearrowright", shape=_shape,
    dtype=lambda *dtypes, loop, take: loop.dtype(take),
    forward=_forward,
    vjp=_vjp, batch=_batch)  # fmt: skip


@function
def scan(cell: Callable[..., Any], xs: Any, init: Any, *, reverse: bool = False) -> Any:
    """Repeat a cell along a sequence: ``h_t = cell(x_t, h_{t-1})``.

    The cell is called once, to see what it builds. What it uses from outside, and the parameters that it
    makes, are the same at all steps. The picture and the compiled layer may show a loop; everything else
    sees the steps one after another.

    Args:
        cell: ``cell(x, *states)`` returns the next state, or a tuple of as many as there are states; with
            several sequences it is ``cell(x, u, *states)``.
        xs: a node whose first axis is time, or a tuple of several.
        init: the state before the first step, or a tuple of several.
        reverse: go from the last element to the first; results stay in the order of time.

    Returns:
        The states after every step, stacked along a first axis of time: a node, or a tuple where ``init``
        is one.

    Raises:
        ShapeError: for sequences of different lengths, or a next state of another shape than the state.
        GraphError: for a cell that returns something else.

    Example:
        >>> import gradviz as gv
        >>> w = gv.param("w", 0.5)
        >>> h = gv.scan(lambda x, h: w * h + x, gv.data("x", [1.0, 2.0, 3.0]), 0.0)
        >>> gv.evaluate(h).output.tolist()
        [1.0, 2.5, 4.25]
    """
    several = isinstance(init, (tuple, list))
    sequences = [as_handle(one) for one in (xs if isinstance(xs, (tuple, list)) else (xs,))]
    states = [as_handle(one) for one in (init if several else (init,))]
    length = _length(sequences)
    items = placeholders(sequences, [one.shape[1:] for one in sequences], "_t", "_{t}")
    before = placeholders(states, [one.shape for one in states], "_prev", "_{t-1}")
    after = _states(cell(*items, *before), before)
    traced, ids, outer = trace([*items, *before], after)
    following = tuple(traced.outputs.values())
    loop = Loop(traced, ids, len(items), len(before), following, following, length, reverse)
    results = tuple(apply(SCAN, *sequences, *states, *outer, loop=loop, take=place) for place in range(len(after)))
    return results if several else results[0]


def _length(sequences: list[Expr]) -> int:
    if not sequences or any(not one.shape for one in sequences):
        raise ShapeError("scan needs a sequence: a node whose first axis is time", where=user_location())
    lengths = {one.shape[0] for one in sequences}
    if len(lengths) > 1:
        named = ", ".join(map(describe, sequences))
        raise ShapeError(f"scan: the sequences differ in length: {named}", where=user_location())
    return lengths.pop()


def _states(made: Any, before: list[Expr]) -> list[Expr]:
    after = list(made) if isinstance(made, (tuple, list)) else [made]
    if len(after) != len(before):
        raise GraphError(
            f"scan: the cell returns {len(after)} states for {len(before)}",
            where=user_location(),
            hint="return the next state for each of init",
        )
    handles = [as_handle(one) for one in after]
    for new, old in zip(handles, before, strict=True):
        if (new.shape, new.dtype) != (old.shape, old.dtype):
            raise ShapeError(
                f"scan: the state {describe(old)} becomes {describe(new)}"
                + (f" of {new.dtype} instead of {old.dtype}" if new.shape == old.shape else ""),
                where=user_location(),
                hint="a state keeps its shape from step to step",
            )
    return handles
