"""Loops made small: what does not depend on the state is computed for all steps at once, outside of them.

What a step computes is of four kinds. What is the same at all steps is computed once. What depends on
the sequences alone is computed for all steps before the loop, and what depends on the state but does
not lead to the next one, after it; both as one operation on arrays with an axis of time. The rest stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gradviz.compiler.instructions import VIEWS, size
from gradviz.compiler.joins import Key, keys_of_parts
from gradviz.core.apply import apply, make_leaf
from gradviz.core.batch import Lifted, vectorize
from gradviz.core.expr import Expr
from gradviz.core.graph import Graph
from gradviz.core.loop import Loop
from gradviz.core.primitive import CONSTANT, DATA, REGISTRY
from gradviz.core.replay import rebuild
from gradviz.core.tape import current_tape
from gradviz.core.trace import trace

LARGE = 4096
"""Arrays of so many elements are computed where they are used, step by step, while they are in the cache."""


class SmallLoop:
    """A run of a loop, of which some results are wanted, with as little as possible in it.

    Attributes:
        results: by their number, handles of the results.
    """

    def __init__(self, loop: Loop, args: Sequence[Expr], wanted: Iterable[int]) -> None:
        self._loop = loop
        self._cell = loop.cell
        self._args = args
        sequences, states, shared = loop.split(loop.inputs)
        self._state_ids = tuple(states)
        given = dict(zip(loop.inputs, args, strict=True))
        self._on_state = self._cell.depends_on(frozenset(states))
        self._on_time = self._cell.depends_on(frozenset(sequences))
        self._wanted = sorted(set(wanted))
        count = len(loop.emitted)
        kept = {loop.emitted[take] for take in self._wanted if take < count}
        self._leads_on = _ancestors(self._cell, loop.following)
        """What the next states are made of."""
        self._stays = self._large()
        self._outside: dict[int, Lifted] = {
            index: Lifted(given[index], len(self._cell.rows[index].shape)) for index in sequences
        } | {index: Lifted(given[index]) for index in shared}
        self._before()
        after = _ancestors(self._cell, kept, stop=self._is_emitted)
        kept_at_all = [index for index in range(len(self._cell)) if index in after and self._is_emitted(index)]
        self._parts = self._joined(kept_at_all)
        self._emitted = [index for index in kept_at_all if index not in self._parts]
        made = self._run()
        self._after(made, kept)
        finals = {count + number: one for number, one in enumerate(made[len(self._emitted) :])}
        self.results = {
            take: self._stacked(loop.emitted[take]) if take < count else finals[take] for take in self._wanted
        }

    def _inner(self, index: int) -> bool:
        """Whether a node has to be computed step by step (or is a state)."""
        leads_on = index in self._leads_on or index in self._state_ids
        return index in self._stays or (bool(self._on_state[index]) and leads_on)

    def _large(self) -> set[int]:
        """Return what needs no state but stays in the loop: large arrays, computed element by element for its steps."""
        cell = self._cell
        found: set[int] = set()
        outputs = set(cell.outputs.values())
        for index in range(len(cell) - 1, -1, -1):
            row = cell.rows[index]
            if (
                row.op.partials is not None
                and self._on_time[index]
                and not self._on_state[index]
                and index not in outputs
                and size(row.shape) >= LARGE
                and all(
                    user in found or (self._on_state[user] and user in self._leads_on)
                    for user, _ in cell.parents[index]
                )
            ):
                found.add(index)
        return found

    def _is_emitted(self, index: int) -> bool:
        """Whether a node that is asked for is kept at every step; a part of another one can be taken of that later."""
        return self._inner(index) and self._cell.rows[index].op.name not in VIEWS

    def _joined(self, kept: Sequence[int]) -> dict[int, tuple[int, Key]]:
        """Return where values that are kept stand in others that are kept, too: these are enough.

        Returns:
            By the id of what is joined, the id of the join, and which part it is at all steps.
        """
        cell = self._cell
        known = set(kept)
        found: dict[int, tuple[int, Key]] = {}
        for whole in kept:
            for arg, key in zip(cell.args[whole], keys_of_parts(cell, whole), strict=False):
                if arg in known and arg not in found:
                    found[arg] = whole, (slice(None), *key)
        return found

    def _before(self) -> None:
        """Compute what the state has no part in."""
        cell = self._cell
        on_state, known = self._on_state, self._outside.keys() | self._stays
        needed = {i for i in range(len(cell)) if not on_state[i] and i not in known}
        found = vectorize(cell, self._loop.length, self._outside, needed)
        self._outside |= {index: one for index, one in enumerate(found) if one is not None}

    def _run(self) -> list[Expr]:
        """Run the loop of what remains, and return its results: what is emitted, the last states."""
        loop, cell = self._loop, self._cell
        inner = [i for i, row in enumerate(cell.rows) if self._inner(i) and not row.op.leaf]
        used = sorted({arg for index in inner for arg in cell.args[index]} | set(loop.following))
        given = [i for i in used if not self._on_state[i] and i not in self._stays]
        items = [i for i in given if self._outside[i].behind is not None]
        fixed = [i for i in given if self._outside[i].behind is None]
        shared = [i for i in fixed if cell.rows[i].op is not CONSTANT]
        leaves = {i: self._leaf(i) for i in (*items, *self._state_ids, *shared)}
        values: dict[int, Expr] = dict(leaves)
        values |= {i: rebuild(cell.node(i), []) for i in fixed if cell.rows[i].op is CONSTANT}
        for index in inner:
            values[index] = rebuild(cell.node(index), [values[arg] for arg in cell.args[index]])
            values[index].tape.offer_name(values[index].id, cell.names.get(index))
        results = [values[index] for index in (*loop.following, *self._emitted)]
        traced, ids, outer = trace(list(leaves.values()), results)
        assert not outer
        found = tuple(traced.outputs.values())
        following, emitted = found[: loop.states], found[loop.states :]
        made = Loop(traced, ids, len(items), loop.states, following, emitted, loop.length, loop.reverse)
        first = self._args[loop.sequences : loop.sequences + loop.states]
        args = [*(self._outside[i].first for i in items), *first, *(self._outside[i].handle for i in shared)]
        count = len(emitted) + loop.states
        return [apply(REGISTRY["scan"], *args, loop=made, take=take) for take in range(count)]

    def _leaf(self, index: int) -> Expr:
        row = self._cell.rows[index]
        made = make_leaf(DATA, None, current_tape().lane(row.shape, row.dtype))
        name = self._cell.names.get(index)
        if name is not None:
            made.named(*name)
        return made

    def _after(self, made: list[Expr], kept: set[int]) -> None:
        """Compute what depends on the state and leads nowhere."""
        cell = self._cell
        stacked = {i: Lifted(one, one.ndim - 1) for i, one in zip(self._emitted, made, strict=False)}
        self._outside |= stacked
        for part, (whole, key) in reversed(self._parts.items()):  # what is joined may be a join
            taken = self._outside[whole].handle[key]
            self._outside[part] = Lifted(taken, taken.ndim - 1)
        needed = _ancestors(cell, kept, stop=lambda index: index in self._outside) - self._outside.keys()
        found = vectorize(cell, self._loop.length, self._outside, needed)
        self._outside |= {index: found[index] for index in needed}  # type: ignore[misc]

    def _stacked(self, index: int) -> Expr:
        """Return the values of a node at all steps."""
        return self._outside[index].spread(self._loop.length).handle


def _ancestors(graph: Graph, starts: Iterable[int], stop: Any = lambda index: False) -> set[int]:
    """Return the nodes that some nodes are made of, and these; not looking behind those to stop at."""
    found: set[int] = set()
    waiting = list(starts)
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            if not stop(index):
                waiting.extend(graph.args[index])
    return found


def used_results(graph: Graph) -> dict[Any, set[int]]:
    """Return, for each run of a loop (by loop and arguments), which of its results are used."""
    found: dict[Any, set[int]] = {}
    outputs = set(graph.outputs.values())
    for index, row in enumerate(graph.rows):
        if isinstance(row.attrs.get("loop"), Loop) and (graph.parents[index] or index in outputs):
            found.setdefault((row.attrs["loop"], graph.args[index]), set()).add(row.attrs["take"])
    return found
