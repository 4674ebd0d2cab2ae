"""Recurrent networks: a cell repeated along a sequence, in layers and in both directions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from gradviz.core.apply import constant
from gradviz.core.expr import Expr
from gradviz.core.tape import numbered, scope
from gradviz.errors import GraphError, ShapeError, did_you_mean, user_location
from gradviz.nn.cells import gru_cell, lstm_cell, rnn_cell
from gradviz.nn.parts import as_floats, positive, wrong_shape
from gradviz.ops.loop import scan
from gradviz.ops.shape import concatenate, stack, transpose

CELLS: dict[str, tuple[Callable[..., Any], int]] = {"rnn": (rnn_cell, 1), "lstm": (lstm_cell, 2), "gru": (gru_cell, 1)}
"""The cells by name, with the number of their states."""
_LETTERS = ("h", "C")

States = Expr | tuple[Expr, ...]


def recurrent(
    x: Any,
    cell: str | Callable[..., Any] = "lstm",
    *,
    hidden: int,
    layers: int = 1,
    bidirectional: bool = False,
    initial: Any = None,
    states: int | None = None,
    time_axis: int = 0,
    seed: int = 0,
    name: str | None = None,
    **options: Any,
) -> tuple[Expr, States]:
    """Repeat a cell along a sequence; its parameters are the same at all steps.

    Args:
        x: a sequence of vectors (time, features).
        cell: "rnn", "lstm" or "gru"; or a function that is called as they are,
            ``cell(x, *states, hidden=…, seed=…, name=…)``, and returns the next state, or a tuple of them.
        hidden: the length of the states.
        layers: how many cells stand on top of one another; each takes the outputs of the one below.
        bidirectional: whether a second cell in each layer goes from the end to the beginning.
        initial: the states before the first step; by default zeros. One node or array for each state of the
            cell, (hidden,), or (layers · directions, hidden) where there are several cells: both
            directions of the first layer, then those of the second, and so on.
        states: how many states the cell has, where it is a function; by default 1.
        time_axis: 0, or 1 for a sequence (features, time).
        seed: of the initial values.
        name: of the scope; by default the cell's name, numbered from the second on. In it, the cell's own scope
            is "cell", or "layer1/cell", or "layer1_forward/cell" and "layer1_backward/cell", and so on.
        options: for the cell: ``peephole``, ``coupled``, ``activation``, ``reset_after``, ``bias``, …

    Returns:
        The outputs of the uppermost layer (time, hidden · directions), and the states after the last step
        (the first, for a backward cell): a node for a cell with one state, else a tuple, with the
        shapes of ``initial``.

    Raises:
        ShapeError: for an x that is no sequence of vectors or has no step, or states of another shape.
        GraphError: for an unknown cell.

    Example:
        >>> import gradviz as gv
        >>> x = gv.data("x", shape=(12, 3))
        >>> outputs, (h, C) = gv.nn.recurrent(x, "lstm", hidden=5)
        >>> outputs.shape, h.shape, C.shape
        ((12, 5), (5,), (5,))
        >>> gv.nn.recurrent(x, "gru", hidden=5, layers=2, bidirectional=True)[0].shape
        (12, 10)
    """
    function, count = _cell(cell, states)
    path = numbered(cell if isinstance(cell, str) else "recurrent") if name is None else name
    hidden, layers = positive(hidden, f"{path}: hidden"), positive(layers, f"{path}: layers")
    below = as_floats(x)
    if below.ndim != 2 or time_axis not in (0, 1) or below.shape[time_axis] == 0:
        raise wrong_shape(path, "x must be a sequence of vectors (time, features) of at least one step", below)
    below = transpose(below) if time_axis == 1 else below
    directions = (False, True) if bidirectional else (False,)
    several = layers * len(directions) > 1
    before = _initial(path, initial, count, hidden, layers * len(directions), below.dtype)
    after: list[tuple[Expr, ...]] = []
    with scope(path):
        for layer in range(1, layers + 1):
            outputs = []
            for reverse in directions:
                suffix = ("_backward" if reverse else "_forward") if bidirectional else ""
                made = {**options, "hidden": hidden, "seed": seed, "name": "cell"}
                with scope(f"layer{layer}{suffix}") if several else nullcontext():
                    whole = _scan(function, below, before[len(after)], reverse, made)
                outputs.append(whole[0])
                after.append(tuple(one[0 if reverse else -1] for one in whole))
            below = concatenate(outputs, axis=1) if bidirectional else outputs[0]
    final = tuple(stack(list(one)) if several else one[0] for one in zip(*after, strict=True))
    return below, final[0] if count == 1 else final


def _scan(
    cell: Callable[..., Any], x: Expr, before: list[Expr], reverse: bool, options: dict[str, Any]
) -> tuple[Expr, ...]:
    """Repeat a cell; inside it, the state before is h_{t-1}, whatever it is called outside."""

    def step(item: Expr, *states: Expr) -> Any:
        for state, letter in zip(states, _LETTERS, strict=False):
            if state.name is None:
                state.named(f"{letter}_prev", f"{letter}_{{t-1}}")
        return cell(item, *states, **options)

    made = scan(step, x, tuple(before) if len(before) > 1 else before[0], reverse=reverse)
    return made if isinstance(made, tuple) else (made,)


def _cell(cell: str | Callable[..., Any], states: int | None) -> tuple[Callable[..., Any], int]:
    if callable(cell):
        return cell, 1 if states is None else positive(states, "recurrent: states")
    if cell not in CELLS:
        raise GraphError(f"there is no cell {cell!r}", where=user_location(), hint=did_you_mean(cell, CELLS))
    return CELLS[cell]


def _initial(path: str, given: Any, count: int, hidden: int, cells: int, dtype: np.dtype[Any]) -> list[list[Expr]]:
    """Return the states before the first step, for each cell."""
    if given is None:
        zeros = [constant(np.zeros(hidden), dtype) for _ in range(count)]
        return [zeros] * cells
    whole = [as_floats(one) for one in (given if isinstance(given, (tuple, list)) and count > 1 else (given,))]
    shape = (hidden,) if cells == 1 else (cells, hidden)
    if len(whole) != count or any(one.shape != shape for one in whole):
        found = ", ".join(str(one.shape) for one in whole)
        raise ShapeError(
            f"{path}: initial must be {count} state{'s'[: count > 1]} of shape {shape}, not {found}",
            where=user_location(),
        )
    return [whole] if cells == 1 else [[one[place] for one in whole] for place in range(cells)]
